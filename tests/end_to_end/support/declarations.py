"""Declarations that several tests put into their stacks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from aws_cdk import CfnOutput, CustomResource, Stack

from cdk_iot_ota import CodeSigning, FileLocation, HashAlgorithm, OtaFile, OtaUpdate, SignatureAlgorithm
from tests.end_to_end.support.deployment import Declaration
from tests.signing_key import sign

# The type of the fixture `declare`.
Declare = Callable[..., Declaration]


def signed_file(location: FileLocation, content: bytes) -> OtaFile:
    """Return a file with this content and its signature, which devices verify with the test's certificate."""
    return OtaFile(
        name="/firmware/blinky.bin",
        location=location,
        signing=CodeSigning.custom(
            signature=sign(content),
            hash_algorithm=HashAlgorithm.SHA256,
            signature_algorithm=SignatureAlgorithm.ECDSA,
            certificate_name="/signer.pem",
        ),
        type=1,
    )


def firmware(folder: Path, content: str) -> OtaFile:
    """Return a signed file with this content, uploaded as an asset of the app."""
    path = folder / f"{content}.bin"
    path.write_text(content)
    return signed_file(FileLocation.from_asset(path), content.encode())


def blinky(stack: Stack, *, id: str = "Blinky", **options: Any) -> OtaUpdate:
    """Declare an OTA update, and its attributes as outputs of the stack."""
    update = OtaUpdate(stack, id, **options)
    outputs = {"Id": update.ota_update_id, "Arn": update.ota_update_arn, "Job": update.job_id}
    for name, value in {**outputs, "JobArn": update.job_arn, "Status": update.status}.items():
        CfnOutput(stack, name, value=value)
    return update


def failing(stack: Stack) -> None:
    """Declare a resource that cannot be created and that depends on the update."""
    missing = stack.format_arn(service="lambda", resource="function", resource_name="missing")
    broken = CustomResource(stack, "Broken", service_token=missing)
    broken.node.add_dependency(stack.node.find_child("Blinky"))
