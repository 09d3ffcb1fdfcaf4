"""The permissions that a caller of the OTA service needs besides the action itself."""

from __future__ import annotations

import json
from typing import Any

from ..ministack.emulator import Emulator
from ..ministack.iot import Answer
from .role import SERVICE


class Caller:
    """The principal behind a request."""

    def __init__(self, emulator: Emulator, headers: dict[str, str], query: dict[str, Any]) -> None:
        self._emulator = emulator
        self._key = emulator.router.extract_access_key_id(headers, query)

    def refusal(self, action: str, resource: str, context: dict[str, Any]) -> Answer | None:
        """Return the AccessDenied answer, or None if IAM allows the action or is not enforced."""
        if not self._emulator.auth:
            return None
        service = action.partition(":")[0]
        denied = self._emulator.iam_evaluator.enforce(
            self._key,
            action,
            service,
            self._emulator.region(),
            resource_arn=resource,
            service_context=context,
        )
        if not denied or isinstance(denied, self._emulator.iam_evaluator.AuthError):
            # The signature has been checked already.
            return None
        answer: Answer = self._emulator.iam_actions.access_denied_response(
            "iot",
            action,
            denied.principal_arn,
            "",
            resource_arn=resource,
            explicit_deny=denied.decision == "Deny",
        )
        return answer

    def deletion_refusal(self, job_arn: str | None, stream_arn: str | None) -> Answer | None:
        """Check DeleteOTAUpdate: it may also cancel and delete a job, and delete a stream."""
        needed = (("iot:CancelJob", job_arn), ("iot:DeleteJob", job_arn), ("iot:DeleteStream", stream_arn))
        refusals = (self.refusal(action, arn, {}) for action, arn in needed if arn)
        return next(filter(None, refusals), None)

    def creation_refusal(self, arn: str, request: dict[str, Any]) -> Answer | None:
        """Check CreateOTAUpdate: it also passes a role, and tags the update if there are tags."""
        passed = {"iam:PassedToService": SERVICE}
        refused = self.refusal("iam:PassRole", request["roleArn"], passed)
        if refused or not request.get("tags"):
            return refused
        body = json.dumps({"tags": request["tags"]}).encode()
        context = self._emulator.iam_actions.request_tag_context("iot", "iot:TagResource", body, {})
        return self.refusal("iot:TagResource", arn, context)
