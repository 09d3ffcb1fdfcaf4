"""Invalid input is rejected at synth with the argument, the value and the remedy; values at the limits are accepted."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Duration, Environment, Fn, RemovalPolicy, Stack, Token
from aws_cdk import aws_iam as iam
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
    OtaUpdateProvider,
    Protocol,
    RolloutRate,
    SignatureAlgorithm,
    SigningPlatform,
    TargetSelection,
)

from .stacks import CERTIFICATE, custom, only_update, profile, stack

HERE = Path(__file__)
GROUP = "arn:aws:iot:eu-central-1:111122223333:thinggroup/fleet"
PEM = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
Make = Callable[[], object]
THINGS = [OtaTarget.thing(f"a{index}") for index in range(100)]


def imported_bucket() -> s3.IBucket:
    """Return a bucket that this app does not declare."""
    return s3.Bucket.from_bucket_name(stack(), "Bucket", "firmware")


def in_bucket(key: Any = "a.bin", **options: Any) -> FileLocation:
    """Return a location in a bucket."""
    return FileLocation.from_bucket(imported_bucket(), key, **options)


def in_bucket_of(arn: str, **attributes: Any) -> OtaUpdate:
    """Declare an update with an object in a bucket that is imported by this ARN."""
    bucket = s3.Bucket.from_bucket_attributes(stack(), "Bucket", bucket_arn=arn, **attributes)
    return update(files=[a_file(location=FileLocation.from_bucket(bucket, "a.bin"))])


def signed_in(arn: str) -> OtaUpdate:
    """Declare an update that AWS Signer signs into a bucket that is imported by this ARN."""
    return update(files=[a_file(signing=signer(destination_bucket=s3.Bucket.from_bucket_arn(stack(), "Bucket", arn)))])


def signer(**options: Any) -> CodeSigning:
    """Return a signature by AWS Signer with these changes."""
    given: dict[str, Any] = {"destination_bucket": imported_bucket(), "profile_name": "blinky", **options}
    return CodeSigning.signer(**given)


def a_file(**options: Any) -> OtaFile:
    """Return a signed file in a bucket with these changes."""
    given: dict[str, Any] = {"name": "/a", "location": in_bucket(), "signing": custom(), **options}
    return OtaFile(**given)


def exponential(**options: Any) -> RolloutRate:
    """Return an exponential rate with these changes."""
    given: dict[str, Any] = {"base_per_minute": 10, "increment_factor": 2, "after_notified": 100, **options}
    return RolloutRate.exponential(**given)


def criterion(**options: Any) -> AbortCriterion:
    """Return an abort criterion with these changes."""
    given: dict[str, Any] = {
        "failure": FailureType.FAILED,
        "threshold_percentage": 10,
        "minimum_executed": 20,
        **options,
    }
    return AbortCriterion(**given)


def update(**options: Any) -> OtaUpdate:
    """Declare an update with these changes in a new stack."""
    given: dict[str, Any] = {"targets": [OtaTarget.thing_group("fleet")], "files": [a_file()], **options}
    return OtaUpdate(stack(), "Blinky", **given)


def unversioned() -> OtaUpdate:
    """Let AWS Signer sign a file from a bucket that is declared without versions."""
    made = stack()
    place = FileLocation.from_bucket(s3.Bucket(made, "Firmware"), "a.bin")
    return OtaUpdate(made, "Blinky", targets=[OtaTarget.thing("a")], files=[a_file(location=place, signing=signer())])


def taken(id: str, **options: Any) -> OtaUpdate:
    """Declare an update in a stack that has another construct under one of this library's ids."""
    made = stack()
    s3.Bucket(made, id)
    return OtaUpdate(made, "Blinky", targets=[OtaTarget.thing("a")], files=[a_file()], **options)


def elsewhere() -> OtaUpdate:
    """Declare an update with a provider in another Region."""
    app = App(analytics_reporting=False)
    here, there = (
        Stack(app, name, env=Environment(account="111122223333", region=region))
        for name, region in (("Prod", "eu-central-1"), ("There", "us-east-1"))
    )
    provider = OtaUpdateProvider(there, "Provider")
    return OtaUpdate(here, "Blinky", targets=[OtaTarget.thing("a")], files=[a_file()], provider=provider)


def placed(
    *, targets: Sequence[str] = (), role: str = "arn:aws:iam::111122223333:role/a/ota", certificate: str = CERTIFICATE
) -> OtaUpdate:
    """Declare an update in a stack whose account and Region are known."""
    made = stack(env=Environment(account="111122223333", region="eu-central-1"))
    signing = signer(profile=profile(certificate_arn=certificate))
    return OtaUpdate(
        made,
        "Blinky",
        targets=[OtaTarget.thing("a"), *(OtaTarget.from_arn(arn) for arn in targets)],
        files=[a_file(signing=signing)],
        role=iam.Role.from_role_arn(made, "Role", role),
    )


