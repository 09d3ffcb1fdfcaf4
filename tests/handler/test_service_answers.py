"""Answers of AWS, read in full, and the configuration of the clients."""

import datetime
from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update.contract import names, timeouts
from cdk_iot_ota_handler.ota_update.errors import FatalError, RetryableError
from cdk_iot_ota_handler.ota_update.observed import JobProgress, Observed
from cdk_iot_ota_handler.ota_update.service import OtaService

from .stubs import Stubs
from .test_service import ARN, NOW, file

JOB_ARN = "arn:aws:iot:eu-central-1:111122223333:job/AFR_OTA-mine"
WITHOUT_COUNTS = {
    "DevicesSucceeded": "",
    "DevicesFailed": "",
    "SecondsWaited": "",
    "FailedDevices": "",
    "AlarmsWithoutData": "",
    "GateResult": "",
}


def observed(stubs: Stubs, info: dict[str, Any], *tags: dict[str, str]) -> Observed | None:
    """Return the update that AWS IoT shows with these members and tags."""
    stubs.iot.add_response("get_ota_update", {"otaUpdateInfo": {"otaUpdateArn": ARN, **info}}, {"otaUpdateId": "mine"})
    stubs.iot.add_response("list_tags_for_resource", {"tags": list(tags)}, {"resourceArn": ARN})
    return stubs.service.get_update("mine", NOW)


def test_an_update_is_observed_in_full(stubs: Stubs) -> None:
    """An observed update has the resource's attributes, with the counts that its deployed tag keeps."""
    info = {
        "otaUpdateStatus": "CREATE_COMPLETE",
        "awsIotJobId": "AFR_OTA-mine",
        "awsIotJobArn": JOB_ARN,
        "creationDate": datetime.datetime.fromtimestamp(NOW - 90, datetime.timezone.utc),
    }
    counts = "succeeded=98 failed=2 seconds=93"
    assert observed(stubs, info, {"Key": names.DEPLOYED_TAG, "Value": counts}) == Observed(
        status="CREATE_COMPLETE",
        tags={names.DEPLOYED_TAG: counts},
        age=90,
        error="",
        attributes={
            "OtaUpdateArn": ARN,
            "JobId": "AFR_OTA-mine",
            "JobArn": JOB_ARN,
            "Status": "CREATE_COMPLETE",
            "DevicesSucceeded": "98",
            "DevicesFailed": "2",
            "FailedDevices": "",
            "AlarmsWithoutData": "",
            "GateResult": "passed",
            "SecondsWaited": "93",
        },
    )


def test_an_update_without_a_job_is_observed_with_empty_attributes(stubs: Stubs) -> None:
    """An update without a job, an age, a value of its tag or counts of its gate has empty ones."""
    assert observed(stubs, {"otaUpdateStatus": "CREATE_PENDING"}, {"Key": "team"}) == Observed(
        status="CREATE_PENDING",
        tags={"team": ""},
        age=0,
        error="",
        attributes={"OtaUpdateArn": ARN, "JobId": "", "JobArn": "", "Status": "CREATE_PENDING", **WITHOUT_COUNTS},
    )


@pytest.mark.parametrize(
    ("info", "error"),
    [
        ({}, ""),
        ({"code": "InvalidRequest"}, "InvalidRequest"),
        ({"message": "too large"}, "too large"),
        ({"code": "InvalidRequest", "message": "too large"}, "InvalidRequest: too large"),
    ],
)
def test_an_error_has_what_the_service_gives(stubs: Stubs, info: dict[str, str], error: str) -> None:
    """The error of an update is the code and the message of its errorInfo, as far as there are any."""
    found = observed(stubs, {"otaUpdateStatus": "CREATE_FAILED", "errorInfo": info})
    assert found is not None
    assert found.error == error


def test_a_job_without_counts_has_none(stubs: Stubs) -> None:
    """A job that shows no counts yet has no devices, no comment, and has reached all its targets."""
    stubs.iot.add_response("describe_job", {"job": {"status": "IN_PROGRESS", "jobProcessDetails": {}}})
    assert stubs.service.job_progress("AFR_OTA-mine") == JobProgress(status="IN_PROGRESS")


def test_a_pinned_file_keeps_everything_else(stubs: Stubs) -> None:
    """A file whose object gets a version keeps its name, its signature and its other members."""
    signed = {**file(), "fileName": "/a", "codeSigning": {"startSigningJobParameter": {}}}
    stubs.s3.add_response("head_object", {"VersionId": "v7"})
    assert stubs.service.pin(signed) == {**signed, **file(version="v7")}


def test_the_error_for_an_unreadable_object_tells_what_to_check(stubs: Stubs) -> None:
    """The error for an object of a bucket whose owner is unknown tells to check the object and the permission."""
    stubs.s3.add_client_error("head_object", "404", "Not Found", http_status_code=404)
    with pytest.raises(FatalError) as refused:
        stubs.service.pin(file())
    what = "check that it exists and that this function may read it"
    assert str(refused.value) == f"cannot read firmware s3://firmware/a.bin ({what}): 404: Not Found"


def test_an_update_that_another_caller_changes_is_deleted_later(stubs: Stubs) -> None:
    """An error of DeleteOTAUpdate other than an absent update has the id of the update."""
    stubs.iot.add_client_error("delete_ota_update", "ThrottlingException", "Rate exceeded", http_status_code=429)
    with pytest.raises(RetryableError, match=r"^OTA update mine: ThrottlingException: Rate exceeded$"):
        stubs.service.delete("mine", delete_stream=True, force_delete_job=True)


def test_the_sdk_makes_each_call_once_and_in_limited_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clients of all services are in the Region, have the timeouts that the others nest in, and never retry."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    service = OtaService.connect("eu-central-1")
    clients = (service._iot, service._s3, service._cloudformation)
    assert [client.meta.service_model.service_name for client in clients] == ["iot", "s3", "cloudformation"]
    for client in clients:
        config = client.meta.config
        assert client.meta.region_name == "eu-central-1"
        assert (config.connect_timeout, config.read_timeout) == (timeouts.CONNECT_TIMEOUT, timeouts.READ_TIMEOUT)
        assert config.retries == {"mode": "standard", "total_max_attempts": 1}
