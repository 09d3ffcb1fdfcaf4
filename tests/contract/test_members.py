"""The constructs can set every member of CreateOTAUpdate in the installed SDK."""

from collections.abc import Iterator
from typing import Any

import botocore.session
from aws_cdk import Duration
from aws_cdk import aws_s3 as s3

from cdk_iot_ota import (
    AbortCriterion,
    CodeSigning,
    FailureType,
    FileLocation,
    HashAlgorithm,
    OtaFile,
    OtaTarget,
    OtaUpdate,
    Protocol,
    RolloutRate,
    SignatureAlgorithm,
    SigningPlatform,
    SigningProfile,
    TargetSelection,
)
from tests.construct.stacks import RESOURCE_TYPE, SIGNATURE, stack, template

SHAPE: Any = botocore.session.get_session().get_service_model("iot").operation_model("CreateOTAUpdate").input_shape
PEM = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"

# The id and the tags are separate properties of the resource.
ELSEWHERE = {"otaUpdateId", "tags", "tags[].Key", "tags[].Value"}


def of_shape(shape: Any, path: str = "") -> Iterator[str]:
    """Return the paths of all members below a shape."""
    if shape.type_name == "list":
        yield from of_shape(shape.member, f"{path}[]")
    elif shape.type_name == "structure":
        for name, member in shape.members.items():
            below = f"{path}.{name}" if path else name
            yield below
            yield from of_shape(member, below)


def of_value(value: Any, shape: Any, path: str = "") -> Iterator[str]:
    """Return the paths of all members that a rendered request sets."""
    if shape.type_name == "list":
        for item in value:
            yield from of_value(item, shape.member, f"{path}[]")
    elif shape.type_name == "structure":
        for name, item in value.items():
            below = f"{path}.{name}" if path else name
            yield below
            yield from of_value(item, shape.members[name], below)


def test_every_member_can_be_set() -> None:
    """One stack sets every member of the API; a member that AWS adds fails here until the constructs support it."""
    made = stack()
    bucket = s3.Bucket(made, "Firmware", versioned=True)
    profile = SigningProfile(
        certificate_arn="arn:aws:acm:eu-central-1:111122223333:certificate/1",
        platform=SigningPlatform.AMAZON_FREERTOS_DEFAULT,
        certificate_path_on_device="/signer.pem",
    )
    place = FileLocation.from_bucket(bucket, "a.bin", version="v7")
    signer = CodeSigning.signer(
        destination_bucket=bucket, destination_prefix="signed/", profile_name="blinky", profile=profile
    )
    common: dict[str, Any] = {
        "targets": [OtaTarget.thing_group("fleet")],
        "description": "everything",
        "protocols": [Protocol.HTTP],
        "target_selection": TargetSelection.SNAPSHOT,
        "abort_criteria": [
            AbortCriterion(failure=FailureType.ALL, threshold_percentage=5.5, minimum_executed=10),
        ],
        "in_progress_timeout": Duration.minutes(30),
        "presigned_url_expiry": Duration.minutes(30),
        "additional_parameters": {"k": "v"},
    }
    chained = CodeSigning.custom(
        signature=SIGNATURE,
        hash_algorithm=HashAlgorithm.SHA256,
        signature_algorithm=SignatureAlgorithm.ECDSA,
        certificate_name="/signer.pem",
        certificate_chain=PEM,
    )
    OtaUpdate(
        made,
        "One",
        files=[
            OtaFile(name="/a", location=place, signing=signer, version="1", type=1, attributes={"k": "v"}),
            OtaFile(name="/b", location=FileLocation.from_stream("s", 0), signing=chained),
            OtaFile(name="/c", signing=CodeSigning.signer_job("job-1")),
        ],
        rollout=RolloutRate.exponential(
            base_per_minute=10, increment_factor=1.5, after_notified=10, maximum_per_minute=100
        ),
        **common,
    )
    OtaUpdate(
        made,
        "Two",
        files=[OtaFile(name="/a", location=place, signing=CodeSigning.unsigned())],
        rollout=RolloutRate.exponential(base_per_minute=10, increment_factor=1.5, after_succeeded=10),
        **common,
    )
    resources = template(made).find_resources(RESOURCE_TYPE).values()
    rendered = {path for resource in resources for path in of_value(resource["Properties"]["Request"], SHAPE)}
    assert set(of_shape(SHAPE)) - ELSEWHERE == rendered
