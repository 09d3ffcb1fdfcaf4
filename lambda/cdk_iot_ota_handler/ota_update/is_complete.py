"""`is_complete` of the Provider framework: poll until the event has finished."""

from typing import Any

from . import event_rules, gate_link
from .contract import names
from .create import Creation
from .delete import Deletion
from .desired import Desired, Event
from .retry import Clock
from .service import OtaService

Answer = dict[str, Any]


def is_complete(event: Event, service: OtaService, clock: Clock) -> Answer:
    """Return whether an event has finished. Raises FatalError with the reason when it has failed.

    Any error is final for CloudFormation, so that what may succeed later is "not complete" until a deadline.
    """
    if event.get("ResourceType") == names.LINK_TYPE:
        return gate_link.is_complete(event, service, clock)
    event_rules.check_poll(event)
    desired = Desired.from_event(event)
    begun = clock.now()
    deletion = Deletion(event, desired, service, clock)
    if event["RequestType"] == "Delete":
        return {"IsComplete": deletion.poll()}
    creation = Creation(event, desired, service, clock, begun)
    attributes = creation.poll() if deletion.poll_leftover(creation.timeout) else None
    return {"IsComplete": False} if attributes is None else {"IsComplete": True, "Data": dict(attributes)}
