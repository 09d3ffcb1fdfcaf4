"""Faults affect the calls that they name, as often as they specify, and calls are recorded."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError

from cdk_iot_ota_local import LocalAwsError
from tests.local.errors import code

ONCE = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})


@pytest.mark.parametrize(
    ("kind", "iot", "s3"),
    [
        ("throttle", ("ThrottlingException", 429), 503),
        ("error_500", ("InternalFailureException", 500), 500),
        ("error_503", ("ServiceUnavailableException", 503), 503),
    ],
)
def test_error_answers(account: Any, kind: str, iot: tuple[str, int], s3: int) -> None:
    """An error fault answers once, in the format of the service."""
    account.aws.faults.add(kind, "ListOTAUpdates", times=1)
    account.aws.faults.add(kind, "HeadObject", times=1)
    with pytest.raises(ClientError) as error:
        account.aws.client("iot", config=ONCE).list_ota_updates()
    assert code(error.value) == iot
    assert account.ids() == []
    with pytest.raises(ClientError) as error:
        account.aws.client("s3", config=ONCE).head_object(Bucket=account.bucket, Key="blinky.bin")
    assert code(error.value)[1] == s3
    assert account.s3.head_object(Bucket=account.bucket, Key="blinky.bin")["ContentLength"] == 1000


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("throttle", ("Throttling", 400)),
        ("error_500", ("InternalServiceFault", 500)),
        ("error_503", ("ServiceUnavailable", 503)),
    ],
)
def test_errors_about_alarms(account: Any, kind: str, expected: tuple[str, int]) -> None:
    """A fault affects calls about the alarms that it names, answers as CloudWatch does, and is recorded."""
    account.aws.calls.reset()
    account.aws.faults.add(kind, "DescribeAlarms", times=1, id_prefix="crashes")
    cloudwatch = account.aws.client("cloudwatch", config=ONCE)
    assert cloudwatch.describe_alarms(AlarmNames=["offline"])["MetricAlarms"] == []
    with pytest.raises(ClientError) as error:
        cloudwatch.describe_alarms(AlarmNames=["crashes", "offline"])
    assert code(error.value) == expected
    cloudwatch.describe_alarm_history(AlarmName="crashes")
    found = [(call.operation, call.alarm, call.status, call.fault) for call in account.aws.calls.log()]
    assert found == [
        ("DescribeAlarms", "offline", 200, None),
        ("DescribeAlarms", "crashes", expected[1], kind),
        ("DescribeAlarmHistory", "crashes", 200, None),
    ]


def test_connection_cut_before(account: Any) -> None:
    """cut_before closes the connection, and the call is not carried out."""
    account.aws.faults.add("cut_before", "CreateStream", times=1)
    location = {"s3Location": {"bucket": account.bucket, "key": "blinky.bin"}}
    with pytest.raises(ConnectionClosedError):
        account.aws.client("iot", config=ONCE).create_stream(streamId="cut", files=[location], roleArn=account.role)
    assert account.iot.list_streams()["streams"] == []


def test_connection_cut_after(account: Any) -> None:
    """cut_after carries the call out and loses the answer, so that boto3's retry gets a conflict."""
    account.aws.faults.add("cut_after", "CreateOTAUpdate", times=1)
    with pytest.raises(ClientError) as error:
        account.create("lost")
    assert code(error.value) == ("ResourceAlreadyExistsException", 409)
    assert account.settled("lost")["otaUpdateStatus"] == "CREATE_COMPLETE"


def test_delay(account: Any) -> None:
    """A delay holds a call back, so that a short read timeout expires."""
    account.created("slow")
    account.aws.faults.add("delay", "GetOTAUpdate", delay_seconds=0.3, times=2)
    started = time.monotonic()
    account.info("slow")
    assert time.monotonic() - started > 0.3
    hasty = account.aws.client("iot", config=Config(read_timeout=0.1, retries={"total_max_attempts": 1}))
    with pytest.raises(BotoCoreError, match="timeout"):
        hasty.get_ota_update(otaUpdateId="slow")


