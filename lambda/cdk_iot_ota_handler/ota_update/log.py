"""One JSON line per decision, enough to reconstruct a deploy from the log group alone.

JSON escapes every character that could end a line or color it, so that no event can forge a line.
"""

import json
import math
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .contract import timeouts
from .decide import Action, Decision
from .desired import Event
from .observed import Alarm, Execution, Observed

# CloudWatch Logs breaks a line after 256 KB, and JSON may need six characters for one.
_LONGEST = 4_000
_CAUSES = 5
_FOLDER = Path(__file__).parent


class LogPace:
    """The looks of one invocation at a gate that waits which are worth a line: each change, and one a minute without.

    A change is one of what the gate has seen, and not of the words of its decision, which may count seconds.
    """

    def __init__(self) -> None:
        self._seen: object = None
        self._logged_at = -math.inf

    def is_due(self, seen: object, now: float) -> bool:
        """Return whether a look is worth a line. ``now``: in seconds since 1970."""
        return seen != self._seen or now - self._logged_at >= timeouts.LOG_INTERVAL

    def note(self, seen: object, now: float) -> None:
        """Remember a look that was logged."""
        self._seen, self._logged_at = seen, now


def log_decision(
    event: Event,
    ota_update_id: str,
    observed: Observed | None,
    decision: Decision,
    metrics: Mapping[str, Any] | None = None,
) -> None:
    """Print a decision and what it is based on, never the properties or the response URL; and metrics, as they are."""
    status = observed.status if observed else None
    decided = {"observed": status, "decision": decision.action.value, "reason": decision.reason}
    _print(event, {"otaUpdateId": ota_update_id, **decided}, metrics)


def log_error(event: Event, ota_update_id: str, error: Exception) -> None:
    """Print why a call cannot be made right now."""
    log_decision(event, ota_update_id, None, Decision(Action.WAIT, str(error)))


def log_device(event: Event, ota_update_id: str, execution: Execution) -> None:
    """Print the part of a device in a rollout, and what it has reported."""
    details = None if execution.details is None else json.dumps(execution.details)
    found = {"device": execution.thing, "status": execution.status, "details": details}
    _print(event, {"otaUpdateId": ota_update_id, **found})


def log_alarm(event: Event, ota_update_id: str, alarm: Alarm) -> None:
    """Print an alarm that rings, with the whole reason of its state."""
    _print(event, {"otaUpdateId": ota_update_id, "alarm": alarm.name, "state": alarm.state, "reason": alarm.reason})


def log_failure(event: Event, reason: str) -> None:
    """Print the reason that CloudFormation gets for a failed event."""
    _print(event, {"failed": reason})


def log_bug(event: Event, error: BaseException) -> None:
    """Print where an unexpected error was raised, without its message, which may quote the event."""
    frames: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(frames) < _CAUSES:
        frames.append("".join([*traceback.format_tb(cause.__traceback__), type(cause).__name__]))
        cause = cause.__cause__ or cause.__context__
    _print(event, {"traceback": "\n".join(frames)})


def place(error: BaseException) -> str:
    """Return the last place of the handler's own code that an error came through, as file, line and function."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(_FOLDER)]
    return "".join(f"{Path(frame.filename).name}:{frame.lineno} ({frame.name})" for frame in own[-1:]) or "its runtime"


def _print(event: Event, line: Mapping[str, Any], metrics: Mapping[str, Any] | None = None) -> None:
    named = {"event": "RequestType", "stack": "StackId", "resource": "LogicalResourceId", "request": "RequestId"}
    shown = {**{name: event.get(key) for name, key in named.items()}, **line}
    texts = {name: _cut(value) for name, value in shown.items()}
    print(json.dumps({**texts, **(metrics or {})}), flush=True)


def _cut(value: Any) -> str | None:
    """Return the value as text, so short that CloudWatch Logs does not break the line."""
    return None if value is None else str(value)[:_LONGEST]
