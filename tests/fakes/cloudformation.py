"""CloudFormation for one resource of one stack, in virtual time.

The events of a stack operation, and their physical ids, follow what is known of CloudFormation; where that is unknown,
``Plan`` allows both. Other resources exist only as failures.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from cdk_iot_ota_handler.ota_update.contract import timeouts
from cdk_iot_ota_handler.ota_update.desired import Desired

from .compact_repr import CompactRepr
from .ota_service import BrokenPromiseError, FakeOtaService
from .provider_framework import MARKER, Answer, ProviderFramework
from .virtual_time import Process

STACK_ID = "arn:aws:cloudformation:eu-central-1:111122223333:stack/prod/5f0f4b30-0000-0000-0000-000000000000"
LOGICAL_ID = "Blinky1A2B3C4D"
Properties = dict[str, Any]
Event = dict[str, Any]


def make_event(
    request_type: str,
    properties: Properties,
    *,
    old: Properties | None = None,
    physical_id: str | None = None,
    stack_id: str = STACK_ID,
    logical_id: str = LOGICAL_ID,
) -> Event:
    """Return an event as CloudFormation sends it."""
    optional = {"OldResourceProperties": old, "PhysicalResourceId": physical_id}
    return {
        "RequestType": request_type,
        "RequestId": "request",
        "StackId": stack_id,
        "LogicalResourceId": logical_id,
        "ResourceProperties": properties,
        **{name: value for name, value in optional.items() if value is not None},
    }


def invented_id(logical_id: str = LOGICAL_ID) -> str:
    """Return a physical id as CloudFormation invents it for a Create that was never answered."""
    return f"prod-{logical_id}-1ABCDEFGHIJKL"


def generated_id(stack_id: str, properties: Properties) -> str:
    """Return the id that the handler gives an update with these properties."""
    return Desired.from_event(make_event("Create", properties, stack_id=stack_id)).ota_update_id


@dataclass(frozen=True, kw_only=True, repr=False)
class Plan(CompactRepr):
    """The course of one stack operation.

    ``cut_after``: a sibling fails, or the stack is deleted, after so many seconds: CloudFormation stops waiting.
    ``fails_later``: another resource fails after this one has succeeded. ``update_first``: the rollback of a
    replacement sends an Update to the old content before the Delete of the new one. ``old_properties``: that Delete
    carries the old properties. ``others``: other resources of a new stack take so many seconds longer. ``duplicates``:
    the first event is delivered again, each time after so many seconds. ``deletes_twice``: so is each Delete, once.
    ``killed``: the handler dies in the invocation of this number, at the call of this number, before or after its work.
    """

    cut_after: float | None = None
    fails_later: bool = False
    update_first: bool = True
    old_properties: bool = False
    others: float = 0
    duplicates: tuple[float, ...] = ()
    deletes_twice: float | None = None
    killed: tuple[int, int, str] | None = None


@dataclass
class FakeStack:
    """A stack with one OTA update. ``properties`` and ``physical_id`` are those of the last successful deploy."""

    service: FakeOtaService
    stack_id: str = STACK_ID
    logical_id: str = LOGICAL_ID
    status: str = "NEW"
    properties: Properties | None = None
    physical_id: str = ""
    reasons: list[str] = field(default_factory=list)
    plan: Plan = field(default_factory=Plan)
    history: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.framework = ProviderFramework(self.service)

    def __setattr__(self, name: str, value: Any) -> None:
        """Keep each status with its time, since CloudFormation may show an old one."""
        object.__setattr__(self, name, value)
        if name == "status" and hasattr(self, "history"):
            self.history.append((self.service.time.now, value))

    def visible_status(self, lag: float) -> str:
        """Return the status as it was ``lag`` seconds ago."""
        return next((status for since, status in reversed(self.history) if since <= self.service.time.now - lag), "NEW")

    def create(self, properties: Properties, plan: Plan) -> bool:
        """Deploy the stack for the first time; return whether that succeeded. If not, everything is rolled back."""
        self._begin("CREATE_IN_PROGRESS", plan)
        answer = self._send_first(self._event("Create", properties))
        if answer is not None and not answer.failed and not plan.fails_later:
            self.service.time.sleep(plan.others)
            self.status, self.properties, self.physical_id = "CREATE_COMPLETE", properties, answer.physical_id
            return True
        self.status = "ROLLBACK_IN_PROGRESS"
        physical_id = answer.physical_id if answer else invented_id(self.logical_id)
        if physical_id != MARKER:
            self._delete(physical_id, properties)
        self.status = "ROLLBACK_COMPLETE"
        return False

    def update(self, properties: Properties, plan: Plan) -> bool:
        """Deploy a change; return whether that succeeded. If not, everything is as before."""
        old, old_id = self.properties or {}, self.physical_id
        self._begin("UPDATE_IN_PROGRESS", plan)
        answer = self._send_first(self._event("Update", properties, old=old, physical_id=old_id))
        if answer is not None and not answer.failed and not plan.fails_later:
            self.properties, self.physical_id = properties, answer.physical_id
            self.status = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
            if answer.physical_id != old_id:
                self._delete(old_id, old)
            self.status = "UPDATE_COMPLETE"
            return True
        self.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        self._roll_back(properties, answer)
        self.status = "UPDATE_ROLLBACK_COMPLETE"
        return False

    def _roll_back(self, failed: Properties, answer: Answer | None) -> None:
        old, old_id = self.properties or {}, self.physical_id
        current_id = answer.physical_id if answer else old_id
        succeeded = answer is not None and not answer.failed
        if succeeded and current_id != old_id and not self.plan.update_first:
            restored_id = old_id
        else:
            event = self._event("Update", old, old=failed, physical_id=current_id)
            restored_id = self._retry_until_success(event).physical_id
        if current_id != restored_id:
            self._delete(current_id, old if self.plan.old_properties or not succeeded else failed)
        self.physical_id = restored_id

    def delete(self, plan: Plan) -> None:
        """Delete the stack."""
        self._begin("DELETE_IN_PROGRESS", plan)
        if self.properties is not None:
            self._delete(self.physical_id, self.properties)
        self.status, self.properties = "DELETE_COMPLETE", None

    def _begin(self, status: str, plan: Plan) -> None:
        self.status, self.plan, self.reasons = status, plan, []
        self.framework = ProviderFramework(self.service, plan.killed)

    def _event(self, request_type: str, properties: Properties, **more: Any) -> Event:
        return make_event(request_type, properties, stack_id=self.stack_id, logical_id=self.logical_id, **more)

    def _send_first(self, event: Event) -> Answer | None:
        """Deliver the operation's first event as planned; return None if CloudFormation did not wait for the answer."""
        deliveries = [self._deliver(event, delay) for delay in (0, *self.plan.duplicates)]
        answer = self._wait(deliveries, self.plan.cut_after)
        if answer is not None and answer.failed:
            self.reasons.append(answer.reason)
        return answer

    def _delete(self, physical_id: str, properties: Properties) -> None:
        event = self._event("Delete", properties, physical_id=physical_id)
        if self.plan.deletes_twice is not None:
            self._deliver(event, self.plan.deletes_twice)
        self._retry_until_success(event)

    def _retry_until_success(self, event: Event) -> Answer:
        """Repeat an event like a user who continues the rollback, or deletes the stack again, once a fault is over."""
        for _ in range(6):
            answer = self._wait([self._deliver(event)])
            if answer is not None and not answer.failed:
                return answer
            self.reasons.append(answer.reason if answer else "no answer")
            self.service.time.sleep(600)
        raise BrokenPromiseError(f"{event['RequestType']} never succeeds: {self.reasons[-3:]}")

    def _deliver(self, event: Event, delay: float = 0) -> Process:
        sent = json.loads(json.dumps(event))
        return self.service.time.spawn(lambda: self.framework.serve(sent), delay)

    def _wait(self, deliveries: list[Process], seconds: float | None = None) -> Answer | None:
        """Return the first answer; CloudFormation ignores later ones."""
        self.service.time.wait(deliveries, timeouts.SERVICE_TIMEOUT if seconds is None else seconds)
        answers: list[Answer] = [delivery.result for delivery in deliveries if delivery.done]
        if not answers and seconds is None:
            raise BrokenPromiseError(f"no answer within {timeouts.SERVICE_TIMEOUT} s")
        return answers[0] if answers else None
