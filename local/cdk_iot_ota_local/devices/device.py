"""A simulated device: what it makes of a job document, and how it behaves."""

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
    """What a device does with a job that it understands."""

    SUCCEED = "succeed"
    FAIL = "fail"
    REJECT = "reject"
    SILENT = "silent"  # takes the job and never reports again


def document_problem(text: str) -> str | None:
    """Why a device's OTA agent cannot use a job document, or None when it can.

    The agent checks what AWS IoT never looks at: a signature in a wrong encoding passes every
    call of the API and shows only here.
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
        return "neither streamname nor update_data_url is there"
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
        return "the signature is not a DER sequence, its base64 is missing or doubled"
    return None
