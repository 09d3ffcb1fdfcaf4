"""The IAM policies of a stack's updates: for the handler and, with an ``OtaServiceRole``, for AWS IoT.

A policy that names a resource is created after that resource. A single policy for all updates would make each update
depend on everything that any of them names, and form a cycle as soon as one update depends on another. Hence there are
constant policies scoped by the stack's prefix, and one policy for each role and bucket; an update depends on those that
it needs.

CloudFormation updates a policy before the clean-up phase deletes the old update, and deletes a policy after everything
that depends on it. So permissions to delete are constant, and policies that follow the content are replaced.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import RemovalPolicy
from constructs import Construct, IConstruct

from .._synth import once, shared
from .._synth.exports import ExportedAttributes
from .._synth.removal import is_retained
from .._synth.validation import at_end
from ..provider.ota_update_provider import OtaUpdateProvider
from .handler import HandlerPermissions
from .needs import Needs
from .policies import Policies
from .service import ServicePermissions
from .service_role import OtaServiceRole


class OtaPermissions(Construct):
    """The policies of one stack's updates for one provider.

    ``exported``: the check of what the stack exports of these updates.
    """

    def __init__(self, scope: Construct, id: str, *, provider: OtaUpdateProvider) -> None:
        super().__init__(scope, id)
        self._policies = policies = Policies(self)
        self._handler = HandlerPermissions(self, policies, provider._sized_role)
        self._service = ServicePermissions(policies)
        self._declared: list[Needs] = []
        self.exported = ExportedAttributes(policies.stack)
        at_end(self, self._settle, self._options)
        at_end(self, lambda _: self.exported.check())

    @staticmethod
    def get_or_create(scope: Construct, provider: OtaUpdateProvider) -> "OtaPermissions":
        """Return the permissions of the stack of ``scope`` for a provider."""
        own = once.stack_of(provider) is once.stack_of(scope) and OtaUpdateProvider.is_default(provider)
        name = "OtaPermissions" if own else f"OtaPermissions{once.address(provider)}"
        return shared.get_or_create(
            scope, name, OtaPermissions, lambda stack, name: OtaPermissions(stack, name, provider=provider)
        )

    def needed_for(self, needs: Needs) -> list[IConstruct]:
        """Return the policies that one update depends on."""
        self._declared.append(needs)
        found = self._handler.needed_for(needs)
        if isinstance(needs.role, OtaServiceRole):
            found += self._service.needed_for(needs, needs.role)
        return found

    def _options(self) -> Mapping[str, Any]:
        return {
            "updates": [one.removal.options for one in self._declared],
            "policies": [one.cfn_options for one in self._handler.for_creation],
        }

    def _settle(self, options: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Adapt the policies to what is retained at the end of synth, as if it had been declared so at once."""
        for number, needs in enumerate(self._declared):
            needs.removal.settle(options["updates"][number])
        self._policies.settle_reads()
        for number, policy in enumerate(self._handler.for_creation):
            # Retained, they would fill their role with each folder that the stack has ever had.
            if is_retained(options["policies"][number]):
                policy.apply_removal_policy(RemovalPolicy.DESTROY)
