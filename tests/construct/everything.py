"""A stack with every possible declaration. Other resources are imported, so every finding is about this library."""

from pathlib import Path

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from cdk_iot_ota import (
    AbortCriterion,
    CodeSigning,
    FailureType,
    FileLocation,
    OtaFile,
    OtaServiceRole,
    OtaTarget,
    OtaUpdate,
    OtaUpdateProvider,
    Protocol,
    RolloutGate,
    RolloutRate,
    SigningPlatform,
    SigningProfile,
    TargetSelection,
)

from .stacks import firmware, ota_file, signed

KEY_ID = "0f0c7d2e-6f55-4a5e-9d3b-0c8c6a3d8f10"


def declare_everything(stack: Stack, folder: Path) -> None:
    """Declare updates with every argument, file location and way of signing, in a VPC and encrypted with a key."""
    key = kms.Key.from_key_arn(stack, "Key", stack.format_arn(service="kms", resource="key", resource_name=KEY_ID))
    bucket, destination = _bucket(stack, "firmware", key), _bucket(stack, "signed", key)
    provider = OtaUpdateProvider(stack, "Provider", encryption_key=key, vpc=imported_vpc(stack))
    role = OtaServiceRole(stack, "Role")
    place = FileLocation.from_bucket(bucket, "blinky/1.4.2.bin")
    profile = SigningProfile(
        certificate_arn=stack.format_arn(service="acm", resource="certificate", resource_name="c-1"),
        platform=SigningPlatform.AMAZON_FREERTOS_DEFAULT,
        certificate_path_on_device="/signer.pem",
    )
    ways = {
        "Asset": ota_file(FileLocation.from_asset(firmware(folder)), version="1.4.2", type=1, attributes={"k": "v"}),
        "Pinned": ota_file(FileLocation.from_bucket(bucket, "data.bin", version="v7")),
        "Stream": ota_file(FileLocation.from_stream("stream-1", 0)),
        "Signer": ota_file(place, signing=CodeSigning.signer(destination_bucket=destination, profile_name="blinky")),
        "NewProfile": ota_file(
            place,
            signing=CodeSigning.signer(destination_bucket=destination, profile=profile, destination_prefix="signed/"),
        ),
        "SignerJob": OtaFile(name="/a", signing=CodeSigning.signer_job("job-1")),
        "Unsigned": ota_file(place, signing=CodeSigning.unsigned()),
    }
    known = cloudwatch.Alarm.from_alarm_name(stack, "Crashes", "crashes")
    gates = {"Asset": RolloutGate(alarms=[known]), "Unsigned": RolloutGate()}
    for name, file in ways.items():
        OtaUpdate(
            stack,
            name,
            targets=[OtaTarget.thing_group("fleet"), OtaTarget.thing("bench-1")],
            files=[file],
            role=role,
            ota_update_id=f"{name}-1" if name in ("Asset", "Signer") else None,
            description=f"{name} 1.4.2",
            protocols=[Protocol.MQTT, Protocol.HTTP],
            target_selection=TargetSelection.SNAPSHOT,
            rollout=RolloutRate.constant(maximum_per_minute=50),
            abort_criteria=[
                AbortCriterion(failure=FailureType.FAILED, threshold_percentage=10, minimum_executed=20),
            ],
            in_progress_timeout=Duration.minutes(30),
            presigned_url_expiry=Duration.minutes(30),
            additional_parameters={"k": "v"},
            tags={"team": "devices"},
            delete_stream=name != "Stream",
            force_delete_job=name != "Pinned",
            gate=gates.get(name),
            removal_policy=RemovalPolicy.RETAIN if name == "Unsigned" else RemovalPolicy.DESTROY,
            provider=provider,
        )
    # One with all defaults, for the role and the provider that the updates of a stack share.
    OtaUpdate(
        stack,
        "Default",
        targets=[OtaTarget.thing("bench-2")],
        files=[OtaFile(name="/a", location=FileLocation.from_asset(firmware(folder, "b")), signing=signed())],
    )


def _bucket(stack: Stack, name: str, key: kms.IKey) -> s3.IBucket:
    return s3.Bucket.from_bucket_attributes(stack, name, bucket_name=f"{name}-1", encryption_key=key)


def imported_vpc(stack: Stack) -> ec2.IVpc:
    """Return an imported VPC."""
    return ec2.Vpc.from_vpc_attributes(
        stack,
        "Vpc",
        vpc_id="vpc-12345678",
        availability_zones=["a"],
        private_subnet_ids=["subnet-12345678"],
        private_subnet_route_table_ids=["rtb-12345678"],
    )
