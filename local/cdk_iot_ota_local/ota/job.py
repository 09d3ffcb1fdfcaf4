"""The job of an update, which AWS IoT makes and removes with the service role."""

from __future__ import annotations

import json
from typing import Any

from ..ministack.emulator import Emulator
from .errors import passed_on
from .records import Update
from .role import ServiceRole
from .store import Store


class Jobs:
    """Creates and deletes the jobs of updates."""

    def __init__(self, emulator: Emulator, store: Store) -> None:
        self._emulator, self._store = emulator, store

    async def create(self, update: Update, document: str, role: ServiceRole) -> None:
        """Hand the document out to the targets."""
        self._require_creation(update, role)
        status, _, body = await self._emulator.iot._create_job(update.job_id, job_request(update.request, document))
        if status >= 300:
            answer = json.loads(body)
            raise passed_on("AWSIotException", "AWSIot", status, answer["__type"], answer["message"])
        update.job_arn = self._arn(update)

    def require_deletion(self, update: Update, role: ServiceRole) -> None:
        """The role must be allowed to look at the job and to delete it."""
        for action in ("iot:DescribeJob", "iot:DeleteJob"):
            role.require(action, self._arn(update))

    async def delete(self, update: Update, *, force: bool) -> None:
        """Remove the job."""
        iot = self._emulator.iot
        async with iot.publishing_events():
            await iot._delete_job(update.job_id, {"force": "true" if force else "false"})

    def _require_creation(self, update: Update, role: ServiceRole) -> None:
        role.require("iam:PassRole", update.request["roleArn"], iam__PassedToService="iot.amazonaws.com")
        for resource in (self._arn(update), *update.request["targets"]):
            role.require("iot:CreateJob", resource)
        # The service looks at the job once it is there. It is asked for before, since no job is left by a creation
        # that fails.
        role.require("iot:DescribeJob", self._arn(update))

    def _arn(self, update: Update) -> str:
        return self._store.arn("job", update.job_id)


def job_request(request: dict[str, Any], document: str) -> dict[str, Any]:
    """The CreateJob request of an update."""
    made: dict[str, Any] = {
        "targets": request["targets"],
        "document": document,
        "targetSelection": request.get("targetSelection", "SNAPSHOT"),
    }
    if "description" in request:
        made["description"] = request["description"]
    if "awsJobExecutionsRolloutConfig" in request:
        made["jobExecutionsRolloutConfig"] = request["awsJobExecutionsRolloutConfig"]
    if "awsJobAbortConfig" in request:
        made["abortConfig"] = {"criteriaList": request["awsJobAbortConfig"]["abortCriteriaList"]}
    if "awsJobTimeoutConfig" in request:
        made["timeoutConfig"] = request["awsJobTimeoutConfig"]
    if "awsJobPresignedUrlConfig" in request or "HTTP" in request.get("protocols", []):
        expiry = (request.get("awsJobPresignedUrlConfig") or {}).get("expiresInSec", 1800)
        made["presignedUrlConfig"] = {"roleArn": request["roleArn"], "expiresInSec": expiry}
    return made
