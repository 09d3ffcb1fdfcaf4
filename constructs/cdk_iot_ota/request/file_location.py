"""The location of a file of an OTA update."""

import abc
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from cdk_iot_ota_handler.ota_update.contract import limits, private_keys

from .._synth import bucket_owner, checks, once


class FileLocation(abc.ABC):
    """The location that AWS IoT loads a file from: CreateOTAUpdate's ``files[].fileLocation``."""

    @staticmethod
    def from_asset(path: str | Path) -> "FileLocation":
        """Use a local file, which ``cdk deploy`` uploads to the bootstrap bucket under a key derived from its content.

        :param path: the file, 1 byte to 16 MiB; a relative path starts in the directory that ``cdk`` runs in.
        :raises ValueError: if the file does not exist or is too large, or is a private key.
        """
        found = checks.file("path", path)
        if found is None:
            return _Asset(None)
        checks.number(limits.FILE_BYTES, f"size in bytes of path {str(path)!r}", found.stat().st_size)
        if private_keys.is_in_file(found.read_bytes()):
            raise ValueError(
                f"path must be what devices load, but {str(path)!r} has what looks like a private key: give the "
                "firmware image; the key stays where you sign"
            )
        return _Asset(found)

    @staticmethod
    def from_bucket(bucket: s3.IBucket | s3.Bucket, key: str, *, version: str | None = None) -> "FileLocation":
        """Use an object in S3, 1 byte to 16 MiB; the size is checked in the deploy.

        :param bucket: the bucket, in the Region of the stack. A bucket that the app declares, or imports with another
            account (``Bucket.from_bucket_attributes(account=…)``), is read only while that account owns it.
        :param key: ``s3Location.key``: the object's key, 1 to 1,024 characters, not a URL.
        :param version: ``s3Location.version``: the object's version id. Default: the version that is current when the
            update is created, if the bucket keeps versions. A newer object under the same key does not change the
            stack: to ship it, change ``key``, this ``version``, or the file's ``version``.
        """
        if not once.has(bucket, "bucket_arn"):
            raise TypeError(
                f"bucket must be an s3.IBucket, got {checks.shown(bucket)}: Bucket.from_bucket_name takes a name"
            )
        pinned = None if version is None else checks.text(limits.OBJECT_VERSION, "version", version)
        return InBucket(bucket=bucket, key=checks.object_key("key", key), version=pinned)

    @staticmethod
    def from_stream(stream_id: str, file_id: int) -> "FileLocation":
        """Use a file of an existing stream, which is kept when the update is deleted.

        :param stream_id: ``stream.streamId``: 1 to 128 of ``a-z A-Z 0-9 _ -``.
        :param file_id: ``stream.fileId``: 0 to 255.
        """
        checks.text(limits.STREAM_ID, "stream_id", stream_id)
        return InStream(stream_id, checks.number(limits.FILE_ID, "file_id", file_id))

    @property
    def local_path(self) -> Path | None:
        """The file on this machine, or None if it is somewhere else."""
        return None

    @abc.abstractmethod
    def bind(self, scope: Construct, id: str) -> "InBucket | InStream":
        """Return the location in the stack of ``scope``, after adding an upload as construct ``id`` if it needs one."""


@dataclass(frozen=True)
class _Asset(FileLocation):
    path: Path | None

    @property
    def local_path(self) -> Path | None:
        return self.path

    def bind(self, scope: Construct, id: str) -> "InBucket":
        # Any file will do for a path that is a dummy: nothing of that synth is deployed.
        path = Path(__file__) if self.path is None else self.path
        # The same file is uploaded once for all updates of the stack; an app may write another file in its place.
        content = hashlib.sha256(path.read_bytes()).digest()
        stack = once.stack_of(scope)
        return once.asked(stack, (_Asset, path, content), lambda: self._upload(scope, id, path))

    def _upload(self, scope: Construct, id: str, path: Path) -> "InBucket":
        with checks.needs_assets(f"path {str(path)!r}", "use FileLocation.from_bucket, or another synthesizer"):
            asset = s3_assets.Asset(scope, id, path=str(path))
        # CDK makes another object for the same bucket with each asset.
        name = once.digest(scope, asset.s3_bucket_name)
        bucket = once.asked(once.stack_of(scope), (_Asset, name), lambda: asset.bucket)
        return InBucket(
            bucket=bucket,
            key=asset.s3_object_key,
            is_asset=True,
            extension=path.suffix,
            owner=bucket_owner.of_assets(scope, bucket),
            size=None if self.path is None else path.stat().st_size,
        )


@dataclass(frozen=True, kw_only=True)
class InBucket(FileLocation):
    """An object in S3.

    :param version: the declared version, if any.
    :param is_asset: whether it is in the bucket that all assets of the account share.
    :param extension: its extension, such as ``.bin``, if it is a local file: its key may be a token.
    :param owner: the account that owns the bucket, if synth knows it, once the object is bound to a stack.
    :param size: its size in bytes, if it is a local file.
    """

    bucket: s3.IBucket
    key: str
    version: str | None = None
    is_asset: bool = False
    extension: str = ""
    owner: str | None = None
    size: int | None = None

    def bind(self, scope: Construct, id: str) -> "InBucket":
        """Return the object with the owner of its bucket, after checking that it is in the stack's Region."""
        checks.bucket_in_region(scope, "bucket", self.bucket)
        return replace(self, owner=bucket_owner.of_bucket(scope, self.bucket))

    @property
    def unversioned(self) -> bool:
        """Return whether synth knows that the bucket keeps no versions: the app declares it without them."""
        resource = self.bucket.node.default_child
        return isinstance(resource, s3.CfnBucket) and resource.versioning_configuration is None

    def render(self) -> Mapping[str, Any]:
        """Render the API's ``fileLocation``."""
        location = {"bucket": checks.bucket_name("bucket", self.bucket), "key": self.key}
        if self.version is not None:
            location["version"] = self.version
        return {"s3Location": location}


@dataclass(frozen=True)
class InStream(FileLocation):
    """A file of an existing stream."""

    stream_id: str
    file_id: float

    def bind(self, scope: Construct, id: str) -> "InStream":
        """Return the file itself: it needs nothing in the stack."""
        return self

    def render(self) -> Mapping[str, Any]:
        """Render the API's ``fileLocation``."""
        return {"stream": {"streamId": self.stream_id, "fileId": self.file_id}}
