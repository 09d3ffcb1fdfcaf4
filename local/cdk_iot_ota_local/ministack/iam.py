"""Decisions of ministack's IAM about a role."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .emulator import Emulator


class Role:
    """A role in an account, and one session of it."""

    def __init__(self, emulator: Emulator, *, account: str, name: str, arn: str, session_arn: str) -> None:
        self._emulator, self._account, self._name = emulator, account, name
        self._arn, self._session_arn = arn, session_arn

    @property
    def exists(self) -> bool:
        """True if the role is in the account of the request that is being served."""
        return self._account == self._emulator.account() and self._record is not None

    @property
    def _record(self) -> Any:
        return self._emulator.iam._roles.get_scoped(self._emulator.account(), None, self._name)

    def trusts(self, service: str, source: Mapping[str, str]) -> bool:
        """Return whether the trust policy admits a service; `source` is its aws:SourceAccount and aws:SourceArn.

        The evaluator lets any Service principal match an account root, so it only gets the statements
        that name this service.
        """
        evaluator = self._emulator.iam_evaluator
        document = self._record.get("AssumeRolePolicyDocument") or "{}"
        trust = json.loads(document) if isinstance(document, str) else document
        statements = trust.get("Statement", [])
        named = [
            statement
            for statement in (statements if isinstance(statements, list) else [statements])
            if evaluator._service_principal_matches(statement.get("Principal"), service)
        ]
        root = f"arn:aws:iam::{self._account}:root"
        context = self._context("sts:AssumeRole", self._arn, source)
        return bool(evaluator.evaluate_trust_policy({"Statement": named}, root, context))

    def allows(self, action: str, resource: str, condition_keys: Mapping[str, str]) -> bool:
        """Return whether the role's policies and the resource's policy together allow an action."""
        evaluator, context = self._emulator.iam_evaluator, self._context(action, resource, condition_keys)
        limits = evaluator._permissions_boundary(self._emulator.iam._roles, self._name, self._account)
        decision = evaluator.evaluate(context, evaluator._gather_role_policies(self._name, self._account), *limits)
        service = action.partition(":")[0]
        found = evaluator._resource_policy(service, resource)
        if found is not None:
            # A key's policy must at least allow the account, while other resources need no policy.
            required = service == "kms"
            decision = evaluator.combine_resource_policy(decision, context, *found, required=required, limits=limits)
        return bool(decision.decision == "Allow")

    def _context(self, action: str, resource: str, condition_keys: Mapping[str, str]) -> Any:
        return self._emulator.iam_evaluator.EvalContext(
            principal_arn=self._session_arn,
            principal_type="AssumedRole",
            principal_account=self._account,
            action=action,
            resource_arn=resource,
            region=self._emulator.region(),
            service_context={key.lower(): value for key, value in condition_keys.items()},
            # A call of the service itself, which always comes over TLS.
            secure_transport=True,
        )
