"""The record of one call to the emulator."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call to AWS IoT or S3.

    status: the HTTP status that the caller received, 0 if the connection was cut.
    fault: the kind of the fault that was injected, if any.
    """

    service: str
    operation: str
    ota_update_id: str | None
    status: int
    fault: str | None
    time: float = field(default_factory=time.time)