def twice() -> OtaUpdate:
    """Declare two updates with the same id in one stack."""
    made = stack()
    targets, files = [OtaTarget.thing("a")], [a_file()]
    OtaUpdate(made, "Other", targets=targets, files=files, ota_update_id="mine")
    return OtaUpdate(made, "Blinky", targets=targets, files=files, ota_update_id="mine")


def sized(folder: Path, size: int) -> Path:
    """Write a file of this size."""
    path = folder / f"{size}.bin"
    with path.open("wb") as handle:
        handle.truncate(size)
    return path


BAD: list[tuple[Make, str]] = [
    # targets
    (lambda: OtaTarget.thing(""), "thing_name must have 1 to 128 characters, got 0: ''"),
    (lambda: OtaTarget.thing("a b"), "thing_name must be of a-z, A-Z, 0-9, :, _ and -, got 'a b'"),
    (lambda: OtaTarget.thing("a" * 129), "thing_name must have 1 to 128 characters, got 129"),
    (lambda: OtaTarget.thing(7), "thing_name must be a str, got 7"),  # type: ignore[arg-type]
    (lambda: OtaTarget.thing(None), "thing_name must be a str, got None"),  # type: ignore[arg-type]
    (lambda: OtaTarget.thing("ä"), "thing_name must be of a-z"),
    (lambda: OtaTarget.thing("a/b"), "thing_name must be of a-z"),
    (lambda: OtaTarget.thing("*"), "thing_name must be of a-z"),
    (lambda: OtaTarget.thing_group(""), "thing_group_name must have 1 to 128 characters, got 0"),
    (lambda: OtaTarget.thing_group("a" * 129), "thing_group_name must have 1 to 128 characters, got 129"),
    (lambda: OtaTarget.thing_group("fleet.eu"), "thing_group_name must be of a-z"),
    (lambda: OtaTarget.thing_group(["a"]), r"thing_group_name must be a str, got \['a'\]"),  # type: ignore[arg-type]
    (lambda: OtaTarget.from_arn("arn:aws:s3:::b"), "arn must be the ARN of a thing or a thing group, got 'arn:aws:s3"),
    (lambda: OtaTarget.from_arn("fleet"), "arn must be the ARN of a thing or a thing group, got 'fleet'"),
    (lambda: OtaTarget.from_arn(""), "arn must have at least 1 characters"),
    (lambda: OtaTarget.from_arn("arn:aws:iot:eu-central-1:1:thing/*"), "arn must be the ARN of a thing"),
    (lambda: OtaTarget.from_arn("arn:aws:iot:*:1:thing/a"), "arn must be the ARN of a thing"),
    (lambda: OtaTarget.from_arn("arn:aws:iot:eu-central-1:1:job/a"), "arn must be the ARN of a thing"),
    (lambda: OtaTarget.from_arn("arn:aws:iot:eu-central-1:1:thing/a"), "arn must be the ARN of a thing"),
    (lambda: OtaTarget.from_arn("arn:x:iot:eu-central-1:111122223333:thing/a"), "arn must be the ARN of a thing"),
    (lambda: OtaTarget.from_arn("arn:aws:iot:eu-central-1:111122223333:thing/a\n"), "arn must be the ARN of a thing"),
    (lambda: OtaTarget.from_arn(1), "arn must be a str, got 1"),  # type: ignore[arg-type]
    # locations
    (
        lambda: FileLocation.from_asset("missing.bin"),
        "path must be a file, but '.*missing.bin' does not exist: ",
    ),
    (lambda: FileLocation.from_asset(HERE.parent), "path must be a file, but .* is a directory"),
    (lambda: FileLocation.from_asset(b"a"), "path must be a path, got b'a'"),  # type: ignore[arg-type]
    (lambda: FileLocation.from_asset(None), "path must be a path, got None"),  # type: ignore[arg-type]
    (lambda: in_bucket(""), "key must have 1 to 1024 characters, got 0"),
    (lambda: in_bucket("a" * 1025), "key must have 1 to 1024 characters, got 1025"),
    (lambda: in_bucket(1), "key must be a str, got 1"),
    (lambda: in_bucket("*"), r"key must be without \*, \?, \$\{ and control characters, got '\*'"),
    (lambda: in_bucket("a?.bin"), "key must be without"),
    (lambda: in_bucket("a/${aws:username}.bin"), "key must be without"),
    (lambda: in_bucket("a\nb"), "key must be without"),
    (
        lambda: in_bucket("s3://firmware/a/b.bin"),
        r"key must not contain the bucket, got 's3://firmware/a/b.bin': give 'a/b.bin', .*name\(.*, 'firmware'\)$",
    ),
    (lambda: in_bucket("S3://firmware"), "key must not contain the bucket, got 'S3://firmware': give ''"),
    (lambda: in_bucket("arn:aws-cn:s3:::firmware/a.bin"), "key must not contain the bucket, got .*: give 'a.bin'"),
    (lambda: in_bucket(f"s3://{Fn.import_value('late')}/a.bin"), "key must not contain the bucket, got 's3:.*'a.bin'"),
    (
        lambda: in_bucket("https://firmware.s3.amazonaws.com/a.bin"),
        "key must not be a URL, got 'https://.*a.bin': give",
    ),
    (lambda: in_bucket(version=""), "version must have 1 to 1024 characters"),
    (lambda: in_bucket(version=3), "version must be a str, got 3"),
    (lambda: FileLocation.from_bucket("firmware", "a"), "bucket must be an s3.IBucket, got 'firmware'"),  # type: ignore[arg-type]
    (lambda: FileLocation.from_stream("", 0), "stream_id must have 1 to 128 characters"),
    (lambda: FileLocation.from_stream("a b", 0), "stream_id must be of a-z, A-Z, 0-9, _ and -, got 'a b'"),
    (lambda: FileLocation.from_stream("a" * 129, 0), "stream_id must have 1 to 128 characters, got 129"),
    (lambda: FileLocation.from_stream("a", -1), "file_id must be between 0 and 255, got -1"),
    (lambda: FileLocation.from_stream("a", 256), "file_id must be between 0 and 255, got 256"),
    (lambda: FileLocation.from_stream("a", 1.5), "file_id must be a whole number, got 1.5"),  # type: ignore[arg-type]
    (lambda: FileLocation.from_stream("a", "0"), "file_id must be a number, got '0'"),  # type: ignore[arg-type]
    (lambda: FileLocation.from_stream("a", True), "file_id must be a number, got True"),
    # signatures
    (lambda: custom(signature=b""), "signature must not be empty: sign the file, or use CodeSigning.unsigned"),
    (lambda: custom(signature=b"MEUCIQ=="), "signature must be the raw bytes, but is base64 in ASCII: decode it first"),
    (lambda: custom(signature=b"MEUC\nMEUC\n"), "signature must be the raw bytes, but is base64 in ASCII: decode it"),
    (
        lambda: custom(signature=b"-----BEGIN SIG-----\n"),
        "signature must be the raw bytes, but is PEM in ASCII: hand in",
    ),
    (lambda: custom(signature=b"3045022100"), "signature must be the raw bytes, but is hex digits in ASCII: decode it"),
    (lambda: custom(signature=b"\xff" * 1025), "signature must have at most 1024 bytes, got 1025: is it the firmware"),
    (lambda: custom(signature="MEUCIQ=="), "signature must be bytes or a pathlib.Path, got a str of length 8: wrap"),
    (lambda: custom(signature=Path("missing.sig")), "signature must be a file, but '.*missing.sig' does not exist"),
    (lambda: custom(signature=None), "signature must be bytes or a pathlib.Path, got None"),
    (lambda: custom(certificate_name=""), "certificate_name must have at least 1 characters"),
    (lambda: custom(certificate_name="a\nb"), "certificate_name must have no control or unassigned characters, got "),
    (lambda: custom(certificate_name=None), "certificate_name must be a str, got None"),
    (
        lambda: custom(hash_algorithm="SHA-256"),
        "hash_algorithm must be one of HashAlgorithm.SHA1, HashAlgorithm",
    ),
    (lambda: custom(hash_algorithm="SHA256"), "hash_algorithm must be one of .*, got 'SHA256'"),
    (lambda: custom(signature_algorithm="RSA"), "signature_algorithm must be one of SignatureAlgorithm.ECDSA"),
    (lambda: custom(hash_algorithm=HashAlgorithm.SHA1), "hash_algorithm must be SHA256 with ECDSA, got SHA1"),
    (lambda: custom(certificate_chain="no certificate"), "certificate_chain must be PEM text with a certificate"),
    (lambda: custom(certificate_chain=Path("missing.pem")), "certificate_chain must be a file, but '.*missing.pem'"),
    (lambda: custom(certificate_chain=b"x"), "certificate_chain must be PEM text or a pathlib.Path, got a bytes of"),
    (lambda: signer(profile_name=None), "profile_name or profile must be given, got neither"),
    (lambda: signer(profile_name="a"), "profile_name must have 2 to 64 characters, got 1"),
    (lambda: signer(profile_name="a" * 65), "profile_name must have 2 to 64 characters, got 65"),
    (lambda: signer(profile_name="a-b"), "profile_name must be of a-z, A-Z, 0-9 and _, got 'a-b'"),
    (lambda: signer(profile="blinky"), "profile must be a SigningProfile, got 'blinky'"),
    (lambda: signer(destination_bucket="signed"), "destination_bucket must be an s3.IBucket, got 'signed'"),
    (lambda: signer(destination_prefix=""), "destination_prefix must have 1 to 1024 characters"),
    (lambda: signer(destination_prefix="s3://signed/a/"), "destination_prefix must not contain the .*: give 'a/', and"),
    (lambda: signer(destination_prefix=1), "destination_prefix must be a str, got 1"),
    (lambda: signer(destination_prefix="signed/*"), "destination_prefix must be without"),
    (lambda: signer(destination_prefix="${aws:username}"), "destination_prefix must be without"),
    (
        lambda: profile(certificate_arn="x"),
        "certificate_arn must be the ARN of a certificate in AWS",
    ),
    (lambda: profile(certificate_arn="arn:aws:iot:eu-central-1:1:cert/a"), "certificate_arn must be the ARN of a cert"),
    (lambda: profile(certificate_arn=None), "certificate_arn must be a str, got None"),
    (lambda: profile(certificate_arn=f"{CERTIFICATE}/*"), "certificate_arn must be the ARN of a certificate in AWS"),
    (lambda: profile(certificate_arn=CERTIFICATE.replace("eu-central-1", "*")), "certificate_arn must be the ARN of a"),
    (
        lambda: profile(platform="AmazonFreeRTOS-Default"),
        "platform must be a SigningPlatform, got 'AmazonFreeRTOS-Default': SigningPlatform.of takes the id of one",
    ),
    (lambda: SigningPlatform.of(""), "platform_id must have at least 1 characters, got 0: ''"),
    (lambda: SigningPlatform.of("a\n"), "platform_id must have no control or unassigned characters"),
    (lambda: SigningPlatform.of(7), "platform_id must be a str, got 7"),  # type: ignore[arg-type]
    (lambda: profile(certificate_path_on_device=""), "certificate_path_on_device must have at least 1 characters"),
    (lambda: CodeSigning.signer_job(""), "job_id must have 1 to 128 characters"),
    (lambda: CodeSigning.signer_job("a b"), "job_id must be of a-z, A-Z, 0-9 and -, got 'a b'"),
    (lambda: CodeSigning.signer_job(1), "job_id must be a str, got 1"),  # type: ignore[arg-type]
    # files
    (lambda: a_file(name=""), "name must have at least 1 characters"),
    (lambda: a_file(name="a\0"), r"name must have no control or unassigned characters, got '\\x00'"),
    (lambda: a_file(name=HERE), "name must be a str, got "),
    (lambda: a_file(location="b"), "location must be a FileLocation, got 'b'"),
    (lambda: a_file(signing=None), "signing must be a CodeSigning, got None"),
    (lambda: a_file(version=""), "version must have at least 1 characters"),
    (lambda: a_file(version=1), "version must be a str, got 1"),
    (lambda: a_file(version=1.4), "version must be a str, got 1.4"),
    (lambda: a_file(type=-1), "type must be between 0 and 255, got -1"),
    (lambda: a_file(type=256), "type must be between 0 and 255, got 256"),
    (lambda: a_file(type="1"), "type must be a number, got '1'"),
    (lambda: a_file(attributes={"a": 1}), r"attributes\['a'\] must be a str, got 1"),
    (lambda: a_file(attributes={1: "a"}), "attributes key must be a str, got 1"),
    (lambda: a_file(attributes={"": "a"}), "attributes key must have at least 1 characters"),
    (lambda: a_file(attributes={"a": "b" * 4097}), r"attributes\['a'\] must have 0 to 4096 characters, got 4097"),
    (lambda: a_file(attributes={"__proto__": "a"}), "attributes key must not be '__proto__', which the CDK cannot"),
    (lambda: a_file(attributes="a"), "attributes must be a mapping of str to str, got 'a'"),
    # rollout
    (lambda: RolloutRate.constant(maximum_per_minute=0), "maximum_per_minute must be between 1 and 1000, got 0"),
    (lambda: RolloutRate.constant(maximum_per_minute=1001), "maximum_per_minute must be between 1 and 1000, got 1001"),
    (lambda: RolloutRate.constant(maximum_per_minute=1.5), "maximum_per_minute must be a whole number, got 1.5"),  # type: ignore[arg-type]
    (lambda: RolloutRate.constant(maximum_per_minute="5"), "maximum_per_minute must be a number, got '5'"),  # type: ignore[arg-type]
    (lambda: exponential(base_per_minute=0), "base_per_minute must be between 1 and 1000, got 0"),
    (lambda: exponential(base_per_minute=1001), "base_per_minute must be between 1 and 1000, got 1001"),
    (lambda: exponential(increment_factor=1), "increment_factor must be between 1.1 and 5, got 1"),
    (lambda: exponential(increment_factor=5.1), "increment_factor must be between 1.1 and 5, got 5.1"),
    (lambda: exponential(increment_factor=1.55), "increment_factor must be a number with 1 decimals at most, got 1.55"),
    (lambda: exponential(after_notified=0), "after_notified must be at least 1, got 0"),
    (lambda: exponential(after_notified=None), "after_notified and after_succeeded: exactly one must be given"),
    (lambda: exponential(after_succeeded=1), "after_notified and after_succeeded: exactly one must be given, got 100"),
    (lambda: exponential(after_notified=None, after_succeeded=0), "after_succeeded must be at least 1, got 0"),
    (lambda: exponential(maximum_per_minute=0), "maximum_per_minute must be between 1 and 1000, got 0"),
    (lambda: exponential(maximum_per_minute=9), "maximum_per_minute must be at least base_per_minute, got 9 and 10"),
    (lambda: criterion(failure="FAILED"), "failure must be one of FailureType.FAILED, .*, got 'FAILED'"),
    (lambda: criterion(threshold_percentage=0), "threshold_percentage must be between 0.01 and 100, got 0"),
    (lambda: criterion(threshold_percentage=101), "threshold_percentage must be between 0.01 and 100, got 101"),
    (lambda: criterion(threshold_percentage=1.234), "threshold_percentage must be a number with 2 decimals at most"),
    (lambda: criterion(threshold_percentage="10"), "threshold_percentage must be a number, got '10'"),
    (lambda: criterion(minimum_executed=0), "minimum_executed must be at least 1, got 0"),
    (lambda: criterion(minimum_executed=1.5), "minimum_executed must be a whole number, got 1.5"),
]

