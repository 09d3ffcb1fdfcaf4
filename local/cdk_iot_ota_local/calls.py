"""A record of the calls that the emulator was asked for, in order."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call to AWS IoT or S3.

    status is the HTTP status that the caller saw, 0 where the connection was cut; fault is the
    kind of the fault that met the call, if any.
    """

    service: str
    operation: str
    ota_update_id: str | None
    status: int
    fault: str | None
    time: float = field(default_factory=time.time)


class CallLog:
    """The calls so far."""

    def __init__(self) -> None:
        self._calls: list[Call] = []

    def add(self, call: Call) -> None:
        """Note a call that has ended."""
        self._calls.append(call)

    def clear(self) -> None:
        """Forget them."""
        self._calls.clear()

    def as_dicts(self) -> list[dict[str, Any]]:
        """The calls for a JSON answer."""
        return [asdict(call) for call in self._calls]
