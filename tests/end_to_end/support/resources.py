"""What there is in an account beside the stacks, made and removed by hand."""

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
    """The ARN of a role for AWS IoT that no stack owns."""
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
    """Declare a bucket, one that keeps all versions unless it is said otherwise."""
    s3 = aws.client("s3")
    # The one Region that does not want to be named.
    place = {} if aws.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": aws.region}}
    s3.create_bucket(Bucket=name, **place)
    if versioned:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})


def delete_update(aws: Account, ota_update_id: str) -> None:
    """Delete an update with its job and its stream, and wait until it is gone."""
    aws.client("iot").delete_ota_update(otaUpdateId=ota_update_id, deleteStream=True, forceDeleteAWSJob=True)
    wait_until(lambda: status(aws, ota_update_id) is None)


def status(aws: Account, ota_update_id: str) -> str | None:
    """The status of an update; None if it does not exist."""
    iot = aws.client("iot")
    try:
        return str(iot.get_ota_update(otaUpdateId=ota_update_id)["otaUpdateInfo"]["otaUpdateStatus"])
    except iot.exceptions.ResourceNotFoundException:
        return None


def _document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
