"""A small OTA service in virtual time, with the faults of calls and of the service; it stands in for OtaService.

Its answers lag behind, its work takes time, and every call can fail before or after its work was done.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from cdk_iot_ota_handler.ota_update.contract.names import DEPLOYED_TAG, STACK_TAG
from cdk_iot_ota_handler.ota_update.desired import Desired
from cdk_iot_ota_handler.ota_update.errors import AccessDeniedError, AlreadyExistsError, FatalError, RetryableError
from cdk_iot_ota_handler.ota_update.observed import JobProgress, Observed, Stack

from .shown import Shown
from .virtual_time import VirtualTime

_Result = TypeVar("_Result")
LATENCY = 0.2
READ_TIMEOUT = 15.0
GIVES_UP = 1500.0
OPERATIONS = (
    *("GetOTAUpdate", "ListTagsForResource", "CreateOTAUpdate", "DeleteOTAUpdate"),
    *("TagResource", "UntagResource", "DescribeStacks", "HeadObject", "DescribeJob", "CancelJob"),
)


class Killed(BaseException):
    """The function's process ends here; no code of the handler runs any more."""


class BrokenPromise(AssertionError):
    """Something happened that must never happen, whatever goes wrong."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Fault(Shown):
    """What goes wrong with calls of one operation (None: of any), from ``begins`` on, for ``lasts`` seconds.

    ``kind``: "throttled", "denied", "error" (an answer of the server), "cut before" and "cut after" the work was done,
    "slow" (the work is done, but only when the read timeout is over). ``times``: for so many calls at most.
    """

    kind: str = ""
    operation: str | None = None
    begins: float = 0
    lasts: float = 0
    times: int = 1


@dataclass(kw_only=True)
class Update:
    """An OTA update that exists."""

    created: float
    tags: list[tuple[float, dict[str, str]]]
    visible: float
    settles: float
    outcome: tuple[str, str]
    job_ends: float
    devices: tuple[str, float] = ("succeed", 0)
    canceled: str = ""
    deleted: float | None = None
    removed: float = 0
    stays: bool = False
    deletion_failed: bool = False

    def real_tags(self) -> dict[str, str]:
        """The tags as they are, not as they are shown yet."""
        return self.tags[-1][1]


@dataclass(kw_only=True, repr=False)
class Behaviour(Shown):
    """How AWS is today: seconds, and what comes of creations and deletions, one after the other.

    ``lag``: until GetOTAUpdate shows a creation; ``tag_lag``: until ListTagsForResource shows a change; ``status_lag``:
    until GetOTAUpdate shows a deletion; ``stack_lag``: until DescribeStacks shows a change. ``devices``: what both
    devices do, and after how many seconds: "succeed", "fail" (one of them does), "differ" (the second one fails 20
    seconds after the first has succeeded), or nothing.
    """

    settle: float = 2
    removal: float = 2
    lag: float = 0
    tag_lag: float = 0
    status_lag: float = 0
    stack_lag: float = 0
    job: float = 0
    devices: tuple[str, float] = ("succeed", 0)
    creations: list[tuple[str, str]] = field(default_factory=list)
    failing_deletions: int = 0


@dataclass
class OtaService:
    """All OTA updates, and the rules that nobody may break."""

    time: VirtualTime
    updates: dict[str, Update] = field(default_factory=dict)
    behaviour: Behaviour = field(default_factory=Behaviour)
    faults: list[Fault] = field(default_factory=list)
    used: dict[int, int] = field(default_factory=dict)
    foreign: set[str] = field(default_factory=set)
    created: list[str] = field(default_factory=list)
    on_created: Callable[[str], None] = lambda ota_update_id: None
    on_deployed: Callable[[str], None] = lambda ota_update_id: None
    stack: Callable[[str], Stack] = lambda stack_id: Stack("UPDATE_IN_PROGRESS")
    injected: dict[str, int] = field(default_factory=dict)
    faults_since: float = 0
    rates: dict[str, int] = field(default_factory=dict)
    answered: dict[tuple[str, int], int] = field(default_factory=dict)

    def misbehave(self, faults: list[Fault]) -> None:
        """From now on these faults, and no others."""
        self.faults, self.used, self.faults_since = faults, {}, self.time.now

    def fault(self, operation: str) -> str | None:
        """The kind of fault that meets a call of this operation now."""
        passed = self.time.now - self.faults_since
        for index, fault in enumerate(self.faults):
            met = fault.operation in (None, operation) and fault.begins <= passed
            still = passed <= fault.begins + fault.lasts or self.used.get(index, 0) < fault.times
            if met and still:
                self.used[index] = self.used.get(index, 0) + 1
                self.injected[fault.kind] = self.injected.get(fault.kind, 0) + 1
                return fault.kind
        return None

    def is_too_fast(self, operation: str) -> bool:
        """Whether this call is one too many in this second."""
        second = (operation, int(self.time.now))
        if self.answered.get(second, 0) >= self.rates.get(operation, 1_000_000):
            self.injected["too fast"] = self.injected.get("too fast", 0) + 1
            return True
        self.answered[second] = self.answered.get(second, 0) + 1
        return False

    def find(self, ota_update_id: str) -> Update | None:
        """The update as it is at this moment."""
        update = self.updates.get(ota_update_id)
        if update and update.deleted is not None and self.time.now >= update.removed:
            if update.stays:
                update.deleted, update.deletion_failed = None, True
            else:
                del self.updates[ota_update_id]
                return None
        return update

    def status(self, update: Update, lag: float = 0) -> str:
        """Its status at this moment, or without a deletion that was asked for just now."""
        if update.deleted is not None and self.time.now >= update.deleted + lag:
            return "DELETE_IN_PROGRESS"
        if update.deletion_failed:
            return "DELETE_FAILED"
        if self.time.now < update.settles:
            return "CREATE_IN_PROGRESS"
        hangs = update.outcome[0] == "CREATE_IN_PROGRESS"
        return "CREATE_FAILED" if hangs and self.time.now >= update.created + GIVES_UP else update.outcome[0]

    def job_progress(self, update: Update) -> JobProgress:
        """How far its two devices are at this moment."""
        outcome, seconds = update.devices
        through = self.time.now - update.settles - seconds
        if update.canceled:
            return JobProgress(status="CANCELED", comment=update.canceled, canceled=2)
        if through >= 0 and outcome == "succeed":
            return JobProgress(status="COMPLETED", succeeded=2)
        if (through >= 0 and outcome == "fail") or (through >= 20 and outcome == "differ"):
            return JobProgress(status="COMPLETED", succeeded=1, failed=1)
        if through >= 0 and outcome == "differ":
            return JobProgress(status="IN_PROGRESS", succeeded=1, in_progress=1)
        return JobProgress(status="IN_PROGRESS", queued=2)

    def owned(self, stack_id: str) -> dict[str, Update]:
        """The updates of a stack that are there and not being deleted."""
        found = {name: self.find(name) for name in list(self.updates)}
        return {
            name: update
            for name, update in found.items()
            if update and update.deleted is None and update.real_tags().get(STACK_TAG) == stack_id
        }

    def put_stranger(self, ota_update_id: str) -> None:
        """Somebody else's update, which has existed for an hour."""
        before = self.time.now - 3600
        self.updates[ota_update_id] = Update(
            created=before,
            tags=[(before, {"owner": "somebody"})],
            visible=before,
            settles=before,
            outcome=("CREATE_COMPLETE", ""),
            job_ends=before,
        )
        self.foreign.add(ota_update_id)


