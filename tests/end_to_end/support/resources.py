"""AWS resources that tests create and delete outside their stacks."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cdk_iot_ota_local import Account
from tests.end_to_end.support.concurrency import wait_until

_ACTIONS = {
    "iot": ["CreateJob", "DescribeJob", "DeleteJob", "CreateStream", "DescribeStream", "DeleteStream"],
    "s3": ["GetObject", "GetObjectVersion", "GetBucketLocation", "ListBucket", "ListBucketVersions"],
    "iam": ["GetRole", "PassRole"],
}


@contextmanager
def service_role(aws: Account, name: str) -> Iterator[str]:
    """Create a role for AWS IoT that belongs to no stack, yield its ARN, and delete the role."""
    iam, name = aws.client("iam"), aws.named(name)
    trust = {"Effect": "Allow", "Principal": {"Service": "iot.amazonaws.com"}, "Action": "sts:AssumeRole"}
    actions = [f"{service}:{action}" for service, names in _ACTIONS.items() for action in names]
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document(trust))["Role"]["Arn"]
    allow = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=_document(allow))
    yield str(role)
    iam.delete_role_policy(RoleName=name, PolicyName="all")
    iam.delete_role(RoleName=name)


def create_bucket(aws: Account, name: str, *, versioned: bool = True) -> None:
    """Create a bucket, by default a versioned one."""
    s3 = aws.client("s3")
    # CreateBucket rejects us-east-1 as a location constraint.
    configuration = (
        {} if aws.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": aws.region}}
    )
    s3.create_bucket(Bucket=name, **configuration)
    if versioned:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})


def delete_update(aws: Account, ota_update_id: str) -> None:
    """Delete an OTA update with its job and stream, and wait until it is gone."""
    aws.client("iot").delete_ota_update(otaUpdateId=ota_update_id, deleteStream=True, forceDeleteAWSJob=True)
    wait_until(lambda: update_status(aws, ota_update_id) is None)


def update_status(aws: Account, ota_update_id: str) -> str | None:
    """Return the status of an OTA update, or None if it does not exist."""
    iot = aws.client("iot")
    try:
        return str(iot.get_ota_update(otaUpdateId=ota_update_id)["otaUpdateInfo"]["otaUpdateStatus"])
    except iot.exceptions.ResourceNotFoundException:
        return None


def _document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
