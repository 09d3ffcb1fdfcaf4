"""The request that is made of an event, and each limit at its last valid value."""

import copy
import re
from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest

from cdk_iot_ota_handler.ota_update import request
from cdk_iot_ota_handler.ota_update.contract import environment
from cdk_iot_ota_handler.ota_update.desired import Desired
from cdk_iot_ota_handler.ota_update.errors import FatalError

from ..fakes.cloudformation import STACK_ID
from .scenarios import REQUEST, event
from .test_request import ABORT, DESTINATION, EXPONENTIAL, PROFILE, SIGNING, VALID, at

SHAPE: Any = botocore.session.get_session().get_service_model("iot").operation_model("CreateOTAUpdate").input_shape


def created(**properties: Any) -> dict[str, Any]:
    """Return the request of a Create event with these properties."""
    return request.create_request(Desired.from_event(event("Create", **properties)), SHAPE)


def test_the_request_is_what_the_event_declares() -> None:
    """The request has the declared members in the types of the API, the id and all tags, and nothing else."""
    desired = Desired.from_event(event("Create", Tags=[{"Key": "team", "Value": "a"}]))
    files: Any = copy.deepcopy(REQUEST["files"])
    files[0]["fileLocation"]["stream"]["fileId"] = 0
    assert request.create_request(desired, SHAPE) == {
        **REQUEST,
        "files": files,
        "description": "one",
        "otaUpdateId": desired.ota_update_id,
        "tags": [{"Key": key, "Value": value} for key, value in desired.all_tags.items()],
    }
    assert {"Key": "team", "Value": "a"} in request.create_request(desired, SHAPE)["tags"]


WITHOUT_ROLE = {name: value for name, value in REQUEST.items() if name != "roleArn"}


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"Request": {**REQUEST, "size": "1"}}, "Request has no member 'size' in the SDK of this function: use one of"),
        ({"Request": WITHOUT_ROLE}, 'Request: Missing required parameter in input: "roleArn"'),
        ({"Request": {**REQUEST, "description": "a\tb"}}, "Request: description must have no control or unassigned"),
        (
            {"Request": {**REQUEST, "roleArn": "arn:aws:iam::444455556666:role/ota"}},
            "Request: roleArn must be in the stack's account 111122223333",
        ),
        (
            {"Tags": [{"Key": f"k{index}", "Value": ""} for index in range(47)]},
            "Request: Tags must have 0 to 46 members, got 47",
        ),
    ],
)
def test_every_check_is_made_before_the_creation(properties: dict[str, Any], message: str) -> None:
    """Unknown and missing members, values beyond limits, other environments and wrong tags are fatal."""
    with pytest.raises(FatalError, match=f"^{re.escape(message)}"):
        created(**properties)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("integer", "7", 7),
        ("long", "7", 7),
        ("double", "1.5", 1.5),
        ("float", "1.5", 1.5),
        ("boolean", "true", True),
        ("boolean", "FALSE", False),
        ("blob", "MA==", b"0"),
        ("string", "7", "7"),
        ("timestamp", "7", "7"),
    ],
)
def test_every_scalar_of_the_api_is_read_from_text(kind: str, text: str, value: Any) -> None:
    """A text becomes a value of the type that the API's model has, and stays as it is for any other type."""
    found = request.coerce_to_shape(text, SimpleNamespace(type_name=kind), "Request.x")
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("integer", "a whole number"),
        ("long", "a whole number"),
        ("double", "a number"),
        ("float", "a number"),
        ("boolean", "true or false"),
        ("blob", "base64 text"),
    ],
)
def test_text_that_is_not_a_scalar_is_refused(kind: str, expected: str) -> None:
    """The error for text that cannot be converted has the path, the expected type and the text."""
    with pytest.raises(FatalError) as refused:
        request.coerce_to_shape("may be", SimpleNamespace(type_name=kind), "Request.x")
    assert str(refused.value) == f"Request.x must be {expected}, got 'may be'"


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (False, "false"), (7, "7"), (1.5, "1.5"), ("7", "7")])
def test_scalars_that_are_not_text_yet_are_the_same(value: Any, text: str) -> None:
    """Numbers and booleans in an event are read like the text that CloudFormation makes of them."""
    assert request.coerce_to_shape(value, SimpleNamespace(type_name="string"), "Request.x") == text


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"awsJobAbortConfig": 5}, "Request.awsJobAbortConfig must be a mapping, got 5"),
        ({"files": True}, "Request.files must be a list, got True"),
        ({"description": []}, "Request.description must be text, got []"),
        ({"files": [{"attributes": {"a": []}}]}, "Request.files[0].attributes.a must be text, got []"),
        ({"targets": ["a", {}]}, "Request.targets[1] must be text, got {}"),
    ],
)
def test_a_value_of_another_kind_is_refused_with_its_path(part: dict[str, Any], message: str) -> None:
    """The error for a value of another kind has its whole path, the expected kind and the value."""
    with pytest.raises(FatalError) as refused:
        request.coerce_to_shape(part, SHAPE, "Request")
    assert str(refused.value) == message


def test_a_presigned_url_needs_http_explicitly() -> None:
    """MQTT alone is the default of the API, so an expiry of presigned URLs needs protocols with HTTP."""
    without = {name: value for name, value in VALID.items() if name != "protocols"}
    with pytest.raises(ValueError, match=r"awsJobPresignedUrlConfig needs HTTP, got protocols \['MQTT'\]: add HTTP"):
        request.check(without)
    request.check({name: value for name, value in without.items() if name != "awsJobPresignedUrlConfig"})


