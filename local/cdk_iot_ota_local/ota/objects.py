"""Objects in S3 as AWS IoT accesses them with the service role of an update."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ..ministack.emulator import Emulator
from ..ministack.s3_kms import default_key_arn, key_arn, via_s3
from ..network import LOOPBACK
from .errors import WorkError, passed_on
from .role import ServiceRole

_TAG = re.compile(rb"<(Code|Message)>([^<]*)<")


@dataclass(frozen=True, kw_only=True)
class S3Object:
    """An existing object.

    version: its version, if the bucket has versions. pinned: the version that must be read, None for the newest.
    key_arn: the ARN of the KMS key that encrypts it, if any.
    """

    bucket: str
    key: str
    version: str | None
    pinned: str | None
    size: int
    etag: str
    key_arn: str | None


def newest_etag(emulator: Emulator, location: dict[str, str]) -> str | None:
    """Return the ETag of an object's newest version, None if the object does not exist."""
    status, headers, _ = emulator.s3._head_object(location["bucket"], location["key"], {}, {})
    return headers["ETag"] if status < 300 else None


class Objects:
    """Reads objects and checks access to them; raises WorkError for what the role may not do."""

    def __init__(self, emulator: Emulator, role: ServiceRole) -> None:
        self._emulator, self._role = emulator, role

    def require_bucket(self, bucket: str, *, versions: bool) -> None:
        """Require that the role may list a bucket, and the versions in it if `versions` is set."""
        actions = ["s3:GetBucketLocation", "s3:ListBucket", *(["s3:ListBucketVersions"] if versions else [])]
        for action in actions:
            self._role.require(action, f"arn:aws:s3:::{bucket}")

    def require_write(self, bucket: str, prefix: str) -> None:
        """Require that the role may write an object with a new name."""
        self._role.require("s3:PutObject", f"arn:aws:s3:::{bucket}/{prefix}{uuid.uuid4()}")
        self._require_key("kms:GenerateDataKey", default_key_arn(self._emulator, bucket))

    async def read(self, location: dict[str, str]) -> S3Object:
        """Return an object that the role must be allowed to read."""
        action = "s3:GetObjectVersion" if location.get("version") else "s3:GetObject"
        self._role.require(action, f"arn:aws:s3:::{location['bucket']}/{location['key']}")
        found = await self.find(location)
        self._require_key("kms:Decrypt", found.key_arn)
        return found

    async def read_newest(self, bucket: str, key: str) -> S3Object:
        """Return an object that the role must be allowed to read, in its newest version if there are versions."""
        found = await self.find({"bucket": bucket, "key": key})
        version = {"version": found.version} if found.version else {}
        return await self.read({"bucket": bucket, "key": key, **version})

    async def find(self, location: dict[str, str]) -> S3Object:
        """Return an object without a check of the role's permissions."""
        query = {"versionId": [location["version"]]} if location.get("version") else {}
        path = f"/{location['bucket']}/{location['key']}"
        status, headers, _ = await self._call("HEAD", path, query)
        if status >= 300:
            # The answer to HEAD has no body: only that to GET has S3's code and message.
            _, _, body = await self._call("GET", path, query)
            raise _failure(status, body if isinstance(body, bytes) else b"", quote(path))
        known = {name.lower(): value for name, value in headers.items()}
        return S3Object(
            bucket=location["bucket"],
            key=location["key"],
            version=known.get("x-amz-version-id"),
            pinned=location.get("version"),
            size=int(known["content-length"]),
            etag=known["etag"],
            key_arn=key_arn(self._emulator, known),
        )

    @staticmethod
    def content(emulator: Emulator, found: S3Object) -> bytes:
        """Return the bytes of an object that was read."""
        content: bytes = emulator.s3._get_object_data(found.bucket, found.key, found.pinned)
        return content

    async def write(self, bucket: str, key: str, body: bytes) -> None:
        """Write an object without a check of the role's permissions."""
        status, _, answer = await self._call("PUT", path := f"/{bucket}/{key}", {}, body)
        if status >= 300:
            raise _failure(status, answer, quote(path))

    def _require_key(self, action: str, key: str | None) -> None:
        if key is not None:
            self._role.require(action, key, via_s3(self._emulator))

    async def _call(
        self, method: str, path: str, query: dict[str, list[str]], body: bytes = b""
    ) -> tuple[int, dict[str, str], Any]:
        emulator = self._emulator
        # S3 changes the scope of the request to the bucket's.
        with emulator.responses.request_scope(emulator.account(), emulator.region()):
            answer: tuple[int, dict[str, str], Any] = await emulator.s3.handle_request(
                method, path, {"host": LOOPBACK}, body, query, internal=True, enforce_bucket_region=False
            )
        return answer


def _failure(status: int, body: bytes, path: str) -> WorkError:
    elements = {name.decode(): text.decode("utf-8", "replace") for name, text in _TAG.findall(body)}
    message = elements.get("Message") or f"Access to {path} failed"
    return passed_on("AmazonS3Exception", "Amazon S3", status, elements.get("Code", "Unknown"), message)
