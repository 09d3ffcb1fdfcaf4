"""A policy of one role, made of what its updates need."""

import hashlib
import json
from typing import Any, cast

import jsii
from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct, IValidation

from .._synth import intrinsics, suppressions
from .sized_role import SizedRole
from .statements import Statement


class RolePolicy(iam.CfnPolicy):
    """An inline policy of one role, made of named statements.

    A role's policies are told apart by their names, and roles are shared by stacks: the name has the stack's prefix.
    """

    def __init__(self, scope: Construct, id: str, *, role: SizedRole, prefix: str) -> None:
        name = f"{prefix}{scope.node.id}{id}"
        super().__init__(scope, id, policy_name=name, policy_document={}, roles=[role.role_name])
        role.policies.append(self)
        self._statements: dict[str, Statement] = {}
        # Not before references to other stacks are resolved: what is found is named by what they become.
        self.node.add_validation(cast(IValidation, _Acknowledged(self)))

    def put(self, sid: str, statement: Statement) -> None:
        """Add a statement, or replace the one of this name."""
        self._statements[sid] = statement
        self.policy_document = self.document()

    @property
    def statements(self) -> list[Statement]:
        """What it allows."""
        return list(self._statements.values())

    @property
    def size(self) -> int:
        """How many characters it has at most in IAM."""
        return intrinsics.length(Stack.of(self).resolve(self.document()))

    def document(self) -> dict[str, Any]:
        """The policy as IAM writes it."""
        statements = [statement.render(sid) for sid, statement in self._statements.items()]
        return {"Version": "2012-10-17", "Statement": statements}


@jsii.implements(IValidation)
class _Acknowledged:
    """Gives the reasons for what rule packs find about a policy."""

    def __init__(self, policy: RolePolicy) -> None:
        self._policy = policy

    def validate(self) -> list[str]:
        """Nothing is wrong with it."""
        suppressions.acknowledge(
            self._policy,
            suppressions.in_packs("IAMNoInlinePolicy"),
            "it belongs to one role and leaves with it; a role takes ten managed policies, which stacks that share it "
            "would soon need",
        )
        for statement in self._policy.statements:
            if statement.why_many:
                suppressions.acknowledge_wildcards(self._policy, statement.resources, statement.why_many)
        return []


class FollowingPolicy(RolePolicy):
    """A policy that names what the content names: with other content it is another policy.

    CloudFormation makes the new one before it replaces an update, and removes the old one after that. Until then
    devices load the old firmware by it.
    """

    def __init__(self, scope: Construct, id: str, *, role: SizedRole, prefix: str) -> None:
        super().__init__(scope, id, role=role, prefix=prefix)
        self._name, self._logical_id = self.policy_name, str(Stack.of(self).resolve(self.logical_id))

    def put(self, sid: str, statement: Statement) -> None:
        """Add or replace a statement, and name the policy anew."""
        if self._statements.get(sid) == statement:
            return
        super().put(sid, statement)
        text = json.dumps(Stack.of(self).resolve(self.document()), sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        self.policy_name = f"{self._name}-{digest}"
        self.override_logical_id(f"{self._logical_id}{digest.upper()}")

    @property
    def size(self) -> int:
        """How many characters it has at most in IAM: while the content changes, old and new are there together."""
        return 2 * super().size
