"""Limits of a request whose values were tokens at synth, with the same errors as in the constructs."""

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update import request
from cdk_iot_ota_handler.ota_update.contract import limits
from cdk_iot_ota_handler.ota_update.errors import FatalError

from ..fakes.cloudformation import STACK_ID

GROUP = "arn:aws:iot:eu-central-1:111122223333:thinggroup/fleet"
ELSEWHERE = "arn:aws:iot:eu-central-1:444455556666:thinggroup/fleet"
CERTIFICATE = "arn:aws:acm:eu-central-1:111122223333:certificate/1"
CUSTOM = {
    "signature": {"inlineDocument": b"MA=="},
    "certificateChain": {"certificateName": "/signer.pem"},
    "hashAlgorithm": "SHA256",
    "signatureAlgorithm": "ECDSA",
}
START = {
    "signingProfileName": "blinky",
    "signingProfileParameter": {
        "certificateArn": CERTIFICATE,
        "platform": "AmazonFreeRTOS-Default",
        "certificatePathOnDevice": "/signer.pem",
    },
    "destination": {"s3Destination": {"bucket": "signed"}},
}
VALID: dict[str, Any] = {
    "otaUpdateId": "blinky-1",
    "description": "blinky",
    "targets": [GROUP],
    "protocols": ["HTTP"],
    "targetSelection": "SNAPSHOT",
    "awsJobExecutionsRolloutConfig": {
        "maximumPerMinute": 100,
        "exponentialRate": {
            "baseRatePerMinute": 10,
            "incrementFactor": 1.5,
            "rateIncreaseCriteria": {"numberOfNotifiedThings": 10},
        },
    },
    "awsJobPresignedUrlConfig": {"expiresInSec": 1800},
    "awsJobAbortConfig": {
        "abortCriteriaList": [
            {
                "failureType": "ALL",
                "action": "CANCEL",
                "thresholdPercentage": 10.5,
                "minNumberOfExecutedThings": 20,
            }
        ]
    },
    "awsJobTimeoutConfig": {"inProgressTimeoutInMinutes": 60},
    "files": [
        {
            "fileName": "/a",
            "fileVersion": "1",
            "fileType": 1,
            "fileLocation": {"s3Location": {"bucket": "firmware", "key": "a", "version": "v"}},
            "codeSigning": {"customCodeSigning": CUSTOM},
            "attributes": {"k": "v"},
        },
        {
            "fileName": "/b",
            "fileLocation": {"stream": {"streamId": "s", "fileId": 0}},
            "codeSigning": {"awsSignerJobId": "job-1"},
        },
        {
            "fileName": "/c",
            "fileLocation": {"s3Location": {"bucket": "firmware", "key": "c"}},
            "codeSigning": {"startSigningJobParameter": START},
        },
    ],
    "roleArn": "arn:aws:iam::111122223333:role/ota",
    "additionalParameters": {"k": "v"},
}


def test_a_valid_request_passes() -> None:
    """A request and tags within all limits raise no error."""
    request.check(VALID)
    request.check_tags({"team": "devices"})


def at(path: str, value: Any) -> dict[str, Any]:
    """Return the valid request with another value at a path such as `files.0.fileName`."""
    request: Any = copy.deepcopy(VALID)
    part = request
    *way, last = path.split(".")
    for name in way:
        part = part[int(name)] if isinstance(part, list) else part[name]
    part[int(last) if isinstance(part, list) else last] = value
    return dict(request)


