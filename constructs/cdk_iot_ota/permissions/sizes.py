"""Whether the policies of a role fit into what IAM takes."""

import jsii
from aws_cdk import Stack
from constructs import IValidation

from .. import intrinsics
from .policies import Policies
from .role_policy import FollowingPolicy, RolePolicy

# IAM's limit for all inline policies of a role, without white space.
_MOST = 10_240


@jsii.implements(IValidation)
class PolicySizes:
    """Checks at the end of synth, when all updates are declared, what IAM would refuse in the middle of a deploy."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies

    def validate(self) -> list[str]:
        """What is wrong with them."""
        sizes: dict[str, int] = {}
        for policy in self._policies.made:
            sizes[policy.role.node.path] = sizes.get(policy.role.node.path, 0) + size(policy)
        return [
            f"the inline policies of {path} need up to {found} characters and IAM takes {_MOST}: use fewer buckets and "
            "roles for the updates of this stack, or give some of them a provider and a role of their own"
            for path, found in sizes.items()
            if found > _MOST
        ]


def size(policy: RolePolicy) -> int:
    """How many characters a policy has at most; one that follows the content is there twice while that changes."""
    once = intrinsics.length(Stack.of(policy).resolve(policy.document()))
    return 2 * once if isinstance(policy, FollowingPolicy) else once
