"""The Provider framework's repeated call for an event: look, decide, and say whether it is over. Never creates."""

from collections.abc import Mapping
from typing import Any

from . import budgets, decide, identity
from .clock import Clock
from .decide import Action, Decision
from .declared import Declared, Event, declared
from .errors import HandlerError, NotAuthorized, NotYet
from .log import log
from .seen import Seen
from .service import OtaService

Answer = dict[str, Any]

NOT_YET: Answer = {"IsComplete": False}


def is_complete(event: Event, service: OtaService, clock: Clock) -> Answer:
    """Whether an event is over. Raises HandlerError with the reason when it has failed."""
    wanted = declared(event)
    waited = clock.now() - float(event["StartedAt"])
    try:
        if event.get("Leftover") and not _leftover_is_gone(event, wanted, service, clock, waited):
            return NOT_YET
        if event.get("LeftAlone"):
            return {"IsComplete": True, "Data": _known_attributes(wanted)}
        look = _look_at_deletion if event["RequestType"] == "Delete" else _look_at_creation
        return look(event, wanted, service, clock, waited)
    except NotYet as error:
        # Any error here is final for CloudFormation, so what may pass is "not yet", but not for ever.
        deadline = budgets.HANDLER_DEADLINE if event["RequestType"] == "Delete" else budgets.CREATION_DEADLINE
        if waited > (budgets.IAM_PATIENCE if isinstance(error, NotAuthorized) else deadline):
            raise HandlerError(str(error)) from error
        log(event, wanted.ota_update_id, None, Decision(Action.WAIT, str(error)))
        return NOT_YET


def _leftover_is_gone(event: Event, wanted: Declared, service: OtaService, clock: Clock, waited: float) -> bool:
    """Remove what the deploy that is rolled back has made; a rollback never fails for it."""
    if waited > budgets.DELETION_PATIENCE:
        return True
    left = event["Leftover"]["Id"]
    try:
        seen = service.look(left, clock.now())
        if seen is not None and not decide.leftover(wanted, seen, event["Leftover"]["Content"]):
            return True
        decision = decide.deletion(wanted, left, seen, answered=False, waited=waited)
        log(event, left, seen, decision)
        if decision.action is Action.DELETE:
            service.delete(left, delete_stream=wanted.delete_stream, force_delete_job=wanted.force_delete_job)
        return decision.action in (Action.DONE, Action.FAIL)
    except NotAuthorized:
        # An id that this stack has no permission on was not made by it, or not in a way that it could mend.
        return waited > budgets.IAM_PATIENCE
    except HandlerError:
        return False


def _look_at_creation(event: Event, wanted: Declared, service: OtaService, clock: Clock, waited: float) -> Answer:
    seen = service.look(wanted.ota_update_id, clock.now())
    decision = decide.completion(
        wanted,
        seen,
        failure=event.get("Failure"),
        passing=event.get("Passing", False),
        id_is_new=event.get("IdIsNew", True),
        waited=waited,
        visible_for=clock.now() - float(event.get("CreatedAt", event["StartedAt"])),
    )
    log(event, wanted.ota_update_id, seen, decision)
    match decision.action:
        case Action.WAIT:
            return NOT_YET
        case Action.MARK if seen is not None:
            service.tag(seen.attributes["OtaUpdateArn"], {identity.DEPLOYED_TAG: "true"})
        case Action.DELETE_AND_FAIL:
            _remove(wanted, service)
            raise HandlerError(decision.why)
        case Action.FAIL:
            raise HandlerError(decision.why)
    return {"IsComplete": True, "Data": dict(_attributes(seen))}


def _remove(wanted: Declared, service: OtaService) -> None:
    """Begin to remove what this event made; the Delete that CloudFormation sends now waits for the end."""
    try:
        service.delete(
            wanted.ota_update_id, delete_stream=wanted.delete_stream, force_delete_job=wanted.force_delete_job
        )
    except (HandlerError, NotYet):
        return


def _look_at_deletion(event: Event, wanted: Declared, service: OtaService, clock: Clock, waited: float) -> Answer:
    ota_update_id = event["Means"]
    seen = service.look(ota_update_id, clock.now())
    answered = ota_update_id == event["PhysicalResourceId"]
    decision = decide.deletion(wanted, ota_update_id, seen, answered=answered, waited=waited)
    log(event, ota_update_id, seen, decision)
    match decision.action:
        case Action.DONE:
            return {"IsComplete": True}
        case Action.FAIL:
            raise HandlerError(decision.why)
        case Action.DELETE:
            _delete(ota_update_id, wanted, service, waited)
    return NOT_YET


def _delete(ota_update_id: str, wanted: Declared, service: OtaService, waited: float) -> None:
    try:
        service.delete(ota_update_id, delete_stream=wanted.delete_stream, force_delete_job=wanted.force_delete_job)
    except HandlerError as error:
        if not wanted.force_delete_job:
            remedy = "a job that has not ended is deleted by force only: set force_delete_job=True"
            raise HandlerError(f"{error} ({remedy})") from error
        if waited > budgets.DELETION_PATIENCE:
            raise
        # Something else changes it right now, another look at the same deletion for example.


def _attributes(seen: Seen | None) -> Mapping[str, str]:
    return seen.attributes if seen else {}


def _known_attributes(wanted: Declared) -> dict[str, str]:
    """The attributes of an update that nobody has to look at: AWS IoT names its job after it."""
    _, partition, _, region, account, _ = wanted.stack_id.split(":", 5)
    arn = f"arn:{partition}:iot:{region}:{account}"
    job_id = f"AFR_OTA-{wanted.ota_update_id}"
    return {
        "OtaUpdateArn": f"{arn}:otaupdate/{wanted.ota_update_id}",
        "JobId": job_id,
        "JobArn": f"{arn}:job/{job_id}",
        "Status": "CREATE_COMPLETE",
    }
