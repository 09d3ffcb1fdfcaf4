"""Objects in S3 as AWS IoT sees them with the service role of an update."""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ..ministack.emulator import Emulator
from ..ministack.s3_kms import key_arn, via_s3
from ..network import LOOPBACK
from .errors import WorkFailed, passed_on
from .role import ServiceRole

_TAG = re.compile(rb"<(Code|Message)>([^<]*)<")


@dataclass(frozen=True, kw_only=True)
class S3Object:
    """An object that is there; `key_arn` is that of the KMS key with which it is encrypted."""

    bucket: str
    key: str
    version: str | None
    size: int
    digest: bytes
    key_arn: str | None


class Objects:
    """Reads and writes objects; what the role may not do raises WorkFailed."""

    def __init__(self, emulator: Emulator, role: ServiceRole) -> None:
        self._emulator, self._role = emulator, role

    def require_bucket(self, bucket: str, *, versions: bool) -> None:
        """The role must be allowed to look at a bucket, and at the versions in it."""
        actions = ["s3:GetBucketLocation", "s3:ListBucket", *(["s3:ListBucketVersions"] if versions else [])]
        for action in actions:
            self._role.require(action, f"arn:aws:s3:::{bucket}")

    def require_write(self, bucket: str, prefix: str) -> None:
        """The role must be allowed to write an object with a new name."""
        self._role.require("s3:PutObject", f"arn:aws:s3:::{bucket}/{prefix}{uuid.uuid4()}")
        self._require_key("kms:GenerateDataKey", key_arn(self._emulator, self._default_encryption(bucket)))

    async def read(self, place: dict[str, str]) -> S3Object:
        """An object that the role must be allowed to read."""
        action = "s3:GetObjectVersion" if place.get("version") else "s3:GetObject"
        self._role.require(action, f"arn:aws:s3:::{place['bucket']}/{place['key']}")
        found = await self.look(place)
        self._require_key("kms:Decrypt", found.key_arn)
        return found

    async def read_newest(self, bucket: str, key: str) -> S3Object:
        """An object that the role must be allowed to read, in its newest version where there are versions."""
        found = await self.look({"bucket": bucket, "key": key})
        version = {"version": found.version} if found.version else {}
        return await self.read({"bucket": bucket, "key": key, **version})

    async def look(self, place: dict[str, str]) -> S3Object:
        """An object that somebody else reads, and the role need not."""
        query = {"versionId": [place["version"]]} if place.get("version") else {}
        path = f"/{place['bucket']}/{place['key']}"
        status, headers, _ = await self._call("HEAD", path, query)
        if status >= 300:
            # The answer to HEAD has no body: S3's words come with the answer to GET.
            _, _, body = await self._call("GET", path, query)
            raise _failure(status, body if isinstance(body, bytes) else b"", quote(path))
        known = {name.lower(): value for name, value in headers.items()}
        return S3Object(
            bucket=place["bucket"],
            key=place["key"],
            version=known.get("x-amz-version-id"),
            size=int(known["content-length"]),
            digest=hashlib.sha256(str(known.get("etag")).encode()).digest(),
            key_arn=key_arn(self._emulator, known),
        )

    def _require_key(self, action: str, key: str | None) -> None:
        if key is not None:
            self._role.require(action, key, kms__ViaService=via_s3(self._emulator))

    def _default_encryption(self, bucket: str) -> dict[str, str]:
        found: dict[str, str] = self._emulator.s3._bucket_default_sse_headers(bucket)
        return found

    async def _call(self, method: str, path: str, query: dict[str, list[str]]) -> tuple[int, dict[str, str], Any]:
        emulator = self._emulator
        # S3 moves the request's scope to that of the bucket.
        with emulator.responses.request_scope(emulator.account(), emulator.region()):
            answer: tuple[int, dict[str, str], Any] = await emulator.s3.handle_request(
                method, path, {"host": LOOPBACK}, b"", query, internal=True, enforce_bucket_region=False
            )
        return answer


def _failure(status: int, body: bytes, path: str) -> WorkFailed:
    words = {name.decode(): text.decode("utf-8", "replace") for name, text in _TAG.findall(body)}
    message = words.get("Message") or f"Access to {path} failed"
    return passed_on("AmazonS3Exception", "Amazon S3", status, words.get("Code", "Unknown"), message)