# Errors of the update as a whole; each starts with the construct's path.
BAD_UPDATES: list[tuple[Make, str]] = [
    (lambda: update(targets=[]), "targets must have 1 to 100 members, got 0"),
    (
        lambda: update(targets=[OtaTarget.thing(f"a{i}") for i in range(101)]),
        "targets must have 1 to 100 members, got 101",
    ),
    (lambda: update(targets="fleet"), "targets must be a list of OtaTarget, got 'fleet'"),
    (lambda: update(targets=OtaTarget.thing("a")), "targets must be a list of OtaTarget, got one alone: put it into"),
    (lambda: update(targets=["fleet"]), "targets must be a list of OtaTarget, got 'fleet' in it"),
    (lambda: update(targets=None), "targets must be a list of OtaTarget, got None"),
    (
        lambda: update(targets=[OtaTarget.thing("a"), OtaTarget.thing("b"), OtaTarget.thing("a")]),
        "targets must be different from one another, got .* twice",
    ),
    (lambda: update(files=[]), "files must have 1 to 50 members, got 0"),
    (lambda: update(files=[a_file(name=f"/{i}") for i in range(51)]), "files must have 1 to 50 members, got 51"),
    (lambda: update(files=a_file()), "files must be a list of OtaFile, got one alone: put it into a list"),
    (lambda: update(files=["a.bin"]), "files must be a list of OtaFile, got 'a.bin' in it"),
    (lambda: update(files=[a_file(), a_file()]), "names of files must be different from one another, got '/a' twice"),
    (
        lambda: update(removal_policy=RemovalPolicy.SNAPSHOT),
        "removal_policy must be DESTROY or RETAIN, got SNAPSHOT: an",
    ),
    (lambda: update(removal_policy="retain"), "removal_policy must be one of RemovalPolicy.DESTROY, .*, got 'retain'"),
    (
        lambda: in_bucket_of("arn:aws:s3:::firmware/a/b.bin"),
        "ARN of bucket must be the ARN of a bucket, arn:aws:s3:::<name>, got 'arn:aws:s3:::firmware/a/b.bin'",
    ),
    (
        lambda: in_bucket_of("arn:aws:s3:eu-central-1:111122223333:accesspoint/firmware"),
        "ARN of bucket must be the ARN of a bucket, arn:aws:s3:::<name>, got 'arn:aws:s3:eu-central-1",
    ),
    (
        lambda: in_bucket_of("s3://firmware", bucket_name="firmware"),
        "ARN of bucket must be the ARN of a bucket, arn:aws:s3:::<name>, got 's3://firmware'",
    ),
    (lambda: signed_in("arn:aws:s3:::signed/a"), "ARN of destination_bucket must be the ARN of a bucket, arn:aws:s3:"),
    (lambda: update(files=[a_file(location=None)]), "file '/a' must have a location"),
    (lambda: update(files=[a_file(location=None, signing=CodeSigning.unsigned())]), "file '/a' must have a location"),
    (lambda: update(files=[a_file(location=None, signing=signer())]), "file '/a' must have a location"),
    (
        lambda: update(files=[a_file(location=FileLocation.from_stream("s", 0), signing=signer())]),
        "file '/a' must be in S3, got a stream",
    ),
    (lambda: update(files=[a_file(signing=CodeSigning.signer_job("job"))]), "file '/a' must have no location in S3"),
    (unversioned, "file '/a' must be in a bucket with versions, got Prod/Firmware: declare it with versioned=True"),
    (lambda: update(role="arn:aws:iam::111122223333:role/ota"), "role must be an iam.IRole, got 'arn:aws:iam"),
    (lambda: update(ota_update_id=""), "ota_update_id must have 1 to 56 characters, got 0"),
    (lambda: update(ota_update_id="a b"), "ota_update_id must be of a-z, A-Z, 0-9, _ and -, got 'a b'"),
    (lambda: update(ota_update_id="blinky-1.4.2"), "ota_update_id must be of a-z, A-Z, 0-9, _ and -"),
    (lambda: update(ota_update_id="a" * 57), "ota_update_id must have 1 to 56 characters, got 57"),
    (lambda: update(ota_update_id=7), "ota_update_id must be a str, got 7"),
    (
        lambda: update(ota_update_id="Prod_Other-0123456789abcdef"),
        "ota_update_id must not look like a generated id, .*, got 'Prod_Other-0123456789abcdef': choose another one",
    ),
    (
        lambda: update(role=iam.Role.from_role_arn(stack(), "Role", "arn:aws:iam::111122223333:role/*")),
        r"ARN of role must be the ARN of a role, without \*, \? and \$, got 'arn:aws:iam::111122223333:role/\*'",
    ),
    (
        lambda: placed(targets=[GROUP.replace("111122223333", "444455556666")]),
        "targets must be in the stack's account 111122223333, got 'arn:aws:iot:.*:444455556666:.*': AWS IoT updates",
    ),
    (
        lambda: placed(targets=[GROUP, GROUP.replace("eu-central-1", "us-east-1")]),
        "targets must be in the stack's Region eu-central-1, got 'arn:aws:iot:us-east-1",
    ),
    (
        lambda: placed(role="arn:aws:iam::444455556666:role/ota"),
        "role must be in the stack's account 111122223333, got 'arn:aws:iam::444455556666:role/ota': AWS IoT assumes",
    ),
    (
        lambda: placed(certificate=CERTIFICATE.replace("111122223333", "444455556666")),
        "certificate_arn must be in the stack's account 111122223333, got 'arn:aws:acm:eu-central-1:444455556666",
    ),
    (
        lambda: placed(certificate=CERTIFICATE.replace("eu-central-1", "us-east-1")),
        "certificate_arn must be in the stack's Region eu-central-1, got 'arn:aws:acm:us-east-1",
    ),
    (lambda: update(description=""), "description must have 1 to 2028 characters, got 0"),
    (lambda: update(description="a" * 2029), "description must have 1 to 2028 characters, got 2029"),
    (lambda: update(description="a\nb"), r"description must have no control or unassigned characters, got '\\n' in"),
    (lambda: update(description="a\u200eb"), "description must have no control or unassigned characters"),
    (lambda: update(protocols=[]), "protocols must have 1 to 2 members, got 0"),
    (lambda: update(protocols=Protocol.MQTT), "protocols must be a list of Protocol, got "),
    (lambda: update(protocols=["MQTT"]), "protocols must be a list of Protocol, got 'MQTT' in it"),
    (lambda: update(protocols=[Protocol.HTTP] * 2), "protocols must be different from one another, got 'HTTP' twice"),
    (lambda: update(protocols=[Protocol.HTTP] * 3), "protocols must have 1 to 2 members, got 3"),
    (lambda: update(target_selection="SNAPSHOT"), "target_selection must be one of TargetSelection.SNAPSHOT"),
    (
        lambda: update(target_selection=TargetSelection.CONTINUOUS, force_delete_job=False),
        "force_delete_job must be True with TargetSelection.CONTINUOUS, got False",
    ),
    (lambda: update(rollout=50), "rollout must be a RolloutRate, got 50"),
    (lambda: update(abort_criteria=[]), "abort_criteria must have 1 to 100 members, got 0"),
    (lambda: update(abort_criteria=criterion()), "abort_criteria must be a list of AbortCriterion, got "),
    (lambda: update(in_progress_timeout=30), "in_progress_timeout must be a Duration, got 30: write Duration.minutes"),
    (
        lambda: update(in_progress_timeout=Duration.minutes(0)),
        "in_progress_timeout in minutes must be between 1 and",
    ),
    (lambda: update(in_progress_timeout=Duration.days(8)), "in_progress_timeout in minutes must be .*, got 11520"),
    (lambda: update(in_progress_timeout=Duration.seconds(90)), "in_progress_timeout in minutes must be a whole number"),
    (
        lambda: update(presigned_url_expiry=Duration.seconds(59), protocols=[Protocol.HTTP]),
        "presigned_url_expiry in seconds must be between 60 and 3600, got 59",
    ),
    (
        lambda: update(presigned_url_expiry=Duration.hours(2), protocols=[Protocol.HTTP]),
        "presigned_url_expiry in seconds must be between 60 and 3600, got 7200",
    ),
    (
        lambda: update(presigned_url_expiry=Duration.millis(60500), protocols=[Protocol.HTTP]),
        "presigned_url_expiry in seconds must be a whole number, got 60.5",
    ),
    (lambda: update(presigned_url_expiry=Duration.minutes(5)), "presigned_url_expiry needs HTTP, got protocols MQTT"),
    (lambda: update(additional_parameters={"a": None}), r"additional_parameters\['a'\] must be a str, got None"),
    (lambda: update(additional_parameters=[]), "additional_parameters must be a mapping of str to str"),
    (lambda: update(additional_parameters={"a": "b" * 4097}), "must have 0 to 4096 characters, got 4097"),
    (lambda: update(tags={"cdk-iot-ota:content": "x"}), "tags key must not begin with cdk-iot-ota:, got"),
    (lambda: update(tags={"aws:x": "x"}), "tags key must not begin with aws:, got 'aws:x': choose another key"),
    (lambda: update(tags={"": "x"}), "tags key must have at least 1 characters"),
    (lambda: update(tags={"a" * 128: "x"}), "tags key must have 1 to 127 characters, got 128"),
    (lambda: update(tags={"a!": "x"}), "tags key must be of letters, digits, spaces"),
    (lambda: update(tags={"a": "x" * 256}), r"tags\['a'\] must have 0 to 255 characters, got 256"),
    (lambda: update(tags={"a": 1}), r"tags\['a'\] must be a str, got 1"),
    (lambda: update(tags={f"k{i}": "x" for i in range(47)}), "tags must have 0 to 46 members, got 47"),
    (lambda: update(tags=[("a", "b")]), "tags must be a mapping of str to str"),
    (lambda: update(delete_stream="true"), "delete_stream must be a bool, got 'true'"),
    (lambda: update(force_delete_job=1), "force_delete_job must be a bool, got 1"),
    (lambda: update(provider="arn:aws:lambda"), "provider must be an OtaUpdateProvider, got 'arn:aws:lambda'"),
    (elsewhere, "provider must be in the update's Region eu-central-1, got one in us-east-1: declare one there"),
    (twice, "ota_update_id must be different for each update, got 'mine' twice in the stack"),
    (lambda: taken("OtaServiceRole"), "Prod/OtaServiceRole: this id is taken, but OtaServiceRole needs it"),
    (lambda: taken("OtaUpdateProvider"), "Prod/OtaUpdateProvider: this id is taken, but OtaUpdateProvider"),
    (
        lambda: OtaUpdate.from_ota_update_id(stack(), "Blinky", "a b"),
        "ota_update_id must be of a-z, A-Z, 0-9, _ and -, got 'a b'",
    ),
    (
        lambda: OtaUpdate.from_ota_update_arn(stack(), "Blinky", "arn:aws:iot:eu-central-1:1:job/a"),
        "ota_update_arn must be the ARN of an OTA update",
    ),
    (
        lambda: OtaUpdate.from_ota_update_arn(
            stack(env=Environment(account="111122223333", region="eu-central-1")),
            "Blinky",
            "arn:aws:iot:eu-central-1:444455556666:otaupdate/mine",
        ),
        "ota_update_arn must be in the stack's account 111122223333, got 'arn:aws:iot:eu-central-1:444455556666",
    ),
]


