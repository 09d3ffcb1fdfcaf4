"""The words with which agents report in the status details of a job. Nothing here makes a call."""

from __future__ import annotations

from .document import JobFile
from .image import Firmware, Version
from .problem import Cause, Problem
from .profile import Profile

Details = dict[str, str]

_BLOCK_BYTES = 4_096
# AWS IoT refuses longer values.
_DETAIL_CHARACTERS = 1_024
_NO_VERSION = (0, 0, 0)
# What an agent without codes can say before it loads anything.
_REJECTED = (Cause.DOCUMENT, Cause.EMPTY_FILE, Cause.PROTOCOL)


def receiving(file: JobFile, profile: Profile) -> Details:
    """Return the details of a device that has received the first block."""
    return {"receive": f"1/{-(-file.size // _BLOCK_BYTES)}"} if profile.reports_codes else {}


def self_test(state: str, reporting: Firmware | None) -> Details:
    """Return the details of a device that is "ready" to start new firmware, or has started it: "active".

    reporting: what runs at that moment, the old or the new firmware.
    """
    major, minor, build = _version(reporting)
    return {"self_test": state, "updatedBy": f"0x{major << 24 | minor << 16 | build:08x}"}


def accepted(file: JobFile, new: Firmware, running: Firmware | None, profile: Profile) -> Details:
    """Return the details of a device that runs the new firmware, or has saved another file.

    For other files AWS's agent reports the type in place of the version. The two spaces are the agent's.
    """
    if not profile.reports_codes:
        return {}
    if not file.is_firmware:
        return {"reason": f"accepted  v{_text((0, 0, file.type or 0))}", "updatedBy": f"  v{_text(_NO_VERSION)}"}
    return {"reason": f"accepted  v{_text(_version(new))}", "updatedBy": f"  v{_text(_version(running))}"}


def refused(problem: Problem, profile: Profile) -> tuple[str, Details]:
    """Return the status and the details of a device that does not install an update."""
    if profile.reports_codes:
        return "FAILED", {"reason": problem.cause.value}
    status = "REJECTED" if problem.cause in _REJECTED else "FAILED"
    return status, {"reason": problem.text[:_DETAIL_CHARACTERS]}


def _version(firmware: Firmware | None) -> Version:
    return (firmware.version if firmware else None) or _NO_VERSION


def _text(version: Version) -> str:
    return ".".join(map(str, version))
