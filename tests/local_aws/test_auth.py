"""With AUTH the caller, and the service role on its behalf, need the permissions that AWS asks for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws import LocalAws

OTA = "arn:aws:iot:eu-central-1:111122223333:otaupdate/*"


@pytest.fixture(scope="module")
def secured(make_account: Callable[[LocalAws], Any]) -> Iterator[Any]:
    """An account in an emulator that enforces IAM."""
    with LocalAws(auth=True) as running:
        yield make_account(running)


def allow(*pairs: tuple[str, str]) -> str:
    """A policy that allows actions on resources."""
    statements = [{"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in pairs]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def service_policy(role: str, without: str = "") -> str:
    """What the OTA service role needs, but for one action."""
    pairs = [
        ("s3:GetObject", "*"),
        ("iot:CreateStream", "*"),
        ("iot:CreateJob", "*"),
        ("iam:PassRole", role),
        ("iot:DeleteJob", "*"),
        ("iot:DeleteStream", "*"),
    ]
    return allow(*(pair for pair in pairs if pair[0] != without))


class Caller:
    """A role that calls, and a role that the service is given."""

    def __init__(self, account: Any) -> None:
        self.account, self._number = account, 0

    def role(self, policy: str, trust: str) -> tuple[str, str]:
        """Make a role; its name and its ARN."""
        self._number += 1
        name = f"role-{self._number}"
        arn = self.account.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        self.account.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
        return name, arn

    def client(self, policy: str) -> Any:
        """An IoT client with a policy."""
        trust = {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"}
        _, arn = self.role(policy, json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
        keys = self.account.aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="caller")["Credentials"]
        return self.account.aws.client(
            "iot",
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )

    def service_role(self, without: str = "", condition: Any = None, service: str = "iot.amazonaws.com") -> str:
        """A service role that lacks one action, or whose trust is conditional."""
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        statement = {**trust, "Condition": condition} if condition else trust
        name, arn = self.role(
            allow(("s3:ListBucket", "*")), json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        )
        self.account.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=service_policy(arn, without))
        return arn


@pytest.fixture(scope="module")
def caller(secured: Any) -> Caller:
    """Makes roles and clients."""
    return Caller(secured)


def create(client: Any, account: Any, ota_update_id: str, role: str, **options: Any) -> Any:
    """CreateOTAUpdate by some client."""
    return client.create_ota_update(
        otaUpdateId=ota_update_id, targets=[account.thing], roleArn=role, files=[account.file()], **options
    )


PASS = ("iam:PassRole", "*")
TAGS = [{"Key": "team", "Value": "devices"}]


@pytest.mark.parametrize(
    ("pairs", "tags", "missing"),
    [
        (
            [PASS],
            [],
            "iot:CreateOTAUpdate on resource: arn:aws:iot:eu-central-1:111122223333:otaupdate/denied",
        ),
        ([("iot:CreateOTAUpdate", OTA)], [], "iam:PassRole"),
        ([("iot:CreateOTAUpdate", OTA), PASS], TAGS, "iot:TagResource"),
    ],
)
def test_caller_lacks_a_permission(caller: Caller, pairs: Any, tags: Any, missing: str) -> None:
    """Without one of its permissions, CreateOTAUpdate is denied and nothing is made."""
    account = caller.account
    with pytest.raises(ClientError, match="is not authorized to perform: " + missing):
        create(caller.client(allow(*pairs)), account, "denied", account.role, tags=tags)
    assert account.ids() == []


def test_caller_passes_the_role_to_the_service(caller: Caller) -> None:
    """A PassRole permission for AWS IoT is enough, and one for another service is not."""
    statements = [{"Effect": "Allow", "Action": ["iot:CreateOTAUpdate", "iot:TagResource"], "Resource": OTA}]

    def client(service: str) -> Any:
        condition = {"StringEquals": {"iam:PassedToService": service}}
        passed = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*", "Condition": condition}
        return caller.client(json.dumps({"Version": "2012-10-17", "Statement": [*statements, passed]}))

    role = caller.service_role()
    with pytest.raises(ClientError, match="iam:PassRole"):
        create(client("lambda.amazonaws.com"), caller.account, "passed", role)
    create(client("iot.amazonaws.com"), caller.account, "passed", role, tags=TAGS)
    assert caller.account.settled("passed")["otaUpdateStatus"] == "CREATE_COMPLETE"
    caller.account.delete("passed")
    caller.account.gone("passed")


@pytest.mark.parametrize("action", ["s3:GetObject", "iot:CreateStream", "iot:CreateJob", "iam:PassRole"])
def test_service_role_lacks_a_permission(caller: Caller, action: str) -> None:
    """A service role without one of its permissions ends in CREATE_FAILED that names it."""
    account = caller.account
    info = account.created("short", roleArn=caller.service_role(without=action))
    assert info["otaUpdateStatus"] == "CREATE_FAILED"
    assert f"is not authorized to perform: {action} on resource: arn:aws:" in info["errorInfo"]["message"]
    account.delete("short", stream=False)
    account.gone("short")


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"service": "lambda.amazonaws.com"}, "CREATE_FAILED"),
        ({"condition": {"StringEquals": {"aws:SourceAccount": "999999999999"}}}, "CREATE_FAILED"),
        (
            {
                "condition": {
                    "StringEquals": {"aws:SourceAccount": "111122223333"},
                    "ArnLike": {"aws:SourceArn": "arn:aws:iot:eu-central-1:111122223333:*"},
                }
            },
            "CREATE_COMPLETE",
        ),
    ],
)
def test_service_role_trusts_the_service(caller: Caller, options: Any, status: str) -> None:
    """The service role must trust AWS IoT, with conditions that hold."""
    account = caller.account
    info = account.created("trust", roleArn=caller.service_role(**options))
    assert info["otaUpdateStatus"] == status, info
    account.delete("trust")
    account.gone("trust")


def test_deletion_needs_the_service_role(caller: Caller) -> None:
    """A service role that may not delete the job ends in DELETE_FAILED, and a second try succeeds."""
    account = caller.account
    role = caller.service_role(without="iot:DeleteJob")
    account.created("stuck", roleArn=role)
    account.delete("stuck")
    info = account.settled("stuck")
    assert info["otaUpdateStatus"] == "DELETE_FAILED"
    assert "is not authorized to perform: iot:DeleteJob on resource: arn:aws:" in info["errorInfo"]["message"]
    account.iam.put_role_policy(RoleName=role.rpartition("/")[2], PolicyName="p", PolicyDocument=service_policy(role))
    account.delete("stuck")
    account.gone("stuck")


def test_signatures_are_checked(secured: Any) -> None:
    """A key that nobody gave out is refused."""
    stranger = secured.aws.client("iot", aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="x")
    with pytest.raises(ClientError, match="security token"):
        stranger.list_ota_updates()


def test_loopback_counts_as_tls(secured: Any) -> None:
    """A bucket that denies what does not come over TLS, as that of cdk bootstrap, can be read."""
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": f"arn:aws:s3:::{secured.bucket}/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    secured.s3.put_bucket_policy(
        Bucket=secured.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    )
    assert secured.s3.head_object(Bucket=secured.bucket, Key="blinky.bin")["ContentLength"] == 1000
