"""Why a device does not install an update."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Cause(enum.Enum):
    """The part of an update that a device refuses; the value is how AWS's OTA agent reports it.

    The agent's codes are `<reason>: <detail>` in hexadecimal digits, with a word in place of the reason once it has
    accepted the job document. It reports nothing about a job that does not fit into its buffers.
    """

    OVER_LIMIT = ""
    DOCUMENT = "0x0000000c: 0x00000004"
    EMPTY_FILE = "0x0000000c: 0x00000003"
    PROTOCOL = "aborted: 0x0000000d"
    DOWNLOAD = "aborted: 0x0000000e"
    SIGNATURE = "0x000000e3: 0x00000000"
    CERTIFICATE = "0x000000e7: 0x00000000"
    OLDER_VERSION = "rejected: 0x0000000f"
    SAME_VERSION = "rejected: 0x00000010"


@dataclass(frozen=True)
class Problem:
    """The cause, and a text for people with the value that is wrong."""

    cause: Cause
    text: str

    @property
    def is_reported(self) -> bool:
        """False if a device stays silent about the problem, so that its job stays QUEUED."""
        return self.cause is not Cause.OVER_LIMIT
