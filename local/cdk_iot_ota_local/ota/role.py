"""The OTA service role: what the service may do on behalf of the account."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..ministack.emulator import Emulator
from ..ministack.iam import Role
from .errors import WorkError

SERVICE = "iot.amazonaws.com"
# The source of an errorInfo: S3 passes on KMS's errors, and AWS IoT those of all other services.
_SOURCES = {"s3": "AmazonS3Exception", "kms": "AmazonS3Exception", "signer": "AWSSignerException"}
_ROLE_ARN = re.compile(r"arn:[^:]+:iam::(\d{12}):role/(?:.*/)?([^/]+)")


class ServiceRole:
    """The role of one update; every check raises WorkError, which becomes the update's errorInfo.

    The role must always exist. Its trust policy and its permissions are checked if the emulator
    enforces IAM.
    """

    def __init__(self, emulator: Emulator, role_arn: str, source_arn: str) -> None:
        match = _ROLE_ARN.fullmatch(role_arn)
        account, name = match.groups() if match else ("", "")
        self._emulator, self._arn = emulator, role_arn
        self._session = f"arn:aws:sts::{account}:assumed-role/{name}/AWSIoTOTA"
        self._role = Role(emulator, account=account, name=name, arn=role_arn, session_arn=self._session)
        self._source = {"aws:SourceAccount": account, "aws:SourceArn": source_arn}

    def assume(self) -> None:
        """Assume the role: it must exist and trust the service."""
        if not self._role.exists:
            raise WorkError("AWSIotException", f"The role {self._arn} cannot be found or assumed by {SERVICE}.")
        if self._emulator.auth and not self._role.trusts(SERVICE, self._source):
            raise WorkError(
                "AWSSecurityTokenServiceException",
                f"{SERVICE} is not authorized to perform: sts:AssumeRole on resource: {self._arn}",
            )

    def require(self, action: str, resource: str, condition_keys: Mapping[str, str] | None = None) -> None:
        """Require permission for `action` on `resource`."""
        if self._emulator.auth and not self._role.allows(action, resource, condition_keys or {}):
            raise WorkError(
                _SOURCES.get(action.partition(":")[0], "AWSIotException"),
                f"User: {self._session} is not authorized to perform: {action} on resource: {resource}",
            )
