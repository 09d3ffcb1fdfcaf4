"""Bad input is refused at synth, with the argument, the value and the remedy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Fn
from aws_cdk import aws_s3 as s3

from cdk_iot_ota import CodeSigning, FileLocation, HashAlgorithm, OtaFile, OtaTarget, SignatureAlgorithm

from .stacks import firmware, ota_file, ota_update, signed, stack

HERE = Path(__file__)


def in_bucket(key: str = "a.bin", **options: Any) -> FileLocation:
    """A location in some bucket."""
    return FileLocation.from_bucket(s3.Bucket.from_bucket_name(stack(), "Bucket", "firmware"), key, **options)


def custom(**options: Any) -> CodeSigning:
    """A custom signature with changes."""
    given: dict[str, Any] = {
        "signature": b"\xff",
        "hash_algorithm": HashAlgorithm.SHA256,
        "signature_algorithm": SignatureAlgorithm.ECDSA,
        "certificate_name": "/signer.pem",
        **options,
    }
    return CodeSigning.custom(**given)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: OtaTarget.thing(""), "thing_name must have 1 to 128 characters, got 0"),
        (lambda: OtaTarget.thing("a b"), r"thing_name must match .*, got 'a b'"),
        (lambda: OtaTarget.thing_group("a" * 129), "thing_group_name must have 1 to 128 characters, got 129"),
        (lambda: OtaTarget.from_arn("arn:aws:s3:::b"), r"arn must match .*, got 'arn:aws:s3:::b'"),
        (lambda: FileLocation.from_asset("missing.bin"), "path must be a file, but 'missing.bin' does not exist"),
        (lambda: FileLocation.from_asset(HERE.parent), "path must be a file, but .* is a directory"),
        (lambda: in_bucket(""), "key must have 1 to 1024 characters"),
        (lambda: in_bucket(version=""), "version must have at least 1 characters"),
        (lambda: custom(signature=b""), "signature must not be empty"),
        (lambda: custom(signature=b"MEUCIQ=="), "signature must be the raw bytes, but 'MEUCIQ==' is base64 text"),
        (lambda: custom(signature=Path("missing.sig")), "signature must be a file, but 'missing.sig' does not exist"),
        (lambda: custom(certificate_name=""), "certificate_name must have at least 1 characters"),
        (lambda: custom(hash_algorithm="SHA-256"), "'SHA-256' is not a valid HashAlgorithm"),
        (lambda: ota_file(in_bucket(), name=""), "name must have at least 1 characters"),
        (lambda: ota_file(in_bucket(), type=256), "type must be between 0 and 255, got 256"),
    ],
)
def test_a_bad_value_is_named(make: Callable[[], object], message: str) -> None:
    """A value object refuses what is beyond its limits as soon as it is made."""
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"targets": []}, "Prod/Blinky: targets must have 1 to 100 members, got 0"),
        ({"targets": [OtaTarget.thing("a")] * 101}, "Prod/Blinky: targets must have 1 to 100 members, got 101"),
        ({"files": []}, "Prod/Blinky: files must have 1 to 50 members, got 0"),
        ({"ota_update_id": "a b"}, r"Prod/Blinky: ota_update_id must match \[a-zA-Z0-9_-\]\+, got 'a b'"),
        ({"ota_update_id": "a" * 57}, "Prod/Blinky: ota_update_id must have 1 to 56 characters, got 57"),
        ({"description": "a" * 2029}, "Prod/Blinky: description must have 1 to 2028 characters, got 2029"),
        ({"tags": {"cdk-iot-ota:content": "x"}}, "Prod/Blinky: tags must not use the prefix cdk-iot-ota:"),
    ],
)
def test_a_bad_argument_of_an_update_is_named_with_its_path(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    """An error of the construct begins with its path."""
    with pytest.raises(ValueError, match=message):
        ota_update(stack(), "Blinky", firmware(tmp_path), **options)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: custom(signature="MEUCIQ=="), "signature must be bytes or a pathlib.Path, got 'MEUCIQ=='"),
        (lambda: OtaFile(name="a", location="b", signing=signed()), "location must be made by FileLocation"),  # type: ignore[arg-type]
        (lambda: OtaFile(name="a", location=in_bucket(), signing=None), "signing must be made by CodeSigning"),  # type: ignore[arg-type]
        (lambda: ota_file(in_bucket(), attributes={"a": 1}), r"attributes\['a'\] must be a str, got 1"),
        (lambda: ota_update(stack(), "Blinky", HERE, targets="fleet"), "Prod/Blinky: targets must be a list"),
        (lambda: ota_update(stack(), "Blinky", HERE, targets=["fleet"]), "must be a list of OtaTarget, got 'fleet'"),
    ],
)
def test_a_value_of_another_type_is_named(make: Callable[[], object], message: str) -> None:
    """A wrong type is refused here, not in the middle of jsii."""
    with pytest.raises(TypeError, match=message):
        make()


def test_tokens_pass(tmp_path: Path) -> None:
    """What is known in the deploy only cannot be checked at synth."""
    token = Fn.import_value("late")
    ota_update(
        stack(),
        "Blinky",
        firmware(tmp_path),
        targets=[OtaTarget.thing(token), OtaTarget.from_arn(token)],
        ota_update_id=token,
        description=token,
    )
