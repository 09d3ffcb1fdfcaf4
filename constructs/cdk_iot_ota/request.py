"""The CreateOTAUpdate request as the template holds it, in the API's own names.

How it is rendered is an external contract: updates are named by it, so another rendering of the same input would push
firmware to every fleet again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from constructs import Construct

from .file_location import BoundLocation
from .ota_file import OtaFile


@dataclass(frozen=True, kw_only=True)
class BoundFile:
    """A file of an update with its location in a stack."""

    file: OtaFile
    location: BoundLocation

    @staticmethod
    def bind(scope: Construct, id: str, file: OtaFile) -> "BoundFile":
        """Bind a file's location to a stack."""
        return BoundFile(file=file, location=file.location.bind(scope, id))


def render(
    *, targets: Sequence[str], files: Sequence[BoundFile], role_arn: str, description: str | None
) -> dict[str, Any]:
    """The request without what is not said."""
    return _said(
        description=description,
        targets=list(targets),
        files=[_file(file) for file in files],
        roleArn=role_arn,
    )


def _file(bound: BoundFile) -> dict[str, Any]:
    file = bound.file
    return _said(
        fileName=file.name,
        fileType=file.type,
        fileVersion=file.version,
        fileLocation=dict(bound.location.request),
        codeSigning=file.signing.bind(),
        attributes=None if file.attributes is None else dict(file.attributes),
    )


def _said(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
