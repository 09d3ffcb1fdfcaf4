"""Declared parameters reach AWS IoT and the job, with IAM enforced and only the generated permissions."""

from pathlib import Path
from typing import Any

import pytest
from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_iot as iot
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
    TargetSelection,
)
from cdk_iot_ota_local import Fleet, LocalAws
from tests.end_to_end.support.deployment import Declaration, Deployment
from tests.signing_key import sign

SIGNED = CodeSigning.custom(
    signature=sign(b"firmware"),
    hash_algorithm=HashAlgorithm.SHA256,
    signature_algorithm=SignatureAlgorithm.ECDSA,
    certificate_name="/signer.pem",
)


def declare_update(aws: LocalAws, **options: Any) -> Declaration:
    """Return a declaration of an update with these options, and its outputs."""

    def declare(stack: Stack) -> None:
        update = OtaUpdate(stack, "Blinky", **{"targets": [OtaTarget.thing(aws.named("every-0000"))], **options})
        CfnOutput(stack, "Id", value=update.ota_update_id)
        CfnOutput(stack, "Job", value=update.job_id)

    return declare


def create_profile(aws: LocalAws, name: str) -> None:
    """Create a signing profile in AWS Signer."""
    certificate = aws.client("acm").request_certificate(DomainName="example.com")["CertificateArn"]
    aws.client("signer").put_signing_profile(
        profileName=name,
        platformId="AmazonFreeRTOS-Default",
        signingMaterial={"certificateArn": certificate},
        signingParameters={"certname": "/signer.pem"},
    )


@pytest.fixture(scope="module", autouse=True)
def _devices(aws: LocalAws) -> None:
    """Register one device to update."""
    with Fleet(aws, "every", 1) as fleet:
        fleet.register()


def test_delivery(aws: LocalAws, deployment: Deployment, tmp_path: Path) -> None:
    """Rollout, abort criteria, timeout, presigned URLs, protocols and target selection reach the update and its job."""
    path = tmp_path / "a.bin"
    path.write_text("firmware")
    outputs = deployment.deploy(
        declare_update(
            aws,
            files=[OtaFile(name="/a", location=FileLocation.from_asset(path), signing=SIGNED, attributes={"k": "v"})],
            description="everything",
            protocols=[Protocol.HTTP],
            target_selection=TargetSelection.CONTINUOUS,
            rollout=RolloutRate.exponential(
                base_per_minute=10, increment_factor=1.5, after_notified=100, maximum_per_minute=50
            ),
            abort_criteria=[AbortCriterion(failure=FailureType.ALL, threshold_percentage=2.5, minimum_executed=10)],
            in_progress_timeout=Duration.minutes(45),
            presigned_url_expiry=Duration.minutes(10),
            additional_parameters={"k": "v"},
        )
    )
    update = aws.client("iot").get_ota_update(otaUpdateId=outputs["Id"])["otaUpdateInfo"]
    assert update["additionalParameters"] == {"k": "v"}
    assert update["protocols"] == ["HTTP"]
    assert update["awsJobPresignedUrlConfig"] == {"expiresInSec": 600}
    job = aws.client("iot").describe_job(jobId=outputs["Job"])["job"]
    assert job["targetSelection"] == "CONTINUOUS"
    assert job["timeoutConfig"] == {"inProgressTimeoutInMinutes": 45}
    (criterion,) = job["abortConfig"]["criteriaList"]
    assert (criterion["failureType"], criterion["thresholdPercentage"]) == ("ALL", 2.5)
    assert job["jobExecutionsRolloutConfig"]["exponentialRate"]["incrementFactor"] == 1.5


def test_a_group_of_the_same_stack(aws: LocalAws, deployment: Deployment, tmp_path: Path) -> None:
    """A thing and a group of the same stack can be targets; they are created before the update."""
    path = tmp_path / "a.bin"
    path.write_text("firmware")

    name = aws.named("same-stack")

    def declare(stack: Stack) -> None:
        thing, group = iot.CfnThing(stack, "Thing"), iot.CfnThingGroup(stack, "Group", thing_group_name=name)
        targets = [OtaTarget.thing(thing.ref), OtaTarget.from_arn(group.attr_arn)]
        file = OtaFile(name="/a", location=FileLocation.from_asset(path), signing=SIGNED)
        declare_update(aws, files=[file], targets=targets)(stack)

    outputs = deployment.deploy(declare)
    targets = aws.client("iot").describe_job(jobId=outputs["Job"])["job"]["targets"]
    assert targets[1].endswith(f":thinggroup/{name}")


@pytest.mark.local_only("needs a signing profile, and with it a certificate in ACM")
def test_firmware_in_a_bucket_of_the_stack_is_signed_by_aws_signer(aws: LocalAws, deployment: Deployment) -> None:
    """Firmware in a versioned bucket of the same stack is pinned to its version and signed by AWS Signer."""

    def buckets(stack: Stack) -> tuple[s3.Bucket, s3.Bucket]:
        return s3.Bucket(stack, "Firmware", versioned=True), s3.Bucket(stack, "Signed")

    def only_buckets(stack: Stack) -> None:
        firmware, signed = buckets(stack)
        CfnOutput(stack, "Bucket", value=firmware.bucket_name)
        CfnOutput(stack, "SignedBucket", value=signed.bucket_name)

    def with_update(stack: Stack) -> None:
        firmware, signed = buckets(stack)
        signing = CodeSigning.signer(destination_bucket=signed, profile_name="blinky", destination_prefix="a/")
        file = OtaFile(name="/a", location=FileLocation.from_bucket(firmware, "a.bin"), signing=signing)
        declare_update(aws, files=[file])(stack)

    create_profile(aws, "blinky")
    bucket = deployment.deploy(only_buckets)["Bucket"]
    version = aws.client("s3").put_object(Bucket=bucket, Key="a.bin", Body=b"firmware")["VersionId"]
    outputs = deployment.deploy(with_update)
    (file,) = aws.client("iot").get_ota_update(otaUpdateId=outputs["Id"])["otaUpdateInfo"]["otaUpdateFiles"]
    assert file["fileLocation"]["s3Location"]["version"] == version
    assert file["codeSigning"]["startSigningJobParameter"]["signingProfileName"] == "blinky"
    deployment.deploy(only_buckets)
    versions = aws.client("s3").list_object_versions(Bucket=bucket)["Versions"]
    for one in versions:
        aws.client("s3").delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])


@pytest.mark.local_only("creates a stream with a role that does not exist")
def test_a_file_of_a_stream_leaves_the_stream_alone(aws: LocalAws, deployment: Deployment) -> None:
    """A file of an existing stream uses the stream, and deleting the update does not delete it."""
    s3_client, iot = aws.client("s3"), aws.client("iot")
    bucket = aws.assets_bucket
    s3_client.put_object(Bucket=bucket, Key="streamed.bin", Body=b"firmware")
    role = "arn:aws:iam::111122223333:role/any"
    file = {"s3Location": {"bucket": bucket, "key": "streamed.bin"}, "fileId": 3}
    iot.create_stream(streamId="mine", files=[file], roleArn=role)
    location = FileLocation.from_stream("mine", 3)
    deployment.deploy(declare_update(aws, files=[OtaFile(name="/a", location=location, signing=SIGNED)]))
    deployment.delete()
    assert [stream["streamId"] for stream in iot.list_streams()["streams"]] == ["mine"]
    iot.delete_stream(streamId="mine")
