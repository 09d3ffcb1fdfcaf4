"""A role that checks at synth that its policies fit into IAM's limits."""

from collections.abc import Sequence
from typing import Any, Protocol, cast

import jsii
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct, IValidation

from .._synth import intrinsics, once

# IAM's limits per role: characters of all inline policies without white space, and the number of managed policies.
_MAX_CHARACTERS = 10_240
_MAX_MANAGED = 10
# The context that Role.customize_roles sets.
_CUSTOMIZE_ROLES = "@aws-cdk/iam:customizeRoles"


class Sized(Protocol):
    """An inline policy of known size."""

    @property
    def size(self) -> int:
        """The most characters that it can have in IAM."""
        ...


class SizedRole(iam.Role):
    """A role that any stack of the app can add policies to, within IAM's limits.

    ``policies``: the inline policies added for updates. ``managed``: the managed ones. ``customized``: whether
    ``Role.customize_roles`` replaces the role by one that exists, so that CDK only reports what it must allow.
    """

    def __init__(self, scope: Construct, id: str, **options: Any) -> None:
        super().__init__(scope, id, **options)
        self.policies: list[Sized] = []
        self.managed: list[IConstruct] = []
        node = once.get(self, "node")
        self.customized = node.try_get_context(_CUSTOMIZE_ROLES) is not None
        if not self.customized:
            node.add_validation(cast(IValidation, _SizeValidation(self)))


@jsii.implements(IValidation)
class _SizeValidation:
    """Checks at the end of synth, when all updates are declared, what IAM would reject during the deploy."""

    def __init__(self, role: SizedRole) -> None:
        self._role = role

    def validate(self) -> Sequence[str]:
        """Return an error for each limit that the role exceeds."""
        remedy = "give some of the updates a separate provider and role"
        characters, errors = self._characters(), []
        if characters > _MAX_CHARACTERS:
            errors.append(
                f"its inline policies need up to {characters} characters, and IAM takes {_MAX_CHARACTERS}: use fewer "
                f"buckets, roles and signing profiles, or {remedy}"
            )
        if len(self._role.managed) > _MAX_MANAGED:
            errors.append(f"it has {len(self._role.managed)} managed policies, and IAM takes {_MAX_MANAGED}: {remedy}")
        return errors

    def _characters(self) -> int:
        resource = cast(iam.CfnRole, once.get(self._role, "node").default_child)
        own: Any = once.stack_of(self._role).resolve(resource.policies) or []
        added = sum(policy.size for policy in self._role.policies)
        return added + sum(intrinsics.max_length(policy["policyDocument"]) for policy in own)
