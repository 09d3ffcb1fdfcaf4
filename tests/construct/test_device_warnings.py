"""Warnings about what AWS IoT accepts and devices do not take."""

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Annotations, Aws, Duration, Fn, Stack, Token
from aws_cdk import aws_s3 as s3
from constructs import IConstruct

from cdk_iot_ota import (
    CodeSigning,
    FileLocation,
    HashAlgorithm,
    OtaFile,
    OtaTarget,
    OtaUpdate,
    Phase,
    PhasedRollout,
    Protocol,
    RolloutGate,
    SignatureAlgorithm,
    SigningPlatform,
    SigningProfile,
)

from .stacks import custom, only_update, ota_file, stack
from .test_arguments import sized

ROOT = Path(__file__).parents[2]
# The apps that users start from.
EXAMPLES = [ROOT / "app.py", *sorted((ROOT / "examples").glob("*.py"))]
FOUR_MIB = 4 * 1024 * 1024
DEFAULT = RolloutGate()
Arguments = dict[str, Any]


def rsa(length: int, hash_algorithm: HashAlgorithm = HashAlgorithm.SHA256) -> CodeSigning:
    """Return a signature of RSA with this length in bytes."""
    return CodeSigning.custom(
        signature=b"\xff" * length,
        hash_algorithm=hash_algorithm,
        signature_algorithm=SignatureAlgorithm.RSA,
        certificate_name="/signer.pem",
    )


def stream(**options: Any) -> OtaFile:
    """Return a file in a stream, so that nothing is uploaded."""
    return ota_file(FileLocation.from_stream("stream-1", 0), **options)


def signer(platform: SigningPlatform) -> OtaFile:
    """Return a file in a bucket that AWS Signer signs on this platform."""
    firmware, signed = (s3.Bucket.from_bucket_name(stack(), name, name) for name in ("firmware", "signed"))
    profile = SigningProfile(
        certificate_arn="arn:aws:acm:eu-central-1:111122223333:certificate/1",
        platform=platform,
        certificate_path_on_device="/signer.pem",
    )
    signing = CodeSigning.signer(destination_bucket=signed, profile=profile)
    return ota_file(FileLocation.from_bucket(firmware, "a.bin"), signing=signing)


def update(scope: Any = None, **options: Any) -> OtaUpdate:
    """Declare an update with these options, of a file that devices take unless given."""
    given = {"targets": [OtaTarget.thing("bench")], "files": [stream()], **options}
    return OtaUpdate(stack() if scope is None else scope, "Blinky", **given)


def warnings(*constructs: IConstruct) -> list[str]:
    """Return the warnings of constructs, each with the path of its construct."""
    return [
        f"{construct.node.path}: {entry.data}"
        for construct in constructs
        for entry in construct.node.metadata
        if entry.type == "aws:cdk:warning"
    ]


def ids(found: list[str]) -> list[str]:
    """Return the ids of warnings."""
    return [text.rsplit("[ack: cdk-iot-ota:", 1)[1].rstrip("]") for text in found]


def http(type: int | None) -> Arguments:
    """Return an update over HTTP."""
    return {"protocols": [Protocol.MQTT, Protocol.HTTP], "files": [stream(type=type)]}


def gated(minutes: int | None, gate: RolloutGate | None = DEFAULT) -> Arguments:
    """Return an update with a gate and a timeout of the job."""
    return {"in_progress_timeout": None if minutes is None else Duration.minutes(minutes), "gate": gate}


def named(name: str) -> Arguments:
    """Return an update of a file with this path on the device."""
    return {"files": [stream(name=name)]}


def signed_by(signing: CodeSigning) -> Arguments:
    """Return an update of a file with this signature."""
    return {"files": [stream(signing=signing)]}


