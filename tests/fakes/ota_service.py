"""A fake of AWS IoT's OTA updates in virtual time, for the tests of the handler and for the random stories.

The handler calls it through a ``Connection``, in place of its ``OtaService``. Answers may lag behind, work takes time,
and each call can fail before or after its work is done.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

from cdk_iot_ota_handler.ota_update.contract import names
from cdk_iot_ota_handler.ota_update.desired import Desired
from cdk_iot_ota_handler.ota_update.errors import AccessDeniedError, AlreadyExistsError, FatalError, RetryableError
from cdk_iot_ota_handler.ota_update.identity import gate_attributes, without_operation
from cdk_iot_ota_handler.ota_update.observed import Alarm, Execution, JobProgress, Observed, Stack
from cdk_iot_ota_handler.ota_update.retry import Clock

from .compact_repr import CompactRepr
from .virtual_time import VirtualTime

_Result = TypeVar("_Result")
READ_TIMEOUT = 15.0
# A creation that hangs fails after this.
CREATION_TIMEOUT = 1500.0
OPERATIONS = (
    *("GetOTAUpdate", "ListTagsForResource", "CreateOTAUpdate", "DeleteOTAUpdate"),
    *("TagResource", "UntagResource", "DescribeStacks", "HeadObject", "DescribeJob", "CancelJob"),
    *("ListJobExecutionsForJob", "DescribeJobExecution"),
)
ALARM_OPERATIONS = ("DescribeAlarms", "DescribeAlarmHistory")
READS = (
    *("GetOTAUpdate", "ListTagsForResource", "DescribeStacks", "HeadObject", "DescribeJob"),
    *("ListJobExecutionsForJob", "DescribeJobExecution"),
    *ALARM_OPERATIONS,
)


class ProcessKilledError(BaseException):
    """The process of the function ends here; none of the handler's code runs after it."""


class BrokenPromiseError(AssertionError):
    """Something that must never happen, whatever goes wrong."""


MOST_TAGS = 50


@dataclass(frozen=True, kw_only=True, repr=False)
class Fault(CompactRepr):
    """A failure of the calls of one operation (None: of any), from ``begins`` on, for ``lasts`` seconds.

    ``kind``: "throttled", "denied", "error" (answered by the server), "cut before" and "cut after" the work is done,
    "slow" (the work is done, but only after the read timeout). ``times``: the least number of calls that fail.
    """

    kind: str = ""
    operation: str | None = None
    begins: float = 0
    lasts: float = 0
    times: int = 1


@dataclass(kw_only=True, repr=False)
class Behaviour(CompactRepr):
    """The time that AWS takes, in seconds, and the outcomes of the next creations and deletions, in order.

    ``lag``: until GetOTAUpdate shows a creation; ``tag_lag``: until ListTagsForResource shows a change; ``status_lag``:
    until GetOTAUpdate shows a deletion; ``stack_lag``: until DescribeStacks shows a change. ``clock_fault``: how much
    older than they are updates appear. ``devices``: the behaviour
    of both devices, and after how many seconds: "succeed", "fail" (one of them does), "differ" (the second one fails 20
    seconds after the first has succeeded), "straggle" (the second one succeeds 20 seconds after the first has failed),
    or silence.
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
    clock_fault: float = 0


@dataclass(kw_only=True)
class FakeAlarm:
    """An alarm of CloudWatch. ``history``: when it has changed, and to which state, the oldest first."""

    history: list[tuple[float, str]]
    configured: float = 0
    evaluation: str = ""

    def at(self, now: float) -> list[tuple[float, str]]:
        """Return the changes up to now."""
        return [change for change in self.history if change[0] <= now]


@dataclass(kw_only=True)
class FakeUpdate:
    """An OTA update. ``outcome``: its status once it has settled, and its errorInfo.

    ``tag_changes``: the tags after each change, with the time from which on they are visible. ``visible``: when
    GetOTAUpdate shows it. ``starts``, ``settles``: when its creation is no longer pending, and when it ends.
    """

    created: float
    tag_changes: list[tuple[float, dict[str, str]]]
    visible: float
    starts: float
    settles: float
    outcome: tuple[str, str]
    job_ends: float = 0
    devices: tuple[str, float] = ("succeed", 0)
    canceled: str = ""
    has_timed_out: bool = False
    canceled_at: float | None = None
    deleted: float | None = None
    removed: float = 0
    survives_deletion: bool = False
    deletion_failed: bool = False

    @property
    def tags(self) -> dict[str, str]:
        """The tags as they are, even if they are not visible yet."""
        return self.tag_changes[-1][1]

    @property
    def hangs(self) -> bool:
        """Return whether its creation ends only with the service's timeout."""
        return self.settles - self.created >= CREATION_TIMEOUT


