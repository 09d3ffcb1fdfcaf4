"""A file of an update in its stack, and whether its location and its signature go together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from constructs import Construct

from cdk_iot_ota_handler.ota_update.contract import environment, limits

from .._synth import checks
from .code_signing import SignerJob
from .file_location import BoundLocation, InBucket
from .ota_file import OtaFile


@dataclass(frozen=True, kw_only=True)
class BoundFile:
    """A file of an update with its location in a stack."""

    file: OtaFile
    location: BoundLocation | None

    @staticmethod
    def bind_all(scope: Construct, files: Sequence[OtaFile]) -> "list[BoundFile]":
        """Bind the locations of all files to a stack."""
        wanted = checks.members(limits.FILES, "files", files, OtaFile)
        return [BoundFile.bind(scope, f"File{index}", file) for index, file in enumerate(wanted)]

    @staticmethod
    def bind(scope: Construct, id: str, file: OtaFile) -> "BoundFile":
        """Bind a file's location to a stack. Raises ValueError if its signature does not go with it."""
        bound = BoundFile(file=file, location=file.location.bind(scope, id) if file.location else None)
        bound._check()
        if bound.signer is not None and bound.signer.certificate_arn is not None:
            checks.in_place(scope, "certificate_arn", bound.signer.certificate_arn, environment.OF_CERTIFICATE)
        return bound

    @property
    def object(self) -> InBucket | None:
        """The object that has to be read, if the file is in S3."""
        return self.location.object if self.location else None

    @property
    def signer(self) -> SignerJob | None:
        """What AWS Signer does for the file, if anything."""
        return self.file.signing.signer_work

    def request(self) -> Mapping[str, Any]:
        """The API's form, without what is not said."""
        file = self.file
        members = {
            "fileName": file.name,
            "fileType": file.type,
            "fileVersion": file.version,
            "fileLocation": None if self.location is None else dict(self.location.request),
            "codeSigning": file.signing.bind(),
            "attributes": None if file.attributes is None else dict(file.attributes),
        }
        return {name: value for name, value in members.items() if value is not None}

    def _check(self) -> None:
        name, signer = self.file.name, self.signer
        if self.location is None and (signer is None or signer.job_id is None):
            raise ValueError(
                f"file {name!r} must have a location: only CodeSigning.signer_job says where the bytes are"
            )
        if signer is None or self.location is None:
            return
        if signer.job_id is not None and self.object is not None:
            raise ValueError(f"file {name!r} must have no location in S3: its bytes are what the signing job has made")
        if signer.job_id is None and self.object is None:
            raise ValueError(f"file {name!r} must be in S3, got a stream: AWS Signer signs objects in S3 only")
        if self.object is not None and self.object.unversioned:
            raise ValueError(
                f"file {name!r} must be in a bucket with versions, got {self.object.bucket.node.path}: declare it with "
                "versioned=True, since AWS Signer signs versions only"
            )
