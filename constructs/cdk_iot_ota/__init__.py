"""AWS IoT OTA updates as resources of a CDK stack.

An ``OtaUpdate`` is created on deploy, replaced when its content changes, and deleted when it leaves the stack.
"""

from typing import TYPE_CHECKING, Any

from .imported import IOtaUpdate
from .observation.events import EventOptions
from .observation.metrics import MetricOptions
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

if TYPE_CHECKING:
    from .wait_for_devices import WaitForDevices
else:

    def __getattr__(name: str) -> Any:
        """Import the step of pipelines on first use, because few apps need CDK Pipelines and CodeBuild."""
        if name == "WaitForDevices":
            from .wait_for_devices import WaitForDevices

            return WaitForDevices
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "AbortCriterion",
    "AlarmAtStart",
    "CodeSigning",
    "EventOptions",
    "FailureType",
    "FileLocation",
    "GateFailure",
    "HashAlgorithm",
    "IOtaUpdate",
    "MetricOptions",
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
    "WaitForDevices",
]
