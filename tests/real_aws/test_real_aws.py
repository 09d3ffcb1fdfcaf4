"""What runs in a real account makes nothing without its prefix, and finds what is its own."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from tests.end_to_end.support.real_aws import PREFIX, NamePrefixError, RealAws, jobs_endpoint, new_prefix


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> RealAws:
    """An account that no call reaches."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    session = boto3.session.Session(aws_access_key_id="key", aws_secret_access_key="secret")
    return RealAws(session, "111122223333", "eu-central-1", f"{PREFIX}1234-")


def test_every_run_has_a_prefix_of_its_own() -> None:
    """Two runs in one account do not clean each other up; clean-aws finds both."""
    first, second = new_prefix(), new_prefix()
    assert first != second
    assert first.startswith(PREFIX)
    assert second.startswith(PREFIX)


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("iot", lambda client: client.create_thing(thingName="bench-1")),
        ("iot", lambda client: client.create_thing_group(thingGroupName=f"{PREFIX}another-run")),
        ("cloudformation", lambda client: client.create_stack(StackName="mine", TemplateBody=f"{PREFIX}1234-")),
        ("s3", lambda client: client.put_object(Bucket="mine", Key=f"{PREFIX}1234-", Body=b"")),
    ],
)
def test_nothing_is_made_without_the_prefix(aws: RealAws, service: str, call: Callable[[Any], Any]) -> None:
    """A test that forgets to name what it makes fails before the call."""
    client = aws.client(service)
    client.meta.events.register("before-send", lambda **_: pytest.fail("the call was made"))
    with pytest.raises(NamePrefixError, match=f"must begin with {PREFIX}1234-, got"):
        call(client)


def test_what_has_the_prefix_is_made(aws: RealAws) -> None:
    """A name with the prefix passes."""
    iot = aws.client("iot")
    with Stubber(iot) as stubber:
        stubber.add_response("create_thing", {}, {"thingName": f"{PREFIX}1234-a"})
        iot.create_thing(thingName=aws.named("a"))
        stubber.assert_no_pending_responses()


def add_update(stubber: Stubber, target: str, stack: str) -> None:
    """The answers to the questions about one update."""
    of = "arn:aws:%s:eu-central-1:111122223333:%s"
    update = {"otaUpdateArn": of % ("iot", "otaupdate/a"), "targets": [of % ("iot", f"thinggroup/{target}")]}
    stubber.add_response("get_ota_update", {"otaUpdateInfo": update})
    tag = {"Key": "cdk-iot-ota:stack-id", "Value": of % ("cloudformation", f"stack/{stack}/0000")}
    stubber.add_response("list_tags_for_resource", {"tags": [tag]})


def test_an_update_is_ours_by_its_targets_or_its_stack(aws: RealAws) -> None:
    """Its id may have been cut short; what was seen to be somebody else's is not asked for again."""
    with Stubber(aws._iot) as stubber:
        add_update(stubber, target=f"{PREFIX}1234-fleet", stack="theirs")
        add_update(stubber, target="nobody", stack=f"{PREFIX}1234-stack")
        add_update(stubber, target=f"{PREFIX}5678-fleet", stack=f"{PREFIX}5678-stack")
        assert aws.owns("otaupdate", "cdk-iot-ota-12345678_Blinky-0")
        assert aws.owns("otaupdate", "cdk-iot-ota-12345678_Blinky-1")
        assert not aws.owns("otaupdate", f"{PREFIX}1234-in-name-only")
        assert not aws.owns("otaupdate", f"{PREFIX}1234-in-name-only")
        stubber.assert_no_pending_responses()


def test_a_stream_is_ours_by_its_bucket(aws: RealAws) -> None:
    """AWS names streams at random, and one that is gone meanwhile is nobody's."""
    with Stubber(aws._iot) as stubber:
        for bucket in (f"{PREFIX}1234-assets", "assets"):
            file = {"fileId": 0, "s3Location": {"bucket": bucket, "key": "a"}}
            stubber.add_response("describe_stream", {"streamInfo": {"files": [file]}})
        stubber.add_client_error("describe_stream", "ResourceNotFoundException")
        assert [aws.owns("stream", name) for name in ("AFR_OTA-1", "AFR_OTA-2", "AFR_OTA-3")] == [True, False, False]


def test_devices_take_jobs_where_the_account_serves_them(aws: RealAws) -> None:
    """The account's own endpoint is asked for, in the old way and in the new one."""
    iot = aws.client("iot")
    with Stubber(iot) as stubber:
        stubber.add_response("describe_endpoint", {"endpointAddress": "a.jobs"}, {"endpointType": "iot:Jobs"})
        stubber.add_client_error("describe_endpoint", "InvalidRequestException", "use iot:Data-ATS")
        stubber.add_response("describe_endpoint", {"endpointAddress": "a-ats"}, {"endpointType": "iot:Data-ATS"})
        assert jobs_endpoint(iot) == "a.jobs"
        assert jobs_endpoint(iot) == "a-ats"
    with Stubber(aws._iot) as stubber:
        stubber.add_response("describe_endpoint", {"endpointAddress": "b.jobs"})
        assert aws.client("iot-jobs-data").meta.endpoint_url == "https://b.jobs"
