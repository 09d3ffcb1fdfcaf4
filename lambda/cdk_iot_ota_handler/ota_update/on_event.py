"""`on_event` of the Provider framework: name the update, and resolve the target of a Delete. It changes nothing.

The framework answers for an ``on_event`` that fails with an id that it invents, so that CloudFormation would never send
a Delete for what had been created. From here on CloudFormation knows the id of the update, whatever happens.
"""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from . import event_rules, gate_link
from .contract import limits, names, timeouts
from .decide import Action, Decision
from .decide.completion import check_new
from .decide.ownership import moved, moved_across_stacks
from .decide.removal import is_certain, resolve_delete_target
from .desired import Desired, Event, Previous
from .errors import AccessDeniedError, FatalError, RetryableError
from .identity import is_invented
from .log import log_decision, log_error
from .retry import Clock, retry_until
from .service import OtaService

Answer = dict[str, Any]
_Result = TypeVar("_Result")


def on_event(event: Event, service: OtaService, clock: Clock) -> Answer:
    """Answer an event of CloudFormation. What is returned here reaches every ``is_complete`` of the event.

    The time of the event begins when this ends, so that each event tries what it is to do.
    """
    if event.get("ResourceType") == names.LINK_TYPE:
        return gate_link.on_event(event, clock)
    event_rules.check(event)
    desired = Desired.from_event(event)
    if event["RequestType"] == "Delete":
        target = _delete_target(event, desired, service, clock)
        return {"PhysicalResourceId": event["PhysicalResourceId"], "StartedAt": clock.now(), "TargetId": target}
    keeps_id = event.get("PhysicalResourceId") == desired.ota_update_id
    answer: Answer = {"PhysicalResourceId": desired.ota_update_id, "KeepsId": keeps_id}
    if _may_be_moved(event, desired) and _is_restored(event, desired, service, clock):
        answer.update(PhysicalResourceId=event["PhysicalResourceId"], KeepsId=True)
    else:
        _check(event, desired, service, clock, keeps_id=keeps_id)
    answer["StartedAt"] = clock.now()
    if event["RequestType"] == "Update":
        # The waiter of the framework takes less than the old and the new properties together.
        answer.update(Previous=dataclasses.asdict(Previous.from_event(event)), OldResourceProperties={})
    return answer


def _may_be_moved(event: Event, desired: Desired) -> bool:
    """Return whether an Update changes an id that may have been created for another resource.

    A generated id tells that it belongs to this resource and its old properties. An explicit one tells nothing, so its
    tags are read.
    """
    event_id = event.get("PhysicalResourceId", desired.ota_update_id)
    if event["RequestType"] != "Update" or event_id == desired.ota_update_id:
        return False
    if is_invented(event_id, desired.stack_id, desired.logical_id):
        return False
    previous = Previous.from_event(event)
    return previous.ota_update_id != event_id or not names.is_generated(event_id)


def _is_restored(event: Event, desired: Desired, service: OtaService, clock: Clock) -> bool:
    """Return whether a rollback restores an update that was created for another resource, which stays as it is.

    Raises FatalError if the stack is deploying instead: here, where the resource keeps its physical id. What cannot be
    read does not fail the event.
    """
    event_id, old = event["PhysicalResourceId"], event.get("OldResourceProperties")
    request = old.get("Request") if isinstance(old, Mapping) else None

    def look() -> bool | None:
        observed, moved_by_id = None, None
        try:
            observed = service.get_update(event_id, clock.now())
        except AccessDeniedError:
            if (moved_by_id := moved_across_stacks(desired, event_id)) is None:
                raise
        decision = moved_by_id or (observed and moved(desired, event_id, observed, request))
        if not decision:
            return False
        log_decision(event, event_id, observed, decision)
        stack = service.stack(desired.stack_id)
        if stack.is_deploying:
            raise FatalError(decision.reason)
        return True if stack.is_rolling_back else None

    try:
        return bool(_retry_until(look, event, desired, clock, patience=timeouts.SETTLE_PATIENCE))
    except RetryableError:
        return False


