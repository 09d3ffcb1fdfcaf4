"""The apps with the library. See ``apps`` for what all of them declare."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from cdk_iot_ota import CodeSigning, FileLocation, HashAlgorithm, OtaFile, OtaTarget, OtaUpdate, SignatureAlgorithm

from .apps import BUCKET, CERTIFICATE, KEY, SIGNATURE, group


def declare(stack: Stack, updates: int, content: str, role: iam.Role | None = None) -> None:
    """Declare so many updates, with the library's role unless there is another."""
    bucket = s3.Bucket.from_bucket_name(stack, "Bucket", BUCKET)
    for number in range(updates):
        OtaUpdate(
            stack,
            f"Update{number}",
            targets=[OtaTarget.thing_group(group(number))],
            files=[_file("/firmware/blinky.bin", bucket, KEY)],
            role=role,
            description=content,
        )


def declare_one(stack: Stack, *, targets: int, files: int) -> None:
    """Declare one update with so many targets and files."""
    bucket = s3.Bucket.from_bucket_name(stack, "Bucket", BUCKET)
    OtaUpdate(
        stack,
        "Update",
        targets=[OtaTarget.thing_group(group(number)) for number in range(targets)],
        files=[_file(f"/firmware/{number}.bin", bucket, f"{number}.bin") for number in range(files)],
    )


def _file(name: str, bucket: s3.IBucket, key: str) -> OtaFile:
    return OtaFile(
        name=name,
        location=FileLocation.from_bucket(bucket, key),
        signing=CodeSigning.custom(
            signature=SIGNATURE,
            hash_algorithm=HashAlgorithm.SHA256,
            signature_algorithm=SignatureAlgorithm.ECDSA,
            certificate_name=CERTIFICATE,
        ),
    )
