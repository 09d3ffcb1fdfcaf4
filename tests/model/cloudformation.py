"""CloudFormation and the Provider framework, played for one resource of one stack, in virtual time.

What a stack operation sends, and to which physical id, follows what is known of CloudFormation; where it is not known,
``Plan`` has both. Other resources exist only as far as they fail.
"""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cdk_iot_ota_handler.ota_update.contract import timeouts
from cdk_iot_ota_handler.ota_update.desired import Desired
from cdk_iot_ota_handler.ota_update.errors import FatalError
from cdk_iot_ota_handler.ota_update.is_complete import is_complete
from cdk_iot_ota_handler.ota_update.on_event import on_event
from cdk_iot_ota_handler.ota_update.retry import Clock

from .ota_service import BrokenPromise, Connection, Killed, OtaService
from .shown import Shown
from .virtual_time import Process

MARKER = "AWSCDK::CustomResourceProviderFramework::CREATE_FAILED"
LOGICAL_ID = "Blinky1A2B3C4D"
Properties = dict[str, Any]


@dataclass(frozen=True, kw_only=True, repr=False)
class Plan(Shown):
    """How one stack operation goes.

    ``cut_after``: a sibling fails, or the stack is deleted, after so many seconds: CloudFormation waits no longer.
    ``fails_later``: another resource fails when this one has succeeded. ``update_first``: the rollback of a replacement
    sends an Update to the old content before the Delete of the new one. ``old_properties``: that Delete carries the old
    ones. ``others``: other resources of a new stack take so many seconds more. ``duplicates``: the first event is
    delivered again, each after so many seconds. ``deletes_twice``: so is each Delete, once. ``killed``: the handler
    dies in the invocation of this number, at the call of this number, before or after its work.
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
class Answer:
    """What CloudFormation is answered."""

    physical_id: str
    reason: str = ""


@dataclass
class Stack:
    """A stack with one OTA update. ``properties`` and ``physical_id`` are what CloudFormation holds for deployed."""

    service: OtaService
    stack_id: str
    logical_id: str = LOGICAL_ID
    status: str = "NEW"
    properties: Properties | None = None
    physical_id: str = ""
    reasons: list[str] = field(default_factory=list)
    plan: Plan = field(default_factory=Plan)
    invocations: Iterator[int] = field(default_factory=itertools.count)
    killed: int = 0
    history: list[tuple[float, str]] = field(default_factory=list)

    def __setattr__(self, name: str, value: Any) -> None:
        """Keep what the status was: CloudFormation may show an old one."""
        object.__setattr__(self, name, value)
        if name == "status" and hasattr(self, "history"):
            self.history.append((self.service.time.now, value))

    def shown(self, lag: float) -> str:
        """The status as it was some seconds ago."""
        return next((status for since, status in reversed(self.history) if since <= self.service.time.now - lag), "NEW")

    def create(self, properties: Properties, plan: Plan) -> bool:
        """Deploy the stack for the first time. Whether it worked; else all is rolled back."""
        self._begin("CREATE_IN_PROGRESS", plan)
        answer = self._send_first(self._event("Create", properties))
        if answer is not None and not answer.reason and not plan.fails_later:
            self.service.time.sleep(plan.others)
            self.status, self.properties, self.physical_id = "CREATE_COMPLETE", properties, answer.physical_id
            return True
        self.status = "ROLLBACK_IN_PROGRESS"
        physical_id = answer.physical_id if answer else f"prod-{self.logical_id}-1ABCDEFGHIJKL"
        if physical_id != MARKER:
            self._delete(physical_id, properties)
        self.status = "ROLLBACK_COMPLETE"
        return False

    def update(self, properties: Properties, plan: Plan) -> bool:
        """Deploy a change. Whether it worked; else all is as before."""
        old, old_id = self.properties or {}, self.physical_id
        self._begin("UPDATE_IN_PROGRESS", plan)
        answer = self._send_first(self._event("Update", properties, old=old, physical_id=old_id))
        if answer is not None and not answer.reason and not plan.fails_later:
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
        addressed = answer.physical_id if answer else old_id
        succeeded = answer is not None and not answer.reason
        if succeeded and addressed != old_id and not self.plan.update_first:
            back = old_id
        else:
            back = self._until_it_works(self._event("Update", old, old=failed, physical_id=addressed)).physical_id
        if addressed != back:
            self._delete(addressed, old if self.plan.old_properties or not succeeded else failed)
        self.physical_id = back

    def delete(self, plan: Plan) -> None:
        """Delete the stack."""
        self._begin("DELETE_IN_PROGRESS", plan)
        if self.properties is not None:
            self._delete(self.physical_id, self.properties)
        self.status, self.properties = "DELETE_COMPLETE", None

    def _begin(self, status: str, plan: Plan) -> None:
        self.status, self.plan, self.invocations, self.reasons = status, plan, itertools.count(1), []

    def _event(self, request_type: str, properties: Properties, **more: Any) -> dict[str, Any]:
        event = {
            "RequestType": request_type,
            "RequestId": "request",
            "StackId": self.stack_id,
            "LogicalResourceId": self.logical_id,
            "ResourceProperties": properties,
        }
        names = {"old": "OldResourceProperties", "physical_id": "PhysicalResourceId"}
        return event | {names[key]: value for key, value in more.items()}

    def _send_first(self, event: dict[str, Any]) -> Answer | None:
        """Deliver the operation's first event as planned; None when CloudFormation has not waited for the answer."""
        deliveries = [self._deliver(event, delay) for delay in (0, *self.plan.duplicates)]
        answer = self._wait(deliveries, self.plan.cut_after)
        if answer is not None and answer.reason:
            self.reasons.append(answer.reason)
        return answer

    def _delete(self, physical_id: str, properties: Properties) -> None:
        event = self._event("Delete", properties, physical_id=physical_id)
        if self.plan.deletes_twice is not None:
            self._deliver(event, self.plan.deletes_twice)
        self._until_it_works(event)

    def _until_it_works(self, event: dict[str, Any]) -> Answer:
        """Somebody tries again when the fault is over: the rollback is continued, or the stack deleted again."""
        for _ in range(6):
            answer = self._wait([self._deliver(event)])
            if answer is not None and not answer.reason:
                return answer
            self.reasons.append(answer.reason if answer else "no answer")
            self.service.time.sleep(600)
        raise BrokenPromise(f"{event['RequestType']} never works: {self.reasons[-3:]}")

    def _deliver(self, event: dict[str, Any], delay: float = 0) -> Process:
        sent = json.loads(json.dumps(event))
        return self.service.time.spawn(lambda: self._serve(sent), delay)

    def _wait(self, deliveries: list[Process], seconds: float | None = None) -> Answer | None:
        """The first answer; CloudFormation ignores those that come later."""
        self.service.time.wait(deliveries, timeouts.SERVICE_TIMEOUT if seconds is None else seconds)
        answers: list[Answer] = [one.result for one in deliveries if one.done]
        if not answers and seconds is None:
            raise BrokenPromise(f"no answer within {timeouts.SERVICE_TIMEOUT} s")
        return answers[0] if answers else None

    def _serve(self, event: dict[str, Any]) -> Answer:
        """The Provider framework: ``on_event`` once, then ``is_complete`` until it is over."""
        begun, physical_id = self.service.time.now, event.get("PhysicalResourceId", MARKER)
        try:
            event = {**event, **self._invoke(on_event, event)}
            physical_id = event["PhysicalResourceId"]
            while not self._invoke(is_complete, event)["IsComplete"]:
                self.service.time.sleep(timeouts.QUERY_INTERVAL)
                if self.service.time.now - begun > timeouts.TOTAL_TIMEOUT:
                    raise BrokenPromise("the framework's timeout comes before the handler's own")
        except FatalError as error:
            return Answer(physical_id, str(error) or "no reason")
        except Killed:
            return Answer(physical_id, "Runtime exited")
        return Answer(physical_id)

    def _invoke(self, function: Any, event: dict[str, Any]) -> dict[str, Any]:
        number, begun, time = next(self.invocations), self.service.time.now, self.service.time
        planned = self.plan.killed
        connection = Connection(self.service, planned[1:] if planned and planned[0] == number else None)
        try:
            result: dict[str, Any] = function(event, connection, Clock(now=lambda: time.now, sleep=time.sleep))
        except Killed:
            self.killed += 1
            raise
        finally:
            if time.now - begun > timeouts.INVOCATION:
                raise BrokenPromise(f"an invocation took {time.now - begun:.0f} s")
        # Both ways it goes as JSON, and what does not survive that is a bug.
        answer: dict[str, Any] = json.loads(json.dumps(result))
        return answer


def id_of(stack_id: str, properties: Properties) -> str:
    """The id that the handler gives an update with these properties."""
    return Desired.from_event(
        {"StackId": stack_id, "LogicalResourceId": LOGICAL_ID, "ResourceProperties": properties}
    ).ota_update_id
