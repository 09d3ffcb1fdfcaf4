"""The record of one call to the emulator."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call to AWS IoT or S3, or to CloudWatch about alarms.

    ota_update_id, alarm: the OTA update, or the first alarm, that the call names, if any.
    status: the HTTP status that the caller received, 0 if the connection was cut.
    fault: the kind of the fault that was injected, if any.
    """

    service: str
    operation: str
    ota_update_id: str | None
    status: int
    fault: str | None
    alarm: str | None = None
    time: float = field(default_factory=time.time)
