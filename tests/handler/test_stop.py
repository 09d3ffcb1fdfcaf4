"""The end of a rollout whose gate has failed: each answer of CancelJob and DeleteOTAUpdate, and the time it takes."""

from collections.abc import Sequence

import pytest

from cdk_iot_ota_handler.ota_update.contract import names
from cdk_iot_ota_handler.ota_update.decide import Action, Decision
from cdk_iot_ota_handler.ota_update.desired import Desired
from cdk_iot_ota_handler.ota_update.errors import FatalError, RetryableError
from cdk_iot_ota_handler.ota_update.evidence import Inquiry
from cdk_iot_ota_handler.ota_update.identity import failed_tag
from cdk_iot_ota_handler.ota_update.observed import Execution, JobProgress, Observed
from cdk_iot_ota_handler.ota_update.stop import FailedRollout

from ..fakes.ota_service import Behaviour, Connection, FakeOtaService, Fault
from .scenarios import DELETE, GATE, event, id_of, with_update

DESIRED = Desired.from_event(event("Create", Gate=GATE))
RUNNING = JobProgress(status="IN_PROGRESS", failed=1, queued=1)
BUSY = JobProgress(status="IN_PROGRESS", failed=1, in_progress=1)
REASON = "the gate has failed: 1 failure"
THROTTLED, REFUSED = RetryableError("throttled"), FatalError("its job is in progress")
# Tries of CancelJob in 20 s, after which the update is deleted in its place.
PATIENT = 9


def end(
    service: FakeOtaService,
    *,
    ends: float = 184,
    deadline: float = 3200,
    drain: float = 0,
    progress: JobProgress | None = RUNNING,
    timed_out: bool = False,
    logged: list[Exception] | None = None,
    later: Sequence[float] = (),
) -> Decision:
    """End the rollout of the one update; both times are in seconds from now.

    :param later: pauses before further looks of the same invocation, which do not see tags that are added meanwhile.
    :returns: the decision of the last look.
    """
    service.progress = [progress or RUNNING]
    connection, now = service.connect(), service.time.now
    observed = connection.get_update(DESIRED.ota_update_id, now)
    on_error = (list[Exception]() if logged is None else logged).append
    rollout = FailedRollout(
        DESIRED,
        connection,
        service.clock(),
        ends=now + ends,
        deadline=now + deadline,
        drain=drain,
        drain_deadline=now + 3000,
        inquiry=Inquiry(connection, service.clock(), DESIRED.job_id, log=lambda _: None, on_error=on_error),
        on_error=on_error,
    )
    stop = Decision(Action.STOP, REASON, timed_out=timed_out)
    decision = rollout.end(observed, progress, stop)
    for pause in later:
        service.time.sleep(pause)
        decision = rollout.end(observed, progress, stop)
    return decision


def new_update() -> FakeOtaService:
    """Return a service with the update, which is not deployed."""
    return with_update("one", deployed=False)


def test_a_rollout_is_canceled_and_its_update_deleted() -> None:
    """The job is canceled first, and what is deleted needs neither a verdict nor another look."""
    service = new_update()
    assert end(service) == Decision(Action.STOP, REASON)
    listed = "ListJobExecutionsForJob FAILED"
    assert service.calls == ["GetOTAUpdate", "ListTagsForResource", "CancelJob", listed, DELETE]


def test_an_update_that_cannot_be_deleted_keeps_the_verdict() -> None:
    """The failure is reported once the job is canceled, and the reason stays with an update that is not deleted."""
    service = new_update()
    service.errors = {"DeleteOTAUpdate": [REFUSED]}
    assert end(service) == Decision(Action.STOP, REASON)
    assert REASON in service.updates[id_of("one")].tags[names.FAILED_TAG]


def test_a_rollout_that_aws_iot_refuses_to_end_is_reported() -> None:
    """If AWS IoT refuses both to cancel the job and to delete the update, the reason says so, and the event ends."""
    service = new_update()
    service.errors = {"CancelJob": [FatalError("the job is invalid")], "DeleteOTAUpdate": [REFUSED]}
    continues = f"its rollout may continue, cancel the job AFR_OTA-{id_of('one')}: the job is invalid"
    assert end(service) == Decision(Action.STOP, f"{REASON}; {continues}")
    assert names.FAILED_TAG in service.updates[id_of("one")].tags


def test_a_job_is_canceled_after_all_if_the_deletion_fails() -> None:
    """An accepted deletion does not end the rollout: if it fails in AWS IoT, the job is canceled all the same."""
    service = new_update()
    service.behaviour = Behaviour(failing_deletions=1)
    service.errors = {"CancelJob": [THROTTLED] * PATIENT}
    assert end(service) == Decision(Action.STOP, REASON)
    update = service.updates[id_of("one")]
    assert service.writes() == [*["CancelJob"] * PATIENT, DELETE, "CancelJob", DELETE]
    assert (update.canceled, service.status(update)) == (REASON, "DELETE_IN_PROGRESS")


