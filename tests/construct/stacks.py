"""Small stacks with OTA updates, and what is in their templates."""

from pathlib import Path
from typing import Any

from aws_cdk import App, Stack, assertions
from constructs import Construct

from cdk_iot_ota import CodeSigning, FileLocation, HashAlgorithm, OtaFile, OtaTarget, OtaUpdate, SignatureAlgorithm

RESOURCE_TYPE = "Custom::IoTOTAUpdate"


def stack(name: str = "Prod", **options: Any) -> Stack:
    """An empty stack in an app of its own, without anything that a CDK release changes at will."""
    return Stack(App(analytics_reporting=False), name, **options)


def firmware(folder: Path, content: str = "firmware") -> Path:
    """A firmware file of this content."""
    path = folder / f"{content}.bin"
    path.write_text(content)
    return path


def signed() -> CodeSigning:
    """A custom signature."""
    return CodeSigning.custom(
        signature=b"\x30\x45\x02\x20 a signature",
        hash_algorithm=HashAlgorithm.SHA256,
        signature_algorithm=SignatureAlgorithm.ECDSA,
        certificate_name="/certificates/signer.pem",
    )


def ota_file(location: FileLocation, **options: Any) -> OtaFile:
    """A signed file at this location."""
    return OtaFile(**{"name": "/firmware/blinky.bin", "signing": signed(), **options}, location=location)


def ota_update(scope: Construct, id: str, path: Path, **options: Any) -> OtaUpdate:
    """An update of one firmware asset for one thing group."""
    given = {"targets": [OtaTarget.thing_group("fleet")], **options}
    if "files" not in given:
        given["files"] = [ota_file(FileLocation.from_asset(path))]
    return OtaUpdate(scope, id, **given)


def template(of: Stack) -> assertions.Template:
    """The stack's template."""
    return assertions.Template.from_stack(of)


def updates(of: Stack) -> dict[str, Any]:
    """The OTA updates in a stack's template, by logical id."""
    return dict(template(of).find_resources(RESOURCE_TYPE))


def only_update(of: Stack) -> dict[str, Any]:
    """The one OTA update in a stack's template."""
    (update,) = updates(of).values()
    found: dict[str, Any] = update
    return found


def wrong(value: Any) -> Any:
    """A value of a type that is not taken."""
    return value