def test_fault_with_a_duration(account: Any) -> None:
    """A fault with for_seconds ends after that time."""
    once = account.aws.client("iot", config=ONCE)
    account.aws.faults.add("throttle", "ListOTAUpdates", for_seconds=0.5)
    with pytest.raises(ClientError):
        once.list_ota_updates()
    time.sleep(0.55)
    assert account.ids() == []


def test_fault_of_one_update(account: Any) -> None:
    """A fault with id_prefix does not affect other updates, even if the call names the update by its ARN."""
    arn = account.create("other")["otaUpdateArn"]
    account.aws.faults.add("throttle", "ListTagsForResource", id_prefix="mine")
    once = account.aws.client("iot", config=ONCE)
    assert once.list_tags_for_resource(resourceArn=arn)["tags"] == []
    with pytest.raises(ClientError):
        once.list_tags_for_resource(resourceArn=arn.replace("other", "mine-1"))


@pytest.mark.parametrize(
    ("options", "error_info", "streams"),
    [
        ({"code": "Boom", "message": "no luck"}, {"code": "Boom", "message": "no luck"}, 0),
        ({}, None, 0),
        (
            {"code": "Boom", "message": "no luck", "leave_stream": True},
            {"code": "Boom", "message": "no luck"},
            1,
        ),
    ],
)
def test_creation_fails(account: Any, options: dict[str, Any], error_info: Any, streams: int) -> None:
    """fail_creation ends in CREATE_FAILED, with or without errorInfo, with or without a stream."""
    account.aws.faults.add("fail_creation", id_prefix="bad", times=1, **options)
    assert account.created("good")["otaUpdateStatus"] == "CREATE_COMPLETE"
    info = account.created("bad-1")
    assert info["otaUpdateStatus"] == "CREATE_FAILED"
    assert info.get("errorInfo") == error_info
    assert len(account.iot.list_streams()["streams"]) == 1 + streams


def test_creation_is_slow(account: Any) -> None:
    """slow_creation keeps an update in CREATE_IN_PROGRESS."""
    account.aws.faults.add("slow_creation", delay_seconds=0.4, times=1)
    account.create("slow")
    time.sleep(0.2)
    assert account.info("slow")["otaUpdateStatus"] == "CREATE_IN_PROGRESS"
    assert account.settled("slow")["otaUpdateStatus"] == "CREATE_COMPLETE"


def test_calls_are_recorded_in_order(account: Any) -> None:
    """Each call, including boto3's retries, is recorded with its update and its fault."""
    account.aws.calls.reset()
    account.aws.faults.add("throttle", "CreateOTAUpdate", times=1)
    arn = account.create("counted")["otaUpdateArn"]
    account.iot.tag_resource(resourceArn=arn, tags=[{"Key": "a", "Value": "b"}])
    assert account.aws.calls() == {"CreateOTAUpdate": 2, "TagResource": 1}
    found = [(call.operation, call.ota_update_id, call.status, call.fault) for call in account.aws.calls.log()]
    assert found == [
        ("CreateOTAUpdate", "counted", 429, "throttle"),
        ("CreateOTAUpdate", "counted", 200, None),
        ("TagResource", "counted", 200, None),
    ]


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("nonsense", {}),
        ("throttle", {"times": 0}),
        ("throttle", {"tiems": 1}),
    ],
)
def test_wrong_faults_are_refused(account: Any, kind: str, options: dict[str, Any]) -> None:
    """An invalid fault is refused at once."""
    with pytest.raises(LocalAwsError, match=r"fault|times"):
        account.aws.faults.add(kind, "GetOTAUpdate", **options)


def test_wrong_settings_are_refused(account: Any) -> None:
    """An unknown setting, or a value out of range, is refused with the server's message."""
    with pytest.raises(LocalAwsError, match="there is no setting 'step'"):
        account.aws.settings.update(step=1)
    with pytest.raises(LocalAwsError, match="refusal must be 'sync' or 'async', got 'maybe'"):
        account.aws.settings.update(refusal="maybe")