EXPONENTIAL = "awsJobExecutionsRolloutConfig.exponentialRate"
ABORT = "awsJobAbortConfig.abortCriteriaList"
SIGNING = "files.0.codeSigning.customCodeSigning"
PROFILE = "files.2.codeSigning.startSigningJobParameter.signingProfileParameter"
DESTINATION = "files.2.codeSigning.startSigningJobParameter.destination.s3Destination"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("otaUpdateId", "a" * 57, "otaUpdateId must have 1 to 56 characters, got 57"),
        ("otaUpdateId", "a.b", "otaUpdateId must be of a-z"),
        ("description", "a\tb", "description must have no control or unassigned characters"),
        ("targets", [GROUP] * 2, "targets must be different from one another"),
        ("targets", [f"{GROUP}{index}" for index in range(101)], "targets must have 1 to 100 members, got 101"),
        ("targets.0", "arn:aws:iot:eu-central-1:111122223333:thing/*", "targets[0] must be the ARN of a thing"),
        ("targets.0", "arn:aws:iot:eu-central-1:*:thing/a", "targets[0] must be the ARN of a thing"),
        ("targets.0", f"{GROUP}\n", "targets[0] must be the ARN of a thing"),
        ("protocols", ["HTTP", "HTTP"], "protocols must be different from one another"),
        ("protocols", ["MQTT"], "awsJobPresignedUrlConfig needs HTTP, got protocols ['MQTT']"),
        ("awsJobExecutionsRolloutConfig.maximumPerMinute", 0, "maximumPerMinute must be between 1 and 1000, got 0"),
        (f"{EXPONENTIAL}.baseRatePerMinute", 1001, "baseRatePerMinute must be between 1 and 1000, got 1001"),
        (f"{EXPONENTIAL}.incrementFactor", 5.5, "incrementFactor must be between 1.1 and 5, got 5.5"),
        (f"{EXPONENTIAL}.rateIncreaseCriteria", {}, "rateIncreaseCriteria must have either"),
        (
            f"{EXPONENTIAL}.rateIncreaseCriteria",
            {"numberOfNotifiedThings": 0},
            "Things must be at least 1",
        ),
        ("awsJobPresignedUrlConfig.expiresInSec", 59, "expiresInSec must be between 60 and 3600, got 59"),
        (f"{ABORT}.0.thresholdPercentage", 100.5, "thresholdPercentage must be between 0.01 and 100, got 100.5"),
        (f"{ABORT}.0.minNumberOfExecutedThings", 0, "minNumberOfExecutedThings must be at least 1, got 0"),
        ("awsJobTimeoutConfig.inProgressTimeoutInMinutes", 10081, "inProgressTimeoutInMinutes must be between 1 and"),
        ("files", [], "files must have 1 to 50 members, got 0"),
        ("files.1.fileName", "/a", "files[].fileName must be different from one another, got '/a' twice"),
        ("files.0.fileName", "", "files[0].fileName must have at least 1 characters"),
        ("files.0.fileVersion", "", "files[0].fileVersion must have at least 1 characters"),
        ("files.0.fileType", 256, "files[0].fileType must be between 0 and 255, got 256"),
        ("files.0.attributes", {"k": "v" * 4097}, "files[0].attributes['k'] must have 0 to 4096 characters"),
        ("files.0.fileLocation.s3Location.key", "a" * 1025, "s3Location.key must have 1 to 1024 characters"),
        (
            "files.0.fileLocation.s3Location.key",
            "a/*",
            "s3Location.key must be without *, ?, ${ and control characters",
        ),
        ("files.0.fileLocation.s3Location.bucket", "a/b", "s3Location.bucket must be a name of 3 to 63 of a-z"),
        ("files.0.fileLocation.s3Location.bucket", "ab", "s3Location.bucket must be a name of 3 to 63 of a-z"),
        ("files.0.fileLocation.s3Location.bucket", "*", "s3Location.bucket must be a name of 3 to 63 of a-z"),
        ("files.0.fileLocation.s3Location.version", "", "s3Location.version must have 1 to 1024 characters"),
        ("files.1.fileLocation.stream.streamId", "a b", "files[1].fileLocation.stream.streamId must be of a-z"),
        ("files.1.fileLocation.stream.fileId", 256, "stream.fileId must be between 0 and 255, got 256"),
        (f"{SIGNING}.hashAlgorithm", "SHA-256", "hashAlgorithm must be SHA1 or SHA256, got 'SHA-256'"),
        (f"{SIGNING}.hashAlgorithm", "SHA1", "hashAlgorithm must be SHA256 with ECDSA, got SHA1"),
        (f"{SIGNING}.signatureAlgorithm", "DSA", "signatureAlgorithm must be ECDSA or RSA, got 'DSA'"),
        (f"{SIGNING}.certificateChain.certificateName", "", "certificateName must have at least 1 characters"),
        ("files.1.codeSigning.awsSignerJobId", "a b", "awsSignerJobId must be of a-z, A-Z, 0-9 and -"),
        ("files.2.codeSigning.startSigningJobParameter.signingProfileName", "a", "must have 2 to 64 characters"),
        (f"{PROFILE}.certificateArn", "x", "certificateArn must be the ARN of a certificate"),
        (f"{PROFILE}.platform", "", "platform must have at least 1 characters"),
        (f"{PROFILE}.certificatePathOnDevice", "", "certificatePathOnDevice must have at least 1 characters"),
        (f"{PROFILE}.certificateArn", f"{CERTIFICATE}*", "certificateArn must be the ARN of a certificate"),
        (f"{DESTINATION}.bucket", "-signed", "s3Destination.bucket must be a name of 3 to 63 of a-z"),
        (f"{DESTINATION}.prefix", "*", "s3Destination.prefix must be without *"),
        ("roleArn", "arn:aws:iam::111122223333:role/*", "roleArn must be the ARN of a role, without *, ? and $"),
        ("roleArn", "arn:aws:iam::111122223333:role/a b", "roleArn must be the ARN of a role"),
        ("roleArn", "arn:aws:iam::111122223333:role/${aws:username}", "roleArn must be the ARN of a role"),
        ("roleArn", "arn:aws:iam::*:role/ota-updates", "roleArn must be the ARN of a role"),
        ("roleArn", "arn:aws:iam::111122223333:user/me", "roleArn must be the ARN of a role"),
        ("additionalParameters", {"": "v"}, "additionalParameters key must have at least 1 characters"),
    ],
)
def test_a_member_beyond_its_limit_is_refused(path: str, value: Any, message: str) -> None:
    """The error for a member beyond its limit has the path of the API, the value and the limit."""
    with pytest.raises(ValueError, match=re.escape(message)):
        request.check(at(path, value))


