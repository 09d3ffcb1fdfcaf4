"""The job of an update, which AWS IoT creates and deletes with the service role."""

from __future__ import annotations

from typing import Any

from ..ministack.emulator import Emulator
from ..ministack.iot import create_job, delete_job
from .errors import passed_on
from .records import Update
from .role import SERVICE, ServiceRole
from .store import Store


class Jobs:
    """Creates and deletes the jobs of updates."""

    def __init__(self, emulator: Emulator, store: Store) -> None:
        self._emulator, self._store = emulator, store

    async def create(self, update: Update, document: str, role: ServiceRole) -> None:
        """Create the job that sends the document to the targets."""
        self._require_creation(update, role)
        status, answer = await create_job(self._emulator, update.job_id, job_request(update.request, document))
        if status >= 300:
            raise passed_on("AWSIotException", "AWSIot", status, answer["__type"], answer["message"])
        update.job_arn = self._arn(update)

    def require_deletion(self, update: Update, role: ServiceRole) -> None:
        """Require that the role may describe and delete the job."""
        for action in ("iot:DescribeJob", "iot:DeleteJob"):
            role.require(action, self._arn(update))

    async def delete(self, update: Update, *, force: bool) -> None:
        """Delete the job."""
        await delete_job(self._emulator, update.job_id, force=force)

    def _require_creation(self, update: Update, role: ServiceRole) -> None:
        role.require("iam:PassRole", update.request["roleArn"], {"iam:PassedToService": SERVICE})
        for resource in (self._arn(update), *update.request["targets"]):
            role.require("iot:CreateJob", resource)
        # AWS IoT describes the job after its creation. Checked before, because a failed creation leaves no job.
        role.require("iot:DescribeJob", self._arn(update))

    def _arn(self, update: Update) -> str:
        return self._store.arn("job", update.job_id)


def job_request(request: dict[str, Any], document: str) -> dict[str, Any]:
    """Return the CreateJob request of an update."""
    created: dict[str, Any] = {
        "targets": request["targets"],
        "document": document,
        "targetSelection": request.get("targetSelection", "SNAPSHOT"),
    }
    if "description" in request:
        created["description"] = request["description"]
    if "awsJobExecutionsRolloutConfig" in request:
        created["jobExecutionsRolloutConfig"] = request["awsJobExecutionsRolloutConfig"]
    if "awsJobAbortConfig" in request:
        created["abortConfig"] = {"criteriaList": request["awsJobAbortConfig"]["abortCriteriaList"]}
    if "awsJobTimeoutConfig" in request:
        created["timeoutConfig"] = request["awsJobTimeoutConfig"]
    if "awsJobPresignedUrlConfig" in request or "HTTP" in request.get("protocols", []):
        expiry = (request.get("awsJobPresignedUrlConfig") or {}).get("expiresInSec", 1800)
        created["presignedUrlConfig"] = {"roleArn": request["roleArn"], "expiresInSec": expiry}
    return created
