"""The platforms of AWS Signer: constants, and platforms that AWS adds."""

import dataclasses
from typing import Any

import pytest
from aws_cdk import Fn

from cdk_iot_ota import SigningPlatform, SigningProfile

from .stacks import stack, wrong

CONSTANTS = {
    "AMAZON_FREERTOS_DEFAULT": "AmazonFreeRTOS-Default",
    "AMAZON_FREERTOS_TI_CC3220SF": "AmazonFreeRTOS-TI-CC3220SF",
    "AWS_IOT_DEVICE_MANAGEMENT_SHA256_ECDSA": "AWSIoTDeviceManagement-SHA256-ECDSA",
}


def rendered(platform: SigningPlatform) -> Any:
    """Return a platform as the request has it."""
    profile = SigningProfile(
        certificate_arn="arn:aws:acm:eu-central-1:111122223333:certificate/1",
        platform=platform,
        certificate_path_on_device="/signer.pem",
    )
    return profile.render()["platform"]


@pytest.mark.parametrize(("name", "platform_id"), CONSTANTS.items())
def test_a_constant_is_the_platform_with_its_id(name: str, platform_id: str) -> None:
    """A constant is rendered as its id, equals the platform of that id, and is shown by its name."""
    constant = getattr(SigningPlatform, name)
    assert rendered(constant) == platform_id
    assert constant.value == platform_id
    assert constant == SigningPlatform.of(platform_id)
    assert hash(constant) == hash(SigningPlatform.of(platform_id))
    assert repr(constant) == repr(SigningPlatform.of(platform_id)) == f"SigningPlatform.{name}"


def test_a_platform_that_aws_adds_needs_no_release_of_this_library() -> None:
    """A platform without a constant is rendered as its id, equals itself only, and is shown by its id."""
    added = SigningPlatform.of("AWSIoTDeviceManagement-SHA384-ECDSA")
    assert rendered(added) == "AWSIoTDeviceManagement-SHA384-ECDSA"
    assert added != SigningPlatform.AWS_IOT_DEVICE_MANAGEMENT_SHA256_ECDSA
    assert added != wrong("AWSIoTDeviceManagement-SHA384-ECDSA")
    assert repr(added) == "SigningPlatform.of('AWSIoTDeviceManagement-SHA384-ECDSA')"


def test_a_platform_can_be_a_token() -> None:
    """A platform that only CloudFormation knows is rendered as its intrinsic."""
    platform = SigningPlatform.of(Fn.import_value("platform"))
    assert stack().resolve(rendered(platform)) == {"Fn::ImportValue": "platform"}


def test_a_platform_does_not_change() -> None:
    """The id of a platform cannot be set, since all declarations share the constants."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        wrong(SigningPlatform.AMAZON_FREERTOS_DEFAULT).value = "other"
