"""The facts about an update that its permissions follow from."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_iam as iam

from .._synth.removal import Removal
from ..request.file_location import InBucket
from ..request.gate_alarms import Alarms
from ..request.ota_file import BoundFile


@dataclass(frozen=True, kw_only=True)
class Needs:
    """The facts about one update that its permissions follow from.

    :param explicit_id: its ``ota_update_id``, unless the id is generated.
    :param alarms: those of its gate.
    :param removal: its removal policies, which may change until the end of synth.
    """

    role: iam.IRole | iam.Role
    files: Sequence[BoundFile]
    explicit_id: str | None
    delete_stream: bool
    force_delete_job: bool
    gated: bool
    alarms: Alarms
    removal: Removal

    @property
    def outlives_declaration(self) -> bool:
        """Return whether devices may still download its files when the stack declares other content."""
        # Without force the old update may outlive the deploy that replaces it.
        return self.removal.is_retained or not self.force_delete_job

    @property
    def objects(self) -> list[InBucket]:
        """Those of its files that are objects in S3."""
        return [file.object for file in self.files if file.object is not None]