@pytest.mark.parametrize(("make", "message"), BAD, ids=[message for _, message in BAD])
def test_a_bad_value_is_named(make: Make, message: str) -> None:
    """A value object rejects a value that exceeds its limits in its constructor."""
    with pytest.raises((TypeError, ValueError), match=message):
        make()


@pytest.mark.parametrize(("make", "message"), BAD_UPDATES, ids=[message for _, message in BAD_UPDATES])
def test_a_bad_argument_of_an_update_is_named_with_its_path(make: Make, message: str) -> None:
    """An error of the construct starts with the construct's path."""
    with pytest.raises((TypeError, ValueError), match=f"^Prod/Blinky: .*{message}"):
        make()


@pytest.mark.parametrize("size", [0, 16 * 1024 * 1024 + 1])
def test_the_size_of_an_asset_is_limited(tmp_path: Path, size: int) -> None:
    """A file that is too large or empty is rejected before it is uploaded."""
    with pytest.raises(ValueError, match=rf"size in bytes of path .* must be between 1 and 16777216, got {size}"):
        FileLocation.from_asset(sized(tmp_path, size))


def test_the_tables_are_large() -> None:
    """There are at least 120 invalid inputs in the tables."""
    assert len(BAD) + len(BAD_UPDATES) >= 120


