"""Where the bytes of a file of an OTA update are."""

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from cdk_iot_ota_handler.ota_update.contract import limits

from .._synth import checks


@dataclass(frozen=True, kw_only=True)
class InBucket:
    """An object in S3.

    :param version: the version that is declared, if any.
    :param is_asset: whether it is in the bucket that all assets of the account share.
    """

    bucket: s3.IBucket
    key: str
    version: str | None = None
    is_asset: bool = False

    @property
    def unversioned(self) -> bool:
        """Whether it is known at synth that the bucket keeps no versions: it is declared here, without them."""
        resource = self.bucket.node.default_child
        return isinstance(resource, s3.CfnBucket) and resource.versioning_configuration is None


@dataclass(frozen=True, kw_only=True)
class BoundLocation:
    """A location in a stack.

    :param request: the API's ``fileLocation``.
    :param object: the object that has to be read, if the file is in S3.
    """

    request: Mapping[str, Any]
    object: InBucket | None = None


class FileLocation(abc.ABC):
    """Where AWS IoT finds a file: CreateOTAUpdate's ``files[].fileLocation``."""

    @staticmethod
    def from_asset(path: str | Path) -> "FileLocation":
        """A local file, which ``cdk deploy`` uploads to the bootstrap bucket under a key made of its content.

        :param path: the file, 1 byte to 16 MiB; a relative path starts in the directory that ``cdk`` runs in.
        :raises ValueError: if there is no such file, or it is too large.
        """
        found = checks.file("path", path)
        checks.number(limits.FILE_BYTES, f"size in bytes of path {str(path)!r}", found.stat().st_size)
        return _Asset(found)

    @staticmethod
    def from_bucket(bucket: s3.IBucket | s3.Bucket, key: str, *, version: str | None = None) -> "FileLocation":
        """An object in S3.

        :param bucket: the bucket; in the Region of the stack.
        :param key: ``s3Location.key``: the object's key, 1 to 1,024 characters.
        :param version: ``s3Location.version``: the object's version id. Left out, the version that is current when the
            update is created is looked up in the deploy and pinned, if the bucket has versions. A newer object under
            the same key alone is no change of the stack: give another ``key`` or ``version``, or another ``version`` of
            the file, to ship it.
        """
        if not hasattr(bucket, "bucket_arn"):
            raise TypeError(
                f"bucket must be an s3.IBucket, got {limits.shown(bucket)}: Bucket.from_bucket_name takes a name"
            )
        pinned = None if version is None else checks.text(limits.OBJECT_VERSION, "version", version)
        return _Object(InBucket(bucket=bucket, key=checks.text(limits.KEY, "key", key), version=pinned))

    @staticmethod
    def from_stream(stream_id: str, file_id: int) -> "FileLocation":
        """A file of a stream that exists. The stream stays when the update is deleted.

        :param stream_id: ``stream.streamId``: 1 to 128 of ``a-z A-Z 0-9 _ -``.
        :param file_id: ``stream.fileId``: 0 to 255.
        """
        checks.text(limits.STREAM_ID, "stream_id", stream_id)
        return _Stream(stream_id, checks.number(limits.FILE_ID, "file_id", file_id))

    @abc.abstractmethod
    def bind(self, scope: Construct, id: str) -> BoundLocation:
        """The location in the stack of ``scope``; an upload becomes a construct ``id`` in it."""


@dataclass(frozen=True)
class _Asset(FileLocation):
    path: Path

    def bind(self, scope: Construct, id: str) -> BoundLocation:
        asset = s3_assets.Asset(scope, id, path=str(self.path))
        return _in_s3(InBucket(bucket=asset.bucket, key=asset.s3_object_key, is_asset=True))


@dataclass(frozen=True)
class _Object(FileLocation):
    object: InBucket

    def bind(self, scope: Construct, id: str) -> BoundLocation:
        return _in_s3(self.object)


@dataclass(frozen=True)
class _Stream(FileLocation):
    stream_id: str
    file_id: float

    def bind(self, scope: Construct, id: str) -> BoundLocation:
        return BoundLocation(request={"stream": {"streamId": self.stream_id, "fileId": self.file_id}})


def _in_s3(place: InBucket) -> BoundLocation:
    location = {"bucket": checks.text(limits.BUCKET, "bucket", place.bucket.bucket_name), "key": place.key}
    if place.version is not None:
        location["version"] = place.version
    return BoundLocation(request={"s3Location": location}, object=place)