def _check(event: Event, desired: Desired, service: OtaService, clock: Clock, *, keeps_id: bool) -> None:
    """Refuse what cannot be deployed, while CloudFormation does not know the new id and so sends no Delete for it.

    The update with a new explicit id may be a retained one of the same resource with other content, which a Delete
    would remove. What exists already is kept, and a rollback never fails because of its size.
    """
    too_large = _size_problem(event)
    if too_large and event["RequestType"] == "Create":
        raise FatalError(too_large)
    is_new_id = desired.is_explicit and not keeps_id
    if not too_large and not is_new_id:
        return

    def look() -> Decision | None:
        observed = service.get_update(desired.ota_update_id, clock.now())
        decision = check_new(desired, observed, is_new_id=is_new_id, too_large=too_large)
        log_decision(event, desired.ota_update_id, observed, decision)
        return _unless_rolling_back(decision, desired, service)

    try:
        _retry_until(look, event, desired, clock)
    except RetryableError as error:
        # is_complete checks again. A failure here would be answered with an id that no Delete is sent for, although
        # a duplicate delivery of this event may have created the update already.
        if is_new_id and is_invented(desired.ota_update_id, desired.stack_id, desired.logical_id):
            raise FatalError(str(error)) from error


def _size_problem(event: Event) -> str | None:
    """Return why content would not fit into the event of the next change together with other content."""
    try:
        limits.check_properties_size("the properties of the resource", event["ResourceProperties"])
    except ValueError as error:
        return str(error)
    return None


def _unless_rolling_back(decision: Decision, desired: Desired, service: OtaService) -> Decision | None:
    """Return a decision unless it has to be made again. Raises FatalError if it is to fail, and the stack is deploying.

    In a rollback the id was this resource's before: an update that another owner has given it is left alone.
    """
    if decision.action is Action.WAIT:
        return None
    if decision.action is Action.FAIL:
        stack = service.stack(desired.stack_id)
        if stack.is_deploying:
            raise FatalError(decision.reason)
        # A status that may be older than the event tells neither.
        return None if stack.is_idle else decision
    return decision


def _retry_until(
    step: Callable[[], _Result | None],
    event: Event,
    desired: Desired,
    clock: Clock,
    patience: float = timeouts.PATIENCE,
) -> _Result | None:
    on_error = functools.partial(log_error, event, desired.ota_update_id)
    return retry_until(step, clock, timeout=patience, patience=patience, on_error=on_error)


def _delete_target(event: Event, desired: Desired, service: OtaService, clock: Clock) -> str:
    begun = clock.now()
    try:
        target = _retry_until(lambda: _resolve_target(event, desired, service, clock, begun), event, desired, clock)
    except RetryableError as error:
        raise FatalError(str(error)) from error
    if target is None:
        event_id = event["PhysicalResourceId"]
        raise FatalError(f"could not determine which OTA update to delete for {event_id}: retry the deletion")
    return target


def _resolve_target(event: Event, desired: Desired, service: OtaService, clock: Clock, begun: float) -> str | None:
    event_id = event["PhysicalResourceId"]
    with_event_id = with_content_id = None
    if not is_certain(event_id, desired):
        # An update that this stack has no access to is not its own: CloudFormation may have invented the id.
        with contextlib.suppress(AccessDeniedError):
            with_event_id = service.get_update(event_id, clock.now())
        with_content_id = service.get_update(desired.ota_update_id, clock.now())
    waited = clock.now() - begun
    target = resolve_delete_target(event_id, desired, with_event_id, with_content_id, waited=waited)
    action = Action.CONTINUE if target else Action.WAIT
    reason = f"the Delete of {event_id} refers to {target or 'an update that cannot be determined yet'}"
    log_decision(event, desired.ota_update_id, with_content_id, Decision(action, reason))
    return target
