"""Progress of a job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_ENDED = ("COMPLETED", "CANCELED", "DELETION_IN_PROGRESS", "DELETED")
_COUNTS = {
    "queued": "numberOfQueuedThings",
    "in_progress": "numberOfInProgressThings",
    "succeeded": "numberOfSucceededThings",
    "failed": "numberOfFailedThings",
    "rejected": "numberOfRejectedThings",
    "timed_out": "numberOfTimedOutThings",
    "canceled": "numberOfCanceledThings",
    "removed": "numberOfRemovedThings",
}


@dataclass(frozen=True, kw_only=True)
class JobProgress:
    """A job's status and the number of devices in each state."""

    status: str
    queued: int = 0
    in_progress: int = 0
    succeeded: int = 0
    failed: int = 0
    rejected: int = 0
    timed_out: int = 0
    canceled: int = 0
    removed: int = 0

    @property
    def total(self) -> int:
        """The number of devices that the job has reached so far."""
        return self.queued + self.in_progress + self.done

    @property
    def done(self) -> int:
        """The number of devices that have finished, with whatever result."""
        return self.succeeded + self.failed + self.rejected + self.timed_out + self.canceled + self.removed

    @property
    def finished(self) -> bool:
        """True once the job has ended."""
        return self.status in _ENDED

    @classmethod
    def of(cls, job: dict[str, Any]) -> JobProgress:
        """Read the progress from the job in an answer of DescribeJob."""
        counts = job["jobProcessDetails"]
        return cls(status=job["status"], **{field: counts.get(name, 0) for field, name in _COUNTS.items()})
