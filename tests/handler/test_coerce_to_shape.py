"""The strings of CloudFormation are converted to the types of the API."""

import re
from typing import Any

import botocore.session
import pytest

from cdk_iot_ota_handler.ota_update.errors import FatalError
from cdk_iot_ota_handler.ota_update.request import coerce_to_shape

IOT = botocore.session.get_session().get_service_model("iot")
SHAPE = IOT.operation_model("CreateOTAUpdate").input_shape
DELETE = IOT.operation_model("DeleteOTAUpdate").input_shape


def test_strings_become_numbers_booleans_and_blobs() -> None:
    """Integers, doubles, booleans and blobs get their types; strings that could be numbers stay strings."""
    request = coerce_to_shape(
        {
            "description": "42",
            "awsJobExecutionsRolloutConfig": {
                "maximumPerMinute": "50",
                "exponentialRate": {"incrementFactor": "1.5", "baseRatePerMinute": "10"},
            },
            "files": [
                {
                    "fileType": "7",
                    "codeSigning": {"customCodeSigning": {"signature": {"inlineDocument": "TUE9PQ=="}}},
                    "attributes": {"a": "1"},
                }
            ],
        },
        SHAPE,
        "Request",
    )
    assert request["description"] == "42"
    rollout = request["awsJobExecutionsRolloutConfig"]
    assert rollout == {"maximumPerMinute": 50, "exponentialRate": {"incrementFactor": 1.5, "baseRatePerMinute": 10}}
    assert request["files"][0]["fileType"] == 7
    assert request["files"][0]["attributes"] == {"a": "1"}
    signing = request["files"][0]["codeSigning"]["customCodeSigning"]
    assert signing["signature"]["inlineDocument"] == b"MA=="
    assert coerce_to_shape({"deleteStream": "true"}, DELETE, "") == {"deleteStream": True}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"files": [{"fileType": "many"}]}, r"Request\.files\[0\]\.fileType must be a whole number, got 'many'"),
        ({"files": {"0": {}}}, r"Request\.files must be a list"),
        ({"targets": [["a"]]}, r"Request\.targets\[0\] must be text"),
        ({"awsJobAbortConfig": "x"}, r"Request\.awsJobAbortConfig must be a mapping, got 'x'"),
        ({"targetz": []}, r"Request has no member 'targetz'"),
        (
            {"files": [{"codeSigning": {"customCodeSigning": {"signature": {"inlineDocument": "?"}}}}]},
            r"inlineDocument must be base64 text",
        ),
    ],
)
def test_a_value_of_another_type_is_refused(value: dict[str, Any], message: str) -> None:
    """The error for a value that cannot be converted has the path of the property and the value."""
    with pytest.raises(FatalError, match=message):
        coerce_to_shape(value, SHAPE, "Request")


@pytest.mark.parametrize(
    ("request_part", "message"),
    [
        ({"protocols": ["HTTP", "FTP"]}, "Request.protocols[1] must be MQTT or HTTP, got 'FTP'"),
        ({"targetSelection": "ALL"}, "Request.targetSelection must be CONTINUOUS or SNAPSHOT, got 'ALL'"),
        (
            {"awsJobAbortConfig": {"abortCriteriaList": [{"failureType": "LOST"}]}},
            "abortCriteriaList[0].failureType must be FAILED or REJECTED or TIMED_OUT or ALL, got 'LOST'",
        ),
        (
            {"awsJobAbortConfig": {"abortCriteriaList": [{"action": "PAUSE"}]}},
            "abortCriteriaList[0].action must be CANCEL, got 'PAUSE'",
        ),
    ],
)
def test_a_word_that_the_model_does_not_list_is_refused(request_part: dict[str, Any], message: str) -> None:
    """A value outside an enum of the API's model is refused with the member, the value and the words."""
    with pytest.raises(FatalError, match=re.escape(message)):
        coerce_to_shape(request_part, SHAPE, "Request")
