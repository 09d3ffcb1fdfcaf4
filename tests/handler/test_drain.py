"""A failed gate that gives devices time to finish: the job is canceled at once, and its update deleted later."""

import json

import pytest

from cdk_iot_ota_handler.ota_update.contract import limits, names, timeouts
from cdk_iot_ota_handler.ota_update.decide import Action
from cdk_iot_ota_handler.ota_update.errors import FatalError, RetryableError
from cdk_iot_ota_handler.ota_update.identity import failed_tag
from cdk_iot_ota_handler.ota_update.observed import Execution, JobProgress, Observed

from ..fakes.ota_service import Behaviour, FakeOtaService, Fault
from .polls import poll
from .scenarios import DELETE, GATE, event, id_of, put_update, run

STARTED = JobProgress(status="IN_PROGRESS", queued=3)
FAILED = JobProgress(status="IN_PROGRESS", failed=1, in_progress=2, queued=1)
UNDERWAY = JobProgress(status="CANCELED", failed=1, in_progress=1, canceled=1, succeeded=1)
FINISHED = JobProgress(status="CANCELED", failed=1, canceled=1, succeeded=2)
DRAINING = event("Create", Gate={**GATE, "DrainInMinutes": "5"})
REASON = "the gate has failed: 1 failure, and at most 0 are allowed (0 of 4 devices succeeded"


def failing(*after: JobProgress, progress: JobProgress = FAILED) -> FakeOtaService:
    """Return a service with a failed gate, and these counts after the cancellation of its job."""
    service = FakeOtaService(progress=[STARTED, progress], after_cancellation=list(after))
    service.behaviour = Behaviour(removal=9999)
    return service


def seconds(service: FakeOtaService) -> float:
    """Return after how many seconds the update was deleted."""
    update = service.updates[id_of("one")]
    assert update.deleted is not None
    return update.deleted - update.created


def test_devices_may_finish_before_the_deletion() -> None:
    """The job is canceled at once, and the update deleted when no device is left that executes it."""
    service, canceled = failing(*[UNDERWAY] * 30, FINISHED), list[list[str]]()
    service.time.spawn(lambda: canceled.append(service.writes()), 10)
    assert REASON in run(service, DRAINING).reason
    assert service.writes() == ["CreateOTAUpdate", "CancelJob", "TagResource", DELETE]
    assert canceled == [["CreateOTAUpdate", "CancelJob", "TagResource"]]
    assert 30 < seconds(service) < 300


@pytest.mark.parametrize("tag_lag", [0, 100])
def test_devices_that_do_not_finish_are_not_waited_for_longer(tag_lag: float) -> None:
    """The update is deleted after the declared time since the cancellation, though the tag with that is late."""
    service = failing(UNDERWAY)
    service.behaviour = Behaviour(tag_lag=tag_lag, removal=9999)
    service.executions = [Execution(thing="slow-1", status="IN_PROGRESS", details={"self_test": "ready"})]
    reason = run(service, DRAINING).reason
    assert reason.startswith(REASON)
    assert reason.endswith('1 did not end in self test "ready" (slow-1)')
    # Nothing is known to be the stack's own before its first tags are visible.
    assert 300 <= seconds(service) - tag_lag <= 330
    assert service.calls.count("CancelJob") == 1


@pytest.mark.parametrize(
    "progress",
    [JobProgress(status="IN_PROGRESS", failed=1, queued=1), JobProgress(status="COMPLETED", failed=1, succeeded=1)],
)
def test_nothing_is_waited_for_if_no_device_executes_the_job(progress: JobProgress) -> None:
    """Without a device in the middle of it, the update is deleted in the same look."""
    service = failing(progress=progress)
    run(service, DRAINING)
    assert seconds(service) < 10
    assert "TagResource" not in service.writes()


def test_a_gate_without_a_drain_waits_for_nothing() -> None:
    """By default a failed update is removed in the same look, whatever its devices do."""
    service = failing(UNDERWAY)
    run(service, event("Create", Gate=GATE))
    assert service.writes() == ["CreateOTAUpdate", "CancelJob", DELETE]


def test_a_drain_that_cannot_be_kept_does_not_begin() -> None:
    """Without a tag that tells the next look when it began, the update is deleted at once."""
    service = failing(UNDERWAY)
    service.errors = {"TagResource": [FatalError("LimitExceededException: 51 tags")] * 9}
    assert REASON in run(service, DRAINING).reason
    assert seconds(service) < 10


def test_a_job_that_cannot_be_read_ends_the_drain_in_time() -> None:
    """Devices whose job cannot be read are waited for until the time is over."""
    service = failing(UNDERWAY)
    service.errors = {"DescribeJob": []}
    service.time.spawn(lambda: service.errors["DescribeJob"].extend([RetryableError("throttled")] * 9999), 8)
    assert run(service, DRAINING).reason.startswith("the gate has failed: 1 failure and at most 0 are allowed 0 of 4")
    assert 300 <= seconds(service) <= 330


def test_a_drain_ends_when_the_stack_rolls_back(capsys: pytest.CaptureFixture[str]) -> None:
    """An update whose stack rolls back meanwhile is deleted in the next look, as while a gate waits, and logged."""
    service = failing(UNDERWAY)
    service.time.spawn(lambda: service.stack_statuses.__setitem__(0, "ROLLBACK_IN_PROGRESS"), 60)
    assert run(service, DRAINING).failed
    assert 59 < seconds(service) < 70
    assert "it was created after the stack started to roll back" in capsys.readouterr().out


