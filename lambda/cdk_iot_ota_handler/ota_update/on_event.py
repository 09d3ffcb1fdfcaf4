"""The Provider framework's first call for an event: the id of the update, and whom a Delete means.

Nothing is changed here. The framework answers for an ``on_event`` that fails with an id of its own, and CloudFormation
would never send a Delete for what had been created. From here on it knows the update's id, whatever happens.
"""

import contextlib
import functools
import json
from collections.abc import Callable
from typing import Any, TypeVar

from . import event_rules
from .clock import Clock
from .contract import timeouts
from .decide import Action, Decision
from .decide.completion import taken
from .decide.removal import addressed, is_certain
from .desired import Desired, Event, declared
from .errors import AccessDeniedError, FatalError, RetryableError
from .log import log, log_trouble
from .retry import retry_until
from .service import OtaService

Answer = dict[str, Any]
_Result = TypeVar("_Result")


def on_event(event: Event, service: OtaService, clock: Clock) -> Answer:
    """Answer an event of CloudFormation. What is returned here reaches every ``is_complete`` of the event."""
    event_rules.check(event)
    wanted = declared(event)
    answer = {"PhysicalResourceId": wanted.ota_update_id, "StartedAt": clock.now()}
    if event["RequestType"] == "Delete":
        return {
            **answer,
            "PhysicalResourceId": event["PhysicalResourceId"],
            "TargetId": _means(event, wanted, service, clock),
        }
    _check_size(event)
    stays = event.get("PhysicalResourceId") == wanted.ota_update_id
    if wanted.is_explicit and not stays:
        # What can not be seen now is_complete will see. A failure here would be answered with an id for which no Delete
        # comes, and a second delivery of this event may have created the update already.
        with contextlib.suppress(RetryableError):
            _retry_until(lambda: _check_id(event, wanted, service, clock), event, wanted, clock)
    return {**answer, "KeepsId": stays}


def _check_size(event: Event) -> None:
    """The waiter must take the event."""
    size = len(json.dumps(event))
    if size > timeouts.EVENT_BYTES:
        raise FatalError(
            f"the properties have {size} bytes, the waiter takes {timeouts.EVENT_BYTES}: declare fewer files"
        )


def _retry_until(step: Callable[[], _Result | None], event: Event, wanted: Desired, clock: Clock) -> _Result | None:
    on_trouble = functools.partial(log_trouble, event, wanted.ota_update_id)
    return retry_until(step, clock, seconds=timeouts.PATIENCE, on_trouble=on_trouble)


def _means(event: Event, wanted: Desired, service: OtaService, clock: Clock) -> str:
    try:
        means = _retry_until(lambda: _addressed(event, wanted, service, clock), event, wanted, clock)
    except RetryableError as error:
        raise FatalError(str(error)) from error
    if means is None:
        raise FatalError(f"whom the event for {event['PhysicalResourceId']} means does not show: try again")
    return means


def _addressed(event: Event, wanted: Desired, service: OtaService, clock: Clock) -> str | None:
    """Whom a Delete means. See ``decide.deletion.addressed``."""
    event_id = event["PhysicalResourceId"]
    by_id = by_content = None
    if not is_certain(event_id, wanted):
        # What this stack may not look at is none of its updates: CloudFormation may have made the id up.
        with contextlib.suppress(AccessDeniedError):
            by_id = service.get_update(event_id, clock.now())
        by_content = service.get_update(wanted.ota_update_id, clock.now())
    means = addressed(event_id, wanted, by_id, by_content)
    action = Action.GO_ON if means else Action.WAIT
    log(event, wanted.ota_update_id, by_content, Decision(action, f"the event for {event_id} means {means}"))
    return means


def _check_id(event: Event, wanted: Desired, service: OtaService, clock: Clock) -> Decision | None:
    """Refuse an explicit id that is taken while CloudFormation has not learned it, and so will not delete it.

    It may be an update of this very resource with other content, which was retained, and a Delete would find its own.
    """
    seen = service.get_update(wanted.ota_update_id, clock.now())
    decision = taken(wanted, seen)
    log(event, wanted.ota_update_id, seen, decision)
    # On the way back the id was this resource's, and who has it now is left alone.
    if decision.action is Action.FAIL and service.stack(wanted.stack_id).is_deploying:
        raise FatalError(decision.why)
    return None if decision.action is Action.WAIT else decision