SHA1 = HashAlgorithm.SHA1
Make = Callable[[Path], Arguments]
# What comes behind "got" in the messages, and the id of each.
MESSAGES = {
    "several-files": (
        "agents download, verify and activate only the first file of an update, got {}: declare an update for each "
        "file, since a gate passes with the others missing"
    ),
    "large-file": (
        "devices with default settings take files of at most 4194304 bytes and never report on larger ones, got {}: "
        "make it smaller, or build the devices for more or larger blocks"
    ),
    "device-path": (
        'devices take paths of at most 259 bytes, and save one with " or \\ under another name, got {}: choose another '
        "name"
    ),
    "long-signature": (
        "agents take signatures of at most 384 bytes, got {}: sign with ECDSA, or build the devices for longer ones"
    ),
    "sha1-signature": (
        "SHA1 can be forged, and the Jobs parser of AWS's SDK knows SHA256 with ECDSA only, got {}: sign with SHA256 "
        "and ECDSA, unless the devices verify SHA1 only"
    ),
    "rsa-signature": (
        "the Jobs parser of AWS's SDK knows SHA256 with ECDSA only, got {}: sign with ECDSA, or build the devices "
        "for RSA"
    ),
    "http-without-type": (
        "the Jobs SDK before 2.0.0 takes no file over HTTP without its type, got {}: give OtaFile a type, such as 0"
    ),
    "in-progress-timeout": (
        "in_progress_timeout should be at most the gate's timeout of {} minutes, got {}: shorten it, since a device "
        "may be silent for longer than the gate waits"
    ),
    "success-percentage": (
        "success_percentage is in percent, got {}, which one device of a hundred fulfils: write {} if that is the "
        "share of the devices that must succeed"
    ),
}
BLINKY = "'/firmware/blinky.bin'"
WARNED: dict[str, tuple[Make, str, tuple[str, ...]]] = {
    "two files": (lambda _: {"files": [stream(name="/a"), stream(name="/b")]}, "several-files", ("2",)),
    "a local file of more than 4 MiB": (
        lambda folder: {"files": [ota_file(FileLocation.from_asset(sized(folder, FOUR_MIB + 1)))]},
        "large-file",
        (f"{BLINKY} (4194305 bytes)",),
    ),
    "a path of 260 characters": (lambda _: named("a" * 260), "device-path", (f"'{'a' * 98}… (260 bytes)",)),
    "260 bytes": (lambda _: named("ü" * 130), "device-path", (f"'{'ü' * 98}… (260 bytes)",)),
    "a quotation mark": (lambda _: named('/a".bin'), "device-path", ("'/a\".bin' (with \")",)),
    "a backslash": (lambda _: named("\\a"), "device-path", (r"'\\a' (with \)",)),
    "RSA": (lambda _: signed_by(rsa(384)), "rsa-signature", (f"{BLINKY} (RSA)",)),
    "RSA with 4,096 bits": (lambda _: signed_by(rsa(512)), "long-signature", (f"{BLINKY} (512 bytes)",)),
    "SHA1 with RSA": (lambda _: signed_by(rsa(256, SHA1)), "sha1-signature", (f"{BLINKY} (SHA1)",)),
    "a platform with SHA1": (
        lambda _: {"files": [signer(SigningPlatform.of("AmazonFreeRTOS-TI-CC3220SF"))]},
        "sha1-signature",
        (f"{BLINKY} (SHA1)",),
    ),
    "HTTP without a type": (lambda _: http(None), "http-without-type", (f"{BLINKY} (no type)",)),
    "a fraction in place of a percentage": (
        lambda _: {"gate": RolloutGate(success_percentage=0.98)},
        "success-percentage",
        ("0.98", "98"),
    ),
    "a device that is silent for longer than the gate": (lambda _: gated(31), "in-progress-timeout", ("30", "31")),
}


@pytest.mark.parametrize(("options", "id", "got"), WARNED.values(), ids=WARNED)
def test_what_devices_do_not_take_is_one_warning(options: Make, id: str, got: tuple[str, ...], tmp_path: Path) -> None:
    """An update has exactly one warning, with a remedy, for each thing that devices refuse; it can be acknowledged."""
    declared = update(**options(tmp_path))
    assert warnings(declared) == [f"Prod/Blinky: {MESSAGES[id].format(*got)} [ack: cdk-iot-ota:{id}]"]
    Annotations.of(declared).acknowledge_warning(f"cdk-iot-ota:{id}", "these devices take it")
    assert warnings(declared) == []


