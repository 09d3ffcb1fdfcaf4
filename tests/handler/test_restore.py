"""CloudFormation's strings become the API's types again."""

from typing import Any

import botocore.session
import pytest

from cdk_iot_ota_handler.ota_update.errors import FatalError
from cdk_iot_ota_handler.ota_update.request import coerce_to_shape

IOT = botocore.session.get_session().get_service_model("iot")
SHAPE = IOT.operation_model("CreateOTAUpdate").input_shape
DELETE = IOT.operation_model("DeleteOTAUpdate").input_shape


def test_numbers_booleans_and_blobs_come_back() -> None:
    """Integers, doubles, booleans and blobs get their types; texts that look like numbers stay texts."""
    restored = coerce_to_shape(
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
    assert restored["description"] == "42"
    rollout = restored["awsJobExecutionsRolloutConfig"]
    assert rollout == {"maximumPerMinute": 50, "exponentialRate": {"incrementFactor": 1.5, "baseRatePerMinute": 10}}
    assert restored["files"][0]["fileType"] == 7
    assert restored["files"][0]["attributes"] == {"a": "1"}
    signing = restored["files"][0]["codeSigning"]["customCodeSigning"]
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
def test_what_cannot_be_read_is_named(value: dict[str, Any], message: str) -> None:
    """An error names the property by its path, and the value."""
    with pytest.raises(FatalError, match=message):
        coerce_to_shape(value, SHAPE, "Request")
