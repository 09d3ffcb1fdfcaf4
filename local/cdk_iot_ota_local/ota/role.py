"""The OTA service role: what the service may do on behalf of the account."""

from __future__ import annotations

import json
import re
from typing import Any

from ..ministack.emulator import Emulator
from .errors import WorkFailed

_SERVICE = "iot.amazonaws.com"
# Who is quoted in an errorInfo; S3 passes on what KMS says, and AWS IoT speaks for all others.
_SOURCES = {"s3": "AmazonS3Exception", "kms": "AmazonS3Exception", "signer": "AWSSignerException"}
_ROLE_ARN = re.compile(r"arn:[^:]+:iam::(\d{12}):role/(?:.*/)?([^/]+)")


class ServiceRole:
    """The role of one update; every check raises WorkFailed, which becomes the update's errorInfo.

    That the role exists is always checked. Its trust and its policies are checked where the
    emulator enforces IAM.
    """

    def __init__(self, emulator: Emulator, role_arn: str, source_arn: str) -> None:
        self._emulator, self._arn, self._source_arn = emulator, role_arn, source_arn
        match = _ROLE_ARN.fullmatch(role_arn)
        self._account, self._name = match.groups() if match else ("", "")

    def assume(self) -> None:
        """The service takes the role: it must exist and trust the service."""
        role = self._emulator.iam._roles.get_scoped(self._emulator.account(), None, self._name)
        if role is None or self._account != self._emulator.account():
            raise WorkFailed("AWSIotException", f"The role {self._arn} cannot be found or assumed by {_SERVICE}.")
        if self._emulator.auth and not self._trusts(role.get("AssumeRolePolicyDocument") or "{}"):
            raise WorkFailed(
                "AWSSecurityTokenServiceException",
                f"{_SERVICE} is not authorized to perform: sts:AssumeRole on resource: {self._arn}",
            )

    def require(self, action: str, resource: str, **context: str) -> None:
        """The role's policies must allow `action` on `resource`."""
        if not self._emulator.auth:
            return
        keys = {key.replace("__", ":").lower(): value for key, value in context.items()}
        if not self._allows(self._context(action, resource, keys)):
            raise WorkFailed(
                _SOURCES.get(action.partition(":")[0], "AWSIotException"),
                f"User: {self._session} is not authorized to perform: {action} on resource: {resource}",
            )

    def _allows(self, context: Any) -> bool:
        """What the role's policies and the policy of the resource say together."""
        evaluator: Any = self._emulator.iam_evaluator
        limits = evaluator._permissions_boundary(self._emulator.iam._roles, self._name, self._account)
        decision = evaluator.evaluate(context, evaluator._gather_role_policies(self._name, self._account), *limits)
        service = context.action.partition(":")[0]
        found = evaluator._resource_policy(service, context.resource_arn)
        if found is not None:
            # A key's policy has to allow the account at least, while other resources need none.
            required = service == "kms"
            decision = evaluator.combine_resource_policy(decision, context, *found, required=required, limits=limits)
        return bool(decision.decision == "Allow")

    @property
    def _session(self) -> str:
        return f"arn:aws:sts::{self._account}:assumed-role/{self._name}/AWSIoTOTA"

    def _context(self, action: str, resource: str, keys: dict[str, str]) -> Any:
        return self._emulator.iam_evaluator.EvalContext(
            principal_arn=self._session,
            principal_type="AssumedRole",
            principal_account=self._account,
            action=action,
            resource_arn=resource,
            region=self._emulator.region(),
            service_context=keys,
            # A call of the service itself, which always comes over TLS.
            secure_transport=True,
        )

    def _trusts(self, document: str | dict[str, Any]) -> bool:
        """Whether the trust policy lets the service in, conditions on the source included.

        The evaluator lets a Service principal match an account root whatever the service is
        called, so only the statements that name this service are left for it to judge.
        """
        evaluator = self._emulator.iam_evaluator
        trust = json.loads(document) if isinstance(document, str) else document
        statements = trust.get("Statement", [])
        named = [
            statement
            for statement in (statements if isinstance(statements, list) else [statements])
            if evaluator._service_principal_matches(statement.get("Principal"), _SERVICE)
        ]
        source = {"aws:sourceaccount": self._account, "aws:sourcearn": self._source_arn}
        root = f"arn:aws:iam::{self._account}:root"
        context = self._context("sts:AssumeRole", self._arn, source)
        return bool(evaluator.evaluate_trust_policy({"Statement": named}, root, context))
