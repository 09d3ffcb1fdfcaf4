"""A signing profile of AWS Signer."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cdk_iot_ota_handler.ota_update.contract import limits

from .._synth import checks


class SigningPlatform(enum.Enum):
    """``platform``: the platform that AWS Signer signs for; it determines hash and algorithm."""

    AMAZON_FREERTOS_DEFAULT = "AmazonFreeRTOS-Default"
    """SHA256 with ECDSA."""

    AMAZON_FREERTOS_TI_CC3220SF = "AmazonFreeRTOS-TI-CC3220SF"
    """SHA1 with RSA."""

    AWS_IOT_DEVICE_MANAGEMENT_SHA256_ECDSA = "AWSIoTDeviceManagement-SHA256-ECDSA"
    """SHA256 with ECDSA."""


@dataclass(frozen=True, kw_only=True)
class SigningProfile:
    """A signing profile that AWS IoT creates in AWS Signer: ``startSigningJobParameter.signingProfileParameter``.

    :param certificate_arn: ``certificateArn``: the signer's certificate in AWS Certificate Manager, in the stack's
        account and Region.
    :param platform: ``platform``.
    :param certificate_path_on_device: ``certificatePathOnDevice``: the path of that certificate on the device.
    :raises ValueError: if a value exceeds its limits.
    :raises TypeError: if a value is of another type.
    """

    certificate_arn: str
    platform: SigningPlatform
    certificate_path_on_device: str

    def __post_init__(self) -> None:
        checks.text(limits.CERTIFICATE_ARN, "certificate_arn", self.certificate_arn)
        checks.enum_member("platform", self.platform, SigningPlatform)
        checks.text(limits.CERTIFICATE_NAME, "certificate_path_on_device", self.certificate_path_on_device)

    def render(self) -> Mapping[str, Any]:
        """Render the API's ``signingProfileParameter``."""
        return {
            "certificateArn": self.certificate_arn,
            "platform": self.platform.value,
            "certificatePathOnDevice": self.certificate_path_on_device,
        }