def test_role_paths_and_capital_letters_in_old_buckets_are_valid() -> None:
    """Names that IAM or S3 allow, now or in the past, and that no policy expands are valid."""
    request.check(at("roleArn", "arn:aws-cn:iam::111122223333:role/a:b/c/ota+=,.@-_"))
    request.check(at("files.0.fileLocation.s3Location.bucket", "My_Firmware.Bucket"))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            "targets",
            [GROUP, ELSEWHERE],
            f"targets[1] must be in the stack's account 111122223333, got {ELSEWHERE!r}: AWS IoT updates things",
        ),
        (
            "targets.0",
            GROUP.replace("eu-central-1", "us-east-1"),
            "targets[0] must be in the stack's Region eu-central-1, got 'arn:aws:iot:us-east-1",
        ),
        (
            "targets.0",
            GROUP.replace("arn:aws:", "arn:aws-cn:"),
            "targets[0] must be in the stack's partition aws, got 'arn:aws-cn:iot",
        ),
        (
            "roleArn",
            "arn:aws:iam::444455556666:role/ota",
            "roleArn must be in the stack's account 111122223333, got 'arn:aws:iam::444455556666:role/ota'",
        ),
        ("roleArn", "arn:aws-cn:iam::111122223333:role/ota", "roleArn must be in the stack's partition aws"),
        (
            PROFILE + ".certificateArn",
            CERTIFICATE.replace("eu-central-1", "us-east-1"),
            "signingProfileParameter.certificateArn must be in the stack's Region eu-central-1, got 'arn:aws:acm:us-",
        ),
    ],
)
def test_an_arn_of_another_environment_is_refused(path: str, value: Any, message: str) -> None:
    """The error for an ARN of another partition, account or Region has the ARN and the environment of the stack."""
    request.check_environment(VALID, STACK_ID)
    with pytest.raises(ValueError, match=re.escape(message)):
        request.check_environment(at(path, value), STACK_ID)


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"cdk-iot-ota:deployed": "true"}, "Tags key must not begin with cdk-iot-ota:"),
        ({"aws:x": "y"}, "Tags key must not begin with aws:"),
        ({"a": "b" * 256}, "Tags['a'] must have 0 to 255 characters, got 256"),
        ({f"k{index}": "" for index in range(47)}, "Tags must have 0 to 46 members, got 47"),
    ],
)
def test_an_invalid_tag_is_refused(tags: dict[str, str], message: str) -> None:
    """The error for an invalid or reserved tag has the key or value and the limit."""
    with pytest.raises(ValueError, match=re.escape(message)):
        request.check_tags(tags)


@pytest.mark.parametrize(("owners", "expected"), [(None, [None, None]), (["", "111122223333"], [None, "111122223333"])])
def test_each_file_gets_the_owner_of_its_bucket(owners: Any, expected: list[str | None]) -> None:
    """Owners are those of the files in their order; without the property, or with an empty one, none is known."""
    files = VALID["files"][:2]
    found = request.with_owners(files, owners)
    assert found == files
    assert [file.bucket_owner for file in found] == expected


@pytest.mark.parametrize(
    ("owners", "message"),
    [
        ("111122223333", "BucketOwners must be a list with an account for each file, got '111122223333'"),
        ({"0": "111122223333"}, "BucketOwners must be a list with an account for each file, got {"),
        ([], "BucketOwners must be a list with an account for each file, got []"),
        (["111122223333"], "BucketOwners must be a list with an account for each file, got ['111122223333']"),
        (["", "1234"], "BucketOwners[1] must be an account of 12 digits, got '1234': leave it as the construct"),
        (["111122223333\n", ""], "BucketOwners[0] must be an account of 12 digits, got '111122223333\\n'"),
        (["", None], "BucketOwners[1] must be text, got None"),
        (["", ["1"]], "BucketOwners[1] must be text, got ['1']"),
    ],
)
def test_malformed_owners_are_refused(owners: Any, message: str) -> None:
    """The error for owners that are not an account for each file has the value and the remedy."""
    with pytest.raises(FatalError, match=re.escape(message)):
        request.with_owners(VALID["files"][:2], owners)


@pytest.mark.parametrize(
    "check",
    [
        lambda name: limits.FILE_TYPE.check(name, 256),
        lambda name: limits.DESCRIPTION.check(name, "a\n"),
        lambda name: limits.distinct(name, ["a", "a"]),
    ],
)
def test_synth_and_deploy_raise_the_same_error(check: Callable[[str], None]) -> None:
    """The errors of synth and deploy differ only in the name of the member."""
    messages = []
    for name in ("snake_case", "camelCase"):
        with pytest.raises(ValueError, match=name) as caught:
            check(name)
        messages.append(str(caught.value).removeprefix(name))
    assert messages[0] == messages[1]
