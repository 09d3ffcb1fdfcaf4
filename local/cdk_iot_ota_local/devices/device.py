"""A simulated device: its check of the job document, and its behaviour."""

from __future__ import annotations

import base64
import binascii
import enum
import json
import re
from typing import Any

_SIGNATURE = re.compile(r"sig-(sha256|sha1)-(ecdsa|rsa)")
_FILE_MEMBERS = {"filepath": str, "filesize": int, "fileid": int}


class Behaviour(enum.Enum):
    """The outcome of a job on a device that accepts the job document."""

    SUCCEED = "succeed"
    FAIL = "fail"
    REJECT = "reject"
    SILENT = "silent"  # starts the job and never reports a result


def document_problem(text: str) -> str | None:
    """Return the reason why a device's OTA agent cannot use a job document, or None if it can.

    The agent checks what AWS IoT does not: a signature in the wrong encoding passes every API call
    and only fails on the device.
    """
    try:
        job = json.loads(text)["afr_ota"]
        files = job["files"]
    except (ValueError, KeyError, TypeError):
        return "the job document has no afr_ota member with files"
    if not files:
        return "the job document has no files"
    problems = (_file_problem(file, bool(job.get("streamname"))) for file in files)
    return next((problem for problem in problems if problem), None)


def _file_problem(file: dict[str, Any], has_stream: bool) -> str | None:
    for name, kind in _FILE_MEMBERS.items():
        value = file.get(name)
        if not isinstance(value, kind) or value == "":
            return f"{name} is missing"
    if not has_stream and not file.get("update_data_url"):
        return "streamname and update_data_url are both missing"
    return _signature_problem(file)


def _signature_problem(file: dict[str, Any]) -> str | None:
    found = [(match.group(2), value) for key, value in file.items() if (match := _SIGNATURE.fullmatch(key))]
    if not found:
        other = [key for key in file if key.startswith("sig-")]
        return f"signature member {other[0]} is unknown" if other else "the file is not signed"
    algorithm, text = found[0]
    try:
        signature = base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError, ValueError):
        return "the signature is not base64"
    if algorithm == "ecdsa" and signature[:1] != b"\x30":
        return "the signature is not a DER sequence: its base64 encoding is missing or doubled"
    return None