class Connection:
    """What one invocation of the handler sees. ``killed_at``: it dies at that call, before or after its work."""

    def __init__(self, service: OtaService, killed_at: tuple[int, str] | None = None) -> None:
        self._service, self._killed_at, self._calls = service, killed_at, 0

    def _call(self, operation: str, work: Callable[[], _Result]) -> _Result:
        service = self._service
        fault = "throttled" if service.is_too_fast(operation) else service.fault(operation)
        self._calls += 1
        killed = self._killed_at[1] if self._killed_at and self._killed_at[0] == self._calls else None
        service.time.sleep(READ_TIMEOUT if fault == "slow" else LATENCY / 2)
        undone = fault in ("throttled", "denied", "error", "cut before") or killed == "before"
        result = None if undone else work()
        if killed:
            raise Killed
        service.time.sleep(LATENCY / 2 if fault not in ("cut before", "cut after") else READ_TIMEOUT)
        if fault == "denied":
            raise AccessDeniedError("AccessDeniedException: not authorized")
        if fault:
            raise RetryableError(f"{operation}: {fault}")
        return cast(_Result, result)

    def get_update(self, ota_update_id: str, now: float) -> Observed | None:
        """GetOTAUpdate and ListTagsForResource."""
        service = self._service

        def get() -> tuple[Update, str] | None:
            update = service.find(ota_update_id)
            if update is None or service.time.now < update.visible:
                return None
            return update, service.status(update, service.behaviour.status_lag)

        if (got := self._call("GetOTAUpdate", get)) is None:
            return None
        update, status = got

        def tags() -> dict[str, str]:
            # The last change that shows; tags of an update that is gone are not found.
            shown = [tags for since, tags in update.tags if since <= service.time.now]
            return dict(shown[-1]) if shown and service.find(ota_update_id) is update else {}

        return Observed(
            status=status,
            tags=self._call("ListTagsForResource", tags),
            age=service.time.now - update.created,
            error=update.outcome[1],
            attributes={"OtaUpdateArn": f"arn:{ota_update_id}", "JobId": f"AFR_OTA-{ota_update_id}"},
        )

    def stack(self, stack_id: str) -> Stack:
        """DescribeStacks."""
        return self._call("DescribeStacks", lambda: self._service.stack(stack_id))

    def job_progress(self, job_id: str) -> JobProgress | None:
        """DescribeJob."""
        service, name = self._service, job_id.removeprefix("AFR_OTA-")

        def work() -> JobProgress | None:
            update = service.find(name)
            return None if update is None else service.job_progress(update)

        return self._call("DescribeJob", work)

    def cancel(self, job_id: str, why: str) -> None:
        """CancelJob."""
        service, name = self._service, job_id.removeprefix("AFR_OTA-")

        def work() -> bool:
            self._must_be_own(name)
            if (update := service.find(name)) is None or service.job_progress(update).status != "IN_PROGRESS":
                return False
            update.canceled = why
            return True

        if not self._call("CancelJob", work):
            raise FatalError(f"InvalidRequestException: {job_id}")

    def request(self, desired: Desired) -> dict[str, Any]:
        """The request, with what the handler puts into it."""
        return {**desired.request, "otaUpdateId": desired.ota_update_id, "tags": desired.all_tags}

    def pin(self, file: Mapping[str, Any]) -> Mapping[str, Any]:
        """HeadObject."""
        return self._call("HeadObject", lambda: file)

    def create(self, request: Mapping[str, Any]) -> None:
        """CreateOTAUpdate."""
        service, name, tags = self._service, request["otaUpdateId"], dict(request["tags"])

        def work() -> bool:
            if service.find(name):
                return False
            now, today = service.time.now, service.behaviour
            service.updates[name] = Update(
                created=now,
                tags=[(now + today.tag_lag, tags)],
                visible=now + today.lag,
                settles=now + today.settle,
                outcome=today.creations.pop(0) if today.creations else ("CREATE_COMPLETE", ""),
                job_ends=now + today.job,
                devices=today.devices,
            )
            service.created.append(name)
            service.on_created(name)
            return True

        if not self._call("CreateOTAUpdate", work):
            raise AlreadyExistsError(name)

    def delete(self, ota_update_id: str, *, delete_stream: bool, force_delete_job: bool) -> None:
        """DeleteOTAUpdate."""
        service = self._service

        def work() -> str:
            update = service.find(ota_update_id)
            self._must_be_own(ota_update_id)
            if update is None:
                return ""
            if update.deleted is not None or service.status(update) == "CREATE_IN_PROGRESS":
                return f"it is {service.status(update)}"
            if not force_delete_job and service.time.now < update.job_ends and update.outcome[0] == "CREATE_COMPLETE":
                return "its job is IN_PROGRESS"
            today = service.behaviour
            update.deleted, update.deletion_failed = service.time.now, False
            update.removed, update.stays = service.time.now + today.removal, today.failing_deletions > 0
            today.failing_deletions -= update.stays
            return ""

        if refusal := self._call("DeleteOTAUpdate", work):
            raise FatalError(f"InvalidRequestException: {refusal}")

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """TagResource."""
        self._change_tags("TagResource", arn, lambda there: {**there, **tags})

    def untag(self, arn: str, keys: list[str]) -> None:
        """UntagResource."""
        self._change_tags("UntagResource", arn, lambda there: {key: there[key] for key in there if key not in keys})

    def _change_tags(self, operation: str, arn: str, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
        service, name = self._service, arn.removeprefix("arn:")

        def work() -> bool:
            self._must_be_own(name)
            if (update := service.find(name)) is None:
                return False
            before, after = update.real_tags(), change(update.real_tags())
            update.tags.append((service.time.now + service.behaviour.tag_lag, after))
            if DEPLOYED_TAG in after.keys() - before.keys():
                service.on_deployed(name)
            return True

        if not self._call(operation, work):
            raise FatalError(f"ResourceNotFoundException: {arn}")

    def _must_be_own(self, ota_update_id: str) -> None:
        if ota_update_id in self._service.foreign:
            raise BrokenPromise(f"{ota_update_id} is not ours and was touched")
