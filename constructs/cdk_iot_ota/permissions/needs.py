"""What one update needs permissions for."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_iam as iam

from ..request.bound_file import BoundFile
from ..request.file_location import InBucket


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What one update needs permissions for.

    :param explicit_id: its id, if it is not generated.
    :param stays: whether it is retained, and so read by devices when other content is declared.
    """

    role: iam.IRole | iam.Role
    files: Sequence[BoundFile]
    explicit_id: str | None
    delete_stream: bool
    force_delete_job: bool
    gated: bool
    stays: bool

    @property
    def objects(self) -> list[InBucket]:
        """The objects in S3 that its files are."""
        return [file.object for file in self.files if file.object is not None]
