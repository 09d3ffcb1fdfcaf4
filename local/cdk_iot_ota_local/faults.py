"""Faults: which are switched on, which one a call meets, and the error answer that it gets."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

from .errors import LocalAwsError

CALL_KINDS = ("throttle", "error_500", "error_503", "cut_before", "cut_after", "delay")
CREATION_KINDS = ("fail_creation", "slow_creation")

# kind -> (code, message, status)
_IOT_ERRORS = {
    "throttle": ("ThrottlingException", "Rate exceeded", 429),
    "error_500": ("InternalFailureException", "An unexpected error has occurred.", 500),
    "error_503": ("ServiceUnavailableException", "The service is temporarily unavailable.", 503),
}
_ALARM_ERRORS = {
    "throttle": ("Throttling", "Rate exceeded", 400),
    "error_500": ("InternalServiceFault", "Request processing has failed due to some unknown error.", 500),
    "error_503": ("ServiceUnavailable", "The request has failed due to a temporary failure of the server.", 503),
}
_S3_ERRORS = {
    "throttle": ("SlowDown", "Please reduce your request rate.", 503),
    "error_500": ("InternalError", "We encountered an internal error. Please try again.", 500),
    "error_503": ("ServiceUnavailable", "Reduce your request rate.", 503),
}


@dataclass(kw_only=True)
class Fault:
    """One fault.

    kind: one of CALL_KINDS, which affect calls of `operation`, or of CREATION_KINDS, which affect
        the asynchronous work after CreateOTAUpdate.
    operation: the API operation, such as "GetOTAUpdate"; None for all of them.
    times: how many calls it affects; for_seconds: how long it lasts. Neither: until cleared.
    id_prefix: affect only calls about updates with an id, or alarms with a name, that starts with it.
    delay_seconds: the delay of "delay" and "slow_creation".
    code, message: the errorInfo of "fail_creation"; without a code there is none, as AWS allows.
    leave_stream: let "fail_creation" fail after the stream was created.
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
        """True once the fault has run out."""
        late = self.for_seconds is not None and time.monotonic() - self.started > self.for_seconds
        return late or self.times == 0

    def matches(self, operation: str | None, name: str | None) -> bool:
        """Return whether the fault affects this operation on the update or alarm of this name."""
        if self.operation is not None and self.operation != operation:
            return False
        return not self.id_prefix or (name or "").startswith(self.id_prefix)


class FaultRules:
    """The faults that are switched on."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, description: dict[str, Any]) -> None:
        """Switch a fault on; LocalAwsError for an invalid description."""
        try:
            self._faults.append(Fault(**description))
        except TypeError as error:
            raise LocalAwsError(f"fault {description!r} is invalid: {error}") from error

    def clear(self) -> None:
        """Switch all faults off."""
        self._faults.clear()

    def take(self, kinds: tuple[str, ...], operation: str | None, name: str | None) -> Fault | None:
        """Return the first fault of these kinds that affects the call, and count it; None if there is none."""
        self._faults = [fault for fault in self._faults if not fault.over]
        for fault in self._faults:
            if fault.kind in kinds and fault.matches(operation, name):
                fault.times = None if fault.times is None else fault.times - 1
                return fault
        return None


def error_answer(kind: str, service: str, method: str) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of the error that AWS IoT, S3 or CloudWatch answers with."""
    if service == "s3":
        code, message, status = _S3_ERRORS[kind]
        body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
        return status, {"content-type": "application/xml"}, b"" if method == "HEAD" else body.encode()
    if service == "monitoring":
        code, message, status = _ALARM_ERRORS[kind]
        headers = {"content-type": "application/x-amz-json-1.0"}
        return status, headers, json.dumps({"__type": code, "message": message}).encode()
    code, message, status = _IOT_ERRORS[kind]
    headers = {"content-type": "application/json", "x-amzn-errortype": code}
    return status, headers, json.dumps({"message": message}).encode()
