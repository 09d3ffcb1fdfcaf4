"""A role that knows what it is given, and whether IAM takes that much."""

from collections.abc import Sequence
from typing import Any, Protocol, cast

import jsii
from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct, IValidation

from .._synth import intrinsics

# IAM's limits for all inline policies of a role, without white space, and for its managed ones.
_MOST_CHARACTERS = 10_240
_MOST_MANAGED = 10


class Sized(Protocol):
    """An inline policy."""

    @property
    def size(self) -> int:
        """How many characters it has at most."""
        ...


class SizedRole(iam.Role):
    """A role that all stacks of the app give policies to, and that takes no more of them than IAM does.

    ``policies``: the inline policies that updates have given it. ``managed``: the managed ones.
    """

    def __init__(self, scope: Construct, id: str, **options: Any) -> None:
        super().__init__(scope, id, **options)
        self.policies: list[Sized] = []
        self.managed: list[IConstruct] = []
        self.node.add_validation(cast(IValidation, _Sizes(self)))


@jsii.implements(IValidation)
class _Sizes:
    """Checks at the end of synth, when all updates are declared, what IAM would refuse in the middle of a deploy."""

    def __init__(self, role: SizedRole) -> None:
        self._role = role

    def validate(self) -> Sequence[str]:
        """What is wrong with the role."""
        remedy = "give some of the updates a provider and a role of their own"
        found, wrong = self._characters(), []
        if found > _MOST_CHARACTERS:
            wrong.append(
                f"its inline policies need up to {found} characters, and IAM takes {_MOST_CHARACTERS}: use fewer "
                f"buckets, roles and signing profiles, or {remedy}"
            )
        if len(self._role.managed) > _MOST_MANAGED:
            wrong.append(f"it has {len(self._role.managed)} managed policies, and IAM takes {_MOST_MANAGED}: {remedy}")
        return wrong

    def _characters(self) -> int:
        own: Any = Stack.of(self._role).resolve(cast(iam.CfnRole, self._role.node.default_child).policies) or []
        given = sum(policy.size for policy in self._role.policies)
        return given + sum(intrinsics.length(policy["policyDocument"]) for policy in own)
