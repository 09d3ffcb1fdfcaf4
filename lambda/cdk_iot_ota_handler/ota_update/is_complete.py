"""The Provider framework's repeated call for an event: whether it is over."""

from typing import Any

from . import event_rules
from .clock import Clock
from .create import Creation
from .decide import Action, Decision
from .delete import Deletion
from .desired import Event, declared, same_update
from .log import log
from .service import OtaService

Answer = dict[str, Any]


def is_complete(event: Event, service: OtaService, clock: Clock) -> Answer:
    """Whether an event is over. Raises FatalError with the reason when it has failed.

    Any error here is final for CloudFormation, so what may pass is "not yet", until a deadline.
    """
    event_rules.check_look(event)
    wanted = declared(event)
    deletion = Deletion(event, wanted, service, clock)
    if event["RequestType"] == "Delete":
        return {"IsComplete": deletion.look()}
    # What a gate has seen is kept with the update, where its attributes are read again.
    if event["KeepsId"] and same_update(event) and wanted.gate is None:
        log(event, wanted.ota_update_id, None, Decision(Action.DONE, "nothing about the update changes"))
        return {"IsComplete": True, "Data": wanted.attributes}
    attributes = Creation(event, wanted, service, clock).look() if deletion.look_at_leftover() else None
    return {"IsComplete": False} if attributes is None else {"IsComplete": True, "Data": dict(attributes)}