@pytest.mark.parametrize("status_lag", [0, 999])
def test_an_update_that_is_being_deleted_for_long_has_no_rollout(status_lag: float) -> None:
    """The failure is reported at the end of the invocation if an accepted deletion takes longer, or does not show."""
    service = new_update()
    service.behaviour = Behaviour(removal=999, status_lag=status_lag)
    service.errors = {"CancelJob": [THROTTLED] * PATIENT}
    assert end(service, ends=50) == Decision(Action.STOP, REASON)
    assert service.writes() == [*["CancelJob"] * PATIENT, DELETE]


def test_a_cancellation_that_is_throttled_is_tried_again_before_the_deletion() -> None:
    """One throttled call takes neither the job from devices that execute it, nor their reports."""
    service = new_update()
    service.errors = {"CancelJob": [THROTTLED] * (PATIENT - 1)}
    assert end(service) == Decision(Action.STOP, REASON)
    assert service.writes() == [*["CancelJob"] * PATIENT, DELETE]
    assert service.calls[-2:] == ["ListJobExecutionsForJob FAILED", DELETE]


def test_a_job_that_cannot_be_canceled_is_deleted_before_anything_is_asked() -> None:
    """If CancelJob is refused, only the deletion ends the rollout, and the questions do not delay it."""
    service = new_update()
    service.errors = {"CancelJob": [FatalError("the job is invalid")]}
    assert end(service) == Decision(Action.STOP, REASON)
    assert service.writes() == ["CancelJob", DELETE]
    assert not [call for call in service.calls if "JobExecution" in call]


def test_a_job_that_has_ended_meanwhile_is_not_told_as_continuing() -> None:
    """If CancelJob is refused because the job has ended, its rollout is over, and its devices are looked up."""
    service = new_update()
    service.errors = {"CancelJob": [FatalError("it is COMPLETED")], "DeleteOTAUpdate": [REFUSED]}
    service.on_canceled = lambda _: None
    service.executions = [Execution(thing="pump-1", status="FAILED", details={"reason": "x"})]
    done = JobProgress(status="COMPLETED", failed=1, succeeded=1)
    service.time.spawn(lambda: service.progress.__setitem__(0, done), 0.5)
    service.latency = 1
    assert end(service) == Decision(Action.STOP, f'{REASON}: 1 failed with "x" (pump-1)')


def test_a_deleted_update_is_neither_drained_nor_asked_for() -> None:
    """An update that was deleted because its job could not be canceled gets no tag, and its job no question."""
    service = new_update()
    service.errors = {"CancelJob": [THROTTLED] * PATIENT}
    assert end(service, drain=300, progress=BUSY) == Decision(Action.STOP, REASON)
    assert service.writes() == [*["CancelJob"] * PATIENT, DELETE]
    assert not [call for call in service.calls if "JobExecution" in call]


def test_a_job_that_is_being_deleted_is_not_drained() -> None:
    """Devices lose a job that is being deleted, so that nothing is waited for."""
    service = new_update()
    deleting = JobProgress(status="DELETION_IN_PROGRESS", failed=1, in_progress=1)
    assert end(service, drain=300, progress=deleting) == Decision(Action.STOP, REASON)
    assert service.writes() == [DELETE]


