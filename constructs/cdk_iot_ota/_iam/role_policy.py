"""Inline policies of one role, put together from the statements that its updates need."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aws_cdk import aws_iam as iam
from constructs import Construct

from .._synth import intrinsics, once, resolving, suppressions
from .._synth.validation import at_end
from .sized_role import SizedRole
from .statements import Statement


class RolePolicy(iam.CfnPolicy):
    """An inline policy of one role, made of named statements.

    IAM identifies a role's inline policies by name, and stacks share roles: the name starts with the stack's prefix.
    """

    def __init__(self, scope: Construct, id: str, *, role: SizedRole, prefix: str) -> None:
        self._name = f"{prefix}{once.get(once.get(scope, 'node'), 'id')}{id}"
        super().__init__(scope, id, policy_name=self._name, policy_document={}, roles=[once.get(role, "role_name")])
        once.is_in_stack(self, once.stack_of(scope))
        role.policies.append(self)
        self._statements: dict[str, Statement] = {}
        self._acknowledged: set[str] = set()
        reason = (
            "it belongs to one role and is deleted with it; a role takes ten managed policies, which stacks that share "
            "the role would soon use up"
        )
        suppressions.acknowledge(self, suppressions.in_packs("IAMNoInlinePolicy", reason))
        at_end(self, lambda _: self._check_wildcards())

    def put(self, sid: str, statement: Statement) -> None:
        """Add a statement, or replace the one with this name."""
        self.put_all({sid: statement})

    def put_all(self, statements: Mapping[str, Statement]) -> None:
        """Add statements, or replace those with the same names."""
        if not statements.items() <= self._statements.items():
            self._statements.update(statements)
            self._render()

    def _render(self) -> None:
        self.policy_document = self.document()

    def _check_wildcards(self) -> None:
        """Raise ValueError for a wildcard without a reason, and acknowledge each of the others once.

        Rule packs name a finding after the resolved resource, and no other hook runs after CDK has resolved references
        to other stacks: aspects come before that.
        """
        found = suppressions.wildcard_rules(self, *(statement.resources for statement in self._statements.values()))
        new, unexplained = dict[str, str](), []
        for (sid, statement), rules in zip(self._statements.items(), found, strict=True):
            if statement.wildcard_reason or not rules:
                new |= {rule: statement.wildcard_reason for rule in rules if rule not in self._acknowledged}
                self._acknowledged.update(rules)
            else:
                unexplained.append(sid)
        suppressions.acknowledge(self, new)
        if unexplained:
            names = ", ".join(unexplained)
            raise ValueError(f"statement {names} allows a wildcard resource without a reason: give it wildcard_reason")

    @property
    def statements(self) -> Mapping[str, Statement]:
        """The statements by name."""
        return self._statements

    @property
    def size(self) -> int:
        """The most characters that it can have in IAM."""
        return intrinsics.max_length(resolving.resolved(once.stack_of(self), self.document()))

    def document(self) -> dict[str, Any]:
        """Render the policy document."""
        statements = [statement.render(sid) for sid, statement in self._statements.items()]
        return {"Version": "2012-10-17", "Statement": statements}


class ReplacedPolicy(RolePolicy):
    """A policy whose name and logical id change with its statements, so that CloudFormation replaces it.

    CloudFormation creates the new policy before it replaces an update and deletes the old policy afterwards. Until then
    devices can download the old firmware.
    """

    def __init__(self, scope: Construct, id: str, *, role: SizedRole, prefix: str) -> None:
        super().__init__(scope, id, role=role, prefix=prefix)
        self._logical_id = str(once.stack_of(self).resolve(self.logical_id))

    def _render(self) -> None:
        super()._render()
        # What only the end of synth can resolve is not in the digest: it changes the policy in place.
        text = json.dumps(once.stack_of(self).resolve(once.settled(self, self.document())), sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        self.policy_name = f"{self._name}-{digest}"
        self.override_logical_id(f"{self._logical_id}{digest.upper()}")

    @property
    def size(self) -> int:
        """The most characters in IAM, twice: the old and the new policy exist together during a replacement."""
        return 2 * super().size


class ReportedPolicy(ReplacedPolicy):
    """A policy of a role that ``Role.customize_roles`` replaces: not in the template, but in CDK's report."""

    def __init__(self, scope: Construct, id: str, *, role: SizedRole, prefix: str) -> None:
        super().__init__(scope, id, role=role, prefix=prefix)
        at_end(self, lambda _: self._report())
        self._role, self._is_reported = role, False

    def _render(self) -> None:
        """Render nothing: no template has it."""

    def _should_synthesize(self) -> bool:
        return False

    def _report(self) -> None:
        """Add the statements to the report once, however often an app is synthesized."""
        for statement in [] if self._is_reported else self.statements.values():
            resources = [self._readable(resource) for resource in statement.resources]
            # Without a Sid: policies share some, and the report of a role becomes one policy.
            rendered = {**replace(statement, resources=resources).render(""), "Sid": None}
            self._role.add_to_principal_policy(iam.PolicyStatement.from_json(rendered))
        self._is_reported = True

    def _readable(self, resource: str) -> str:
        """Return a resource as CDK's report can show it, which does not resolve ``Fn::Sub``."""
        resolved = once.stack_of(self).resolve(resource)
        if "Fn::Sub" not in json.dumps(resolved):
            return resource
        names = {"<AWS::Partition>": "(PARTITION)", "<AWS::Region>": "(REGION)", "<AWS::AccountId>": "(ACCOUNT)"}
        return re.sub("<[^<>]+>", lambda found: names.get(found.group(), found.group()), intrinsics.flat(resolved))
