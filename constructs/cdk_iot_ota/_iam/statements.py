"""Policy statements, and what may be named in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_kms as kms
from constructs import IConstruct

from .._synth import intrinsics

READ_BUCKET = ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketVersions")
READ_OBJECTS = ("s3:GetObject", "s3:GetObjectVersion")
WHY_ANY_JOBS = "updates with ids of their own have jobs without the stack's prefix"
WHY_STREAMS = "AWS IoT names the streams of OTA updates at random"


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A statement that allows actions on resources.

    :param why_many: why it is for more than single resources, if it is.
    """

    actions: Sequence[str]
    resources: Sequence[str]
    conditions: Mapping[str, Any] | None = None
    why_many: str = ""

    def render(self, sid: str) -> dict[str, Any]:
        """The statement as IAM writes it."""
        rendered = {
            "Sid": sid,
            "Effect": "Allow",
            "Action": _one_or_more(self.actions),
            "Resource": _one_or_more(self.resources),
        }
        return rendered if self.conditions is None else {**rendered, "Condition": self.conditions}


def allow(
    actions: Sequence[str], resources: Sequence[str], conditions: Mapping[str, Any] | None = None, why_many: str = ""
) -> Statement:
    """A statement in one line."""
    return Statement(actions=actions, resources=resources, conditions=conditions, why_many=why_many)


def through_s3(stack: Stack) -> Mapping[str, Any]:
    """The condition that a key is used by S3 in somebody's name, and not directly.

    How the service is called outside of the partition ``aws`` is documented both ways.
    """
    names = {f"s3.{stack.region}.amazonaws.com": None, f"s3.{stack.region}.{stack.url_suffix}": None}
    return {"StringEquals": {"kms:ViaService": list(names)}}


def single(scope: IConstruct, name: str, value: str) -> str:
    """A name or an ARN of one resource. Raises ValueError for what IAM would take for a pattern or a variable."""
    known = intrinsics.literals(Stack.of(scope).resolve(value))
    for sign in ("*", "?", "${"):
        if any(sign in text for text in known):
            raise ValueError(
                f"{name} must be one resource, got {value!r} with {sign}: policies are made of it, so give the one"
            )
    return value


def key_arn(scope: IConstruct, name: str, key: kms.IKey) -> str:
    """The ARN of a KMS key. Raises ValueError for that of an alias, which IAM does not take for the key."""
    if any("alias/" in text for text in intrinsics.literals(Stack.of(scope).resolve(key.key_arn))):
        raise ValueError(f"{name} must be a key, got the alias {key.key_arn!r}: give the key that it stands for")
    return single(scope, name, key.key_arn)


def _one_or_more(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)
