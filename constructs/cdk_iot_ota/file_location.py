"""Where the bytes of a file of an OTA update are."""

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from . import checks


@dataclass(frozen=True, kw_only=True)
class BoundLocation:
    """A location in a stack.

    :param request: the API's ``fileLocation``.
    :param bucket: the bucket that has to be read, if the file is in S3.
    :param key: the object's key in that bucket.
    """

    request: Mapping[str, Any]
    bucket: s3.IBucket
    key: str


class FileLocation(abc.ABC):
    """Where AWS IoT finds a file: CreateOTAUpdate's ``files[].fileLocation``."""

    @staticmethod
    def from_asset(path: str | Path) -> "FileLocation":
        """A local file, which ``cdk deploy`` uploads to the bootstrap bucket under a key made of its content.

        :param path: the file; a relative path starts in the directory that ``cdk`` runs in.
        :raises ValueError: if there is no such file.
        """
        return _Asset(checks.file("path", path))

    @staticmethod
    def from_bucket(bucket: s3.IBucket | s3.Bucket, key: str, *, version: str | None = None) -> "FileLocation":
        """An object in S3.

        :param bucket: the bucket; in the Region of the stack.
        :param key: the object's key, at least 1 character.
        :param version: the object's version id. Left out, the version that is current when the update is created is
            looked up in the deploy and pinned, if the bucket has versions. A newer object under the same key alone is
            no change of the stack: give another ``key`` or ``version``, or another ``version`` of the file, to ship it.
        """
        pinned = None if version is None else checks.text("version", version)
        return _InBucket(bucket, checks.text("key", key, at_most=1024), pinned)

    @abc.abstractmethod
    def bind(self, scope: Construct, id: str) -> BoundLocation:
        """The location in the stack of ``scope``; an upload becomes a construct ``id`` in it."""


@dataclass(frozen=True)
class _Asset(FileLocation):
    path: Path

    def bind(self, scope: Construct, id: str) -> BoundLocation:
        asset = s3_assets.Asset(scope, id, path=str(self.path))
        location = {"bucket": asset.s3_bucket_name, "key": asset.s3_object_key}
        return BoundLocation(request={"s3Location": location}, bucket=asset.bucket, key=asset.s3_object_key)


@dataclass(frozen=True)
class _InBucket(FileLocation):
    bucket: s3.IBucket | s3.Bucket
    key: str
    version: str | None

    def bind(self, scope: Construct, id: str) -> BoundLocation:
        location = {"bucket": self.bucket.bucket_name, "key": self.key}
        if self.version is not None:
            location["version"] = self.version
        return BoundLocation(request={"s3Location": location}, bucket=self.bucket, key=self.key)
