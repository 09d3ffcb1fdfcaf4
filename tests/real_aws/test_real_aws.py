"""Runs in a real account create nothing without their name prefix, and recognize their own resources."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.credentials import Credentials
from botocore.stub import Stubber

from tests.end_to_end.support.real_aws import PREFIX, NamePrefixError, RealAws, jobs_endpoint, new_prefix, signed_url


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> RealAws:
    """Return an account with dummy credentials."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    session = boto3.session.Session(aws_access_key_id="key", aws_secret_access_key="secret")
    return RealAws(session, "111122223333", "eu-central-1", f"{PREFIX}1234-")


def test_every_run_has_its_own_prefix() -> None:
    """Two runs have different prefixes with a common start, so that only `make clean-aws` removes both."""
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
    ids=["thing", "thing-group", "stack", "object"],
)
def test_nothing_is_created_without_the_prefix(aws: RealAws, service: str, call: Callable[[Any], Any]) -> None:
    """Creating a resource without the prefix fails before the call."""
    client = aws.client(service)
    client.meta.events.register("before-send", lambda **_: pytest.fail("the call was made"))
    with pytest.raises(NamePrefixError, match=f"must begin with {PREFIX}1234-, got"):
        call(client)


def test_names_with_the_prefix_are_accepted(aws: RealAws) -> None:
    """A resource with the prefix can be created."""
    iot = aws.client("iot")
    with Stubber(iot) as stubber:
        stubber.add_response("create_thing", {}, {"thingName": f"{PREFIX}1234-a"})
        iot.create_thing(thingName=aws.named("a"))
        stubber.assert_no_pending_responses()


def add_update(stubber: Stubber, target: str, stack: str) -> None:
    """Add the responses to the calls that tell the owner of an update."""
    of = "arn:aws:%s:eu-central-1:111122223333:%s"
    update = {"otaUpdateArn": of % ("iot", "otaupdate/a"), "targets": [of % ("iot", f"thinggroup/{target}")]}
    stubber.add_response("get_ota_update", {"otaUpdateInfo": update})
    tag = {"Key": "cdk-iot-ota:stack-id", "Value": of % ("cloudformation", f"stack/{stack}/0000")}
    stubber.add_response("list_tags_for_resource", {"tags": [tag]})


def test_an_update_is_recognized_by_its_targets_or_its_stack(aws: RealAws) -> None:
    """An update belongs to the run if its targets or stack have the prefix; a foreign one is queried only once."""
    with Stubber(aws._iot) as stubber:
        add_update(stubber, target=f"{PREFIX}1234-fleet", stack="theirs")
        add_update(stubber, target="missing", stack=f"{PREFIX}1234-stack")
        add_update(stubber, target=f"{PREFIX}5678-fleet", stack=f"{PREFIX}5678-stack")
        assert aws.owns("otaupdate", "cdk-iot-ota-12345678_Blinky-0")
        assert aws.owns("otaupdate", "cdk-iot-ota-12345678_Blinky-1")
        assert not aws.owns("otaupdate", f"{PREFIX}1234-in-name-only")
        assert not aws.owns("otaupdate", f"{PREFIX}1234-in-name-only")
        stubber.assert_no_pending_responses()


def test_a_stream_is_recognized_by_its_bucket(aws: RealAws) -> None:
    """A stream belongs to the run if its bucket has the prefix; a deleted stream does not."""
    with Stubber(aws._iot) as stubber:
        for bucket in (f"{PREFIX}1234-assets", "assets"):
            file = {"fileId": 0, "s3Location": {"bucket": bucket, "key": "a"}}
            stubber.add_response("describe_stream", {"streamInfo": {"files": [file]}})
        stubber.add_client_error("describe_stream", "ResourceNotFoundException")
        assert [aws.owns("stream", name) for name in ("AFR_OTA-1", "AFR_OTA-2", "AFR_OTA-3")] == [True, False, False]


def test_devices_use_the_jobs_endpoint_of_the_account(aws: RealAws) -> None:
    """Devices use the account's Jobs endpoint, or its data endpoint where AWS has merged the two."""
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


def test_devices_sign_for_the_message_broker() -> None:
    """The signature of the broker's URL does not cover the session token, which comes last."""
    lasting, temporary = (Credentials("key", "secret", token) for token in (None, "a/token"))
    before, after = (signed_url("a-ats.iot", "eu-central-1", credentials) for credentials in (lasting, temporary))
    assert before.startswith("https://a-ats.iot/mqtt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=key%2F")
    assert "Security-Token" not in before
    path, _, token = after.rpartition("&")
    assert token == "X-Amz-Security-Token=a%2Ftoken"
    assert "X-Amz-Signature=" in path