def test_an_update_without_a_gate_is_not_drained() -> None:
    """A verdict that an earlier delivery has left on an update whose gate is gone ends its rollout at once."""
    service = failing(UNDERWAY)
    put_update(service, deployed=False, tags={names.FAILED_TAG: failed_tag("the gate has failed")}, age=10)
    with pytest.raises(FatalError, match="the gate has failed"):
        poll(service, event("Create"), waited=30)
    assert service.writes() == ["CancelJob", DELETE]


def test_the_log_tells_what_a_stop_waits_for(capsys: pytest.CaptureFixture[str]) -> None:
    """A rollout that cannot be stopped yet is a line of the log that says so."""
    service = failing(progress=FAILED)
    service.inject([Fault(kind="throttled", operation=name, lasts=300) for name in ("CancelJob", "DeleteOTAUpdate")])
    run(service, event("Create", Gate=GATE))
    assert "its job is not canceled yet" in capsys.readouterr().out


def test_a_drain_ends_with_the_time_of_the_event() -> None:
    """The drain of a gate that fails late is as short as the time that the deploy has left."""
    service = failing(UNDERWAY, progress=JobProgress(status="IN_PROGRESS", in_progress=1))
    late = event("Create", Gate={**GATE, "TimeoutInMinutes": "45", "DrainInMinutes": "15"})
    assert "timed out after 27" in run(service, late).reason
    assert 2900 < seconds(service) < timeouts.HANDLER_DEADLINE - timeouts.SETTLE_PATIENCE - timeouts.CALL - 5


@pytest.mark.parametrize("tag_lag", [0, 100])
def test_devices_that_never_started_are_named_after_the_drain(tag_lag: float) -> None:
    """The tag and the job keep that a gate has timed out, so that the last look names the devices it has waited for."""
    service = failing(UNDERWAY, progress=JobProgress(status="IN_PROGRESS", succeeded=1, in_progress=1, queued=2))
    service.behaviour = Behaviour(tag_lag=tag_lag, removal=9999)
    service.executions = [Execution(thing="off-1", status="CANCELED", has_started=False)]
    assert run(service, DRAINING).reason.endswith("1 never started, offline? (off-1)")


@pytest.mark.parametrize("errors", ["errors", "late_errors"])
def test_a_cancellation_that_was_lost_is_followed_by_a_drain(errors: str) -> None:
    """Devices may finish although CancelJob was throttled, or only its answer was lost."""
    service = failing(UNDERWAY)
    setattr(service, errors, {"CancelJob": [RetryableError("throttled")]})
    assert REASON in run(service, DRAINING).reason
    assert 300 <= seconds(service) <= 330


def test_a_job_that_is_canceled_minutes_later_is_drained_all_the_same() -> None:
    """A verdict that another invocation reads from the tag gives devices their time, and names those waited for."""
    service = failing(UNDERWAY, progress=JobProgress(status="IN_PROGRESS", succeeded=1, in_progress=1, queued=2))
    service.executions = [Execution(thing="off-1", status="CANCELED", has_started=False)]
    calls = ("CancelJob", "DeleteOTAUpdate")
    service.inject([Fault(kind="throttled", operation=name, begins=100, lasts=2000) for name in calls])
    assert run(service, DRAINING).reason.endswith("1 never started, offline? (off-1)")
    assert 2400 <= seconds(service) <= 2440


def test_the_log_tells_what_a_drain_waits_for(capsys: pytest.CaptureFixture[str]) -> None:
    """Each look of a drain is one line of the log that says that devices may finish."""
    run(failing(UNDERWAY), DRAINING)
    decisions = [
        line["decision"] for line in map(json.loads, capsys.readouterr().out.splitlines()) if "decision" in line
    ]
    stop = Action.STOP.value
    assert decisions[decisions.index(stop) :] == [stop, *["wait"] * (len(decisions) - decisions.index(stop) - 2), stop]


def test_the_verdict_during_a_drain_is_kept_in_the_tag() -> None:
    """The tag has the second of the cancellation and the reason, in the characters and length of a tag."""
    value = failed_tag("the gate has failed: 98.5 % " + "x" * 300, draining_since=1_700_000_000.4, timed_out=True)
    limits.TAG_VALUE.check("failed", value)
    seen = Observed(status="CREATE_COMPLETE", tags={names.FAILED_TAG: value}, age=1, attributes={})
    assert (seen.draining_since, seen.has_timed_out) == (1_700_000_000, True)
    assert (seen.verdict or "").startswith("the gate has failed: 98.5 xxx")
    plain = Observed(status="", tags={names.FAILED_TAG: failed_tag("the gate")}, age=1, attributes={})
    assert (plain.draining_since, plain.has_timed_out, plain.verdict) == (None, False, "the gate")
    tags = {names.FAILED_TAG: failed_tag("the gate", timed_out=True)}
    late = Observed(status="", tags=tags, age=1, attributes={})
    assert (late.draining_since, late.has_timed_out, late.verdict) == (None, True, "the gate")


def test_a_second_delivery_does_not_prolong_a_drain() -> None:
    """An event that is delivered again meanwhile waits for the same moment, and fails with the same reason."""
    service = failing(UNDERWAY)
    again = list[str]()
    service.time.spawn(lambda: again.append(run(service, DRAINING).reason), 100)
    run(service, DRAINING)
    service.time.run(until=lambda: bool(again))
    assert 300 <= seconds(service) <= 330
    assert service.created == [id_of("one")]
