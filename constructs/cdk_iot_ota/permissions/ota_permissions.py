"""What the updates of a stack need from IAM: the handler's permissions and, for roles of ours, the service's.

A policy names resources, and what it names must be there before it. One policy for everything would therefore tie each
update to all that any update needs, and make a cycle as soon as one update depends on another. So there are constant
policies by the stack's prefix, and one for each role and each bucket; an update depends on those that it needs.

What deletes must outlive what declares: CloudFormation updates a policy before its clean-up deletes the old update, and
removes a policy after what depends on it. So what deletes is constant, and what follows the content is a policy anew.
"""

from aws_cdk import Stack
from constructs import Construct, IConstruct

from .._synth import shared
from ..provider.ota_update_provider import OtaUpdateProvider
from .handler import HandlerPermissions
from .needs import Needs
from .policies import Policies
from .service import ServicePermissions
from .service_role import OtaServiceRole


class OtaPermissions(Construct):
    """The policies of one stack's updates for one provider."""

    def __init__(self, scope: Construct, id: str, *, provider: OtaUpdateProvider) -> None:
        super().__init__(scope, id)
        policies = Policies(self)
        self._handler = HandlerPermissions(self, policies, provider.role)
        self._service = ServicePermissions(policies)

    @staticmethod
    def get_or_create(scope: Construct, provider: OtaUpdateProvider) -> "OtaPermissions":
        """Those of the stack of ``scope``."""
        own = Stack.of(provider) is Stack.of(scope) and OtaUpdateProvider.is_default(provider)
        name = "OtaPermissions" if own else f"OtaPermissions{provider.node.addr[-8:]}"
        return shared.get_or_create(
            scope, name, OtaPermissions, lambda stack, unique: OtaPermissions(stack, unique, provider=provider)
        )

    def needed_for(self, needs: Needs) -> list[IConstruct]:
        """The policies for one update, which it depends on."""
        found = self._handler.needed_for(needs)
        if isinstance(needs.role, OtaServiceRole):
            found += self._service.needed_for(needs, needs.role)
        return found
