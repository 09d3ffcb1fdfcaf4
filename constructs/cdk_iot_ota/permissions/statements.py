"""Policy statements, and what may be named in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Stack

# What follows the content is listed one by one up to here: a policy has to hold old and new, and many of such lists.
MOST_RESOURCES = 10


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


def fitting(names: set[str]) -> list[str]:
    """Names one by one if they are few enough for a policy, else all there are."""
    return sorted(names) if len(names) <= MOST_RESOURCES else ["*"]


def _one_or_more(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)
