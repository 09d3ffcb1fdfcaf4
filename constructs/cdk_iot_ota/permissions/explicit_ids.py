"""What the handler may do with updates whose ids do not begin with the stack's prefix."""

from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct

from cdk_iot_ota_handler.ota_update.contract import names

from .._iam.role_policy import RolePolicy
from .._iam.sized_role import SizedRole
from .._iam.statements import allow, single
from .policies import Policies

# So many of the longest ids fit into the 6,144 characters of a managed policy.
_IDS_IN_A_POLICY = 50
_WHY_ANY = "an id that somebody has chosen has no prefix: the tag that names this stack says whose an update is"


class ExplicitIds:
    """The policies for the explicit ids of a stack: created by name, deleted by the tag that says whose they are."""

    def __init__(self, scope: Construct, policies: Policies, role: SizedRole) -> None:
        self._scope, self._policies, self._role = scope, policies, role
        self._known: set[str] = set()
        self._names: list[_Names] = []

    def needed_for(self, explicit_id: str) -> list[IConstruct]:
        """What the handler needs for an update with this id. Raises ValueError for one that is there already."""
        if (digest := self._policies.digest(explicit_id)) in self._known:
            raise ValueError(f"ota_update_id must be different for each update, got {explicit_id!r} twice in the stack")
        self._known.add(digest)
        single(self._scope, "ota_update_id", explicit_id)
        return [self._own_updates(), self._named(self._policies.arn("otaupdate", explicit_id))]

    def _own_updates(self) -> RolePolicy:
        any_update = [self._policies.arn("otaupdate", "*")]
        owned = {"StringEquals": {f"aws:ResourceTag/{names.STACK_TAG}": self._policies.stack.stack_id}}
        statements = {
            # Without a condition on tags: what does not exist has none, and must be seen to be absent.
            "AnyUpdates": allow(["iot:GetOTAUpdate", "iot:ListTagsForResource"], any_update, why_many=_WHY_ANY),
            "OwnUpdates": allow(["iot:DeleteOTAUpdate", "iot:UntagResource"], any_update, owned, _WHY_ANY),
        }
        return self._policies.constant("HandlerOwnUpdates", self._role, statements)

    def _named(self, arn: str) -> "_Names":
        if not self._names or self._names[-1].full:
            self._names.append(_Names(self._scope, f"HandlerExplicitIds{len(self._names)}", self._role))
        self._names[-1].add(arn)
        return self._names[-1]


class _Names(iam.CfnManagedPolicy):
    """A policy for updates by their names: a managed one, for any number of names would not fit into inline ones."""

    def __init__(self, scope: Construct, id: str, role: SizedRole) -> None:
        super().__init__(scope, id, policy_document={}, roles=[role.role_name])
        role.managed.append(self)
        self._arns: list[str] = []

    @property
    def full(self) -> bool:
        """Whether there is no room for one more."""
        return len(self._arns) >= _IDS_IN_A_POLICY

    def add(self, arn: str) -> None:
        """Add an update."""
        self._arns.append(arn)
        statement = allow(["iot:CreateOTAUpdate", "iot:TagResource"], self._arns)
        self.policy_document = {"Version": "2012-10-17", "Statement": [statement.render("DeclaredUpdates")]}
