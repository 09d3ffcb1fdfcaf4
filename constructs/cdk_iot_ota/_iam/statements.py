"""Policy statements, and checks of the names in them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_kms as kms
from constructs import IConstruct

from .._synth import intrinsics, once
from .._synth.validation import when_settled

READ_BUCKET = ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketVersions")
READ_OBJECTS = ("s3:GetObject", "s3:GetObjectVersion")
ANY_JOB_REASON = "jobs of updates with explicit ids do not start with the stack's prefix"
STREAMS_REASON = "AWS IoT names the streams of OTA updates at random"


@dataclass(frozen=True)
class Statement:
    """A statement that allows actions on resources.

    :param wildcard_reason: justification for a wildcard resource (used in the cdk-nag suppression).
    """

    actions: Sequence[str]
    resources: Sequence[str]
    conditions: Mapping[str, Any] | None = None
    wildcard_reason: str = ""

    def render(self, sid: str) -> dict[str, Any]:
        """Render the statement as an element of an IAM policy."""
        rendered = {
            "Sid": sid,
            "Effect": "Allow",
            "Action": _one_or_more(self.actions),
            "Resource": _one_or_more(self.resources),
        }
        return rendered if self.conditions is None else {**rendered, "Condition": self.conditions}


def via_s3(stack: Stack) -> Mapping[str, Any]:
    """Return the condition that only S3 uses a key on behalf of the principal.

    The documentation is ambiguous about the service's name outside of the partition ``aws``, so both names are allowed.
    """
    region, suffix = once.get(stack, "region"), once.get(stack, "url_suffix")
    names = {f"s3.{region}.amazonaws.com": None, f"s3.{region}.{suffix}": None}
    return {"StringEquals": {"kms:ViaService": list(names)}}


def owned_by(accounts: Collection[str]) -> Mapping[str, Any] | None:
    """Return the condition that one of these accounts owns the resource, which an ARN in S3 does not tell."""
    return {"StringEquals": {"aws:ResourceAccount": _one_or_more(sorted(accounts))}} if accounts else None


def exact(scope: IConstruct, name: str, value: str) -> str:
    """Return a name or ARN unchanged. Raises ValueError if IAM would read it as a pattern or a variable.

    Of a value that only the end of synth can resolve, that is an error of the construct ``scope`` then.
    """

    def check(resolved: Any) -> None:
        shown = resolved if isinstance(resolved, str) else value
        for sign in ("*", "?", "${"):
            if any(sign in text for text in intrinsics.literals(resolved)):
                raise ValueError(
                    f"{name} must be one resource, got {shown!r} with {sign}: policies are made of it, so name exactly "
                    "one"
                )

    when_settled(scope, value, check)
    return value


def exact_key(scope: IConstruct, name: str, key: kms.IKey) -> str:
    """Return the ARN of a KMS key. Raises ValueError for an alias, which IAM does not accept in place of the key."""
    arn: str = once.get(key, "key_arn")

    def check(resolved: Any) -> None:
        if any("alias/" in text for text in intrinsics.literals(resolved)):
            raise ValueError(f"{name} must be a key, got the alias {arn!r}: give the key that it stands for")

    when_settled(scope, arn, check)
    return exact(scope, name, arn)


def _one_or_more(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)