def test_a_drain_ends_with_its_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Devices are not waited for if their job is gone."""
    service = new_update()
    tags = {**DESIRED.all_tags, names.FAILED_TAG: failed_tag(REASON, draining_since=service.time.now - 10)}
    service.put(DESIRED.ota_update_id, tags)
    monkeypatch.setattr(Connection, "job_progress", lambda *_: None)
    assert end(service, drain=300, progress=BUSY) == Decision(Action.STOP, REASON)
    assert service.writes() == [DELETE]


@pytest.mark.parametrize("since", [-10, 1e10])
def test_a_tag_alone_does_not_tell_that_a_job_is_canceled(since: float) -> None:
    """A job that continues is canceled, whatever its tag tells, and the event is not held longer than declared."""
    service = new_update()
    service.put(
        DESIRED.ota_update_id, {**DESIRED.all_tags, names.FAILED_TAG: f"since={service.time.now + since:.0f} x"}
    )
    service.after_cancellation = [JobProgress(status="CANCELED", in_progress=1)]
    assert end(service, drain=300, progress=BUSY).action is Action.WAIT
    assert service.writes() == ["CancelJob"]


def test_a_drain_does_not_begin_in_the_future() -> None:
    """A tag from the future counts from now on."""
    service = new_update()
    service.put(DESIRED.ota_update_id, {**DESIRED.all_tags, names.FAILED_TAG: "since=9999999999 x"})
    service.after_cancellation = [JobProgress(status="CANCELED", in_progress=1)]
    assert end(service, drain=0, progress=BUSY).action is Action.STOP
    assert service.writes() == ["CancelJob", DELETE]


def test_a_refused_deletion_does_not_end_the_tries_to_cancel() -> None:
    """A job that CancelJob could not cancel yet is canceled later, although AWS IoT refuses the deletion meanwhile."""
    service = new_update()
    service.errors = {"CancelJob": [THROTTLED] * (PATIENT + 1), "DeleteOTAUpdate": [REFUSED] * 3}
    assert end(service) == Decision(Action.STOP, REASON)
    assert service.updates[id_of("one")].canceled == REASON


def test_each_error_is_logged() -> None:
    """The log has every answer of CancelJob and of DeleteOTAUpdate, in order."""
    service, logged = new_update(), list[Exception]()
    canceling, ended = RetryableError("CancelJob is throttled"), FatalError("the job is COMPLETED")
    service.errors = {"CancelJob": [*[canceling] * PATIENT, ended], "DeleteOTAUpdate": [REFUSED, REFUSED]}
    end(service, logged=logged)
    assert logged == [*[canceling] * PATIENT, REFUSED, canceling, ended, REFUSED]


@pytest.mark.parametrize("kind", ["denied", "throttled"])
def test_the_end_of_a_rollout_takes_no_longer_than_its_invocation(kind: str) -> None:
    """Calls are tried until the invocation has to end, denied ones too, and the event goes on."""
    service = new_update()
    service.inject([Fault(kind=kind, operation=name, lasts=9999) for name in ("CancelJob", "DeleteOTAUpdate")])
    begun = service.time.now
    assert end(service, ends=50) == Decision(Action.WAIT, f"{REASON}: its job is not canceled yet")
    assert 45 < service.time.now - begun < 51
    *tries, last = service.writes()
    first = 0 if kind == "denied" else PATIENT - 1
    assert (tries[:first], last) == (["CancelJob"] * first, "TagResource")
    assert tries[first:] == ["CancelJob", DELETE] * (len(tries[first:]) // 2)
    assert REASON in service.updates[id_of("one")].tags[names.FAILED_TAG]


def test_a_rollout_that_may_not_be_ended_is_reported() -> None:
    """If both calls stay denied for three minutes of one invocation, the reason says that the rollout continues."""
    service = new_update()
    service.inject([Fault(kind="denied", operation=name, lasts=9999) for name in ("CancelJob", "DeleteOTAUpdate")])
    decision = end(service, ends=184)
    assert decision.action is Action.STOP
    assert "its rollout continues, cancel the job" in decision.reason


def test_a_rollout_is_not_ended_by_an_invocation_that_has_no_time() -> None:
    """The calls that end a rollout are left to the next invocation if this one has used up its time."""
    service = new_update()
    decision = end(service, ends=-0.1)
    assert decision.action is Action.WAIT
    assert decision.reason.startswith(REASON)
    assert service.writes() == []


@pytest.mark.parametrize(("deadline", "action"), [(49, Action.STOP), (50, Action.WAIT), (51, Action.WAIT)])
def test_after_the_deadline_the_reason_says_that_the_rollout_continues(deadline: float, action: Action) -> None:
    """The event ends after the deadline, with the job to cancel and the last error."""
    service = new_update()
    service.inject([Fault(kind="throttled", operation=name, lasts=9999) for name in ("CancelJob", "DeleteOTAUpdate")])
    decision = end(service, ends=50, deadline=deadline)
    assert decision.action is action
    continues = f"its rollout continues, cancel the job AFR_OTA-{id_of('one')}: DeleteOTAUpdate: throttled"
    assert (continues in decision.reason) is (action is Action.STOP)


@pytest.mark.parametrize("ends", [0, 184])
@pytest.mark.parametrize("kind", ["cut after", "slow"])
def test_an_update_that_is_gone_has_no_rollout(kind: str, ends: float) -> None:
    """The gate's reason is reported if only the answers of CancelJob and DeleteOTAUpdate are lost."""
    service = new_update()
    service.inject([Fault(kind=kind, operation=name, lasts=9999) for name in ("CancelJob", "DeleteOTAUpdate")])
    service.behaviour = Behaviour(removal=60)
    assert end(service, ends=ends) == Decision(Action.STOP, REASON)
    assert "TagResource" not in service.writes()


