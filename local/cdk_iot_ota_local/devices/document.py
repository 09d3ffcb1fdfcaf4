"""Read the files to load from a job document, as an OTA agent does. Nothing here makes a call."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any

from .problem import Cause, Problem
from .profile import Profile

# The paths as the document has them: agents do not unescape.
_PATHS = re.compile(r'"filepath"\s*:\s*(?:null|"((?:[^"\\]|\\.)*)")')
_FIRMWARE = 0


@dataclass(frozen=True, kw_only=True)
class JobFile:
    """A file that a device has to load and verify.

    size: in bytes.
    path: where the device saves it, still escaped as in JSON.
    certificate: the name of the certificate; empty if it is not set.
    algorithm, signature: such as "sha256-ecdsa", and the decoded signature; both are empty for a file without one,
        and `unsigned` says why.
    stream, url: where it is loaded from; one of the two is empty.
    type: None if it is not set.
    """

    file_id: int
    size: int
    path: str
    certificate: str
    algorithm: str
    signature: bytes
    unsigned: str
    stream: str
    url: str
    type: int | None

    @property
    def is_firmware(self) -> bool:
        """True for what an agent runs, False for any other file."""
        return self.file_id == 0 and (self.type or _FIRMWARE) == _FIRMWARE


class _RefusedError(Exception):
    def __init__(self, cause: Cause, text: str) -> None:
        super().__init__(text)
        self.problem = Problem(cause, text)


def read_document(text: str, profile: Profile) -> tuple[JobFile, ...] | Problem:
    """Return the files that an agent of this profile loads, or why it loads none.

    AWS IoT checks little of this: for example, a signature in the wrong encoding passes every API call and only fails
    on the device.
    """
    try:
        return _Reader(text, profile).files()
    except _RefusedError as refused:
        return refused.problem


class _Reader:
    def __init__(self, text: str, profile: Profile) -> None:
        self._text, self._profile = text, profile

    def files(self) -> tuple[JobFile, ...]:
        self._limit("the job document", len(self._text.encode()), self._profile.maximum_document_bytes, "bytes")
        job, entries = self._parse()
        protocol = self._protocol(job)
        paths = _PATHS.findall(self._text)
        taken = entries if self._profile.takes_all_files else entries[:1]
        return tuple(
            self._file(entry, job, protocol, paths[index] if index < len(paths) else "")
            for index, entry in enumerate(taken)
        )

    def _parse(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        try:
            job = json.loads(self._text)["afr_ota"]
            entries = list(job["files"])
        except (ValueError, KeyError, TypeError):
            raise _RefusedError(Cause.DOCUMENT, "the job document has no afr_ota member with files") from None
        if not entries or not all(isinstance(entry, dict) for entry in entries):
            raise _RefusedError(Cause.DOCUMENT, "the job document has no files")
        return job, entries

    def _protocol(self, job: dict[str, Any]) -> str:
        offered = job.get("protocols") or []
        found = next((protocol for protocol in offered if protocol in self._profile.protocols), None)
        if found is None:
            known = " or ".join(self._profile.protocols)
            raise _RefusedError(Cause.PROTOCOL, f"protocols must have {known}, got {offered!r}")
        return str(found)

    def _file(self, entry: dict[str, Any], job: dict[str, Any], protocol: str, path: str) -> JobFile:
        self._limit("the presigned URL", len(entry.get("update_data_url") or ""), self._profile.maximum_url_characters)
        for name in self._profile.required_members:
            if name not in entry:
                raise _RefusedError(Cause.DOCUMENT, f"{name} is missing")
        size = self._number(entry, "filesize")
        if not size:
            raise _RefusedError(Cause.EMPTY_FILE, "filesize is 0")
        self._limit("the file", size, self._profile.maximum_file_bytes, "bytes")
        algorithm, signature = self._signature(entry)
        return JobFile(
            file_id=self._number(entry, "fileid"),
            size=size,
            path=self._path(entry, path),
            certificate=entry.get("certfile") or "",
            algorithm=algorithm,
            signature=signature,
            unsigned="" if signature else self._missing_signature(entry),
            type=entry.get("fileType"),
            **self._source(entry, job, protocol),
        )

    @staticmethod
    def _number(entry: dict[str, Any], name: str) -> int:
        value = entry.get(name)
        if not isinstance(value, int) or value < 0:
            raise _RefusedError(Cause.DOCUMENT, f"{name} must be a whole number, got {value!r}")
        return value

    def _path(self, entry: dict[str, Any], path: str) -> str:
        if not entry.get("filepath"):
            raise _RefusedError(Cause.DOCUMENT, "filepath is missing")
        limit = self._profile.maximum_path_characters
        if limit is not None and len(path.encode()) > limit:
            raise _RefusedError(Cause.DOCUMENT, f"filepath must have at most {limit} bytes, got {len(path.encode())}")
        return path

    @staticmethod
    def _source(entry: dict[str, Any], job: dict[str, Any], protocol: str) -> dict[str, str]:
        stream, url = job.get("streamname") or "", entry.get("update_data_url") or ""
        source = {"stream": stream, "url": ""} if protocol == "MQTT" else {"stream": "", "url": url}
        if not any(source.values()):
            missing = "streamname" if protocol == "MQTT" else "update_data_url"
            raise _RefusedError(Cause.DOCUMENT, f"{missing} is missing")
        return source

    def _signature(self, entry: dict[str, Any]) -> tuple[str, bytes]:
        name = next((member for member in self._profile.signature_members if member in entry), None)
        if name is None:
            return "", b""
        try:
            signature = base64.b64decode(entry[name], validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise _RefusedError(Cause.DOCUMENT, "the signature is not base64") from None
        limit = self._profile.maximum_signature_bytes
        if limit is not None and len(signature) > limit:
            raise _RefusedError(Cause.DOCUMENT, f"the signature must have at most {limit} bytes, got {len(signature)}")
        return name.removeprefix("sig-"), signature

    def _missing_signature(self, entry: dict[str, Any]) -> str:
        """Return why a file has no signature; AWS's agent notices it when it verifies the file, a parser at once."""
        found = sorted(member for member in entry if member.startswith("sig-"))
        known = " or ".join(self._profile.signature_members)
        text = f"the signature must be {known}, got {found[0]}" if found else "the file is not signed"
        if not self._profile.reports_codes:
            raise _RefusedError(Cause.DOCUMENT, text)
        return text

    def _limit(self, what: str, value: int, limit: int | None, unit: str = "characters") -> None:
        if limit is not None and value > limit:
            agent = f"the {self._profile.name} agent"
            raise _RefusedError(
                Cause.OVER_LIMIT, f"{what} must have at most {limit:,} {unit} for {agent}, got {value:,}"
            )
