"""The Provider framework's first call for an event: create what has to be created, decide whom a Delete means."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

from . import budgets, decide, identity
from .clock import FIRST_PAUSE, Clock, longer
from .creation import Creation, change_tags
from .decide import Action, Decision
from .declared import Declared, Event, declared, same_content, same_update
from .errors import HandlerError, NotAuthorized, NotYet, shorten
from .log import log
from .seen import Seen
from .service import OtaService

Answer = dict[str, Any]
_Result = TypeVar("_Result")


def on_event(event: Event, service: OtaService, clock: Clock) -> Answer:
    """Answer an event of CloudFormation. What is returned here reaches every ``is_complete`` of the event.

    Raises HandlerError only while nothing can have been created: after that a failure is returned, so that
    ``is_complete`` cleans up and CloudFormation learns the real id.
    """
    wanted = declared(event)
    answer = {"PhysicalResourceId": wanted.ota_update_id, "StartedAt": clock.now()}
    if event["RequestType"] == "Delete":
        means = _patiently(lambda: _addressed(event, wanted, service, clock), clock)
        return {**answer, "PhysicalResourceId": event["PhysicalResourceId"], "Means": means}
    _check_size(event)
    if event["RequestType"] == "Update" and same_update(event):
        log(event, wanted.ota_update_id, None, Decision(Action.DONE, "nothing about the update changes"))
        return {**answer, "LeftAlone": True}
    if event["RequestType"] == "Update" and event["PhysicalResourceId"] == wanted.ota_update_id:
        return {**answer, **_update_in_place(event, wanted, service, clock)}
    return {**answer, **_bring_about(event, wanted, service, clock)}


def _check_size(event: Event) -> None:
    """The waiter must take the event, and would refuse it only when the update has been created."""
    size = len(json.dumps(event))
    if size > budgets.EVENT_BYTES:
        raise HandlerError(
            f"the properties have {size} bytes, the waiter takes {budgets.EVENT_BYTES}: declare fewer files"
        )


def _patiently(work: Callable[[], _Result], clock: Clock) -> _Result:
    """Repeat idempotent work through passing errors; the last error is final when patience ends."""
    started, pause = clock.now(), FIRST_PAUSE
    while True:
        try:
            return work()
        except NotYet as error:
            waited = clock.now() - started
            if waited > (budgets.IAM_PATIENCE if isinstance(error, NotAuthorized) else budgets.CREATION_PATIENCE):
                raise HandlerError(str(error)) from error
        clock.sleep(pause)
        pause = longer(pause)


def _addressed(event: Event, wanted: Declared, service: OtaService, clock: Clock) -> str:
    event_id = event["PhysicalResourceId"]
    if decide.is_certain(event_id, wanted):
        return str(event_id)
    invented = identity.is_invented(event_id, wanted.stack_id, wanted.logical_id)
    # Nothing exists under an invented id, and the handler may not even look: it is not one of this stack's.
    by_id = None if invented else service.look(event_id, clock.now())
    by_content = service.look(wanted.ota_update_id, clock.now())
    means = decide.addressed(event_id, wanted, by_id, by_content)
    log(event, means, by_id or by_content, Decision(Action.WAIT, f"the event for {event_id} means {means}"))
    return means


def _update_in_place(event: Event, wanted: Declared, service: OtaService, clock: Clock) -> Answer:
    """The id stays: other tags, or the way back from other content to what is live under this id."""
    seen = _patiently(lambda: service.look(wanted.ota_update_id, clock.now()), clock)
    if seen is None and not same_content(event):
        return {**_bring_about(event, wanted, service, clock), **_leftover(event, wanted)}
    forward = seen is None and _patiently(lambda: service.goes_forward(wanted.stack_id), clock)
    decision = decide.in_place(wanted, seen, forward=forward)
    log(event, wanted.ota_update_id, seen, decision)
    if decision.action is Action.FAIL:
        raise HandlerError(decision.why)
    if seen is not None:
        found: Seen = seen
        _patiently(lambda: change_tags(event, wanted, found, service), clock)
    return {"IdIsNew": False, "LeftAlone": seen is None, **_leftover(event, wanted)}


def _leftover(event: Event, wanted: Declared) -> Answer:
    """The update of the old properties, if it is another: a rollback to an id that never left never deletes it.

    CloudFormation has not learned its id then, because its event was cut short or has answered with the old one.
    """
    try:
        old = declared({**event, "ResourceProperties": event["OldResourceProperties"]})
    except HandlerError:
        return {}  # what could not be read has created nothing
    if old.ota_update_id == wanted.ota_update_id:
        return {}
    return {"Leftover": {"Id": old.ota_update_id, "Content": old.content}}


def _bring_about(event: Event, wanted: Declared, service: OtaService, clock: Clock) -> Answer:
    """Create the update, or find what an earlier try, a duplicate event or the time before a rollback has left."""
    creation = Creation(event, wanted, service, clock)
    failure, passing = "", False
    try:
        creation.run()
    except NotYet as error:
        failure, passing = str(error), True
    except Exception as error:
        if not creation.tried:
            raise  # nothing of ours can exist, and no Delete may follow for what is somebody else's
        failure = str(error) if isinstance(error, HandlerError) else repr(error)
    if creation.turned_back and event["RequestType"] == "Update":
        return {"IdIsNew": False, "LeftAlone": True}
    if creation.turned_back:
        failure = "the stack is not being created any more"
    deployed = creation.seen is not None and identity.DEPLOYED_TAG in creation.seen.tags
    answer = {"IdIsNew": not deployed, "CreatedAt": clock.now()}
    return {**answer, "Failure": shorten(failure), "Passing": passing} if failure else answer
