"""The removal policies of a resource, as they are at the end of synth.

Besides the argument of a construct, its ``apply_removal_policy``, aspects such as ``RemovalPolicies`` and the options
of the resource itself can set it, and aspects run after all constructors.
"""

from collections.abc import Mapping
from typing import Any

from aws_cdk import CfnResource, RemovalPolicy

from . import checks

# As in templates.
_DELETED = (None, "Delete")
_NO_SNAPSHOT = "must be DESTROY or RETAIN, got SNAPSHOT: an OTA update has no snapshots"


class Removal:
    """The removal policies of a resource.

    ``options``: CDK's options of the resource, which have them; at the end of synth they are resolved, and settle them.
    ``is_retained``: whether the resource stays if it leaves the stack, or is replaced, as far as it is settled.
    """

    def __init__(self, resource: CfnResource, *, is_retained: bool = False) -> None:
        self.options = resource.cfn_options
        self.is_retained = is_retained
        self._on_deletion: str | None = None
        self._on_replacement: str | None = None

    def settle(self, options: Mapping[str, Any]) -> None:
        """Take the policies from the resolved options."""
        self._on_deletion, self._on_replacement = _policies(options)
        self.is_retained = is_retained(options)

    def check(self, resource_type: str) -> None:
        """Raise ValueError for policies, as settled last, that CloudFormation does not have for an OTA update."""
        if "Snapshot" in (self._on_deletion, self._on_replacement):
            raise ValueError(
                f"removal policy {_NO_SNAPSHOT}; exclude_resource_types leaves {resource_type} out of RemovalPolicies"
            )
        if self._on_replacement == "RetainExceptOnCreate":
            raise ValueError(
                "update_replace_policy must be DELETE or RETAIN, got RETAIN_EXCEPT_ON_CREATE: CloudFormation takes it "
                "as deletion_policy only; RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE sets both"
            )


def is_retained(options: Mapping[str, Any]) -> bool:
    """Return whether a resource with these resolved options stays if it leaves the stack, or is replaced."""
    return any(policy not in _DELETED for policy in _policies(options))


def _policies(options: Mapping[str, Any]) -> tuple[str | None, str | None]:
    return options.get("deletionPolicy"), options.get("updateReplacePolicy")


def checked(policy: RemovalPolicy) -> RemovalPolicy:
    """Return the removal policy of an update. Raises TypeError for another type, ValueError for SNAPSHOT."""
    checks.enum_member("removal_policy", policy, RemovalPolicy)
    if policy is RemovalPolicy.SNAPSHOT:
        raise ValueError(f"removal_policy {_NO_SNAPSHOT}")
    return policy