@dataclass(kw_only=True)
class FakeOtaService:
    """All OTA updates, the calls that were made, and the faults to inject."""

    time: VirtualTime = field(default_factory=VirtualTime)
    behaviour: Behaviour = field(default_factory=Behaviour)
    latency: float = 0
    updates: dict[str, FakeUpdate] = field(default_factory=dict)
    # Updates of other owners, which must never be changed.
    foreign: set[str] = field(default_factory=set)

    # The operations in order, and the requests of CreateOTAUpdate with the ids that it has created.
    calls: list[str] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    # The tags of an update before each call that changes or deletes it.
    touched: list[dict[str, str]] = field(default_factory=list)
    on_created: Callable[[str], None] = lambda ota_update_id: None
    on_deployed: Callable[[str], None] = lambda ota_update_id: None
    on_canceled: Callable[[str], None] = lambda ota_update_id: None

    # By operation, for one call each: raised instead of doing the work, and after it.
    errors: dict[str, list[Exception]] = field(default_factory=dict)
    late_errors: dict[str, list[Exception]] = field(default_factory=dict)
    # The calls per second that each operation allows.
    rates: dict[str, int] = field(default_factory=dict)
    # The faults that calls have met, by kind.
    injected: dict[str, int] = field(default_factory=dict)

    # The answers of DescribeStacks and DescribeJob, in order; the last one is repeated. A callable takes precedence
    # for the stack, and without any progress the job follows the devices of the behaviour.
    stack_statuses: list[str] = field(default_factory=lambda: ["UPDATE_IN_PROGRESS"])
    describe_stack: Callable[[str], Stack] | None = None
    progress: list[JobProgress] = field(default_factory=list)
    # The counts that DescribeJob returns once the job is canceled.
    after_cancellation: list[JobProgress] = field(default_factory=list)
    # The devices that ListJobExecutionsForJob returns by their status, and what DescribeJobExecution tells of each.
    executions: list[Execution] = field(default_factory=list)
    alarms: dict[str, FakeAlarm] = field(default_factory=dict)

    _faults: list[Fault] = field(default_factory=list, init=False)
    _used: dict[int, int] = field(default_factory=dict, init=False)
    _faults_since: float = field(default=0, init=False)
    _answered: dict[tuple[str, int], int] = field(default_factory=dict, init=False)

    def connect(self, killed_at: tuple[int, str] | None = None) -> Any:
        """Return the handler's ``OtaService`` for one invocation."""
        return Connection(self, killed_at)

    def clock(self) -> Clock:
        """Return the handler's clock."""
        return Clock(now=lambda: self.time.now, sleep=self.time.sleep)

    def writes(self) -> list[str]:
        """Return the calls that changed something, or tried to."""
        return [call for call in self.calls if call.partition(" ")[0] not in READS]

    def put(
        self,
        ota_update_id: str,
        tags: Mapping[str, str],
        *,
        status: str = "CREATE_COMPLETE",
        error: str = "",
        age: float = 3600,
    ) -> None:
        """Add an existing update; it keeps its status, unless that is CREATE_PENDING or DELETE_IN_PROGRESS."""
        now, created, today = self.time.now, self.time.now - age, self.behaviour
        settles = now + today.settle if status == "CREATE_PENDING" else created
        is_settled = status.startswith("CREATE") and status != "CREATE_PENDING"
        self.updates[ota_update_id] = FakeUpdate(
            created=created,
            tag_changes=[(created + today.tag_lag, dict(tags))],
            visible=created + today.lag,
            starts=settles,
            settles=settles,
            outcome=(status if is_settled else "CREATE_COMPLETE", error),
            deleted=now if status == "DELETE_IN_PROGRESS" else None,
            removed=now + today.removal,
            deletion_failed=status == "DELETE_FAILED",
        )

    def put_alarm(self, name: str, *states: str, every: float = 0, begins: float = -3600, **state: Any) -> None:
        """Add an alarm, or replace it: its first state begins then, and each other one so many seconds later."""
        begun = self.time.now + begins
        history = [(begun + index * every, one) for index, one in enumerate(states)]
        self.alarms[name] = FakeAlarm(history=history, **state)

    def set_alarm(self, name: str, state: str) -> None:
        """Change the state of an alarm."""
        self.alarms[name].history.append((self.time.now, state))

    def put_foreign(self, ota_update_id: str) -> None:
        """Add an update of another owner, which must never be changed."""
        self.put(ota_update_id, {"owner": "another team"})
        self.foreign.add(ota_update_id)

    def find(self, ota_update_id: str) -> FakeUpdate | None:
        """Return the update as it is now."""
        update = self.updates.get(ota_update_id)
        if update and update.deleted is not None and self.time.now >= update.removed:
            if not update.survives_deletion:
                del self.updates[ota_update_id]
                return None
            update.deleted, update.deletion_failed = None, True
        return update

    def status(self, update: FakeUpdate, lag: float = 0) -> str:
        """Return the status of an update, without a deletion of the last ``lag`` seconds."""
        if update.deleted is not None and self.time.now >= update.deleted + lag:
            return "DELETE_IN_PROGRESS"
        if update.deletion_failed:
            return "DELETE_FAILED"
        if self.time.now >= update.settles:
            return update.outcome[0]
        return "CREATE_PENDING" if self.time.now < update.starts else "CREATE_IN_PROGRESS"

    def job_progress(self, update: FakeUpdate) -> JobProgress:
        """Return the progress of an update's job."""
        outcome, seconds = update.devices
        past = self.time.now - update.settles - seconds
        if update.canceled:
            by_gate: dict[str, Any] = {"status": "CANCELED", "comment": update.canceled, "is_verdict": True}
            by_gate |= {"has_timed_out": update.has_timed_out, "canceled_at": update.canceled_at}
            if self.after_cancellation:
                return replace(self.after_cancellation[0], **cast(Any, by_gate))
            if outcome == "straggle":
                ends = past >= 20
                return JobProgress(**cast(Any, by_gate), failed=1, in_progress=not ends, succeeded=ends)
            return JobProgress(**cast(Any, by_gate), canceled=2)
        if self.progress:
            return self.progress[0]
        if past >= 0 and outcome == "succeed":
            return JobProgress(status="COMPLETED", succeeded=2)
        if (past >= 0 and outcome == "fail") or (past >= 20 and outcome == "differ"):
            return JobProgress(status="COMPLETED", succeeded=1, failed=1)
        if past >= 0 and outcome == "straggle":
            return JobProgress(status="IN_PROGRESS", failed=1, in_progress=1)
        if past >= 0 and outcome == "differ":
            return JobProgress(status="IN_PROGRESS", succeeded=1, in_progress=1)
        return JobProgress(status="IN_PROGRESS", queued=2)

    def owned(self, stack_id: str) -> dict[str, FakeUpdate]:
        """Return the updates of a stack that are not being deleted."""
        found = {name: self.find(name) for name in list(self.updates)}
        return {
            name: update
            for name, update in found.items()
            if update and update.deleted is None and update.tags.get(names.STACK_TAG) == stack_id
        }

    def inject(self, faults: list[Fault]) -> None:
        """Replace all faults."""
        self._faults, self._used, self._faults_since = faults, {}, self.time.now

    def fault(self, operation: str) -> str | None:
        """Return the kind of fault that the next call of an operation meets, and count it."""
        kind = "too fast" if self._is_too_fast(operation) else self._due_fault(operation)
        if kind:
            self.injected[kind] = self.injected.get(kind, 0) + 1
        return kind

    def _is_too_fast(self, operation: str) -> bool:
        second = (operation, int(self.time.now))
        if self._answered.get(second, 0) >= self.rates.get(operation, 1_000_000):
            return True
        self._answered[second] = self._answered.get(second, 0) + 1
        return False

    def _due_fault(self, operation: str) -> str | None:
        passed = self.time.now - self._faults_since
        for index, fault in enumerate(self._faults):
            has_begun = fault.operation in (None, operation) and fault.begins <= passed
            if has_begun and (passed <= fault.begins + fault.lasts or self._used.get(index, 0) < fault.times):
                self._used[index] = self._used.get(index, 0) + 1
                return fault.kind
        return None


