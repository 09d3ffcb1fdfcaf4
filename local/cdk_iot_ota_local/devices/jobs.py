"""The calls with which devices take jobs and report."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Report:
    """A change of status that AWS accepted from a device: IN_PROGRESS when it starts a job, then its result."""

    thing: str
    job_id: str
    status: str
    time: float
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Execution:
    """A job as a device sees it."""

    thing: str
    job_id: str
    document: str


class JobsClient:
    """Calls the jobs API for all devices of a fleet, and passes accepted reports on."""

    def __init__(self, client: Any, accepted: Callable[[Report], object]) -> None:
        self._client, self._accepted = client, accepted
        errors = client.exceptions
        # The job may have been canceled or deleted in the meantime, as for a real device.
        self._gone = (errors.ResourceNotFoundException, errors.InvalidStateTransitionException)

    def next(self, thing: str) -> Execution | None:
        """Return the job that a device has to work on, without starting it; None if there is none."""
        answer = self._client.describe_job_execution(jobId="$next", thingName=thing, includeJobDocument=True)
        found = answer.get("execution")
        if not found:
            return None
        return Execution(thing, found["jobId"], found.get("jobDocument", ""))

    def report(self, execution: Execution, status: str, details: Mapping[str, str], *, record: bool = True) -> bool:
        """Report a status with its details; returns whether AWS accepted it. `record` passes the report on."""
        sent = time.time()
        try:
            # Without an expected version, like agents: a cancellation changes it as well.
            self._client.update_job_execution(
                jobId=execution.job_id, thingName=execution.thing, status=status, statusDetails=dict(details)
            )
        except self._gone:
            return False
        if record:
            self._accepted(Report(execution.thing, execution.job_id, status, sent, details))
        return True
