"""The removal policies of a resource, as they are at the end of synth.

Besides the argument of a construct, its ``apply_removal_policy``, aspects such as ``RemovalPolicies`` and the options
of the resource itself can set it, and aspects run after all constructors.
"""

from aws_cdk import CfnDeletionPolicy, CfnResource, RemovalPolicy

from . import checks

_DELETED = (None, CfnDeletionPolicy.DELETE)
_NO_SNAPSHOT = "must be DESTROY or RETAIN, got SNAPSHOT: an OTA update has no snapshots"


class Removal:
    """The removal policies of a resource.

    ``is_retained``: whether the resource stays if it leaves the stack, or is replaced, as far as it has been read.
    """

    def __init__(self, resource: CfnResource, *, is_retained: bool = False) -> None:
        self._resource = resource
        self.is_retained = is_retained
        self._on_deletion: CfnDeletionPolicy | None = None
        self._on_replacement: CfnDeletionPolicy | None = None

    def read(self) -> bool:
        """Read the policies from the resource, and return whether that has changed ``is_retained``."""
        before, options = self.is_retained, self._resource.cfn_options
        self._on_deletion, self._on_replacement = options.deletion_policy, options.update_replace_policy
        self.is_retained = self._on_deletion not in _DELETED or self._on_replacement not in _DELETED
        return self.is_retained is not before

    def check(self) -> None:
        """Raise ValueError for policies, as read last, that CloudFormation does not have for an OTA update."""
        if CfnDeletionPolicy.SNAPSHOT in (self._on_deletion, self._on_replacement):
            raise ValueError(
                f"removal policy {_NO_SNAPSHOT}; exclude_resource_types leaves {self._resource.cfn_resource_type} out "
                "of RemovalPolicies"
            )
        if self._on_replacement is CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE:
            raise ValueError(
                "update_replace_policy must be DELETE or RETAIN, got RETAIN_EXCEPT_ON_CREATE: CloudFormation takes it "
                "as deletion_policy only; RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE sets both"
            )


def checked(policy: RemovalPolicy) -> RemovalPolicy:
    """Return the removal policy of an update. Raises TypeError for another type, ValueError for SNAPSHOT."""
    checks.enum_member("removal_policy", policy, RemovalPolicy)
    if policy is RemovalPolicy.SNAPSHOT:
        raise ValueError(f"removal_policy {_NO_SNAPSHOT}")
    return policy
