"""The records of the OTA service: updates and streams."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from .api_model import output_members

CREATE_PENDING = "CREATE_PENDING"
CREATE_IN_PROGRESS = "CREATE_IN_PROGRESS"
CREATE_COMPLETE = "CREATE_COMPLETE"
CREATE_FAILED = "CREATE_FAILED"
DELETE_IN_PROGRESS = "DELETE_IN_PROGRESS"
DELETE_FAILED = "DELETE_FAILED"
CREATING = (CREATE_PENDING, CREATE_IN_PROGRESS)


@dataclass(eq=False)
class Update:
    """An OTA update: its request as received, and its status."""

    ota_update_id: str
    arn: str
    request: dict[str, Any]
    status: str = CREATE_PENDING
    created: float = field(default_factory=time.time)
    modified: float = field(default_factory=time.time)
    error_info: dict[str, str] | None = None
    job_arn: str | None = None
    stream_id: str | None = None

    @property
    def job_id(self) -> str:
        """The id of the job, also before it exists."""
        return f"AFR_OTA-{self.ota_update_id}"

    @property
    def stream_ids(self) -> set[str]:
        """The ids of the streams that devices get its files from: the service's own, or one of the user's."""
        located = [(file.get("fileLocation") or {}).get("stream") or {} for file in self.request["files"]]
        return {name for name in (self.stream_id, *(stream.get("streamId") for stream in located)) if name}

    def move(self, status: str, error_info: dict[str, str] | None = None) -> None:
        """Change the status and the time of the last modification."""
        self.status, self.error_info, self.modified = status, error_info, time.time()

    def info(self) -> dict[str, Any]:
        """Return the OTAUpdateInfo of GetOTAUpdate, with exactly the members in the API."""
        known = {
            **self.request,
            "otaUpdateId": self.ota_update_id,
            "otaUpdateArn": self.arn,
            "creationDate": self.created,
            "lastModifiedDate": self.modified,
            "otaUpdateFiles": self.request["files"],
            "otaUpdateStatus": self.status,
            "errorInfo": self.error_info,
        }
        known.setdefault("targetSelection", "SNAPSHOT")
        known.setdefault("protocols", ["MQTT"])
        if self.status == CREATE_COMPLETE:
            known.update(awsIotJobId=self.job_id, awsIotJobArn=self.job_arn)
        members = output_members("GetOTAUpdate", "otaUpdateInfo")
        return {name: known[name] for name in members if known.get(name) is not None}

    def summary(self) -> dict[str, Any]:
        """Return the OTAUpdateSummary of ListOTAUpdates."""
        return {"otaUpdateId": self.ota_update_id, "otaUpdateArn": self.arn, "creationDate": self.created}


@dataclass(eq=False)
class Stream:
    """A stream: files in S3 that devices can read block by block.

    etags: the ETags, by file id, of the objects in the files without a version, as they were when it was created.
    """

    stream_id: str
    arn: str
    files: list[dict[str, Any]]
    role_arn: str
    description: str | None = None
    created: float = field(default_factory=time.time)
    etags: dict[int, str] = field(default_factory=dict)
    version: int = 0

    def summary(self) -> dict[str, Any]:
        """Return the StreamSummary of ListStreams."""
        known = {
            "streamId": self.stream_id,
            "streamArn": self.arn,
            "streamVersion": self.version,
            "description": self.description,
        }
        return {name: value for name, value in known.items() if value is not None}

    def info(self) -> dict[str, Any]:
        """Return the StreamInfo of DescribeStream."""
        return {
            **self.summary(),
            "files": self.files,
            "roleArn": self.role_arn,
            "createdAt": self.created,
            "lastUpdatedAt": self.created,
        }
