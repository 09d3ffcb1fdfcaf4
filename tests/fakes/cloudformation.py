"""CloudFormation for one OTA update of one stack, and for the links of its gate, in virtual time.

The events of a stack operation, and their physical ids, follow what is known of CloudFormation; where that is unknown,
``Plan`` allows both. Other resources exist only as failures.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from cdk_iot_ota_handler.ota_update.contract import names, timeouts
from cdk_iot_ota_handler.ota_update.desired import Desired
from cdk_iot_ota_handler.ota_update.observed import Stack

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
    resource_type: str | None = None,
) -> Event:
    """Return an event as CloudFormation sends it."""
    optional = {"OldResourceProperties": old, "PhysicalResourceId": physical_id, "ResourceType": resource_type}
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


def _links_of(properties: Properties) -> int:
    return int(properties.get("Gate", {}).get("Links", "0"))


@dataclass(frozen=True, kw_only=True, repr=False)
class Plan(CompactRepr):
    """The course of one stack operation.

    ``cut_after``: a sibling fails, or the stack is deleted, after so many seconds: CloudFormation stops waiting.
    ``fails_later``: another resource fails after this one has succeeded. ``update_first``: the rollback of a
    replacement sends an Update to the old content before the Delete of the new one. ``old_properties``: that Delete
    carries the old properties. ``others``: other resources of a new stack take so many seconds longer. ``duplicates``:
    the first event is delivered again, each time after so many seconds. ``deletes_twice``: so is each Delete, once.
    ``killed``: the handler dies in the invocation of this number, at the call of this number, before or after its work.
    ``lost``: the first answer cannot be delivered, and CloudFormation fails the resource so many seconds after its
    timeout. ``at``: the number of the link that ``cut_after``, ``duplicates``, ``killed`` and ``lost`` are about, or
    the last one if there are fewer; 0 for the update.

    ``rollback_off``: a failure ends the operation. Then CloudFormation puts the old properties back (``puts_back``), or
    holds the failed id and addresses the next Update to it, with the failed or the stable properties as old ones
    (``old_properties``). ``clean_up``: when what failed is deleted in the next operation: "first", "last" or "at the
    end", in the clean-up.
    """

    cut_after: float | None = None
    fails_later: bool = False
    update_first: bool = True
    old_properties: bool = False
    others: float = 0
    duplicates: tuple[float, ...] = ()
    deletes_twice: float | None = None
    killed: tuple[int, int, str] | None = None
    lost: float | None = None
    rollback_off: bool = False
    puts_back: bool = False
    clean_up: str = "at the end"
    at: int = 0


@dataclass(frozen=True, kw_only=True)
class _Link:
    """A link of the gate: its last properties, its attribute, and whether its last event has succeeded."""

    properties: Properties
    state: str
    is_done: bool = True


@dataclass(frozen=True, kw_only=True)
class _Past:
    """An id that CloudFormation deletes once a deploy succeeds; ``failed``: a failed attempt has left it."""

    physical_id: str
    properties: Properties
    failed: bool


@dataclass
class FakeStack:
    """A stack with one OTA update. ``properties`` and ``physical_id`` are those of the last successful deploy.

    With rollback off: ``held`` is the failed id to which the next Update is addressed, with its old properties;
    ``stable`` what `roll_back` restores; ``past`` what is deleted later; ``updated`` when the last update began.
    """

    service: FakeOtaService
    stack_id: str = STACK_ID
    logical_id: str = LOGICAL_ID
    status: str = "NEW"
    properties: Properties | None = None
    physical_id: str = ""
    reasons: list[str] = field(default_factory=list)
    plan: Plan = field(default_factory=Plan)
    history: list[tuple[float, str, float | None]] = field(default_factory=list)
    held: tuple[str, Properties] | None = None
    stable: Properties | None = None
    stable_id: str = ""
    past: list[_Past] = field(default_factory=list)
    updated: float | None = None
    # By number: the links that exist, and those that the running operation has changed as they were before it.
    links: dict[int, _Link] = field(default_factory=dict)
    links_before: dict[int, _Link | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.framework = ProviderFramework(self.service)

    def __setattr__(self, name: str, value: Any) -> None:
        """Keep each status with its time, since CloudFormation may show an old one."""
        object.__setattr__(self, name, value)
        if name == "status" and hasattr(self, "history"):
            self.history.append((self.service.time.now, value, getattr(self, "updated", None)))

    def visible(self, lag: float) -> Stack:
        """Return the stack as it was ``lag`` seconds ago."""
        then = self.service.time.now - lag
        past = (Stack(status, updated) for since, status, updated in reversed(self.history) if since <= then)
        return next(past, Stack("NEW"))

    def create(self, properties: Properties, plan: Plan) -> bool:
        """Deploy the stack for the first time; return whether that succeeded. If not, everything is rolled back."""
        is_first = self.status == "NEW"
        self._begin("CREATE_IN_PROGRESS" if is_first else "UPDATE_IN_PROGRESS", plan)
        answer = self._send_first(self._event("Create", properties))
        if self._is_watched(properties, answer) and answer is not None and not plan.fails_later:
            self.service.time.sleep(plan.others)
            self._complete(properties, answer.physical_id, "CREATE" if is_first else "UPDATE")
            return True
        physical_id = answer.physical_id if answer else invented_id(self.logical_id)
        if plan.rollback_off:
            if answer is not None and not answer.failed:
                self.properties, self.physical_id = properties, physical_id
            elif physical_id != MARKER:
                self.past.append(_Past(physical_id=physical_id, properties=properties, failed=True))
            self.status = "CREATE_FAILED" if self.stable is None else "UPDATE_FAILED"
            return False
        self.status = "ROLLBACK_IN_PROGRESS"
        self._delete_links()
        if physical_id != MARKER:
            self._delete(physical_id, properties)
        self.status = "ROLLBACK_COMPLETE"
        return False

    def update(self, properties: Properties, plan: Plan) -> bool:
        """Deploy a change; return whether that succeeded. If not, everything is as before."""
        replaced = _Past(physical_id=self.physical_id, properties=self.properties or {}, failed=False)
        held_id, held_properties = self.held or (self.physical_id, replaced.properties)
        self._begin("UPDATE_IN_PROGRESS", plan)
        answer = self._send_first(self._event("Update", properties, old=held_properties, physical_id=held_id))
        if self._is_watched(properties, answer) and answer is not None and not plan.fails_later:
            self._let_go(replaced)
            self._complete(properties, answer.physical_id, "UPDATE")
            return True
        if plan.rollback_off:
            self._stay(properties, answer, replaced)
            self.status = "UPDATE_FAILED"
            return False
        self.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        self._roll_back(properties, answer)
        self.status = "UPDATE_ROLLBACK_COMPLETE"
        return False

    def roll_back(self, plan: Plan) -> None:
        """Roll back a stack that has failed with rollback off."""
        if self.stable is None:
            self.delete(plan)
            return
        current_id, current = self.held or (self.physical_id, self.properties)
        self._begin("UPDATE_ROLLBACK_IN_PROGRESS", plan)
        self._let_go(_Past(physical_id=self.physical_id, properties=self.properties or {}, failed=False))
        event = self._event("Update", self.stable, old=current, physical_id=current_id)
        answer = self._retry_until_success(event)
        self.physical_id, self.properties = answer.physical_id, self.stable
        for number in range(1, _links_of(self.stable) + 1):
            self._restore_link(number, self._link_properties(number, self.stable, answer))
        self._delete_links(_links_of(self.stable))
        self.held = None
        self.status = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
        self._delete_past()
        self.status = "UPDATE_ROLLBACK_COMPLETE"

    def _complete(self, properties: Properties, physical_id: str, kind: str) -> None:
        self.properties, self.physical_id, self.held = properties, physical_id, None
        self.stable, self.stable_id = properties, physical_id
        if self.plan.clean_up == "last":
            self._delete_past()
        if kind == "UPDATE":
            self.status = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
            self._delete_links(_links_of(properties))
            self._delete_past()
        self.status = f"{kind}_COMPLETE"

    def _let_go(self, replaced: _Past) -> None:
        """Remember what is no longer the resource's, once the running operation has succeeded."""
        self.past.append(replaced)
        if self.held is not None:
            self.past.append(_Past(physical_id=self.held[0], properties=self.held[1], failed=False))

    def _stay(self, properties: Properties, answer: Answer | None, replaced: _Past) -> None:
        """End a failed operation without a rollback."""
        if answer is not None and not answer.failed:
            self._let_go(replaced)
            self.properties, self.physical_id, self.held = properties, answer.physical_id, None
            return
        held_id = self.held[0] if self.held else self.physical_id
        current_id = answer.physical_id if answer else held_id
        if self.held and self.held[0] not in (current_id, self.physical_id, self.stable_id):
            self.past.append(_Past(physical_id=self.held[0], properties=self.held[1], failed=True))
        if answer is not None and not self.plan.puts_back:
            self.held = current_id, replaced.properties if self.plan.old_properties else properties
            return
        if answer is None:
            # Not promised: in a stack that still deploys, the event may create again what is deleted here.
            self.status = "UPDATE_FAILED"
        event = self._event("Update", replaced.properties, old=properties, physical_id=current_id)
        self.physical_id, self.held = self._retry_until_success(event).physical_id, None
        if current_id not in (self.physical_id, self.stable_id):
            self.past.append(_Past(physical_id=current_id, properties=properties, failed=True))

    def _delete_past(self, *, only_failed: bool = False) -> None:
        """Delete what is past: a failed attempt even if its id is the resource's again."""
        past = [thing for thing in self.past if thing.failed or not only_failed]
        self.past = [thing for thing in self.past if thing not in past]
        for thing in {(thing.physical_id, json.dumps(thing.properties)): thing for thing in past}.values():
            if thing.failed or thing.physical_id != self.physical_id:
                self._delete(thing.physical_id, thing.properties)

    def _roll_back(self, failed: Properties, answer: Answer | None) -> None:
        old, old_id = self.properties or {}, self.physical_id
        current_id = answer.physical_id if answer else old_id
        succeeded = answer is not None and not answer.failed
        if succeeded and current_id != old_id and not self.plan.update_first:
            restored_id = old_id
        else:
            event = self._event("Update", old, old=failed, physical_id=current_id)
            restored_id = self._retry_until_success(event).physical_id
        self._restore_links()
        if current_id != restored_id:
            self._delete(current_id, old if self.plan.old_properties or not succeeded else failed)
        self.physical_id = restored_id

    def delete(self, plan: Plan) -> None:
        """Delete the stack."""
        self._begin("DELETE_IN_PROGRESS", plan)
        if self.properties is not None:
            self._let_go(_Past(physical_id=self.physical_id, properties=self.properties, failed=False))
        self.physical_id, self.properties, self.held = "", None, None
        self._delete_links()
        self._delete_past()
        self.status = "DELETE_COMPLETE"

    def _begin(self, status: str, plan: Plan) -> None:
        self.plan, self.reasons = plan, []
        if status == "UPDATE_IN_PROGRESS":
            self.updated = self.service.time.now
        self.status = status
        self.links_before = {}
        self.framework = ProviderFramework(self.service, plan.killed)
        if plan.clean_up == "first" and status == "UPDATE_IN_PROGRESS":
            self._delete_past(only_failed=True)

    def _event(self, request_type: str, properties: Properties, **more: Any) -> Event:
        return make_event(request_type, properties, stack_id=self.stack_id, logical_id=self.logical_id, **more)

    def _is_watched(self, properties: Properties, answer: Answer | None) -> bool:
        """Play the links of a gate, each after the one before; return whether the update and all of them succeed."""
        if answer is None or answer.failed:
            return False
        for number in range(1, _links_of(properties) + 1):
            wanted, before = self._link_properties(number, properties, answer), self.links.get(number)
            if before is not None and before.is_done and before.properties == wanted:
                continue
            self.links_before[number] = before
            # One whose creation has failed is created again.
            request_type = "Create" if before is None or not before.state else "Update"
            found = self._send_first(self._link_event(number, request_type, wanted, before), number)
            has_failed = found is None or found.failed
            state = "" if found is None or found.failed else (found.data or {})["GateState"]
            state = before.state if before is not None and has_failed else state
            self.links[number] = _Link(properties=wanted, state=state, is_done=not has_failed)
            if has_failed:
                return False
        return True

    def _link_properties(self, number: int, properties: Properties, answer: Answer) -> Properties:
        """Return what is declared for a link, with the attributes of the update and of the link before it."""
        first = (answer.data or {}).get("GateState", "")
        return {
            "Update": self.logical_id,
            "OtaUpdateId": answer.physical_id,
            "Number": str(number),
            "GateState": first if number == 1 else self.links[number - 1].state,
            "Gate": properties["Gate"],
        }

    def _link_event(self, number: int, request_type: str, properties: Properties, before: _Link | None = None) -> Event:
        logical_id = f"{self.logical_id}Gate{number}"
        return make_event(
            request_type,
            properties,
            old=before.properties if before is not None and request_type == "Update" else None,
            physical_id=None if request_type == "Create" else logical_id,
            stack_id=self.stack_id,
            logical_id=logical_id,
            resource_type=names.LINK_TYPE,
        )

    def _restore_link(self, number: int, properties: Properties) -> None:
        before = self.links.get(number)
        answer = self._retry_until_success(
            self._link_event(number, "Create" if before is None else "Update", properties, before)
        )
        self.links[number] = _Link(properties=properties, state=(answer.data or {})["GateState"])

    def _restore_links(self) -> None:
        """Update the links that a failed operation has changed, and delete those that it has created."""
        for number, before in self.links_before.items():
            if before is not None:
                self._restore_link(number, before.properties)
        self._delete_links(max((number for number in self.links if self.links_before.get(number, 1)), default=0))

    def _delete_links(self, left: int = 0) -> None:
        """Delete the links from the last one on, until so many are left."""
        for number in sorted((number for number in self.links if number > left), reverse=True):
            self._retry_until_success(self._link_event(number, "Delete", self.links.pop(number).properties))

    def _send_first(self, event: Event, number: int = 0) -> Answer | None:
        """Deliver an event as planned; return None if CloudFormation did not wait for the answer.

        ``number``: that of a link, or 0 for the update, with which the operation begins.
        """
        is_troubled = number == min(self.plan.at, _links_of(event["ResourceProperties"]))
        plan = self.plan if is_troubled else Plan()
        if self.plan.at:
            self.framework = ProviderFramework(self.service, plan.killed)
        is_lost = plan.lost is not None
        deliveries = [self._deliver(event, delay, is_lost=is_lost) for delay in (0, *plan.duplicates)]
        if plan.lost is not None:
            self.service.time.sleep(timeouts.SERVICE_TIMEOUT + plan.lost)
            return None
        answer = self._wait(deliveries, plan.cut_after)
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

    def _deliver(self, event: Event, delay: float = 0, *, is_lost: bool = False) -> Process:
        sent = json.loads(json.dumps(event))
        return self.service.time.spawn(lambda: self.framework.serve(sent, is_lost=is_lost), delay)

    def _wait(self, deliveries: list[Process], seconds: float | None = None) -> Answer | None:
        """Return the first answer; CloudFormation ignores later ones."""
        self.service.time.wait(deliveries, timeouts.SERVICE_TIMEOUT if seconds is None else seconds)
        answers: list[Answer] = [delivery.result for delivery in deliveries if delivery.done]
        if not answers and seconds is None:
            raise BrokenPromiseError(f"no answer within {timeouts.SERVICE_TIMEOUT} s")
        return answers[0] if answers else None
