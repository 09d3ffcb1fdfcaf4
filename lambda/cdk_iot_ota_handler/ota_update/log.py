"""One line of JSON for each decision: who reads the log group understands a deploy."""

import json
from typing import Any

from .decide import Action, Decision
from .declared import Event
from .errors import NotYet
from .seen import Seen


def log(event: Event, ota_update_id: str, seen: Seen | None, decision: Decision) -> None:
    """Print a decision with what it rests on; neither the properties nor the response URL are in it."""
    decided = {"seen": seen.status if seen else None, "decided": decision.action.value, "why": decision.why}
    _print(event, {"otaUpdateId": ota_update_id, **decided})


def log_trouble(event: Event, ota_update_id: str, trouble: NotYet) -> None:
    """Print why something can not be seen or done right now."""
    log(event, ota_update_id, None, Decision(Action.WAIT, str(trouble)))


def log_failure(event: Event, reason: str) -> None:
    """Print what CloudFormation is answered when the event has failed."""
    _print(event, {"failed": reason})


def _print(event: Event, line: dict[str, Any]) -> None:
    named = {"event": "RequestType", "stack": "StackId", "resource": "LogicalResourceId", "request": "RequestId"}
    print(json.dumps({**{name: event.get(key) for name, key in named.items()}, **line}), flush=True)
