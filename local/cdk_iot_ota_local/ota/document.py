"""The job document that the OTA agent on a device reads."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from .objects import S3Object
from .signing import SignedDocument


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """A file of an update as the service found it; `signed` is None unless AWS Signer signed it."""

    request: dict[str, Any]
    file_id: int
    content: S3Object
    signed: SignedDocument | None = None

    @property
    def s3_location(self) -> dict[str, str]:
        """The location from which the stream reads it."""
        version = {"version": self.content.pinned} if self.content.pinned else {}
        return {"bucket": self.content.bucket, "key": self.content.key, **version}


def job_document(files: list[SourceFile], protocols: list[str], stream_id: str | None, region: str) -> str:
    """Return the document as JSON text, in the shape that the AWS OTA agent expects."""
    body: dict[str, Any] = {"protocols": protocols}
    if stream_id:
        body["streamname"] = stream_id
    body["files"] = [_entry(file, "HTTP" in protocols, region) for file in files]
    return json.dumps({"afr_ota": body})


def _entry(file: SourceFile, over_http: bool, region: str) -> dict[str, Any]:
    """Return the entry of a file. AWS IoT writes null for what is not set, but leaves out an unset `fileType`."""
    entry: dict[str, Any] = {
        "filepath": file.request.get("fileName"),
        "filesize": file.signed.size if file.signed else file.content.size,
        "fileid": file.file_id,
        "certfile": _certificate(file),
        "update_data_url": _placeholder(file.content, region) if over_http else None,
        "auth_scheme": "aws.s3.presigned" if over_http else None,
    }
    if file.request.get("fileType") is not None:
        entry["fileType"] = file.request["fileType"]
    return {**entry, **_signature(file)}


def _placeholder(content: S3Object, region: str) -> str:
    """Return the text that AWS IoT replaces by a presigned URL when a device asks for the document.

    The key is encoded as in any URL: JSON would escape its letters, quotes and backslashes, and a brace would end
    the placeholder.
    """
    version = f"?{urlencode({'versionId': content.pinned})}" if content.pinned else ""
    url = f"https://s3.{region}.amazonaws.com/{content.bucket}/{quote(content.key)}{version}"
    return f"${{aws:iot:s3-presigned-url:{url}}}"


def _certificate(file: SourceFile) -> str | None:
    signing = file.request.get("codeSigning") or {}
    custom = (signing.get("customCodeSigning") or {}).get("certificateChain") or {}
    profile = file.signed.certificate_name if file.signed else None
    name: str | None = custom.get("certificateName") or profile
    return name


def _signature(file: SourceFile) -> dict[str, str]:
    """Return the signature member; an unsigned file has none."""
    signing = file.request.get("codeSigning") or {}
    custom = signing.get("customCodeSigning")
    if custom:
        blob = (custom.get("signature") or {}).get("inlineDocument")
        if blob is None:
            return {}
        name = f"sig-{custom.get('hashAlgorithm', '')}-{custom.get('signatureAlgorithm', '')}".lower()
        # The blob contains base64 text for the device, and is itself base64 on the wire.
        return {name: base64.b64decode(blob).decode("utf-8", "replace")}
    return {file.signed.member: file.signed.signature} if file.signed else {}
