"""The gate that a stack declares for an update, and what an update remembers of one that it has passed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .contract import limits
from .errors import FatalError
from .observed import JobProgress


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What devices have to show before a deploy goes on.

    ``success_percentage`` is text, so that it is exact. ``timeout`` is in seconds.
    """

    success_percentage: str
    maximum_failures: int
    minimum_devices: int
    timeout: int


def declared_gate(properties: Mapping[str, Any]) -> Gate | None:
    """The gate in a resource's properties. Raises FatalError with the member, the value and the limit."""
    given = properties.get("Gate")
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise FatalError(f"Gate must be a mapping, got {limits.shown(given)}")
    try:
        return Gate(
            success_percentage=_number(given, "SuccessPercentage", limits.SUCCESS_PERCENTAGE),
            maximum_failures=int(_number(given, "MaximumFailures", limits.MAXIMUM_FAILURES)),
            minimum_devices=int(_number(given, "MinimumDevices", limits.NUMBER_OF_THINGS)),
            timeout=60 * int(_number(given, "TimeoutInMinutes", limits.GATE_TIMEOUT_IN_MINUTES)),
        )
    except ValueError as error:
        raise FatalError(f"Gate: {error}") from None


def _number(given: Mapping[str, Any], name: str, limit: limits.Number) -> str:
    text = str(given.get(name))
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) is None:
        raise ValueError(f"{name} must be a number, got {limits.shown(given.get(name))}")
    limit.check(name, float(text))
    return text


def passed(rollout: JobProgress, seconds: float) -> str:
    """What the mark of a deployed update says of the gate that it has passed, in the letters that a tag may have."""
    return f"succeeded={rollout.succeeded} failed={rollout.failures} seconds={seconds:.0f}"


def attributes(mark: str) -> dict[str, str]:
    """What the mark says, as the resource's attributes; empty for an update that no gate has judged."""
    match = re.fullmatch(r"succeeded=(\d+) failed=(\d+) seconds=(\d+)", mark)
    found = match.groups() if match else ("", "", "")
    return dict(zip(("DevicesSucceeded", "DevicesFailed", "SecondsWaited"), found, strict=True))
