"""With IAM, the service role needs each permission that AWS requires, and an update names the one that is missing."""

from __future__ import annotations

import json
import re
from fnmatch import translate
from typing import Any

import pytest

from tests.local.roles import ACCOUNT, DELETION, JOB, READ, Permission, Roles, trust
from tests.local.secret_bucket import SecretBucket
from tests.local.service_files import NEEDED, ServiceFiles

# The permissions that every file needs are tested with the first one only.
LACKING = [
    pytest.param(name, missing, id=f"{name}: {' on '.join(missing)}")
    for name, needed in NEEDED.items()
    for missing in needed
    if name == "plain" or missing not in (*JOB, *READ)
]


@pytest.fixture(scope="session")
def service_files(secured: Any, secret: SecretBucket) -> ServiceFiles:
    """Create the files of the updates."""
    return ServiceFiles(secured, secret)


def denied(role: str, action: str, resource: str) -> str:
    """Return a pattern for the error message to a role; the resource may have wildcards."""
    user = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.rpartition('/')[2]}/AWSIoTOTA"
    return re.escape(f"User: {user} is not authorized to perform: {action} on resource: ") + translate(resource)


@pytest.mark.parametrize(("name", "missing"), LACKING)
def test_creation_names_the_missing_permission(
    roles: Roles, service_files: ServiceFiles, name: str, missing: Permission
) -> None:
    """A creation without one of the role's permissions ends in CREATE_FAILED, names it, and leaves no job."""
    names = {**service_files.names, "bucket": roles.account.bucket, "role": roles.next_role()}
    needed = [one for one in [*NEEDED[name], *DELETION] if one != missing]
    role = roles.service_role(needed, **service_files.names)
    info = roles.account.created("short", roleArn=role, files=[service_files.files[name]])
    jobs = roles.account.iot.list_jobs()["jobs"]
    roles.account.remove("short")
    assert info["otaUpdateStatus"] == "CREATE_FAILED"
    assert re.match(denied(role, missing[0], missing[1].format(**names)), info["errorInfo"]["message"])
    assert jobs == []


@pytest.mark.parametrize("name", NEEDED)
def test_a_role_needs_no_more(roles: Roles, service_files: ServiceFiles, name: str) -> None:
    """A role with exactly the listed permissions can create and delete an update."""
    role = roles.service_role([*NEEDED[name], *DELETION], **service_files.names)
    info = roles.account.created("enough", roleArn=role, files=[service_files.files[name]])
    assert info["otaUpdateStatus"] == "CREATE_COMPLETE", info["errorInfo"]
    roles.account.remove("enough")


@pytest.mark.parametrize("missing", [JOB[-1], *DELETION])
def test_deletion_names_the_missing_permission(roles: Roles, missing: Permission) -> None:
    """A deletion without one of the role's permissions ends in DELETE_FAILED and names it; a retry with it succeeds."""
    needed = [*JOB, *READ, *DELETION]
    statements = {one: roles.statements([one], role=roles.next_role()) for one in needed}
    role = roles.service_role(needed)
    roles.account.created("stuck", roleArn=role)
    roles.allow(role, [found for one in needed if one != missing for found in statements[one]])
    roles.account.delete("stuck")
    info = roles.account.settled("stuck")
    assert info["otaUpdateStatus"] == "DELETE_FAILED"
    assert re.match(denied(role, *missing), info["errorInfo"]["message"])
    roles.allow(role, [found for one in needed for found in statements[one]])
    roles.account.remove("stuck")


@pytest.mark.parametrize(
    ("service", "condition", "status"),
    [
        ("lambda.amazonaws.com", None, "CREATE_FAILED"),
        ("iot.amazonaws.com", {"StringEquals": {"aws:SourceAccount": "999999999999"}}, "CREATE_FAILED"),
        (
            "iot.amazonaws.com",
            {
                "StringEquals": {"aws:SourceAccount": "111122223333"},
                "ArnLike": {"aws:SourceArn": "arn:aws:iot:eu-central-1:111122223333:*"},
            },
            "CREATE_COMPLETE",
        ),
    ],
)
def test_a_role_trusts_the_service(roles: Roles, service: str, condition: Any, status: str) -> None:
    """A service role must trust AWS IoT, and the conditions of its trust policy must hold."""
    info = roles.account.created("trust", roleArn=roles.service_role(trusted=trust(service, condition)))
    assert info["otaUpdateStatus"] == status, info
    roles.account.remove("trust")


def test_the_policy_of_a_bucket_counts(roles: Roles) -> None:
    """A bucket policy that denies an action also denies it to the service role."""
    bucket = f"{roles.account.bucket}-closed"
    location = {"LocationConstraint": roles.account.aws.region}
    roles.account.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=location)
    roles.account.s3.put_object(Bucket=bucket, Key="blinky.bin", Body=b"x")
    closed = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [closed]})
    roles.account.s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    role = roles.service_role([*JOB, *READ, *DELETION], bucket=bucket)
    file = {**roles.account.file(), "fileLocation": {"s3Location": {"bucket": bucket, "key": "blinky.bin"}}}
    info = roles.account.created("closed", roleArn=role, files=[file])
    roles.account.remove("closed")
    assert re.match(denied(role, "s3:GetObject", f"arn:aws:s3:::{bucket}/blinky.bin"), info["errorInfo"]["message"])
