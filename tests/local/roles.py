"""Roles with exactly the permissions that a test grants, in an emulator that enforces IAM."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

ACCOUNT, REGION = "111122223333", "eu-central-1"
IOT = f"arn:aws:iot:{REGION}:{ACCOUNT}"
OTA = f"{IOT}:otaupdate/*"

Statement = dict[str, Any]
# An action, and a resource that may contain the names of `Roles.statements`.
Permission = tuple[str, str]

VIA_S3 = {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}
# What a service role needs for the job and the stream of an update.
JOB: list[Permission] = [
    ("iam:GetRole", f"arn:aws:iam::{ACCOUNT}:{{role}}"),
    ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:{{role}}"),
    ("iot:CreateStream", f"{IOT}:stream/AFR_OTA-*"),
    ("iot:CreateJob", f"{IOT}:job/AFR_OTA-*"),
    ("iot:CreateJob", f"{IOT}:thing/bench-1"),
    ("iot:DescribeJob", f"{IOT}:job/AFR_OTA-*"),
]
DELETION: list[Permission] = [
    ("iot:DeleteJob", f"{IOT}:job/AFR_OTA-*"),
    ("iot:DeleteStream", f"{IOT}:stream/AFR_OTA-*"),
]
# What it needs to read an object without a version or a KMS key.
READ: list[Permission] = [
    ("s3:GetBucketLocation", "arn:aws:s3:::{bucket}"),
    ("s3:ListBucket", "arn:aws:s3:::{bucket}"),
    ("s3:GetObject", "arn:aws:s3:::{bucket}/blinky.bin"),
]


def allow(action: str | list[str], resource: str, **condition: Any) -> Statement:
    """Return a statement; `condition` is by operator, as in StringEquals={...}."""
    statement: Statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement


def document(statements: Iterable[Statement]) -> str:
    """Return a policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(service: str = "iot.amazonaws.com", condition: Any = None) -> str:
    """Return a trust policy for a service."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return document([{**statement, "Condition": condition} if condition else statement])


class Roles:
    """Creates roles, clients of roles, and service roles of updates."""

    def __init__(self, account: Any) -> None:
        self.account, self._number = account, 0

    def next_role(self) -> str:
        """Return the end of the ARN of the next role."""
        return f"role/role-{self._number + 1}"

    def role(self, statements: Iterable[Statement], trusted: str) -> str:
        """Create a role and return its ARN."""
        self._number += 1
        name = f"role-{self._number}"
        arn: str = self.account.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted)["Role"]["Arn"]
        self.allow(arn, statements)
        return arn

    def allow(self, arn: str, statements: Iterable[Statement]) -> None:
        """Replace the permissions of a role."""
        name = arn.rpartition("/")[2]
        self.account.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(statements))

    def client(self, *statements: Statement, service: str = "iot") -> Any:
        """Create a client with these permissions only."""
        trusted = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
        arn = self.role(statements, document([trusted]))
        keys = self.account.aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="caller")["Credentials"]
        return self.account.aws.client(
            service,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )

    def service_role(self, permissions: Iterable[Permission] = (), trusted: str | None = None, **names: str) -> str:
        """Create a role for AWS IoT with these permissions, by default those for the account's file."""
        return self.role(self.statements(permissions or [*JOB, *READ, *DELETION], **names), trusted or trust())

    def statements(self, permissions: Iterable[Permission], **names: str) -> list[Statement]:
        """Return a statement for each permission, of the next role unless `role` is given; keys only through S3."""
        known = {"role": self.next_role(), "bucket": self.account.bucket, **names}
        return [
            allow(action, resource.format(**known), **(VIA_S3 if action.startswith("kms:") else {}))
            for action, resource in permissions
        ]
