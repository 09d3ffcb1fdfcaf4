"""An image that a device has loaded, and whether it is newer than what runs. Nothing here makes a call."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from .problem import Cause, Problem
from .profile import Profile

_VERSION = re.compile(rb"(\d{1,3})\.(\d{1,3})\.(\d{1,5})")
_VERSION_WITHIN = 64

Version = tuple[int, int, int]


class Image:
    """The bytes that devices have loaded. They share one object, and so the digests."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self._digests: dict[str, bytes] = {}

    def digest(self, algorithm: str) -> bytes:
        """Return the digest by "sha256" or "sha1"."""
        if algorithm not in self._digests:
            self._digests[algorithm] = hashlib.new(algorithm, self.content).digest()
        return self._digests[algorithm]


@dataclass(frozen=True, kw_only=True)
class Firmware:
    """Installed firmware: where it is saved, its SHA-256, and its version if that is known."""

    path: str
    digest: bytes
    version: Version | None


def find_version(content: bytes) -> Version | None:
    """Return the version in the first 64 bytes of an image, such as 1.4.2, or None."""
    found = _VERSION.search(content[:_VERSION_WITHIN])
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def version_problem(new: Firmware, running: Firmware | None, profile: Profile) -> Problem | None:
    """Return why a device keeps what it runs, if the new firmware is not newer; otherwise None.

    Firmware without a version is as old as other firmware with the same bytes, and otherwise newer.
    """
    if running is None or profile.allows_downgrade:
        return None
    versions = f"it is {_text(new)}, and the device runs {_text(running)}"
    if new.digest == running.digest or (new.version is not None and new.version == running.version):
        return Problem(Cause.SAME_VERSION, f"the firmware is not newer: {versions}")
    if new.version is not None and running.version is not None and new.version < running.version:
        return Problem(Cause.OLDER_VERSION, f"the firmware is older: {versions}")
    return None


def _text(firmware: Firmware) -> str:
    if firmware.version is None:
        return f"the image with SHA-256 {firmware.digest.hex()[:8]}"
    return ".".join(map(str, firmware.version))
