"""With IAM, the caller needs the permissions that AWS requires."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.errors import code
from tests.local.roles import IOT, OTA, Roles, allow

PASS = allow("iam:PassRole", "*")
CREATE = allow("iot:CreateOTAUpdate", OTA)
TAGS = [{"Key": "team", "Value": "devices"}]
DELETE = {
    "iot:DeleteOTAUpdate": OTA,
    "iot:CancelJob": f"{IOT}:job/AFR_OTA-taken",
    "iot:DeleteJob": f"{IOT}:job/AFR_OTA-taken",
    "iot:DeleteStream": f"{IOT}:stream/AFR_OTA-*",
}


def create(client: Any, account: Any, ota_update_id: str, role: str, **options: Any) -> Any:
    """Call CreateOTAUpdate with a client."""
    return client.create_ota_update(
        otaUpdateId=ota_update_id, targets=[account.thing], roleArn=role, files=[account.file()], **options
    )


def without(action: str) -> Any:
    """Return the permissions for a deletion except one."""
    return [allow(name, resource) for name, resource in DELETE.items() if name != action]


@pytest.mark.parametrize(
    ("statements", "tags", "missing"),
    [
        ([PASS], [], "iot:CreateOTAUpdate on resource: arn:aws:iot:eu-central-1:111122223333:otaupdate/denied"),
        ([CREATE], [], "iam:PassRole"),
        ([CREATE, PASS], TAGS, "iot:TagResource"),
    ],
)
def test_caller_lacks_a_permission(roles: Roles, statements: Any, tags: Any, missing: str) -> None:
    """CreateOTAUpdate is denied to a caller who lacks one of its permissions, and creates nothing."""
    account = roles.account
    with pytest.raises(ClientError, match="is not authorized to perform: " + missing):
        create(roles.client(*statements), account, "denied", account.role, tags=tags)
    assert account.ids() == []


def test_caller_passes_the_role_to_the_service(roles: Roles) -> None:
    """CreateOTAUpdate needs iam:PassRole for AWS IoT; for another service it is denied."""

    def client(service: str) -> Any:
        passed = allow("iam:PassRole", "*", StringEquals={"iam:PassedToService": service})
        return roles.client(CREATE, allow("iot:TagResource", OTA), passed)

    role = roles.service_role()
    with pytest.raises(ClientError, match="iam:PassRole"):
        create(client("lambda.amazonaws.com"), roles.account, "passed", role)
    create(client("iot.amazonaws.com"), roles.account, "passed", role, tags=TAGS)
    assert roles.account.settled("passed")["otaUpdateStatus"] == "CREATE_COMPLETE"
    roles.account.remove("passed")


@pytest.mark.parametrize("action", DELETE)
def test_deletion_needs_permissions_on_job_and_stream(roles: Roles, action: str) -> None:
    """DeleteOTAUpdate is denied to a caller who may not delete the update, its job by force or its stream."""
    roles.account.created("taken", roleArn=roles.service_role())
    taking = {"otaUpdateId": "taken", "forceDeleteAWSJob": True, "deleteStream": True}
    with pytest.raises(ClientError, match=f"is not authorized to perform: {action} on resource: arn:aws:iot:") as error:
        roles.client(*without(action)).delete_ota_update(**taking)
    assert code(error.value) == ("AccessDeniedException", 403)
    assert roles.account.info("taken")["otaUpdateStatus"] == "CREATE_COMPLETE"
    roles.client(*without("")).delete_ota_update(**taking)
    roles.account.gone("taken")


def test_plain_deletion_needs_no_more(roles: Roles) -> None:
    """iot:DeleteOTAUpdate is enough to delete an update without force and without its stream."""
    roles.account.created("taken", roleArn=roles.service_role())
    roles.account.iot.cancel_job(jobId="AFR_OTA-taken")
    roles.client(allow("iot:DeleteOTAUpdate", OTA)).delete_ota_update(otaUpdateId="taken")
    roles.account.gone("taken")


def test_deletion_is_lenient_on_demand(roles: Roles) -> None:
    """Without strict_deletion, iot:DeleteOTAUpdate is enough to delete an update with job and stream."""
    roles.account.aws.settings.update(strict_deletion=False)
    roles.account.created("taken", roleArn=roles.service_role())
    only = roles.client(allow("iot:DeleteOTAUpdate", OTA))
    only.delete_ota_update(otaUpdateId="taken", forceDeleteAWSJob=True, deleteStream=True)
    roles.account.gone("taken")


@pytest.mark.parametrize(
    ("operation", "options", "action"),
    [
        ("list_tags_for_resource", {}, "iot:ListTagsForResource"),
        ("tag_resource", {"tags": TAGS}, "iot:TagResource"),
        ("untag_resource", {"tagKeys": ["a"]}, "iot:UntagResource"),
    ],
)
def test_tagging_is_by_update(roles: Roles, operation: str, options: Any, action: str) -> None:
    """The tagging calls are allowed on the update that a policy names, and denied on another."""
    arn = roles.account.create("tagged")["otaUpdateArn"]
    getattr(roles.client(allow(action, arn)), operation)(resourceArn=arn, **options)
    with pytest.raises(ClientError, match=f"not authorized to perform: {action} on resource: {arn}"):
        getattr(roles.client(allow(action, f"{arn}-2")), operation)(resourceArn=arn, **options)
    roles.account.settled("tagged")
    roles.account.remove("tagged")


@pytest.mark.parametrize(
    ("operation", "options", "action"),
    [
        ("delete_ota_update", {"otaUpdateId": "owned"}, "iot:DeleteOTAUpdate"),
        ("untag_resource", {"resourceArn": OTA.replace("*", "owned"), "tagKeys": ["a"]}, "iot:UntagResource"),
    ],
)
def test_the_tags_of_an_update_decide(roles: Roles, operation: str, options: Any, action: str) -> None:
    """A condition on aws:ResourceTag allows only an update with that tag."""
    # The account's role has no permissions, so there is no job to delete.
    roles.account.created("owned", tags=[{"Key": "a", "Value": "b"}, {"Key": "lib:stack", "Value": "arn:one"}])

    def attempt(owner: str) -> None:
        statement = allow(action, OTA, StringEquals={"aws:ResourceTag/lib:stack": owner})
        getattr(roles.client(statement), operation)(**options)

    with pytest.raises(ClientError, match=f"not authorized to perform: {action}"):
        attempt("arn:two")
    attempt("arn:one")
    roles.account.remove("owned")


@pytest.mark.parametrize("conditional", ["iot:CreateOTAUpdate", "iot:TagResource"])
def test_the_tags_of_a_request_decide(roles: Roles, conditional: str) -> None:
    """A condition on aws:RequestTag, on either action, allows only a creation with that tag."""
    actions = ("iot:CreateOTAUpdate", "iot:TagResource")

    def attempt(team: str) -> None:
        condition = {"StringEquals": {"aws:RequestTag/team": team}}
        statements = [allow(action, OTA, **(condition if action == conditional else {})) for action in actions]
        create(roles.client(PASS, *statements), roles.account, "asked", roles.account.role, tags=TAGS)

    with pytest.raises(ClientError, match=f"not authorized to perform: {conditional}"):
        attempt("others")
    attempt("devices")
    roles.account.settled("asked")
    roles.account.remove("asked")


def test_stacks_are_described_by_arn(roles: Roles) -> None:
    """DescribeStacks is allowed on the stack that a policy names, and denied on another."""
    template = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    cloudformation = roles.account.aws.client("cloudformation")
    stack = cloudformation.create_stack(StackName="one", TemplateBody=template)["StackId"]
    statement = allow("cloudformation:DescribeStacks", stack)
    described = roles.client(statement, service="cloudformation").describe_stacks(StackName=stack)
    assert described["Stacks"][0]["StackId"] == stack
    with pytest.raises(ClientError, match="not authorized to perform: cloudformation:DescribeStacks"):
        roles.client(statement, service="cloudformation").describe_stacks(StackName="another")
    cloudformation.delete_stack(StackName=stack)


def test_signatures_are_checked(secured: Any) -> None:
    """A request with an unknown access key is refused."""
    stranger = secured.aws.client("iot", aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="x")
    with pytest.raises(ClientError, match="security token"):
        stranger.list_ota_updates()


def test_loopback_counts_as_tls(secured: Any) -> None:
    """A bucket that denies requests without TLS, like that of cdk bootstrap, can be read over loopback."""
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
