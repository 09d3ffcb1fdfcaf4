"""A file that an OTA update brings to devices."""

from collections.abc import Mapping
from dataclasses import dataclass

from . import checks
from .code_signing import CodeSigning
from .file_location import FileLocation


@dataclass(frozen=True, kw_only=True)
class OtaFile:
    """A file of an OTA update: one of CreateOTAUpdate's ``files``.

    :param name: ``fileName``: the path on the device, at least 1 character.
    :param location: ``fileLocation``: where AWS IoT finds the bytes.
    :param signing: ``codeSigning``: who has signed them. An unsigned file has to be asked for.
    :param version: ``fileVersion``: a text that AWS IoT keeps with the file. Default: none.
    :param type: ``fileType``: a number that the device gets, 0 to 255. Default: none, which devices take for 0.
    :param attributes: ``attributes``: texts that AWS IoT keeps; they are not sent to devices. Default: none.
    :raises ValueError: if a value is beyond its limits.
    """

    name: str
    location: FileLocation
    signing: CodeSigning
    version: str | None = None
    type: int | None = None
    attributes: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        checks.text("name", self.name)
        if not isinstance(self.location, FileLocation):
            raise TypeError(f"location must be made by FileLocation, got {self.location!r}")
        if not isinstance(self.signing, CodeSigning):
            raise TypeError(f"signing must be made by CodeSigning, got {self.signing!r}")
        if self.version is not None:
            checks.text("version", self.version)
        if self.type is not None and checks.known(self.type) and not 0 <= self.type <= 255:
            raise ValueError(f"type must be between 0 and 255, got {self.type}")
        if self.attributes is not None:
            checks.text_map("attributes", self.attributes)
