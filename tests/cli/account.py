"""A small AWS account for the command: botocore's own clients, whose calls are answered here."""

import functools
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from cdk_iot_ota_cli.aws import Aws
from cdk_iot_ota_handler.ota_update.contract import names

NOW = 1_790_000_000.0
ARN = "arn:aws:iot:eu-central-1:111122223333"
STACK_ID = "arn:aws:cloudformation:eu-central-1:111122223333:stack/Prod/0f0c7d2e"
_ERRORS = {
    "denied": (403, "AccessDeniedException"),
    "throttled": (400, "ThrottlingException"),
    "absent": (404, "ResourceNotFoundException"),
    "invalid": (400, "ValidationError"),
}


def moment(seconds: float) -> datetime:
    """Return a time as the SDK does."""
    return datetime.fromtimestamp(seconds, timezone.utc)


def gate(**changes: Any) -> dict[str, Any]:
    """Return the Gate of a resource."""
    return {"SuccessPercentage": 100, "MaximumFailures": 0, "MinimumDevices": 1, "TimeoutInMinutes": 30, **changes}


def counts(status: str = "IN_PROGRESS", **numbers: int) -> dict[str, Any]:
    """Return a job with so many devices: queued, in_progress, succeeded, failed, rejected, timed_out, canceled."""
    words = {"".join(part.title() for part in name.split("_")): number for name, number in numbers.items()}
    return {"status": status, "jobProcessDetails": {f"numberOf{word}Things": number for word, number in words.items()}}


class RefusedError(Exception):
    """An error of the service, by one of the names of `_ERRORS`."""


