"""The answers of AWS about a stack and its OTA updates, as the views need them. No calls and no decisions here."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from cdk_iot_ota_handler.ota_update import observed
from cdk_iot_ota_handler.ota_update.contract import timeouts
from cdk_iot_ota_handler.ota_update.desired import Gate
from cdk_iot_ota_handler.ota_update.evidence import Evidence
from cdk_iot_ota_handler.ota_update.observed import Alarm, JobProgress, Observed


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A stack. ``began``: when its last operation began, in seconds since 1970. ``parameters``: their values."""

    name: str
    stack_id: str
    status: str
    reason: str = ""
    began: float = 0
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def state(self) -> observed.Stack:
        """The status in the handler's words."""
        return observed.Stack(self.status, self.began)

    @property
    def is_new(self) -> bool:
        """Return whether nothing has been deployed to it: it waits for a change set."""
        return self.status == "REVIEW_IN_PROGRESS"

    def has_changed(self, resource: "Resource") -> bool:
        """Return whether the last operation has changed a resource."""
        return resource.changed >= self.began - timeouts.CLOCK_SKEW

    @property
    def has_failed(self) -> bool:
        """Return whether its last operation has failed, also if the rollback still runs."""
        return "ROLLBACK" in self.status or self.status.endswith("_FAILED")


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A resource of a stack. ``changed``: when its status changed, in seconds since 1970."""

    logical_id: str
    kind: str
    status: str
    physical_id: str | None = None
    reason: str = ""
    changed: float = 0


@dataclass(frozen=True, kw_only=True)
class Declared:
    """An update as the template declares it.

    ``path``: that of the construct, or the logical id. ``prefix``, ``explicit_id``: of its ids, None where unknown.
    ``after``: the logical ids of the updates that it waits for. ``gate_problem``: why the gate cannot be read.
    """

    logical_id: str
    path: str
    prefix: str | None = None
    explicit_id: str | None = None
    gate: Gate | None = None
    gate_problem: str = ""
    after: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Slowest:
    """A device that executes a job, and when it began, in seconds since 1970."""

    thing: str
    since: float


@dataclass(frozen=True, kw_only=True)
class Update:
    """An OTA update of AWS IoT.

    ``firmware``: name and version of its files. ``created``: in seconds since 1970. ``has_tags``, ``has_progress``:
    whether they could be read. ``progress``: None if there is no job. ``evidence``: the devices that have failed.
    """

    ota_update_id: str
    firmware: str
    created: float
    observed: Observed
    has_tags: bool = True
    has_progress: bool = True
    progress: JobProgress | None = None
    evidence: Evidence = field(default_factory=Evidence)
    slowest: tuple[Slowest, ...] = ()

    @property
    def has_ended(self) -> bool:
        """Return whether nothing of it will change by itself."""
        is_over = self.progress is None or self.progress.status in ("COMPLETED", "CANCELED")
        return self.observed.is_deployed and self.has_progress and is_over


@dataclass(frozen=True, kw_only=True)
class Phase:
    """An update that a stack declares: the one that is live, and the one that the running deploy has created.

    ``resource``: None if the deploy has not begun with it. ``is_missing``: AWS IoT does not have the live one.
    ``was_coming``: the new one was there in an earlier look.
    """

    declared: Declared
    resource: Resource | None = None
    live: Update | None = None
    coming: Update | None = None
    is_missing: bool = False
    was_coming: bool = False

    @property
    def evaluated(self) -> Update | None:
        """The update whose gate is evaluated: a new one, or one that is complete and whose links watch its gate."""
        if self.coming is not None or self.live is None:
            return self.coming
        return self.live if self.live.observed.gate_waits else None


@dataclass(frozen=True, kw_only=True)
class Failure:
    """The first failure of a stack's last operation."""

    logical_id: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Everything that one look has read.

    ``alarms``: by name; one that does not exist is not in it. ``nested``: the names of nested stacks. ``left_out``:
    what could not be asked, and why. ``calls``: the number of calls by action. ``ended``: when the last resource
    changed.
    """

    stack: Stack
    phases: tuple[Phase, ...] = ()
    alarms: Mapping[str, Alarm] = field(default_factory=dict)
    has_alarms: bool = True
    failure: Failure | None = None
    nested: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    calls: Mapping[str, int] = field(default_factory=dict)
    ended: float = 0
    now: float = field(default_factory=time.time)
