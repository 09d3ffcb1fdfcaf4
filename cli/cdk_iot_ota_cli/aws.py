"""The calls to AWS that the commands make: counted, each with its errors in the handler's words. No decisions here."""

import functools
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, NoRegionError

from cdk_iot_ota_handler.ota_update.aws_errors import classify_errors
from cdk_iot_ota_handler.ota_update.contract import timeouts
from cdk_iot_ota_handler.ota_update.errors import shorten
from cdk_iot_ota_handler.ota_update.service import OtaService

from .gates import Alarm
from .options import NotFoundError
from .reading import Failure, Resource, Slowest, Stack

_CONFIG = Config(
    connect_timeout=timeouts.CONNECT_TIMEOUT,
    read_timeout=timeouts.READ_TIMEOUT,
    retries={"mode": "standard", "total_max_attempts": 4},
    user_agent_extra="cdk-iot-ota",
)
_PAGE = 250
# The most alarms that DescribeAlarms takes the names of.
_ALARMS = 100
_STARTS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")
# CloudFormation's words for resources that it stops because another one has failed.
_BECAUSE_OF_ANOTHER = "cancelled"


class Aws:
    """The calls, with the credentials of the environment. Raises NotFoundError where these or a Region are missing.

    ``calls``: how many calls were made, by action.
    """

    def __init__(self, session: boto3.Session) -> None:
        self.calls: Counter[str] = Counter()
        self._lock = threading.Lock()
        session.events.register_first("before-call", self._count)
        self._client = functools.cache(functools.partial(_client, session))
        self._cloudformation, self._iot = self._client("cloudformation"), self._client("iot")
        self.service = OtaService(self._client)

    @classmethod
    def connect(cls, region: str | None) -> "Aws":
        """Return the calls in a Region. Default: the Region of the environment."""
        try:
            return cls(boto3.Session(region_name=region))
        except BotoCoreError as error:
            raise NotFoundError(str(error)) from error

    def _count(self, event_name: str, **_: Any) -> None:
        with self._lock:
            self.calls[event_name.removeprefix("before-call.").replace(".", ":")] += 1

    def stack(self, name: str) -> Stack:
        """Return a stack by its name or ARN."""
        with classify_errors(f"stack {name}"):
            (found,) = self._cloudformation.describe_stacks(StackName=name)["Stacks"]
            began = max(found["CreationTime"], found.get("LastUpdatedTime", found["CreationTime"]))
            parameters = {
                one["ParameterKey"]: one.get("ResolvedValue", one.get("ParameterValue", ""))
                for one in found.get("Parameters", [])
            }
            return Stack(
                name=found["StackName"],
                stack_id=found["StackId"],
                status=found["StackStatus"],
                reason=found.get("StackStatusReason", ""),
                began=began.timestamp(),
                parameters=parameters,
            )

    def resources(self, stack_id: str) -> list[Resource]:
        """Return the resources of a stack with which an operation has begun."""
        with classify_errors("the resources of the stack"):
            pages = self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_id)
            return [
                Resource(
                    logical_id=one["LogicalResourceId"],
                    kind=one["ResourceType"],
                    status=one["ResourceStatus"],
                    physical_id=one.get("PhysicalResourceId") or None,
                    reason=one.get("ResourceStatusReason", ""),
                    changed=one["LastUpdatedTimestamp"].timestamp(),
                )
                for page in pages
                for one in page["StackResourceSummaries"]
            ]

    def template(self, stack_id: str) -> Mapping[str, Any]:
        """Return the template of a stack, empty if it is not JSON."""
        with classify_errors("the template of the stack"):
            body = self._cloudformation.get_template(StackName=stack_id)["TemplateBody"]
            return body if isinstance(body, Mapping) else {}

    def failure(self, stack_id: str) -> Failure | None:
        """Return the first failure of the last operation on a stack, which later events do not repeat."""
        with classify_errors("the events of the stack"):
            events = takewhile(lambda event: not _begins(event), self._events(stack_id))
            failures = [
                Failure(logical_id=event["LogicalResourceId"], reason=reason)
                for event in events
                if event["ResourceStatus"].endswith("_FAILED")
                and (reason := event.get("ResourceStatusReason", ""))
                and _BECAUSE_OF_ANOTHER not in reason
            ]
        return failures[-1] if failures else None

    def _events(self, stack_id: str) -> Iterator[Mapping[str, Any]]:
        for page in self._cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id):
            yield from page["StackEvents"]

    def update_ids(self) -> dict[str, float]:
        """Return the ids of all OTA updates of the Region, and when they were created, in seconds since 1970."""
        with classify_errors("the OTA updates"):
            pages = self._iot.get_paginator("list_ota_updates").paginate(PaginationConfig={"PageSize": _PAGE})
            return {one["otaUpdateId"]: one["creationDate"].timestamp() for page in pages for one in page["otaUpdates"]}

    def update_info(self, ota_update_id: str) -> Mapping[str, Any] | None:
        """Return the answer of GetOTAUpdate, or None if there is no such update."""
        with classify_errors(f"OTA update {ota_update_id}"):
            try:
                found: Mapping[str, Any] = self._iot.get_ota_update(otaUpdateId=ota_update_id)["otaUpdateInfo"]
            except self._iot.exceptions.ResourceNotFoundException:
                return None
            return found

    def tags(self, arn: str) -> dict[str, str]:
        """Return the tags of an update; none if it does not exist."""
        with classify_errors(arn):
            pages = self._iot.get_paginator("list_tags_for_resource").paginate(resourceArn=arn)
            try:
                return {tag["Key"]: tag.get("Value", "") for page in pages for tag in page.get("tags", [])}
            except self._iot.exceptions.ResourceNotFoundException:
                return {}

    def in_progress(self, job_id: str) -> tuple[Slowest, ...]:
        """Return devices that execute a job, those that began first at the beginning; at most 250 are asked for."""
        with classify_errors(f"job {job_id}"):
            try:
                page = self._iot.list_job_executions_for_job(jobId=job_id, status="IN_PROGRESS", maxResults=_PAGE)
            except self._iot.exceptions.ResourceNotFoundException:
                return ()
            found = [
                Slowest(thing=one["thingArn"].partition(":thing/")[2], since=since.timestamp())
                for one in page.get("executionSummaries", [])
                if (since := one["jobExecutionSummary"].get("startedAt"))
            ]
        return tuple(sorted(found, key=lambda one: (one.since, one.thing)))

    def alarms(self, names: Iterable[str]) -> dict[str, Alarm]:
        """Return the alarms with these names, without those that do not exist."""
        wanted = sorted(set(names))
        with classify_errors("the alarms"):
            parts = (wanted[first : first + _ALARMS] for first in range(0, len(wanted), _ALARMS))
            return {found.name: found for part in parts for found in self._alarms(part)}

    def _alarms(self, names: list[str]) -> Iterator[Alarm]:
        pages = self._client("cloudwatch").get_paginator("describe_alarms")
        # Without the types, composite alarms are left out.
        for page in pages.paginate(AlarmNames=names, AlarmTypes=["MetricAlarm", "CompositeAlarm"], MaxRecords=_ALARMS):
            for one in [*page.get("MetricAlarms", []), *page.get("CompositeAlarms", [])]:
                yield Alarm(
                    name=one["AlarmName"],
                    state=one["StateValue"],
                    reason=one.get("StateReason", ""),
                    since=one.get("StateTransitionedTimestamp", one["StateUpdatedTimestamp"]).timestamp(),
                    evaluation=one.get("EvaluationState", ""),
                )

    def cancel(self, job_id: str, comment: str) -> None:
        """Cancel a job, so that no more devices begin; those that are executing it continue."""
        with classify_errors(f"job {job_id}"):
            # Not the gate's own reason code: that would be a verdict.
            self._iot.cancel_job(jobId=job_id, reasonCode="STOPPED", comment=shorten(comment))


def _client(session: boto3.Session, name: str) -> Any:
    untyped: Any = session
    try:
        return untyped.client(name, config=_CONFIG)
    except NoRegionError as error:
        remedy = "give --region, or set AWS_REGION"
        raise NotFoundError(f"{str(error).rstrip('.')}: {remedy}") from None


def _begins(event: Mapping[str, Any]) -> bool:
    """Return whether an event of the stack itself begins an operation that is not a rollback."""
    is_own = event.get("PhysicalResourceId") == event["StackId"]
    return is_own and event["ResourceStatus"] in _STARTS