@dataclass
class Account:
    """A stack Prod and its updates. ``refused``: errors by the action that they answer.

    ``calls``: the calls by action, as they came in. ``executions``: devices of a job by their status.
    ``rings``: alarms that went to ALARM, and when.
    """

    status: str = "UPDATE_COMPLETE"
    reason: str = ""
    created: float = NOW - 86_400
    updated: float | None = NOW - 840
    template: dict[str, Any] = field(default_factory=lambda: {"Resources": {}})
    resources: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    parameters: dict[str, str] = field(default_factory=dict)
    updates: dict[str, dict[str, Any]] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    executions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    details: dict[str, dict[str, str]] = field(default_factory=dict)
    alarms: list[dict[str, Any]] = field(default_factory=list)
    rings: list[tuple[str, float]] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    canceled: list[Mapping[str, Any]] = field(default_factory=list)

    def declare(self, logical_id: str, *after: str, path: str = "", **properties: Any) -> None:
        """Add an update to the template."""
        self.template["Resources"][logical_id] = {
            "Type": names.RESOURCE_TYPE,
            "DependsOn": ["OtaServiceRole", *after],
            "Metadata": {"aws:cdk:path": f"Prod/{path or logical_id}/Resource/Default"},
            "Properties": {"IdPrefix": "Prod_", "Request": {}, **properties},
        }

    def resource(self, logical_id: str, status: str, physical_id: str | None, *, changed: float, **more: Any) -> None:
        """Add an update to the stack's resources."""
        known = {} if physical_id is None else {"PhysicalResourceId": physical_id}
        self.resources.append(
            {
                "LogicalResourceId": logical_id,
                "ResourceType": names.RESOURCE_TYPE,
                "ResourceStatus": status,
                "LastUpdatedTimestamp": moment(changed),
                **known,
                **more,
            }
        )

    def update(
        self,
        ota_update_id: str,
        logical_id: str,
        *,
        created: float,
        job: dict[str, Any] | None = None,
        version: str = "1.4.0",
        status: str = "CREATE_COMPLETE",
        **tags: str,
    ) -> None:
        """Add an OTA update with its job, and tags of this library by the end of their keys."""
        self.updates[ota_update_id] = {
            "otaUpdateId": ota_update_id,
            "otaUpdateArn": f"{ARN}:otaupdate/{ota_update_id}",
            "creationDate": moment(created),
            "otaUpdateStatus": status,
            "otaUpdateFiles": [{"fileName": "/firmware/blinky.bin", "fileVersion": version}],
        }
        owner = {names.STACK_TAG: STACK_ID, names.RESOURCE_TAG: logical_id, names.CONTENT_TAG: ota_update_id[-16:]}
        own = {names.TAG_PREFIX + name.replace("_", "-"): value for name, value in tags.items()}
        self.tags[ota_update_id] = {**owner, **own}
        if job is not None:
            self.jobs[names.job_id(ota_update_id)] = job

    def connect(self, monkeypatch: pytest.MonkeyPatch) -> Aws:
        """Return the command's calls, which this account answers, also those of the command itself."""
        _connected().answers_from = self
        monkeypatch.setattr(Aws, "connect", lambda _: _connected().aws)
        return _connected().aws

    def answer(
        self, event_name: str, model: Any, context: Mapping[str, Any], **_: Any
    ) -> tuple[AWSResponse, dict[str, Any]]:
        """Answer a call of botocore in place of its endpoint."""
        action = event_name.removeprefix("before-call.").replace(".", ":")
        self.calls[action] += 1
        try:
            refused = self.refused.get(action)
            if refused:
                raise RefusedError(refused)
            method = "_" + re.sub(r"(?<!^)(?<![A-Z])(?=[A-Z])", "_", model.name.replace("OTA", "Ota")).lower()
            answer = getattr(self, method)(**context["given"])
        except RefusedError as error:
            status, code = _ERRORS[str(error)]
            details = {"Code": code, "Message": f"{model.name} is refused"}
            return _response(status), {"Error": details, "ResponseMetadata": {"HTTPStatusCode": status}}
        return _response(200), answer

    def _describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        if StackName not in ("Prod", STACK_ID):
            raise RefusedError("invalid")
        known = {} if self.updated is None else {"LastUpdatedTime": moment(self.updated)}
        stack = {
            "StackName": "Prod",
            "StackId": STACK_ID,
            "StackStatus": self.status,
            "StackStatusReason": self.reason,
            "CreationTime": moment(self.created),
            "Parameters": [{"ParameterKey": name, "ParameterValue": text} for name, text in self.parameters.items()],
            **known,
        }
        return {"Stacks": [stack]}

    def _list_stack_resources(self, **_: Any) -> dict[str, Any]:
        return {"StackResourceSummaries": self.resources}

    def _get_template(self, **_: Any) -> dict[str, Any]:
        return {"TemplateBody": json.loads(json.dumps(self.template))}

    def _describe_stack_events(self, **_: Any) -> dict[str, Any]:
        return {"StackEvents": self.events}

    def _list_ota_updates(self, maxResults: int = 10, nextToken: str = "0") -> dict[str, Any]:  # noqa: N803
        first = int(nextToken)
        found = list(self.updates.values())[first : first + maxResults]
        more = {"nextToken": str(first + maxResults)} if first + maxResults < len(self.updates) else {}
        return {"otaUpdates": found, **more}

    def _get_ota_update(self, otaUpdateId: str) -> dict[str, Any]:  # noqa: N803
        return {"otaUpdateInfo": _of(self.updates, otaUpdateId)}

    def _list_tags_for_resource(self, resourceArn: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        found = _of(self.tags, resourceArn.rpartition("/")[2])
        return {"tags": [{"Key": key, "Value": value} for key, value in found.items()]}

    def _describe_job(self, jobId: str) -> dict[str, Any]:  # noqa: N803
        return {"job": _of(self.jobs, jobId)}

    def _list_job_executions_for_job(self, jobId: str, status: str, maxResults: int) -> dict[str, Any]:  # noqa: N803
        _of(self.jobs, jobId)
        return {"executionSummaries": self.executions.get(status, [])[:maxResults]}

    def _describe_job_execution(self, jobId: str, thingName: str) -> dict[str, Any]:  # noqa: N803
        details = {"detailsMap": self.details.get(thingName, {})}
        return {"execution": {"jobId": jobId, "statusDetails": details}}

    def _describe_alarms(self, AlarmNames: list[str], AlarmTypes: list[str]) -> dict[str, Any]:  # noqa: N803
        assert len(AlarmNames) <= 50
        (kind,) = AlarmTypes
        found = [one for one in self.alarms if one["AlarmName"] in AlarmNames and _kind(one) == kind]
        return {f"{kind}s": found}

    def _describe_alarm_history(self, AlarmName: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        rings = [ring for name, ring in self.rings if name == AlarmName]
        summary = "Alarm updated from OK to ALARM"
        return {"AlarmHistoryItems": [{"Timestamp": moment(ring), "HistorySummary": summary} for ring in rings]}

    def _cancel_job(self, **given: Any) -> dict[str, Any]:
        self.canceled.append(given)
        return {}


class _Connected:
    """Clients whose calls the current account answers: making them takes a second, so all tests share them."""

    def __init__(self) -> None:
        self.answers_from = Account()
        session: Any = boto3.Session("key", "secret", region_name="eu-central-1")
        session.events.register("before-parameter-build", _keep_parameters)
        session.events.register("before-call", lambda **call: self.answers_from.answer(**call))
        self.aws = Aws(session)


@functools.cache
def _connected() -> _Connected:
    return _Connected()


def execution(thing: str, *, began: float | None = None) -> dict[str, Any]:
    """Return a device of a job in a list."""
    started = {} if began is None else {"startedAt": moment(began)}
    return {"thingArn": f"{ARN}:thing/{thing}", "jobExecutionSummary": started}


def alarm(name: str, state: str, *, since: float = NOW - 3_600, reason: str = "") -> dict[str, Any]:
    """Return an alarm as DescribeAlarms does."""
    times = {"StateUpdatedTimestamp": moment(since), "StateTransitionedTimestamp": moment(since)}
    return {"AlarmName": name, "StateValue": state, "StateReason": reason, **times}


def _kind(alarm: Mapping[str, Any]) -> str:
    return "CompositeAlarm" if alarm["AlarmName"].startswith("composite") else "MetricAlarm"


def _response(status: int) -> AWSResponse:
    return AWSResponse("", status, HTTPHeaders(), None)


def _keep_parameters(params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
    context["given"] = params


def _of(found: Mapping[str, Any], name: str) -> Any:
    if name not in found:
        raise RefusedError("absent")
    return found[name]
