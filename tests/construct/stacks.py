"""Small stacks with OTA updates, and queries on their templates."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from aws_cdk import App, Stack, assertions
from constructs import Construct

from cdk_iot_ota import (
    CodeSigning,
    FileLocation,
    HashAlgorithm,
    OtaFile,
    OtaTarget,
    OtaUpdate,
    SignatureAlgorithm,
    SigningPlatform,
    SigningProfile,
)

RESOURCE_TYPE = "Custom::IoTOTAUpdate"
CERTIFICATE = "arn:aws:acm:eu-central-1:111122223333:certificate/1"
# One DER SEQUENCE of two INTEGERs.
SIGNATURE = b"\x30\x06\x02\x01\x01\x02\x01\x01"
# The stored templates and the frozen request have it. It is older than the check of a signature's form.
STORED_SIGNATURE = b"\x30\x45\x02\x20 a signature"


def new_app(**context: Any) -> App:
    """Return an app without anything that changes with CDK releases, and without copies of its assets.

    The templates do not depend on the copies, which take a quarter of a synth.
    """
    return App(analytics_reporting=False, context={"aws:cdk:disable-asset-staging": True, **context})


def stack(name: str = "Prod", **options: Any) -> Stack:
    """Return an empty stack in a new app."""
    return Stack(new_app(), name, **options)


def firmware(folder: Path, content: str = "firmware") -> Path:
    """Write a firmware file with this content."""
    path = folder / f"{content}.bin"
    path.write_text(content)
    return path


def signed() -> CodeSigning:
    """Return the custom signature of the stored templates."""
    valid: Any = custom(certificate_name="/certificates/signer.pem")
    stored: CodeSigning = replace(valid, signature=STORED_SIGNATURE)
    return stored


def ota_file(location: FileLocation, **options: Any) -> OtaFile:
    """Return a signed file at this location."""
    return OtaFile(**{"name": "/firmware/blinky.bin", "signing": signed(), **options}, location=location)


def ota_update(scope: Construct, id: str, path: Path, **options: Any) -> OtaUpdate:
    """Declare an update of one firmware asset for one thing group."""
    given = {"targets": [OtaTarget.thing_group("fleet")], **options}
    if "files" not in given:
        given["files"] = [ota_file(FileLocation.from_asset(path))]
    return OtaUpdate(scope, id, **given)


def template(of: Stack) -> assertions.Template:
    """Return the stack's template."""
    return assertions.Template.from_stack(of)


def updates(of: Stack) -> dict[str, Any]:
    """Return the OTA updates in a stack's template, by logical id."""
    return dict(template(of).find_resources(RESOURCE_TYPE))


def only_update(of: Stack) -> dict[str, Any]:
    """Return the one OTA update in a stack's template."""
    (update,) = updates(of).values()
    found: dict[str, Any] = update
    return found


def wrong(value: Any) -> Any:
    """Return a value that a type checker does not see the type of."""
    return value


def custom(**options: Any) -> CodeSigning:
    """Return a custom signature with these changes."""
    given: dict[str, Any] = {
        "signature": SIGNATURE,
        "hash_algorithm": HashAlgorithm.SHA256,
        "signature_algorithm": SignatureAlgorithm.ECDSA,
        "certificate_name": "/signer.pem",
        **options,
    }
    return CodeSigning.custom(**given)


def profile(**options: Any) -> SigningProfile:
    """Return a signing profile with these changes."""
    given: dict[str, Any] = {
        "certificate_arn": CERTIFICATE,
        "platform": SigningPlatform.AMAZON_FREERTOS_DEFAULT,
        "certificate_path_on_device": "/signer.pem",
        **options,
    }
    return SigningProfile(**given)
