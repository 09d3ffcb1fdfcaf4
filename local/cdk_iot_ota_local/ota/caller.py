"""What the caller of the OTA service must be allowed to do, beyond the action itself."""

from __future__ import annotations

import json
from typing import Any

from ..ministack.emulator import Emulator

Answer = tuple[int, dict[str, str], bytes]


class Caller:
    """The principal behind a request."""

    def __init__(self, emulator: Emulator, headers: dict[str, str], query: dict[str, Any]) -> None:
        self._emulator = emulator
        self._key = emulator.router.extract_access_key_id(headers, query)

    def refusal(self, action: str, resource: str, context: dict[str, Any]) -> Answer | None:
        """The AccessDenied answer, or None when IAM is not enforced or allows it."""
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
            # The signature was checked before the request came here.
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
        """DeleteOTAUpdate may take a job along, which it cancels, and a stream."""
        needed = (("iot:CancelJob", job_arn), ("iot:DeleteJob", job_arn), ("iot:DeleteStream", stream_arn))
        refusals = (self.refusal(action, arn, {}) for action, arn in needed if arn)
        return next(filter(None, refusals), None)

    def creation_refusal(self, arn: str, request: dict[str, Any]) -> Answer | None:
        """CreateOTAUpdate also passes a role, and tags when it carries tags."""
        passed = {"iam:PassedToService": "iot.amazonaws.com"}
        refused = self.refusal("iam:PassRole", request["roleArn"], passed)
        if refused or not request.get("tags"):
            return refused
        body = json.dumps({"tags": request["tags"]}).encode()
        context = self._emulator.iam_actions.request_tag_context("iot", "iot:TagResource", body, {})
        return self.refusal("iot:TagResource", arn, context)
