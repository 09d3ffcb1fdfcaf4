"""What AWS shows: one OTA update, how far its devices are, and its stack."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

# The service has no code of its own for a role that it may not assume, or may not use yet.
ABOUT_ACCESS = re.compile(r"not authorized|access ?denied|assume|\brole\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Observed:
    """One OTA update as AWS IoT shows it: its status, tags, age in seconds, errorInfo, and the attributes to report."""

    status: str
    tags: Mapping[str, str]
    age: float
    error: str = ""
    attributes: Mapping[str, str]

    @property
    def failed_for_want_of_access(self) -> bool:
        """Whether the service was refused access in the creation, as it is by a role that IAM has not spread yet."""
        return self.status == "CREATE_FAILED" and ABOUT_ACCESS.search(self.error) is not None


@dataclass(frozen=True, kw_only=True)
class JobProgress:
    """How far the devices of an update are: the status of its job, and how many devices are where.

    ``rolled_out``: whether the job has reached all its targets, so that no more devices come. ``comment``: what whoever
    has canceled it says.
    """

    status: str
    comment: str = ""
    rolled_out: bool = True
    queued: int = 0
    in_progress: int = 0
    succeeded: int = 0
    failed: int = 0
    rejected: int = 0
    timed_out: int = 0
    canceled: int = 0

    @property
    def failures(self) -> int:
        """The devices that are through without success."""
        return self.failed + self.rejected + self.timed_out + self.canceled

    @property
    def open(self) -> int:
        """The devices that may still succeed."""
        return self.queued + self.in_progress

    @property
    def devices(self) -> int:
        """All of them. What was removed from the group, or is no thing any more, does not count."""
        return self.succeeded + self.failures + self.open

    def __str__(self) -> str:
        """The counts in words."""
        return (
            f"{self.succeeded} of {self.devices} devices succeeded, {self.failed} failed, {self.rejected} rejected it, "
            f"{self.timed_out} timed out, {self.canceled} were canceled, {self.in_progress} in progress, "
            f"{self.queued} queued"
        )


@dataclass(frozen=True)
class Stack:
    """The stack as CloudFormation shows it. An event may be overtaken by a rollback, or delivered again afterwards."""

    status: str

    @property
    def is_deploying(self) -> bool:
        """Whether it is being created or changed, and wants something new."""
        return self.status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")

    @property
    def is_rolling_back(self) -> bool:
        """Whether it rolls back, or goes away."""
        return self._has_turned_back and not self.is_idle

    @property
    def has_rolled_back(self) -> bool:
        """Whether it was rolled back, or is gone."""
        return self._has_turned_back and self.is_idle

    @property
    def _has_turned_back(self) -> bool:
        return "ROLLBACK" in self.status or self.status.startswith("DELETE_")

    @property
    def is_idle(self) -> bool:
        """Whether nothing happens to it, and so no event is due."""
        return not self.status.endswith("_IN_PROGRESS")


FORWARD, BACK = Stack("UPDATE_IN_PROGRESS"), Stack("UPDATE_ROLLBACK_IN_PROGRESS")
