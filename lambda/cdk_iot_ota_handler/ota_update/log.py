"""One line of JSON for each decision: who reads the log group understands a deploy.

JSON has an escape for each character that could end a line or colour it, so nothing in an event can make up a line.
"""

import json
import traceback
from typing import Any

from .decide import Action, Decision
from .desired import Event
from .observed import Observed

# CloudWatch Logs breaks a line after 256 KB, and JSON may write six letters for one.
_LONGEST = 4_000
_CAUSES = 5


def log(event: Event, ota_update_id: str, seen: Observed | None, decision: Decision) -> None:
    """Print a decision with what it rests on; neither the properties nor the response URL are in it."""
    decided = {"seen": seen.status if seen else None, "decided": decision.action.value, "why": decision.why}
    _print(event, {"otaUpdateId": ota_update_id, **decided})


def log_trouble(event: Event, ota_update_id: str, trouble: Exception) -> None:
    """Print why something can not be seen or done right now."""
    log(event, ota_update_id, None, Decision(Action.WAIT, str(trouble)))


def log_failure(event: Event, reason: str) -> None:
    """Print what CloudFormation is answered when the event has failed."""
    _print(event, {"failed": reason})


def log_bug(event: Event, error: BaseException) -> None:
    """Print where an unexpected error was raised. Its own words are left out: they may quote the event."""
    frames: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(frames) < _CAUSES:
        frames.append("".join([*traceback.format_tb(cause.__traceback__), type(cause).__name__]))
        cause = cause.__cause__ or cause.__context__
    _print(event, {"traceback": "\n".join(frames)})


def _print(event: Event, line: dict[str, Any]) -> None:
    named = {"event": "RequestType", "stack": "StackId", "resource": "LogicalResourceId", "request": "RequestId"}
    shown = {**{name: event.get(key) for name, key in named.items()}, **line}
    print(json.dumps({name: _cut(value) for name, value in shown.items()}), flush=True)


def _cut(value: Any) -> str | None:
    """The value as text, so short that CloudWatch Logs does not break the line."""
    return None if value is None else str(value)[:_LONGEST]
