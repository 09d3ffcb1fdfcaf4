"""How far a job is."""

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
class Progress:
    """How far a job is: its status and the number of devices in each state."""

    job_status: str
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
        """The devices that the job has reached so far."""
        return self.queued + self.in_progress + self.done

    @property
    def done(self) -> int:
        """The devices that are through with it, one way or another."""
        return self.succeeded + self.failed + self.rejected + self.timed_out + self.canceled + self.removed

    @property
    def finished(self) -> bool:
        """Whether the job has ended."""
        return self.job_status in _ENDED

    @classmethod
    def of(cls, job: dict[str, Any]) -> Progress:
        """The progress of a job as DescribeJob gives it."""
        counts = job["jobProcessDetails"]
        return cls(job_status=job["status"], **{field: counts.get(name, 0) for field, name in _COUNTS.items()})