def test_an_update_that_cannot_be_looked_for_is_not_taken_as_gone() -> None:
    """The event goes on if neither CancelJob, DeleteOTAUpdate nor GetOTAUpdate answers."""
    service = new_update()
    operations = ("CancelJob", "DeleteOTAUpdate", "GetOTAUpdate")
    service.inject([Fault(kind="throttled", operation=name, begins=0.1, lasts=9999) for name in operations])
    service.latency = 0.2
    assert end(service).action is Action.WAIT


CANCELED = JobProgress(status="CANCELED", failed=1, in_progress=1, canceled=1)


def test_a_canceled_job_that_seems_to_continue_is_not_canceled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS IoT may show a job for some seconds as it was before the invocation canceled it."""
    service = new_update()
    monkeypatch.setattr(Connection, "job_progress", lambda *_: BUSY)
    assert end(service, drain=300, progress=BUSY, later=[1]).action is Action.WAIT
    assert service.writes() == ["CancelJob", "TagResource"]


def test_a_drain_that_has_begun_ends_although_its_tag_is_not_visible() -> None:
    """An invocation remembers when the drain began, and names no device that was canceled before it started."""
    service = new_update()
    service.after_cancellation = [CANCELED]
    service.executions = [Execution(thing="off-1", status="CANCELED", has_started=False)]
    assert end(service, ends=999, drain=300, progress=BUSY, later=[299]).action is Action.WAIT
    service = new_update()
    service.after_cancellation = [CANCELED]
    service.executions = [Execution(thing="off-1", status="CANCELED", has_started=False)]
    assert end(service, ends=999, drain=300, progress=BUSY, later=[301]) == Decision(Action.STOP, REASON)
    assert service.writes() == ["CancelJob", "TagResource", DELETE]


def test_a_drain_from_the_future_lasts_as_long_as_declared() -> None:
    """A tag from the future counts from the first look of an invocation on, and does not begin again with each look."""
    service = new_update()
    service.put(DESIRED.ota_update_id, {**DESIRED.all_tags, names.FAILED_TAG: "since=9999999999 x"})
    service.after_cancellation = [CANCELED]
    assert end(service, ends=999, drain=300, progress=BUSY, later=[299]).action is Action.WAIT
    assert end(service, ends=999, drain=300, progress=BUSY, later=[301]).action is Action.STOP


def test_the_tag_of_a_drain_keeps_that_the_gate_has_timed_out() -> None:
    """The looks that follow name the devices that a gate has waited for only if the tag says that it has timed out."""
    service = new_update()
    service.after_cancellation = [CANCELED]
    end(service, drain=300, progress=BUSY, timed_out=True)
    tags = service.updates[DESIRED.ota_update_id].tags
    assert Observed(status="", tags=tags, age=1, attributes={}).has_timed_out


def test_a_verdict_without_counts_is_drained_only_if_a_device_is_at_it() -> None:
    """The counts of a job whose verdict was read from a tag are read once it is canceled."""
    service = new_update()
    service.after_cancellation = [JobProgress(status="CANCELED", failed=1, canceled=1)]
    assert end(service, drain=300, progress=None) == Decision(Action.STOP, REASON)
    assert service.writes() == ["CancelJob", DELETE]


def test_the_devices_of_a_job_that_was_ended_meanwhile_are_those_of_its_end() -> None:
    """Devices that another process has canceled count as failures if that ended the job before the gate did."""
    service = new_update()
    service.errors = {"CancelJob": [FatalError("it is CANCELED")]}
    service.executions = [Execution(thing="pump-9", status="CANCELED", details={})]
    ended = JobProgress(status="CANCELED", failed=1, canceled=1)
    service.time.spawn(lambda: service.progress.__setitem__(0, ended), 0.5)
    service.latency = 1
    assert end(service).reason == f"{REASON}: 1 were canceled without a reason (pump-9)"


def test_a_job_that_is_gone_is_not_told_as_continuing(monkeypatch: pytest.MonkeyPatch) -> None:
    """If CancelJob is refused because the job does not exist, there is no rollout that could continue."""
    service = new_update()
    service.errors = {"CancelJob": [FatalError("not found")], "DeleteOTAUpdate": [REFUSED]}
    monkeypatch.setattr(Connection, "job_progress", lambda *_: None)
    assert end(service) == Decision(Action.STOP, REASON)


def test_a_gate_that_has_timed_out_names_whom_it_waited_for_whoever_canceled_the_job() -> None:
    """The tag tells that a gate has timed out, also if the reason code of its job does not."""
    service = new_update()
    service.executions = [Execution(thing="off-1", status="QUEUED", has_started=False)]
    canceled = JobProgress(status="CANCELED", queued=1, is_verdict=True, comment=REASON)
    decision = end(service, progress=canceled, timed_out=True)
    assert decision.reason == f"{REASON}: 1 never started, offline? (off-1)"
