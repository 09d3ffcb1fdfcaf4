"""With IAM, a caller can read from S3 what S3 and KMS allow it to read."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.errors import code
from tests.local.roles import VIA_S3, Roles, allow
from tests.local.secret_bucket import SecretBucket

ELSEWHERE = {"StringEquals": {"kms:ViaService": "dynamodb.eu-central-1.amazonaws.com"}}


def status(roles: Roles, statements: list[Any], **location: str) -> int:
    """Return the HTTP status of HeadObject for a role."""
    client = roles.client(*statements, service="s3")
    try:
        return int(client.head_object(**location)["ResponseMetadata"]["HTTPStatusCode"])
    except ClientError as error:
        return code(error)[1]


def test_an_object_needs_the_action_of_its_version(roles: Roles, secret: SecretBucket) -> None:
    """HeadObject needs s3:GetObject, or s3:GetObjectVersion if it names a version."""
    location = {"Bucket": secret.name, "Key": "blinky.bin"}
    decrypt = allow("kms:Decrypt", secret.key)
    newest, version = (allow(f"s3:GetObject{suffix}", f"{secret.arn}/blinky.bin") for suffix in ("", "Version"))
    assert status(roles, [newest, decrypt], **location) == 200
    assert status(roles, [version, decrypt], **location) == 403
    assert status(roles, [version, decrypt], **location, VersionId=secret.version) == 200
    assert status(roles, [newest, decrypt], **location, VersionId=secret.version) == 403


@pytest.mark.parametrize(
    ("condition", "expected"),
    [(None, 403), ({}, 200), (VIA_S3, 200), (ELSEWHERE, 403)],
)
def test_an_encrypted_object_needs_its_key(roles: Roles, secret: SecretBucket, condition: Any, expected: int) -> None:
    """HeadObject of an object under a KMS key needs kms:Decrypt on the key, through S3."""
    statements = [allow("s3:GetObject", f"{secret.arn}/*")]
    if condition is not None:
        statements.append(allow("kms:Decrypt", secret.key, **condition))
    assert status(roles, statements, Bucket=secret.name, Key="blinky.bin") == expected


def test_missing_objects_are_hidden_without_list_permission(roles: Roles) -> None:
    """HeadObject of a missing object answers 403 without s3:ListBucket and 404 with it."""
    bucket = f"arn:aws:s3:::{roles.account.bucket}"
    location = {"Bucket": roles.account.bucket, "Key": "nothing.bin"}
    get = allow("s3:GetObject", f"{bucket}/*")
    assert status(roles, [get], **location) == 403
    assert status(roles, [get, allow("s3:ListBucket", bucket)], **location) == 404
