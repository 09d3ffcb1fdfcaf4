"""Faults as the server keeps them: which are on, and which one meets a call."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from .errors import LocalAwsError

CALL_KINDS = ("throttle", "error_500", "error_503", "cut_before", "cut_after", "delay")
CREATION_KINDS = ("fail_creation", "slow_creation")


@dataclass(kw_only=True)
class Fault:
    """One fault.

    kind: one of CALL_KINDS, which meet calls of `operation`, or of CREATION_KINDS, which meet
        the work of AWS IoT after CreateOTAUpdate.
    operation: the API operation, such as "GetOTAUpdate"; None for every one.
    times: after so many calls it is over; for_seconds: after so long. Neither: until cleared.
    id_prefix: only updates whose id starts with it.
    delay_seconds: how much longer, for "delay" and "slow_creation".
    code, message: the errorInfo of "fail_creation"; without a code there is none, as AWS allows.
    leave_stream: whether "fail_creation" happens after the stream was made.
    """

    kind: str
    operation: str | None = None
    times: int | None = None
    for_seconds: float | None = None
    id_prefix: str = ""
    delay_seconds: float = 0.0
    code: str | None = None
    message: str | None = None
    leave_stream: bool = False
    started: float = field(default_factory=time.monotonic, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in CALL_KINDS + CREATION_KINDS:
            known = ", ".join(CALL_KINDS + CREATION_KINDS)
            raise LocalAwsError(f"there is no fault {self.kind!r}: use one of {known}")
        if self.times is not None and self.times < 1:
            raise LocalAwsError(f"times must be at least 1, got {self.times!r}: leave it out for no limit")

    @property
    def over(self) -> bool:
        """Whether the fault has run out."""
        late = self.for_seconds is not None and time.monotonic() - self.started > self.for_seconds
        return late or self.times == 0

    def matches(self, operation: str | None, ota_update_id: str | None) -> bool:
        """Whether the fault meets this operation on this update."""
        if self.operation is not None and self.operation != operation:
            return False
        return not self.id_prefix or (ota_update_id or "").startswith(self.id_prefix)


class FaultRules:
    """The faults that are switched on."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, description: dict[str, Any]) -> None:
        """Switch one on; LocalAwsError for a description that makes no sense."""
        try:
            self._faults.append(Fault(**description))
        except TypeError as error:
            raise LocalAwsError(f"fault {description!r} is not understood: {error}") from error

    def clear(self) -> None:
        """Switch all off."""
        self._faults.clear()

    def take(self, kinds: tuple[str, ...], operation: str | None, ota_update_id: str | None) -> Fault | None:
        """The first fault of these kinds that meets the call, counted down; None if there is none."""
        self._faults = [fault for fault in self._faults if not fault.over]
        for fault in self._faults:
            if fault.kind in kinds and fault.matches(operation, ota_update_id):
                fault.times = None if fault.times is None else fault.times - 1
                return fault
        return None