GOOD: dict[str, Make] = {
    "one character thing": lambda: OtaTarget.thing("a"),
    "128 character thing": lambda: OtaTarget.thing("a" * 128),
    "thing with colon": lambda: OtaTarget.thing("a:b_c-1"),
    "group with colon": lambda: OtaTarget.thing_group("a:b"),
    "dynamic group ARN": lambda: OtaTarget.from_arn("arn:aws-cn:iot:cn-north-1:111122223333:thinggroup/a"),
    "100 targets": lambda: update(targets=THINGS),
    "tuple of targets": lambda: update(targets=(OtaTarget.thing("a"),)),
    "same name as thing and group": lambda: update(targets=[OtaTarget.thing("a"), OtaTarget.thing_group("a")]),
    "50 files": lambda: update(files=[a_file(name=f"/{index}") for index in range(50)]),
    "key of 1024": lambda: in_bucket("a" * 1024),
    "key like a URL": lambda: in_bucket("a/s3://b"),
    "key with a dollar": lambda: in_bucket("a$(b)/c!.bin"),
    "everything in the stack's own place": lambda: placed(targets=[GROUP]),
    "targets in a stack that may be anywhere": lambda: update(targets=[OtaTarget.from_arn(GROUP)]),
    "id that looks almost like a generated one": lambda: update(ota_update_id="Prod_Other-0123456789ABCDEF"),
    "key with spaces": lambda: in_bucket("a b/ü.bin"),
    "version null": lambda: in_bucket(version="null"),
    "stream id of 128": lambda: FileLocation.from_stream("a" * 128, 0),
    "file id 255": lambda: FileLocation.from_stream("a", 255),
    "type 0": lambda: a_file(type=0),
    "type 255": lambda: a_file(type=255),
    "type 7.0": lambda: a_file(type=7.0),
    "empty attribute value": lambda: a_file(attributes={"a": ""}),
    "attribute value of 4096": lambda: a_file(attributes={"a": "b" * 4096}),
    "attribute value with line breaks": lambda: a_file(attributes={"a": "b\nc"}),
    "no attributes": lambda: a_file(attributes={}),
    "SHA1 with RSA": lambda: custom(
        hash_algorithm=HashAlgorithm.SHA1, signature_algorithm=SignatureAlgorithm.RSA, signature=b"\xff" * 256
    ),
    "SHA256 with RSA": lambda: custom(signature_algorithm=SignatureAlgorithm.RSA, signature=b"\xff" * 128),
    "PEM chain": lambda: custom(certificate_chain=PEM),
    "signature of 512 bytes": lambda: custom(signature_algorithm=SignatureAlgorithm.RSA, signature=b"\xff" * 512),
    "profile name of 2": lambda: signer(profile_name="ab"),
    "profile name of 64": lambda: signer(profile_name="a" * 64),
    "profile alone": lambda: signer(profile_name=None, profile=profile()),
    "profile under a name": lambda: signer(profile=profile()),
    "destination prefix": lambda: signer(destination_prefix="signed/"),
    "signer job without location": lambda: update(files=[a_file(location=None, signing=CodeSigning.signer_job("j-1"))]),
    "signer job with stream": lambda: update(
        files=[a_file(location=FileLocation.from_stream("s", 0), signing=CodeSigning.signer_job("j-1"))]
    ),
    "custom with stream": lambda: update(files=[a_file(location=FileLocation.from_stream("s", 0))]),
    "unsigned": lambda: update(files=[a_file(signing=CodeSigning.unsigned())]),
    "rate 1": lambda: RolloutRate.constant(maximum_per_minute=1),
    "rate 1000": lambda: RolloutRate.constant(maximum_per_minute=1000),
    "factor 1.1": lambda: exponential(increment_factor=1.1),
    "factor 5": lambda: exponential(increment_factor=5),
    "factor 4.9": lambda: exponential(increment_factor=4.9),
    "after one success": lambda: exponential(after_notified=None, after_succeeded=1),
    "maximum equal to base": lambda: exponential(maximum_per_minute=10),
    "threshold 0.01": lambda: criterion(threshold_percentage=0.01),
    "threshold 99.99": lambda: criterion(threshold_percentage=99.99),
    "threshold 100": lambda: criterion(threshold_percentage=100),
    "several criteria": lambda: update(abort_criteria=[criterion(failure=kind) for kind in FailureType]),
    "id of 56": lambda: update(ota_update_id="a" * 56),
    "id of 1": lambda: update(ota_update_id="_"),
    "description of 2028": lambda: update(description="a" * 2028),
    "description beyond ASCII": lambda: update(description="ü 漢 🚀"),
    "both protocols": lambda: update(protocols=[Protocol.HTTP, Protocol.MQTT]),
    "continuous": lambda: update(target_selection=TargetSelection.CONTINUOUS),
    "one minute": lambda: update(in_progress_timeout=Duration.minutes(1)),
    "seven days": lambda: update(in_progress_timeout=Duration.days(7)),
    "expiry of one minute": lambda: update(presigned_url_expiry=Duration.minutes(1), protocols=[Protocol.HTTP]),
    "expiry of one hour": lambda: update(presigned_url_expiry=Duration.hours(1), protocols=[Protocol.HTTP]),
    "46 tags": lambda: update(tags={f"k{index}": "x" for index in range(46)}),
    "tag with umlaut": lambda: update(tags={"größe": ""}),
    "tag key of 127, value of 255": lambda: update(tags={"a" * 127: "x" * 255}),
}


