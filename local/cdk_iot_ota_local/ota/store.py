"""The state of the OTA service, separate for each account and Region."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from ..ministack.emulator import Emulator
from ..ministack.iot import find_job, set_tags
from ..ministack.signer import Signer
from ..settings import Settings
from .errors import throttled
from .records import Stream, Update

# Calls per second in an account and Region, see the quotas of AWS IoT.
_RATES = {"CreateOTAUpdate": 10, "DeleteOTAUpdate": 5, "GetOTAUpdate": 15, "ListOTAUpdates": 15}


class Store:
    """Updates, streams, settings, the keys of AWS Signer, and the times of recent calls."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self.settings = Settings()
        self.signer = Signer(emulator)
        # Scoped by the account and the Region of the request that is being served.
        self.updates: Any = emulator.responses.AccountRegionScopedDict()
        self.streams: Any = emulator.responses.AccountRegionScopedDict()
        self._recent: dict[tuple[str, str, str], deque[float]] = {}

    def clear(self) -> None:
        """Forget everything but the settings."""
        self.updates.clear()
        self.streams.clear()
        self._recent.clear()

    def arn(self, kind: str, name: str) -> str:
        """Return the ARN of an AWS IoT resource in the request's account and Region."""
        return f"arn:aws:iot:{self._emulator.region()}:{self._emulator.account()}:{kind}/{name}"

    def job(self, update: Update) -> Any:
        """Return the job that was created for an update, None if it has none or it was deleted."""
        return find_job(self._emulator, update.job_id) if update.job_arn else None

    def own_stream(self, update: Update) -> Stream | None:
        """Return the stream that was created for an update; never one of the user's."""
        found: Stream | None = self.streams.get(update.stream_id)
        return found

    def forget(self, update: Update) -> None:
        """Remove an update and its tags."""
        self.updates.pop(update.ota_update_id, None)
        set_tags(self._emulator, update.arn, None)

    def forget_stream(self, stream_id: str) -> None:
        """Remove a stream and its tags."""
        stream = self.streams.pop(stream_id, None)
        if stream is not None:
            set_tags(self._emulator, stream.arn, None)

    def count(self, operation: str) -> None:
        """Raise a ThrottlingException for a call over its operation's rate, if rate_limits is set."""
        rate = _RATES.get(operation)
        if rate is None or not self.settings.rate_limits:
            return
        key = (self._emulator.account(), self._emulator.region(), operation)
        recent, now = self._recent.setdefault(key, deque()), time.monotonic()
        while recent and now - recent[0] > 1:
            recent.popleft()
        if len(recent) >= rate:
            raise throttled()
        recent.append(now)
