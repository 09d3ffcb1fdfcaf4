"""Policy statements in one line."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam


def allow(
    actions: Sequence[str], resources: Sequence[str], conditions: Mapping[str, Any] | None = None
) -> iam.PolicyStatement:
    """A statement that allows actions on resources."""
    return iam.PolicyStatement(actions=actions, resources=resources, conditions=conditions)


def through_s3(stack: Stack) -> Mapping[str, Any]:
    """The condition that a key is used by S3 in somebody's name, and not directly.

    How the service is called outside of the partition ``aws`` is documented both ways.
    """
    names = {f"s3.{stack.region}.amazonaws.com": None, f"s3.{stack.region}.{stack.url_suffix}": None}
    return {"StringEquals": {"kms:ViaService": list(names)}}