@pytest.mark.parametrize("make", GOOD.values(), ids=GOOD)
def test_what_is_just_good_enough_passes(make: Make) -> None:
    """Values exactly at their limits are accepted."""
    assert make()


def test_enough_edges_are_tried() -> None:
    """At least 40 values at their limits are tried."""
    assert len(GOOD) >= 40


def test_tokens_pass() -> None:
    """Tokens are accepted for every argument, since only the handler can check them."""
    late = Fn.import_value("late")
    number: Any = Token.as_number({"Fn::ImportValue": "late"})
    made = stack()
    OtaUpdate(
        made,
        "Blinky",
        targets=[OtaTarget.thing(late), OtaTarget.from_arn(late)],
        files=[a_file(name=late, version=late, type=number, location=in_bucket(late, version=late))],
        ota_update_id=late,
        description=late,
        rollout=RolloutRate.exponential(
            base_per_minute=number, increment_factor=number, after_succeeded=number, maximum_per_minute=number
        ),
        abort_criteria=[criterion(threshold_percentage=number, minimum_executed=number)],
        additional_parameters={"late": late},
        tags={"late": late},
        in_progress_timeout=Duration.minutes(number),
    )
    request = only_update(made)["Properties"]["Request"]
    assert request["awsJobTimeoutConfig"] == {"inProgressTimeoutInMinutes": {"Fn::ImportValue": "late"}}
    assert request["files"][0]["fileType"] == {"Fn::ImportValue": "late"}
