"""AWS IoT OTA updates as resources of a CDK stack.

An ``OtaUpdate`` is created on deploy, replaced when its content changes, and deleted when it leaves the stack.
"""

from .imported import IOtaUpdate
from .ota_update import OtaUpdate
from .permissions.service_role import OtaServiceRole
from .phased_rollout import Phase, PhasedRollout
from .provider.ota_update_provider import OtaUpdateProvider
from .request.code_signing import CodeSigning, HashAlgorithm, SignatureAlgorithm
from .request.file_location import FileLocation
from .request.ota_file import OtaFile
from .request.ota_target import OtaTarget, TargetSelection
from .request.rollout import AbortCriterion, FailureType, Protocol, RolloutRate
from .request.rollout_gate import AlarmAtStart, GateFailure, RolloutGate
from .request.signing_profile import SigningPlatform, SigningProfile

__all__ = [
    "AbortCriterion",
    "AlarmAtStart",
    "CodeSigning",
    "FailureType",
    "FileLocation",
    "GateFailure",
    "HashAlgorithm",
    "IOtaUpdate",
    "OtaFile",
    "OtaServiceRole",
    "OtaTarget",
    "OtaUpdate",
    "OtaUpdateProvider",
    "Phase",
    "PhasedRollout",
    "Protocol",
    "RolloutGate",
    "RolloutRate",
    "SignatureAlgorithm",
    "SigningPlatform",
    "SigningProfile",
    "TargetSelection",
]
