"""State that AWS shows: an OTA update, the progress of its job, and its stack."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .contract import names

# The service has no separate error code for a role that it may not assume, or cannot use yet.
ABOUT_ACCESS = re.compile(r"not authorized|access ?denied|assume|\brole\b", re.IGNORECASE)
# The end of the deployed tag: the operations on the stack that deployed the update first, if that was another one, and
# last, by the seconds in which they began.
OPERATION = re.compile(r"(?: since=(?P<first>\d+))? operation=(?P<last>\d+)$")
# The beginning of the tag with the verdict of a gate, if devices may finish, or if it has waited for devices.
FAILED = re.compile(r"(?:since=(?P<since>\d+) )?(?P<timed_out>timed-out )?")
# The beginning of the tag of an update whose gate bakes.
PROVEN = re.compile(r"since=(?P<since>\d+)")


@dataclass(frozen=True, kw_only=True)
class Observed:
    """An OTA update as AWS IoT shows it.

    ``age``: seconds since its creation. ``error``: its errorInfo. ``attributes``: those of the resource.
    """

    status: str
    tags: Mapping[str, str]
    age: float
    error: str = ""
    attributes: Mapping[str, str]

    @property
    def is_deployed(self) -> bool:
        """Return whether a deploy of it has succeeded."""
        return names.DEPLOYED_TAG in self.tags

    @property
    def gate_state(self) -> str:
        """The state of its gate in its deployed tag: GATE_WAITS, or what it has observed, if there was one."""
        return OPERATION.sub("", self.tags.get(names.DEPLOYED_TAG, ""))

    @property
    def gate_waits(self) -> bool:
        """Return whether it is deployed with a gate that waits, which a link watches."""
        return self.gate_state == names.GATE_WAITS

    def deployed_tag_with(self, gate_state: str, operation: int | None) -> str:
        """Return the value of its deployed tag with another state of its gate.

        ``operation``: the one that is running, for an update whose tag is not visible yet, or None.
        """
        match = OPERATION.search(self.tags.get(names.DEPLOYED_TAG, ""))
        if match is None:
            return gate_state if operation is None or self.is_deployed else f"{gate_state} operation={operation}"
        return f"{gate_state}{match[0]}"

    @property
    def operation(self) -> int | None:
        """The operation on the stack that deployed it, by the second in which it began, if its deployed tag has it."""
        match = OPERATION.search(self.tags.get(names.DEPLOYED_TAG, ""))
        return int(match["last"]) if match else None

    @property
    def first_operation(self) -> int | None:
        """The operation that deployed it first, if a later one has taken it up; 0 if that was no update of a stack."""
        match = OPERATION.search(self.tags.get(names.DEPLOYED_TAG, ""))
        return int(match["first"] or match["last"]) if match else None

    @property
    def verdict(self) -> str | None:
        """Why its gate has failed, if a tag keeps that."""
        found = self.tags.get(names.FAILED_TAG)
        return None if found is None else FAILED.sub("", found, count=1)

    @property
    def draining_since(self) -> float | None:
        """When the job of its failed gate was canceled, if devices may finish it, in seconds since 1970."""
        match = FAILED.match(self.tags.get(names.FAILED_TAG, ""))
        return float(match["since"]) if match and match["since"] else None

    @property
    def proven_since(self) -> float | None:
        """When the bake time of its gate has begun, in seconds since 1970, if a tag keeps that."""
        match = PROVEN.match(self.tags.get(names.PROVEN_TAG, ""))
        return float(match["since"]) if match else None

    @property
    def has_timed_out(self) -> bool:
        """Return whether its gate has failed because of devices that have not ended, as far as a tag keeps that."""
        match = FAILED.match(self.tags.get(names.FAILED_TAG, ""))
        return match is not None and match["timed_out"] is not None

    def was_first_deployed_after(self, other: "Observed", now: float) -> bool:
        """Return whether it was deployed for the first time after the other update was deployed for the last time."""
        if self.first_operation is not None and other.operation is not None:
            return self.first_operation > other.operation
        # Creations have one clock, and so tell best what no operation tells.
        was_taken_up = other.first_operation != other.operation
        last = other.operation if other.operation is not None and was_taken_up else now - other.age
        return now - self.age > last

    @property
    def reason(self) -> str:
        """Why it failed, in the words of AWS IoT."""
        return self.error or "AWS IoT gives no reason"

    @property
    def failed_for_lack_of_access(self) -> bool:
        """Return whether its creation was denied access, as happens with a role that has not propagated in IAM yet."""
        return self.status == "CREATE_FAILED" and self.is_about_access

    @property
    def is_about_access(self) -> bool:
        """Return whether what failed was denied access."""
        return ABOUT_ACCESS.search(self.error) is not None


@dataclass(frozen=True, kw_only=True)
class JobProgress:
    """The status of an update's job, and the number of its devices in each state.

    ``comment``: the comment of a canceled job. ``is_verdict``: that is why a gate has failed, and canceled the job.
    ``has_timed_out``: that gate had waited too long. ``canceled_at``: when it did so, in seconds since 1970, or None.
    ``is_rolled_out``: the job has reached all its targets, so that no more devices follow.
    """

    status: str
    comment: str = ""
    is_verdict: bool = False
    has_timed_out: bool = False
    canceled_at: float | None = None
    is_rolled_out: bool = True
    queued: int = 0
    in_progress: int = 0
    succeeded: int = 0
    failed: int = 0
    rejected: int = 0
    timed_out: int = 0
    canceled: int = 0

    @property
    def failures(self) -> int:
        """The devices that have ended without success."""
        return self.failed + self.rejected + self.timed_out + self.canceled

    @property
    def open(self) -> int:
        """The devices that may still succeed."""
        return self.queued + self.in_progress

    @property
    def devices(self) -> int:
        """All devices of the job, without those removed from its groups or from the account."""
        return self.succeeded + self.failures + self.open

    def __str__(self) -> str:
        """Return the counts in words."""
        return (
            f"{self.succeeded} of {self.devices} devices succeeded, {self.failed} failed, {self.rejected} rejected it, "
            f"{self.timed_out} timed out, {self.canceled} were canceled, {self.in_progress} in progress, "
            f"{self.queued} queued"
        )


@dataclass(frozen=True, kw_only=True)
class Execution:
    """The part of one device in a job.

    ``has_started``: the device has begun with it. ``details``: what the device has reported last, which may be any
    text; None if that is not known.
    """

    thing: str
    status: str
    has_started: bool = True
    details: Mapping[str, str] | None = None

    @property
    def is_silent(self) -> bool:
        """Return whether the device has not begun with the job, and so has reported nothing."""
        return not self.has_started and self.status in ("QUEUED", "CANCELED")

    @property
    def has_failed(self) -> bool:
        """Return whether the device has ended without success."""
        return self.status in ("FAILED", "REJECTED", "TIMED_OUT", "CANCELED")


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """An alarm as CloudWatch shows it. Times are in seconds since 1970.

    ``state``: OK, ALARM or INSUFFICIENT_DATA, ``since``: when it has changed last, ``reason``: why it has that state.
    ``configured``: when the configuration was changed last. ``evaluation``: what is wrong with the last evaluation.
    ``kind``: MetricAlarm or CompositeAlarm. ``rang``: when it last went to ALARM since the creation of the update, or
    None if it did not, or is in ALARM.
    """

    name: str
    state: str
    since: float
    reason: str = ""
    configured: float = 0
    evaluation: str = ""
    kind: str = "MetricAlarm"
    rang: float | None = None

    @property
    def is_ringing(self) -> bool:
        """Return whether it is in ALARM."""
        return self.state == "ALARM"

    @property
    def lacks_data(self) -> bool:
        """Return whether its state tells nothing, or not all."""
        return self.state == "INSUFFICIENT_DATA" or bool(self.evaluation)


@dataclass(frozen=True)
class Stack:
    """The stack as CloudFormation shows it; a rollback may overtake an event, or a duplicate may come after it.

    ``updated``: when its last update began, in seconds since 1970, or None if it has not been updated.
    """

    status: str
    updated: float | None = None

    @property
    def operation(self) -> int | None:
        """The update of the stack that is running, or has failed with rollback off, by the second in which it began."""
        is_update = self.status in ("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_FAILED")
        return int(self.updated) if is_update and self.updated is not None else None

    @property
    def is_deploying(self) -> bool:
        """Return whether it is being created or updated."""
        return self.status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")

    @property
    def is_rolling_back(self) -> bool:
        """Return whether it is being rolled back or deleted."""
        return self.has_turned_back and not self.is_idle

    @property
    def has_rolled_back(self) -> bool:
        """Return whether it was rolled back or deleted."""
        return self.has_turned_back and self.is_idle

    @property
    def has_turned_back(self) -> bool:
        """Return whether its last operation is a rollback or a deletion, running or over."""
        return "ROLLBACK" in self.status or self.status.startswith("DELETE_")

    @property
    def is_idle(self) -> bool:
        """Return whether no operation is running, and so no event is due."""
        return not self.status.endswith("_IN_PROGRESS")

    @property
    def is_at_rest(self) -> bool:
        """Return whether its last operation is complete; after a failure with rollback off, events may still follow."""
        return self.is_idle and not self.status.endswith("_FAILED")

    @property
    def is_cleaning_up(self) -> bool:
        """Return whether it only deletes what is no longer declared, and ends well whatever that brings."""
        return self.status.endswith("_CLEANUP_IN_PROGRESS")