CRITERION = VALID["awsJobAbortConfig"]["abortCriteriaList"][0]
NOTIFIED, SUCCEEDED = "numberOfNotifiedThings", "numberOfSucceededThings"


@pytest.mark.parametrize(
    ("path", "lowest", "highest"),
    [
        ("awsJobExecutionsRolloutConfig.maximumPerMinute", 1, 1000),
        (f"{EXPONENTIAL}.baseRatePerMinute", 1, 1000),
        (f"{EXPONENTIAL}.incrementFactor", 1.1, 5),
        (f"{EXPONENTIAL}.rateIncreaseCriteria", {NOTIFIED: 1}, {NOTIFIED: 1_000_000}),
        (f"{EXPONENTIAL}.rateIncreaseCriteria", {SUCCEEDED: 1}, {SUCCEEDED: 1_000_000}),
        ("awsJobPresignedUrlConfig.expiresInSec", 60, 3600),
        (ABORT, [CRITERION], [CRITERION] * 100),
        (f"{ABORT}.0.thresholdPercentage", 0.01, 100),
        (f"{ABORT}.0.minNumberOfExecutedThings", 1, 1_000_000),
        ("awsJobTimeoutConfig.inProgressTimeoutInMinutes", 1, 10080),
        ("protocols", ["HTTP"], ["MQTT", "HTTP"]),
        ("files.0.fileType", 0, 255),
        ("files.1.fileLocation.stream.fileId", 0, 255),
        ("files.0.fileLocation.s3Location.key", "a", "a" * 1024),
        ("files.0.fileLocation.s3Location.bucket", "abc", "a" * 63),
        ("files.0.fileLocation.s3Location.version", "a", "a" * 1024),
        ("files.1.fileLocation.stream.streamId", "a", "a" * 128),
        ("files.1.codeSigning.awsSignerJobId", "a", "a" * 128),
        ("files.2.codeSigning.startSigningJobParameter.signingProfileName", "ab", "a_" * 32),
        (f"{DESTINATION}.prefix", "a", "a" * 1024),
        ("otaUpdateId", "a", "a" * 56),
        ("description", "a", "a" * 2028),
        ("files.0.fileName", "/", "/" * 5000),
        ("files.0.fileVersion", "1", "1" * 5000),
        (f"{SIGNING}.certificateChain.certificateName", "/", "/" * 5000),
        (f"{PROFILE}.certificatePathOnDevice", "/", "/" * 5000),
        ("additionalParameters", {"k": ""}, {"k" * 5000: "v" * 4096}),
        ("files.0.attributes", {"k": ""}, {"k" * 5000: "v" * 4096}),
    ],
)
def test_the_first_and_the_last_valid_value_pass(path: str, lowest: Any, highest: Any) -> None:
    """The lowest and the highest value that the API takes are valid."""
    request.check(at(path, lowest))
    request.check(at(path, highest))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (f"{EXPONENTIAL}.rateIncreaseCriteria", {SUCCEEDED: 0}, f"{SUCCEEDED} must be at least 1, got 0"),
        (
            f"{EXPONENTIAL}.rateIncreaseCriteria",
            {NOTIFIED: 1, SUCCEEDED: 1},
            f"rateIncreaseCriteria must have either {NOTIFIED} or {SUCCEEDED}, got ['{NOTIFIED}', '{SUCCEEDED}']",
        ),
        (
            f"{EXPONENTIAL}.rateIncreaseCriteria",
            {NOTIFIED: float("inf")},
            f"{NOTIFIED} must be a finite number, got inf",
        ),
        (ABORT, [], "abortCriteriaList must have 1 to 100 members, got 0"),
        (ABORT, [CRITERION] * 101, "abortCriteriaList must have 1 to 100 members, got 101"),
        ("protocols", [], "protocols must have 1 to 2 members, got 0"),
        ("protocols", ["HTTP", "MQTT", "HTTP"], "protocols must have 1 to 2 members, got 3"),
        (f"{SIGNING}.hashAlgorithm", "SHA1", "files[0].codeSigning.customCodeSigning.hashAlgorithm must be SHA256"),
        ("additionalParameters", {"k": "v" * 4097}, "additionalParameters['k'] must have 0 to 4096 characters"),
    ],
)
def test_more_members_beyond_their_limits_are_refused(path: str, value: Any, message: str) -> None:
    """The error for a member beyond its limit has its whole path, the value and the limit."""
    with pytest.raises(ValueError, match=re.escape(message)):
        request.check(at(path, value))


@pytest.mark.parametrize(
    ("path", "value", "remedy"),
    [
        ("targets.0", "arn:aws:iot:us-east-1:111122223333:thing/a", environment.OF_TARGETS),
        ("roleArn", "arn:aws:iam::444455556666:role/ota", environment.OF_ROLE),
        (f"{PROFILE}.certificateArn", "arn:aws:acm:us-east-1:111122223333:certificate/1", environment.OF_CERTIFICATE),
    ],
)
def test_each_arn_of_another_environment_has_its_remedy(path: str, value: str, remedy: str) -> None:
    """The error for an ARN of another environment ends with the remedy for that member."""
    with pytest.raises(ValueError, match=f"{re.escape(remedy)}$"):
        request.check_environment(at(path, value), STACK_ID)


@pytest.mark.parametrize("owners", [7, "x" * len(VALID["files"]), {"a": "1", "b": "2", "c": "3"}])
def test_owners_that_are_not_a_list_are_refused(owners: object) -> None:
    """A number, or something else with as many members as there are files, is not a list of accounts."""
    with pytest.raises(FatalError, match=r"^BucketOwners must be a list with an account for each file, got "):
        request.with_owners(VALID["files"], owners)
