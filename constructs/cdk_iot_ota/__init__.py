"""OTA updates of AWS IoT as resources of a CDK stack.

An ``OtaUpdate`` is created on deploy, replaced when its content changes, and deleted when it leaves the stack.
"""

from .code_signing import CodeSigning, HashAlgorithm, SignatureAlgorithm
from .file_location import FileLocation
from .ota_file import OtaFile
from .ota_target import OtaTarget
from .ota_update import OtaUpdate
from .provider import OtaUpdateProvider
from .service_role import OtaServiceRole

__all__ = [
    "CodeSigning",
    "FileLocation",
    "HashAlgorithm",
    "OtaFile",
    "OtaServiceRole",
    "OtaTarget",
    "OtaUpdate",
    "OtaUpdateProvider",
    "SignatureAlgorithm",
]
