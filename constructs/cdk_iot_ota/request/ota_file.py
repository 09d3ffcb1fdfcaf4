"""A file that an OTA update brings to devices."""

from collections.abc import Mapping
from dataclasses import dataclass

from cdk_iot_ota_handler.ota_update.contract import limits

from .._synth import checks
from .code_signing import CodeSigning
from .file_location import FileLocation


@dataclass(frozen=True, kw_only=True)
class OtaFile:
    """A file of an OTA update: one of CreateOTAUpdate's ``files``.

    :param name: ``fileName``: the path on the device, at least 1 character.
    :param signing: ``codeSigning``: who signs the bytes. An unsigned file has to be asked for.
    :param location: ``fileLocation``: where AWS IoT finds the bytes. Left out only with ``CodeSigning.signer_job``.
    :param version: ``fileVersion``: a text that AWS IoT keeps with the file. Default: none.
    :param type: ``fileType``: a number that the device gets, 0 to 255. Default: none, which devices take for 0.
    :param attributes: ``attributes``: texts of up to 4,096 characters that AWS IoT keeps; they are not sent to devices.
        Default: none.
    :raises ValueError: if a value is beyond its limits.
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
            checks.text_map("attributes", self.attributes)