late: Any = Fn.import_value("late")
number: Any = Token.as_number({"Fn::ImportValue": "late"})
TAKEN: dict[str, Make] = {
    "one file": lambda _: {},
    "4 MiB": lambda folder: {"files": [ota_file(FileLocation.from_asset(sized(folder, FOUR_MIB)))]},
    "259 characters": lambda _: named("a" * 259),
    "another path": lambda _: named("/ü/a'b.bin"),
    "a path that is not known": lambda _: named(f'{Aws.REGION}"{"a" * 260}'),
    "ECDSA": lambda _: signed_by(custom()),
    "unsigned": lambda _: signed_by(CodeSigning.unsigned()),
    "a signature that is not known": lambda _: {"files": [OtaFile(name="/a", signing=CodeSigning.signer_job("j"))]},
    "a platform with SHA256": lambda _: {"files": [signer(SigningPlatform.AMAZON_FREERTOS_DEFAULT)]},
    "another platform": lambda _: {"files": [signer(SigningPlatform.of("SHA1-RSA"))]},
    "a platform that is not known": lambda _: {"files": [signer(SigningPlatform.of(late))]},
    "HTTP with a type": lambda _: http(0),
    "HTTP with a type that is not known": lambda _: http(number),
    "MQTT without a type": lambda _: {"protocols": [Protocol.MQTT]},
    "a device that is silent for as long as the gate": lambda _: gated(30),
    "a device that is silent for the default time": lambda _: gated(None),
    "a device that is silent, and no gate": lambda _: gated(31, gate=None),
    "a silence that is not known": lambda _: gated(number),
    "a gate that is not known": lambda _: gated(31, RolloutGate(timeout=Duration.minutes(number))),
}


@pytest.mark.parametrize("options", TAKEN.values(), ids=TAKEN)
def test_what_devices_take_is_no_warning(options: Make, tmp_path: Path) -> None:
    """Values just within a limit, or not known at synth, have no warning."""
    assert warnings(update(**options(tmp_path))) == []


def test_files_with_the_same_problem_share_a_warning() -> None:
    """One warning names the first three files with a problem, and counts the others."""
    names = [f'/{index}"' for index in range(5)]
    found = warnings(update(files=[stream(name=name, signing=rsa(256)) for name in names]))
    shown = "'/0\"' (with \"), '/1\"' (with \"), '/2\"' (with \") and 2 more: choose"
    assert ids(found) == ["several-files", "device-path", "rsa-signature"]
    assert shown in found[1]


def test_a_file_whose_path_is_not_known_is_shown_by_its_index() -> None:
    """A warning about a file whose path is a token says which file of the request it is."""
    (found,) = warnings(update(files=[stream(name=Aws.REGION, signing=rsa(256))]))
    assert "only, got files[0] (RSA): sign" in found


def test_sha1_and_a_long_signature_are_two_problems() -> None:
    """Hash and length of a signature are different causes, of which each has its warning."""
    assert len(warnings(update(**signed_by(rsa(512, SHA1))))) == 2


def test_the_phases_of_a_rollout_share_a_warning() -> None:
    """A rollout has one warning for the files that its phases share, and one for each timeout of their gates."""
    prod = stack()
    phases = [
        Phase("a", targets=[OtaTarget.thing("a")], gate=DEFAULT),
        Phase("b", targets=[OtaTarget.thing("b")], gate=DEFAULT),
        Phase("c", targets=[OtaTarget.thing("c")], gate=RolloutGate(timeout=Duration.minutes(45))),
        Phase("d", targets=[OtaTarget.thing("d")]),
    ]
    silent, files = Duration.hours(2), [stream(signing=rsa(256))]
    rollout = PhasedRollout(prod, "Rollout", phases=phases, files=files, in_progress_timeout=silent)
    found = warnings(rollout)
    assert warnings(*rollout.updates) == []
    assert ids(found) == ["in-progress-timeout", "rsa-signature", "in-progress-timeout"]


def test_a_warning_that_is_acknowledged_early_does_not_appear() -> None:
    """A stack can acknowledge a warning before its updates are declared, and their content stays the same."""
    quiet, loud = stack(), stack()
    Annotations.of(quiet).acknowledge_warning("cdk-iot-ota:rsa-signature", "these devices take it")
    declared = [update(made, **signed_by(rsa(256))) for made in (quiet, loud)]
    assert [len(warnings(one)) for one in declared] == [0, 1]
    assert only_update(quiet) == only_update(loud)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_have_no_warnings(path: Path) -> None:
    """The apps that users start from declare only what devices take."""
    app = runpy.run_path(str(path))["app"]
    assert any(isinstance(child, Stack) for child in app.node.children)
    assert warnings(*app.node.find_all()) == []
