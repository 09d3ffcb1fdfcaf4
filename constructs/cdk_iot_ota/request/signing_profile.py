"""A signing profile of AWS Signer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from cdk_iot_ota_handler.ota_update.contract import limits

from .._synth import checks


@dataclass(frozen=True, repr=False)
class SigningPlatform:
    """``platform``: the platform that AWS Signer signs for; it determines hash and algorithm.

    :param value: the id of the platform, at least 1 character.
    :raises ValueError: if the id exceeds its limits.
    :raises TypeError: if the id is of another type.
    """

    AMAZON_FREERTOS_DEFAULT: ClassVar["SigningPlatform"]
    """SHA256 with ECDSA."""

    AMAZON_FREERTOS_TI_CC3220SF: ClassVar["SigningPlatform"]
    """SHA1 with RSA."""

    AWS_IOT_DEVICE_MANAGEMENT_SHA256_ECDSA: ClassVar["SigningPlatform"]
    """SHA256 with ECDSA."""

    value: str

    @staticmethod
    def of(platform_id: str) -> "SigningPlatform":
        """Return a platform that has no constant, such as one that AWS has added since.

        :param platform_id: the id, as ``aws signer list-signing-platforms`` shows it.
        """
        return SigningPlatform(platform_id)

    def __post_init__(self) -> None:
        checks.text(limits.PLATFORM, "platform_id", self.value)

    def __repr__(self) -> str:
        constants = {value: name for name, value in vars(SigningPlatform).items() if isinstance(value, SigningPlatform)}
        return f"SigningPlatform.{constants[self]}" if self in constants else f"SigningPlatform.of({self.value!r})"


SigningPlatform.AMAZON_FREERTOS_DEFAULT = SigningPlatform("AmazonFreeRTOS-Default")
SigningPlatform.AMAZON_FREERTOS_TI_CC3220SF = SigningPlatform("AmazonFreeRTOS-TI-CC3220SF")
SigningPlatform.AWS_IOT_DEVICE_MANAGEMENT_SHA256_ECDSA = SigningPlatform("AWSIoTDeviceManagement-SHA256-ECDSA")


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
        if not isinstance(self.platform, SigningPlatform):
            shown = checks.shown(self.platform)
            raise TypeError(f"platform must be a SigningPlatform, got {shown}: SigningPlatform.of takes the id of one")
        checks.text(limits.CERTIFICATE_NAME, "certificate_path_on_device", self.certificate_path_on_device)

    def render(self) -> Mapping[str, Any]:
        """Render the API's ``signingProfileParameter``."""
        return {
            "certificateArn": self.certificate_arn,
            "platform": self.platform.value,
            "certificatePathOnDevice": self.certificate_path_on_device,
        }
