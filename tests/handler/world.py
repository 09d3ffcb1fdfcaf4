"""A small OTA service and a clock, for the handler's own tests: what AWS IoT would show, without AWS IoT."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cdk_iot_ota_handler.ota_update.contract import names
from cdk_iot_ota_handler.ota_update.desired import Desired
from cdk_iot_ota_handler.ota_update.errors import AlreadyExistsError, FatalError
from cdk_iot_ota_handler.ota_update.identity import gate_attributes
from cdk_iot_ota_handler.ota_update.observed import JobProgress, Observed, Stack
from cdk_iot_ota_handler.ota_update.retry import Clock

STACK_ID = "arn:aws:cloudformation:eu-central-1:111122223333:stack/prod/5f0f4b30-0000-0000-0000-000000000000"
LOGICAL_ID = "Blinky1A2B3C4D"
REQUEST = {
    "targets": ["arn:aws:iot:eu-central-1:111122223333:thinggroup/fleet"],
    "roleArn": "arn:aws:iam::111122223333:role/ota",
    "files": [{"fileName": "/blinky.bin", "fileLocation": {"stream": {"streamId": "blinky", "fileId": "0"}}}],
}


def event(request_type: str, **changes: Any) -> dict[str, Any]:
    """An event of CloudFormation for one OTA update; keywords change its properties."""
    physical_id = changes.pop("physical_id", None)
    old = changes.pop("old", None)
    made: dict[str, Any] = {
        "RequestType": request_type,
        "RequestId": "request",
        "StackId": changes.pop("stack_id", STACK_ID),
        "LogicalResourceId": changes.pop("logical_id", LOGICAL_ID),
        "ResourceProperties": properties(**changes),
    }
    if physical_id is not None:
        made["PhysicalResourceId"] = physical_id
    if old is not None:
        made["OldResourceProperties"] = old
    return made


def properties(**changes: Any) -> dict[str, Any]:
    """The resource's properties, as CloudFormation hands them over."""
    made = {
        "IdPrefix": "prod_",
        "Request": {**REQUEST, "description": changes.pop("content", "one")},
        "Tags": [],
        "DeleteStream": "true",
        "ForceDeleteJob": "true",
    }
    if "OtaUpdateId" in changes:
        del made["IdPrefix"]
    return {**made, **changes}


@dataclass
class Update:
    """An OTA update that exists."""

    status: str
    tags: dict[str, str]
    created: float
    error: str = ""
    leaving_in: int | None = None


@dataclass
class World:
    """OTA updates by id, and what is to go wrong. It stands in for OtaService."""

    updates: dict[str, Update] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    time: float = 1_000_000.0
    errors: dict[str, list[Exception]] = field(default_factory=dict)
    outcomes: list[tuple[str, str]] = field(default_factory=list)
    tag_lag: float = 0
    lag: float = 0
    stack_status: str = "UPDATE_IN_PROGRESS"
    # What the stack shows before that, one time after the other.
    earlier_stack_statuses: list[str] = field(default_factory=list)
    # When somebody deletes all updates by hand.
    vanish_at: float = math.inf
    loses_answers: int = 0
    status_lag: int = 0
    rollouts: list[JobProgress | None] = field(default_factory=list)
    canceled: dict[str, str] = field(default_factory=dict)

    def clock(self) -> Clock:
        """A clock that passes only when somebody sleeps."""
        return Clock(now=lambda: self.time, sleep=self._pass)

    def _pass(self, seconds: float) -> None:
        self.time += seconds

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.errors.get(name):
            raise self.errors[name].pop(0)

    def changes(self) -> list[str]:
        """The calls that changed something, or tried to."""
        return [call for call in self.calls if call not in ("look", "head", "stack", "rollout")]

    def stack(self, stack_id: str) -> Stack:
        """DescribeStacks."""
        self._call("stack")
        return Stack(self.earlier_stack_statuses.pop(0) if self.earlier_stack_statuses else self.stack_status)

    def get_update(self, ota_update_id: str, now: float) -> Observed | None:
        """GetOTAUpdate and ListTagsForResource."""
        self._call("look")
        if self.time > self.vanish_at:
            self.updates.clear()
        update = self.updates.get(ota_update_id)
        if update is None or now - update.created < self.lag:
            return None
        seen = Observed(
            status=update.status,
            tags=dict(update.tags) if now - update.created >= self.tag_lag else {},
            age=now - update.created,
            error=update.error,
            attributes={
                "OtaUpdateArn": f"arn:{ota_update_id}",
                "JobId": f"AFR_OTA-{ota_update_id}",
                "JobArn": "arn:job",
                **gate_attributes(update.tags.get(names.DEPLOYED_TAG, "")),
            },
        )
        self._progress(ota_update_id, update)
        return seen

    def _progress(self, ota_update_id: str, update: Update) -> None:
        if update.status == "CREATE_PENDING":
            update.status, update.error = self.outcomes.pop(0) if self.outcomes else ("CREATE_COMPLETE", "")
        elif update.leaving_in:
            update.leaving_in -= 1
            update.status = "DELETE_IN_PROGRESS" if update.leaving_in == 0 else update.status
        elif update.status == "DELETE_IN_PROGRESS":
            del self.updates[ota_update_id]

    def job_progress(self, job_id: str) -> JobProgress | None:
        """DescribeJob: what is to be seen one after the other, the last for good."""
        self._call("rollout")
        return self.rollouts.pop(0) if len(self.rollouts) > 1 else self.rollouts[0]

    def cancel(self, job_id: str, why: str) -> None:
        """CancelJob."""
        self._call("cancel")
        self.canceled[job_id] = why

    def request(self, desired: Desired) -> dict[str, Any]:
        """The request, with what the handler puts into it."""
        return {**desired.request, "otaUpdateId": desired.ota_update_id, "tags": desired.all_tags}

    def pin(self, file: Mapping[str, Any]) -> Mapping[str, Any]:
        """HeadObject: the file with the version of its object."""
        self._call("head")
        return file

    def create(self, request: Mapping[str, Any]) -> None:
        """CreateOTAUpdate."""
        self._call("create")
        if request["otaUpdateId"] in self.updates:
            raise AlreadyExistsError(request["otaUpdateId"])
        self.updates[request["otaUpdateId"]] = Update("CREATE_PENDING", dict(request["tags"]), self.time)
        if self.loses_answers:
            self.loses_answers -= 1
            raise AlreadyExistsError("the SDK's own retry after an answer that got lost")

    def delete(self, ota_update_id: str, *, delete_stream: bool, force_delete_job: bool) -> None:
        """DeleteOTAUpdate."""
        self._call(f"delete stream={delete_stream} force={force_delete_job}")
        if (update := self.updates.get(ota_update_id)) is None:
            return
        if update.leaving_in is not None:
            raise FatalError("InvalidRequestException: it is DELETE_IN_PROGRESS")
        update.leaving_in = self.status_lag
        if not self.status_lag:
            update.status = "DELETE_IN_PROGRESS"

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """TagResource."""
        self._call("tag")
        self.updates[arn.removeprefix("arn:")].tags.update(tags)

    def untag(self, arn: str, keys: list[str]) -> None:
        """UntagResource."""
        self._call("untag")
        for key in keys:
            self.updates[arn.removeprefix("arn:")].tags.pop(key, None)
