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
    if event.get("LeftAlone"):
        return {"IsComplete": True, "Data": _known_attributes(wanted)}
    waited = clock.now() - float(event["StartedAt"])
    look = _look_at_deletion if event["RequestType"] == "Delete" else _look_at_creation
    try:
        return look(event, wanted, service, clock, waited)
    except NotYet as error:
        # Any error here is final for CloudFormation, so what may pass is "not yet", but not for ever.
        deadline = budgets.HANDLER_DEADLINE if event["RequestType"] == "Delete" else budgets.CREATION_DEADLINE
        if waited > (budgets.IAM_PATIENCE if isinstance(error, NotAuthorized) else deadline):
            raise HandlerError(str(error)) from error
        log(event, wanted.ota_update_id, None, Decision(Action.WAIT, str(error)))
        return NOT_YET


def _look_at_creation(event: Event, wanted: Declared, service: OtaService, clock: Clock, waited: float) -> Answer:
    ota_update_id = wanted.ota_update_id
    seen = service.look(ota_update_id, clock.now())
    decision = decide.completion(
        wanted, seen, failure=event.get("Failure"), id_is_new=event.get("IdIsNew", True), waited=waited
    )
    log(event, ota_update_id, seen, decision)
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
    decision = decide.deletion(wanted, ota_update_id, seen, waited=waited)
    log(event, ota_update_id, seen, decision)
    match decision.action:
        case Action.DONE:
            return {"IsComplete": True}
        case Action.FAIL:
            raise HandlerError(decision.why)
        case Action.DELETE:
            _delete(ota_update_id, wanted, service)
    return NOT_YET


def _delete(ota_update_id: str, wanted: Declared, service: OtaService) -> None:
    try:
        service.delete(ota_update_id, delete_stream=wanted.delete_stream, force_delete_job=wanted.force_delete_job)
    except HandlerError as error:
        if wanted.force_delete_job:
            raise
        raise HandlerError(
            f"{error} (a job that has not ended is deleted by force only: set force_delete_job=True)"
        ) from error


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
