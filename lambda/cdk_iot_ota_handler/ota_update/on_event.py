"""`on_event` of the Provider framework: name the update, and resolve the target of a Delete. It changes nothing.

The framework answers for an ``on_event`` that fails with an id that it invents, so that CloudFormation would never send
a Delete for what had been created. From here on CloudFormation knows the id of the update, whatever happens.
"""

import contextlib
import dataclasses
import functools
from collections.abc import Callable
from typing import Any, TypeVar

from . import event_rules
from .contract import limits, timeouts
from .decide import Action, Decision
from .decide.completion import check_id_available
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
    """Answer an event of CloudFormation. What is returned here reaches every ``is_complete`` of the event."""
    event_rules.check(event)
    desired = Desired.from_event(event)
    answer: Answer = {"PhysicalResourceId": desired.ota_update_id, "StartedAt": clock.now()}
    if event["RequestType"] == "Delete":
        target = _delete_target(event, desired, service, clock)
        return {**answer, "PhysicalResourceId": event["PhysicalResourceId"], "TargetId": target}
    _check_size(event, desired, service, clock)
    keeps_id = event.get("PhysicalResourceId") == desired.ota_update_id
    if desired.is_explicit and not keeps_id:
        try:
            _retry_until(lambda: _check_id(event, desired, service, clock), event, desired, clock)
        except RetryableError as error:
            # is_complete checks again. A failure here would be answered with an id that no Delete is sent for, although
            # a duplicate delivery of this event may have created the update already.
            if is_invented(desired.ota_update_id, desired.stack_id, desired.logical_id):
                raise FatalError(str(error)) from error
    answer["KeepsId"] = keeps_id
    if event["RequestType"] == "Update":
        # The waiter of the framework takes less than the old and the new properties together.
        answer.update(Previous=dataclasses.asdict(Previous.from_event(event)), OldResourceProperties={})
    return answer


def _check_size(event: Event, desired: Desired, service: OtaService, clock: Clock) -> None:
    """Refuse content that would fit into this event, but not into that of the next change together with other content.

    What exists already is kept, and a rollback never fails because of its size.
    """

    def is_new() -> bool:
        is_absent = service.get_update(desired.ota_update_id, clock.now()) is None
        return is_absent and service.stack(desired.stack_id).is_deploying

    try:
        limits.check_properties_size("the properties of the resource", event["ResourceProperties"])
    except ValueError as error:
        with contextlib.suppress(RetryableError):
            if event["RequestType"] == "Create" or _retry_until(is_new, event, desired, clock):
                raise FatalError(str(error)) from None


def _retry_until(step: Callable[[], _Result | None], event: Event, desired: Desired, clock: Clock) -> _Result | None:
    on_error = functools.partial(log_error, event, desired.ota_update_id)
    return retry_until(step, clock, timeout=timeouts.PATIENCE, on_error=on_error)


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


def _check_id(event: Event, desired: Desired, service: OtaService, clock: Clock) -> Decision | None:
    """Refuse an explicit id that is taken, while CloudFormation does not know it and so sends no Delete for it.

    The update with this id may be a retained one of the same resource with other content, which a Delete would remove.
    """
    observed = service.get_update(desired.ota_update_id, clock.now())
    decision = check_id_available(desired, observed)
    log_decision(event, desired.ota_update_id, observed, decision)
    if decision.action is Action.WAIT:
        return None
    if decision.action is Action.FAIL:
        stack = service.stack(desired.stack_id)
        if stack.is_deploying:
            raise FatalError(decision.reason)
        # In a rollback the id was this resource's before, and the update that has it now is left alone. A status that
        # may be older than the event tells neither.
        return None if stack.is_idle else decision
    return decision