class Connection:
    """The calls of one invocation. ``killed_at``: the number of the call at which it dies, "before" or "after" it."""

    def __init__(self, service: FakeOtaService, killed_at: tuple[int, str] | None) -> None:
        self._service, self._killed_at, self._calls = service, killed_at, 0

    def _call(self, operation: str, work: Callable[[], _Result], options: str = "") -> _Result:
        service = self._service
        service.calls.append(operation + options)
        if service.errors.get(operation):
            raise service.errors[operation].pop(0)
        fault = service.fault(operation)
        self._calls += 1
        killed = self._killed_at[1] if self._killed_at and self._killed_at[0] == self._calls else None
        service.time.sleep(READ_TIMEOUT if fault == "slow" else service.latency / 2)
        is_undone = fault in ("too fast", "throttled", "denied", "error", "cut before") or killed == "before"
        result, refusal = None, None
        try:
            result = None if is_undone else work()
        except (FatalError, RetryableError) as error:
            refusal = error  # which is lost like any other answer
        if killed:
            raise ProcessKilledError
        service.time.sleep(READ_TIMEOUT if fault in ("cut before", "cut after") else service.latency / 2)
        if fault == "denied":
            raise AccessDeniedError("AccessDeniedException: not authorized")
        if fault:
            raise RetryableError(f"{operation}: {fault}")
        if refusal:
            raise refusal
        if service.late_errors.get(operation):
            raise service.late_errors[operation].pop(0)
        return cast(_Result, result)

    def get_update(self, ota_update_id: str, now: float) -> Observed | None:
        """Call GetOTAUpdate and ListTagsForResource."""
        service = self._service

        def get() -> tuple[FakeUpdate, str] | None:
            update = service.find(ota_update_id)
            if update is None or service.time.now < update.visible:
                return None
            return update, service.status(update, service.behaviour.status_lag)

        if (got := self._call("GetOTAUpdate", get)) is None:
            return None
        update, status = got

        def list_tags() -> dict[str, str]:
            # The last visible change; the tags of an update that is gone are not found.
            visible = [tags for since, tags in update.tag_changes if since <= service.time.now]
            return dict(visible[-1]) if visible and service.find(ota_update_id) is update else {}

        tags = self._call("ListTagsForResource", list_tags)
        return Observed(
            status=status,
            tags=tags,
            age=service.time.now - update.created + service.behaviour.clock_fault,
            error=update.outcome[1],
            attributes={
                "OtaUpdateArn": f"arn:{ota_update_id}",
                "JobId": names.job_id(ota_update_id),
                "JobArn": "arn:job",
                **gate_attributes(tags.get(names.DEPLOYED_TAG, "")),
            },
        )

    def stack(self, stack_id: str) -> Stack:
        """Call DescribeStacks."""
        service = self._service
        describe = service.describe_stack or (lambda _: Stack(_next(service.stack_statuses)))
        return self._call("DescribeStacks", lambda: describe(stack_id))

    def job_progress(self, job_id: str) -> JobProgress | None:
        """Call DescribeJob."""

        def work() -> JobProgress | None:
            if (update := self._find_by_job(job_id)) is None:
                return None
            progress = self._service.job_progress(update)
            answers = self._service.after_cancellation if update.canceled else self._service.progress
            if answers:
                _next(answers)
            return progress

        return self._call("DescribeJob", work)

    def executions(self, job_id: str, status: str) -> list[Execution]:
        """Call ListJobExecutionsForJob."""

        def work() -> list[Execution]:
            found = self._service.executions if self._find_by_job(job_id) else []
            return [replace(one, details=None) for one in found if one.status == status]

        return self._call("ListJobExecutionsForJob", work, f" {status}")

    def status_details(self, job_id: str, thing: str) -> dict[str, str]:
        """Call DescribeJobExecution."""
        found = {one.thing: dict(one.details or {}) for one in self._service.executions}
        return self._call("DescribeJobExecution", lambda: found[thing])

    def cancel(self, job_id: str, comment: str, *, now: float, timed_out: bool = False) -> None:
        """Call CancelJob."""

        def work() -> bool:
            if (update := self._find_by_job(job_id)) is None:
                return False
            self._touch(job_id.removeprefix(names.JOB_PREFIX))
            if self._service.job_progress(update).status != "IN_PROGRESS":
                return False
            update.canceled, update.has_timed_out, update.canceled_at = comment, timed_out, now
            self._service.on_canceled(job_id.removeprefix(names.JOB_PREFIX))
            return True

        if not self._call("CancelJob", work):
            raise FatalError(f"InvalidRequestException: {job_id}")

    def alarms(self, names: Sequence[str]) -> dict[str, Alarm]:
        """Call DescribeAlarms."""
        service = self._service

        def work() -> dict[str, Alarm]:
            found = {name: service.alarms[name] for name in names if name in service.alarms}
            return {name: _alarm(name, alarm, service.time.now) for name, alarm in found.items()}

        return self._call("DescribeAlarms", work)

    def last_ring(self, alarm: Alarm, since: float) -> float | None:
        """Call DescribeAlarmHistory."""
        service, name = self._service, alarm.name

        def work() -> list[float]:
            changes = service.alarms[name].at(service.time.now) if name in service.alarms else []
            return [when for when, state in changes if state == "ALARM" and when > since]

        return max(self._call("DescribeAlarmHistory", work), default=None)

    def request(self, desired: Desired) -> dict[str, Any]:
        """Return the request with the id and the tags that the handler adds."""
        return {**desired.request, "otaUpdateId": desired.ota_update_id, "tags": desired.all_tags}

    def pin(self, file: Mapping[str, Any]) -> Mapping[str, Any]:
        """Call HeadObject."""
        return self._call("HeadObject", lambda: file)

    def create(self, request: Mapping[str, Any]) -> None:
        """Call CreateOTAUpdate."""
        service, name, tags = self._service, request["otaUpdateId"], dict(request["tags"])

        def work() -> bool:
            service.requests.append(dict(request))
            if service.find(name):
                return False
            now, today = service.time.now, service.behaviour
            outcome = today.creations.pop(0) if today.creations else ("CREATE_COMPLETE", "")
            hangs = outcome[0] == "CREATE_IN_PROGRESS"
            service.updates[name] = FakeUpdate(
                created=now,
                tag_changes=[(now + today.tag_lag, tags)],
                visible=now + today.lag,
                starts=now + today.settle / 2,
                settles=now + (CREATION_TIMEOUT if hangs else today.settle),
                outcome=("CREATE_FAILED", outcome[1]) if hangs else outcome,
                job_ends=now + today.job,
                devices=today.devices,
            )
            service.created.append(name)
            service.on_created(name)
            return True

        if not self._call("CreateOTAUpdate", work):
            raise AlreadyExistsError(name)

    def delete(self, ota_update_id: str, *, delete_stream: bool, force_delete_job: bool) -> None:
        """Call DeleteOTAUpdate."""
        service = self._service

        def work() -> str:
            if (update := service.find(ota_update_id)) is None:
                return ""
            self._touch(ota_update_id)
            if update.deleted is not None or service.time.now < update.settles:
                return f"it is {service.status(update)}"
            if not force_delete_job and service.time.now < update.job_ends and update.outcome[0] == "CREATE_COMPLETE":
                return "its job is IN_PROGRESS"
            today = service.behaviour
            update.deleted = service.time.now
            update.removed, update.survives_deletion = service.time.now + today.removal, today.failing_deletions > 0
            today.failing_deletions -= update.survives_deletion
            return ""

        options = " deleteStream" * delete_stream + " forceDeleteAWSJob" * force_delete_job
        if refusal := self._call("DeleteOTAUpdate", work, options):
            raise FatalError(f"InvalidRequestException: {refusal}")

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """Call TagResource."""
        self._change_tags("TagResource", arn, lambda before: {**before, **tags})

    def untag(self, arn: str, keys: list[str]) -> None:
        """Call UntagResource."""
        self._change_tags("UntagResource", arn, lambda before: {key: before[key] for key in before if key not in keys})

    def _change_tags(self, operation: str, arn: str, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
        service, name = self._service, arn.removeprefix("arn:")

        def work() -> bool:
            if (update := service.find(name)) is None:
                return False
            self._touch(name)
            before, after = update.tags, change(update.tags)
            if len(after) > MOST_TAGS:
                raise FatalError(f"LimitExceededException: {len(after)} tags")
            update.tag_changes.append((service.time.now + service.behaviour.tag_lag, after))
            # The operations in the tag may change alone.
            if _gate_state(after) != _gate_state(before):
                service.on_deployed(name)
            return True

        if not self._call(operation, work):
            raise FatalError(f"ResourceNotFoundException: {arn}")

    def _find_by_job(self, job_id: str) -> FakeUpdate | None:
        return self._service.find(job_id.removeprefix(names.JOB_PREFIX))

    def _touch(self, ota_update_id: str) -> None:
        if ota_update_id in self._service.foreign:
            raise BrokenPromiseError(f"{ota_update_id} belongs to another owner and was changed")
        self._service.touched.append(dict(self._service.updates[ota_update_id].tags))


def _gate_state(tags: Mapping[str, str]) -> str | None:
    found = tags.get(names.DEPLOYED_TAG)
    return None if found is None else without_operation(found)


def _alarm(name: str, alarm: FakeAlarm, now: float) -> Alarm:
    since, state = alarm.at(now)[-1]
    return Alarm(
        name=name,
        state=state,
        since=since,
        reason=f"it is {state}",
        configured=alarm.configured,
        evaluation=alarm.evaluation,
    )


def _next(answers: list[_Result]) -> _Result:
    return answers.pop(0) if len(answers) > 1 else answers[0]
