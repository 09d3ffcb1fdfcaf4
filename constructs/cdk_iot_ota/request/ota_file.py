"""A file that an OTA update sends to devices: as it is declared, and bound to the stack of its update."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from constructs import Construct

from cdk_iot_ota_handler.ota_update.contract import environment, limits

from .._synth import checks
from .code_signing import CodeSigning, SigningJob
from .file_location import FileLocation, InBucket, InStream


@dataclass(frozen=True, kw_only=True)
class OtaFile:
    """A file of an OTA update: one of CreateOTAUpdate's ``files``.

    :param name: ``fileName``: the path on the device, at least 1 character.
    :param signing: ``codeSigning``: how the file is signed. Use ``CodeSigning.unsigned()`` for an unsigned file.
    :param location: ``fileLocation``: where AWS IoT loads the file from. Can be left out only with
        ``CodeSigning.signer_job``.
    :param version: ``fileVersion``: a string that AWS IoT stores with the file. Default: none.
    :param type: ``fileType``: a number that is sent to the device, 0 to 255. Default: none.
    :param attributes: ``attributes``: strings of up to 4,096 characters that AWS IoT stores; they are not sent to
        devices. Default: none.
    :raises ValueError: if a value exceeds its limits.
    :raises TypeError: if a value is of another type.
    """

    name: str
    signing: CodeSigning
    location: FileLocation | None = None
    version: str | None = None
    type: int | None = None
    attributes: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        checks.text(limits.FILE_NAME, "name", self.name)
        checks.instance_of("signing", self.signing, CodeSigning)
        if self.location is not None:
            checks.instance_of("location", self.location, FileLocation)
        if self.version is not None:
            checks.text(limits.FILE_VERSION, "version", self.version)
        if self.type is not None:
            checks.number(limits.FILE_TYPE, "type", self.type)
        if self.attributes is not None:
            checks.text_map("attributes", self.attributes, fixed_keys=True)


@dataclass(frozen=True, kw_only=True)
class BoundFile:
    """A file with its location in a stack."""

    file: OtaFile
    location: InBucket | InStream | None

    @staticmethod
    def bind_all(scope: Construct, files: Sequence[OtaFile]) -> "list[BoundFile]":
        """Bind all files to a stack. Raises ValueError if a location does not fit the file's signing."""
        checked = checks.list_of(limits.FILES, "files", files, OtaFile)
        return [BoundFile._bind(scope, f"File{index}", file) for index, file in enumerate(checked)]

    @staticmethod
    def _bind(scope: Construct, id: str, file: OtaFile) -> "BoundFile":
        bound = BoundFile(file=file, location=file.location.bind(scope, id) if file.location else None)
        bound._check()
        file.signing.verify(scope, file.name, None if file.location is None else file.location.local_path)
        if (job := bound.signing_job) is None:
            return bound
        if job.certificate_arn is not None:
            checks.in_environment(scope, "certificate_arn", job.certificate_arn, environment.OF_CERTIFICATE)
        if job.destination is not None:
            checks.bucket_in_region(scope, "destination_bucket", job.destination)
        return bound

    @property
    def object(self) -> InBucket | None:
        """The object in S3, unless the file is in a stream or the output of a signing job."""
        return self.location if isinstance(self.location, InBucket) else None

    @property
    def signing_job(self) -> SigningJob | None:
        """The job of AWS Signer that signs the file, if any."""
        return self.file.signing.signing_job

    def _check(self) -> None:
        name, job = self.file.name, self.signing_job
        if self.location is None and (job is None or job.job_id is None):
            raise ValueError(f"file {name!r} must have a location: only CodeSigning.signer_job works without one")
        if job is None or self.location is None:
            return
        if job.job_id is not None and self.object is not None:
            raise ValueError(f"file {name!r} must have no location in S3: its bytes are the output of the signing job")
        if job.job_id is None and self.object is None:
            raise ValueError(f"file {name!r} must be in S3, got a stream: AWS Signer signs objects in S3 only")
        if self.object is not None and self.object.unversioned:
            raise ValueError(
                f"file {name!r} must be in a bucket with versions, got {self.object.bucket.node.path}: declare it with "
                "versioned=True, since AWS Signer signs versions only"
            )
