"""Deploys with alarms, from the creation to the end of the bake time: what rings when, and what cannot be read."""

import functools
import json
from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update.contract import names, timeouts
from cdk_iot_ota_handler.ota_update.observed import Execution, JobProgress

from ..fakes.ota_service import Behaviour, FakeOtaService, Fault
from ..fakes.provider_framework import Answer
from .scenarios import DELETE, GATE, content_change, event, id_of, properties, run, with_update

STARTED = JobProgress(status="IN_PROGRESS", in_progress=3)
PASSED = JobProgress(status="COMPLETED", succeeded=3)
ALARMS = {"AlarmNames": ["crashes", "offline"], "BakeTimeInMinutes": "10"}
CREATED_AND_STOPPED = ["CreateOTAUpdate", "CancelJob", DELETE]


def watched(*progress: JobProgress, crashes: str = "OK", **changes: Any) -> FakeOtaService:
    """Return a service with two alarms, and these counts of the job in order."""
    service = FakeOtaService(progress=list(progress) or [STARTED, PASSED])
    service.put_alarm("crashes", crashes)
    service.put_alarm("offline", "OK")
    for name, value in changes.items():
        setattr(service, name, value)
    return service


def create(service: FakeOtaService, **gate: Any) -> Answer:
    """Deploy an update whose gate has the alarms."""
    return run(service, event("Create", Gate={**GATE, **ALARMS, **gate}))


def seconds(service: FakeOtaService) -> float:
    """Return how many seconds ago the update was created."""
    return service.time.now - service.updates[id_of("one")].created


def at(service: FakeOtaService, delay: float, *states: tuple[str, str]) -> None:
    """Set alarms so many seconds from now; each other one a second later."""
    for index, state in enumerate(states):
        service.time.spawn(functools.partial(service.set_alarm, *state), delay + index)


def test_a_gate_with_alarms_passes_after_its_bake_time() -> None:
    """The bake time begins when enough devices have succeeded, is kept in a tag, and ends the deploy."""
    service = watched()
    answer = create(service)
    assert answer.data is not None
    assert (answer.data["GateResult"], answer.data["AlarmsWithoutData"]) == ("passed", "")
    assert service.writes() == ["CreateOTAUpdate", "TagResource", "TagResource"]
    assert 600 <= seconds(service) <= 640
    tags = service.updates[id_of("one")].tags
    assert tags[names.PROVEN_TAG].endswith(" succeeded=3 failed=0")
    # The alarms are read a few times a minute, unlike the job.
    assert service.calls.count("DescribeAlarms") < service.calls.count("DescribeJob") / 3
    assert "DescribeAlarmHistory" not in service.calls


def test_without_alarms_a_bake_time_watches_the_counts() -> None:
    """A device that fails in the bake time fails the gate, and no alarm is read."""
    service = FakeOtaService(progress=[PASSED] * 30 + [JobProgress(status="COMPLETED", succeeded=2, failed=1)])
    answer = run(service, event("Create", Gate={**GATE, "BakeTimeInMinutes": "10"}))
    assert answer.reason.startswith("the gate has failed: 1 failure, and at most 0 are allowed")
    assert service.writes() == ["CreateOTAUpdate", "TagResource", DELETE]
    assert not [call for call in service.calls if "Alarm" in call]


def test_an_alarm_that_rings_forbids_the_creation() -> None:
    """Nothing is created while an alarm rings, so that no device is touched."""
    service = watched(crashes="ALARM")
    assert create(service).reason.startswith("the update was not created: alarm crashes is in ALARM since 19")
    assert service.writes() == []


def test_the_cure_is_deployed_although_an_alarm_rings() -> None:
    """With ONLY_NEW an alarm that rings before the creation counts once it has been quiet, and others at once."""
    service = watched(crashes="ALARM")
    assert not create(service, AlarmAtStart="ONLY_NEW").failed
    service = watched(crashes="ALARM")
    at(service, 200, ("crashes", "OK"), ("crashes", "ALARM"))
    assert "alarm crashes went to ALARM" in create(service, AlarmAtStart="ONLY_NEW").reason
    service = watched(crashes="ALARM")
    at(service, 200, ("offline", "ALARM"))
    assert "alarm offline went to ALARM" in create(service, AlarmAtStart="ONLY_NEW").reason


@pytest.mark.parametrize(
    ("delay", "progress", "when"),
    [
        (90, STARTED, "90 s after the update began (it is ALARM) (0 of 3 devices"),
        (300, PASSED, "5 min after the update began, 5 min into its bake time (it is ALARM) (3 of 3 devices"),
    ],
)
def test_an_alarm_that_begins_to_ring_stops_the_rollout(delay: float, progress: JobProgress, when: str) -> None:
    """While devices work and in the bake time, an alarm cancels the job within seconds, and the log has its reason."""
    service = watched(progress, behaviour=Behaviour(removal=9999))
    at(service, delay, ("offline", "ALARM"))
    assert create(service).reason.startswith(f"the gate has failed: alarm offline went to ALARM {when}")
    # A job that has ended is not canceled.
    stopped = CREATED_AND_STOPPED if progress is STARTED else ["CreateOTAUpdate", "TagResource", DELETE]
    assert service.writes() == stopped
    assert delay <= seconds(service) <= delay + timeouts.ALARM_INTERVAL + timeouts.QUERY_INTERVAL + 5


def test_an_alarm_in_the_log_has_its_whole_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """An alarm that rings is one line of the log, with the name, the state and why."""
    create(watched(crashes="ALARM"))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (found,) = [line for line in lines if "alarm" in line]
    assert (found["alarm"], found["state"], found["reason"]) == ("crashes", "ALARM", "it is ALARM")


@pytest.mark.parametrize("delay", [100, 599])
def test_an_alarm_that_rings_between_two_looks_stops_the_rollout(delay: float) -> None:
    """An alarm that is quiet again when it is read is found in its history, and asked for once in an invocation."""
    service = watched()
    at(service, delay, ("crashes", "ALARM"), ("crashes", "OK"))
    assert "alarm crashes went to ALARM" in (reason := create(service).reason)
    assert "and is OK again" in reason
    assert service.writes() == ["CreateOTAUpdate", "TagResource", DELETE]


def test_the_history_is_read_only_of_alarms_that_have_changed() -> None:
    """An alarm that gets its first data after the creation does not fail a gate, and few looks read its history."""
    service = watched(crashes="INSUFFICIENT_DATA")
    at(service, 100, ("crashes", "OK"))
    assert not create(service).failed
    assert 0 < service.calls.count("DescribeAlarmHistory") <= service.calls.count("DescribeAlarms")
    assert service.calls.count("DescribeAlarmHistory") < service.calls.count("DescribeJob") / 5


def test_an_alarm_without_data_is_shown() -> None:
    """Alarms that had nothing to tell do not fail a gate, and are an attribute of the update."""
    service = watched(crashes="INSUFFICIENT_DATA")
    answer = create(service)
    assert answer.data is not None
    assert answer.data["AlarmsWithoutData"] == "crashes"


@pytest.mark.parametrize("when", ["before", "in the bake time"])
def test_an_alarm_that_does_not_exist_fails_the_deploy(when: str) -> None:
    """A missing alarm is waited for some seconds; before the creation nothing is created, and later all is stopped."""
    service = watched()
    if when == "before":
        del service.alarms["offline"]
    else:
        service.time.spawn(lambda: service.alarms.pop("offline"), 200)
    reason = create(service).reason
    if when == "before":
        assert reason == "the update was not created: alarm offline does not exist in this account and Region"
        assert service.writes() == []
    else:
        assert reason.startswith("the gate has failed: alarm offline no longer exists")
        assert 200 <= seconds(service) <= 260


def test_an_alarm_of_the_same_deploy_may_be_visible_late() -> None:
    """An alarm that becomes visible some seconds after its creation is waited for."""
    service = watched()
    late = service.alarms.pop("offline")
    service.time.spawn(lambda: service.alarms.update(offline=late), 40)
    assert not create(service).failed


def throttled(service: FakeOtaService, operation: str, *, begins: float = 0, lasts: float = 1e9) -> FakeOtaService:
    """Let calls fail for a while."""
    service.inject([Fault(kind="throttled", operation=operation, begins=begins, lasts=lasts)])
    return service


def test_alarms_that_cannot_be_read_never_let_a_gate_pass() -> None:
    """Throttling in the last minutes prolongs the bake time until every alarm was read."""
    service = throttled(watched(), "DescribeAlarms", begins=500, lasts=400)
    assert not create(service).failed
    assert 900 <= seconds(service) <= 940


@pytest.mark.parametrize("operation", ["DescribeAlarms", "DescribeAlarmHistory"])
def test_alarms_that_can_never_be_read_fail_the_gate(operation: str) -> None:
    """After timeout and bake time together the rollout is stopped, and the reason says what could not be read."""
    service = throttled(watched(behaviour=Behaviour(removal=9999)), operation, begins=60)
    at(service, 90, ("crashes", "INSUFFICIENT_DATA"))
    assert create(service).reason.startswith(f"the gate has failed: could not read the alarms: {operation}: throttled")
    assert 2400 <= seconds(service) <= 2470
    assert service.writes() == ["CreateOTAUpdate", "TagResource", DELETE]


def test_devices_that_fail_stop_a_rollout_whose_alarms_cannot_be_read() -> None:
    """The counts decide although the alarms cannot be read, and an alarm although the job cannot be."""
    service = throttled(watched(STARTED, JobProgress(status="IN_PROGRESS", failed=1)), "DescribeAlarms", begins=10)
    service.progress = [STARTED] * 20 + service.progress[1:]
    assert "1 failure, and at most 0" in create(service).reason
    service = throttled(watched(), "DescribeJob", begins=10)
    at(service, 60, ("crashes", "ALARM"))
    assert "alarm crashes went to ALARM" in create(service).reason


def test_no_update_is_created_while_the_alarms_cannot_be_read() -> None:
    """A creation waits for the alarms as for any other call, and is refused after some minutes."""
    service = throttled(watched(), "DescribeAlarms", lasts=100)
    assert not create(service).failed
    service = throttled(watched(), "DescribeAlarms")
    assert create(service).reason == "DescribeAlarms: throttled"
    assert service.writes() == []


@pytest.mark.parametrize(("begins", "writes"), [(0, []), (60, ["CreateOTAUpdate", "TagResource", DELETE])])
def test_alarms_that_may_not_be_read_fail_the_deploy(begins: float, writes: list[str]) -> None:
    """Denied access is waited for until IAM must have propagated a permission; then nothing is created, or all ends."""
    service = watched()
    service.inject([Fault(kind="denied", operation="DescribeAlarms", begins=begins, lasts=1e9)])
    assert "not authorized" in create(service).reason
    assert service.writes() == writes


def test_slow_answers_about_alarms_leave_time_for_the_calls_that_follow() -> None:
    """No invocation takes longer than its limit, although each question about ten alarms takes the longest time."""
    service = FakeOtaService(progress=[PASSED], latency=14)
    many = [f"alarm-{number}" for number in range(10)]
    for name in many:
        service.put_alarm(name, "OK", "INSUFFICIENT_DATA", begins=100)
        service.put_alarm(name, "INSUFFICIENT_DATA", "OK", every=3700)
    create(service, AlarmNames=many, BakeTimeInMinutes="1")


def test_a_gate_that_only_reports_creates_while_an_alarm_rings() -> None:
    """Nothing is refused or stopped because of an alarm, and the verdict has it."""
    service = watched(crashes="ALARM")
    answer = create(service, OnFailure="REPORT")
    assert answer.data is not None
    assert answer.data["GateResult"].startswith("would have failed: alarm crashes is in ALARM since 19")
    assert service.writes() == ["CreateOTAUpdate", "TagResource"]
    service = watched()
    at(service, 60, ("offline", "ALARM"))
    answer = create(service, OnFailure="REPORT")
    assert answer.data is not None
    assert "alarm offline went to ALARM 60 s after the update began" in answer.data["GateResult"]


def test_a_rollback_asks_for_no_alarm() -> None:
    """A rollback to an update that was live succeeds while an alarm rings, without asking for it."""
    service = with_update("one")
    service.stack_statuses = ["UPDATE_ROLLBACK_IN_PROGRESS"]
    service.put_alarm("crashes", "ALARM")
    change = content_change("two", "one", id_of("two"))
    change["ResourceProperties"] = properties(content="one", Gate={**GATE, **ALARMS})
    assert not run(service, change).failed
    assert "DescribeAlarms" not in service.calls


def test_a_deployed_update_asks_for_no_alarm() -> None:
    """A change of alarms or tags of an update that is deployed evaluates nothing."""
    service = with_update("one")
    change = event("Update", old=properties(), physical_id=id_of("one"), Gate={**GATE, **ALARMS})
    assert not run(service, change).failed
    assert "DescribeAlarms" not in service.calls


@pytest.mark.parametrize("tag_lag", [0, 90])
def test_a_bake_time_begins_once(tag_lag: float) -> None:
    """The tag that keeps the beginning may be late, which prolongs the bake time by no more than that."""
    service = watched(PASSED, behaviour=Behaviour(tag_lag=tag_lag))
    assert not create(service).failed
    # Nothing is known to be the stack's own before its first tags are visible.
    assert 600 <= seconds(service) - tag_lag <= 640 + tag_lag


def test_a_retried_deploy_goes_on_with_the_bake_time() -> None:
    """A second delivery waits for the same moment, although another process began the bake time."""
    service = watched()
    again = list[bool]()
    service.time.spawn(lambda: again.append(create(service).failed), 300)
    assert not create(service).failed
    service.time.run(until=lambda: bool(again))
    assert again == [False]
    assert seconds(service) <= 640


def test_devices_may_finish_after_an_alarm() -> None:
    """An alarm cancels the job at once, and devices in the middle of it have their drain time."""
    service = watched(STARTED, behaviour=Behaviour(removal=9999))
    service.after_cancellation = [JobProgress(status="CANCELED", in_progress=1, succeeded=2)]
    at(service, 60, ("crashes", "ALARM"))
    assert "alarm crashes went to ALARM" in create(service, DrainInMinutes="2").reason
    assert 180 <= seconds(service) <= 210


def test_phases_may_share_an_alarm() -> None:
    """An alarm that one phase has made ring is refused by the next phase, which touches no device."""
    service = watched()
    assert not create(service).failed
    service.set_alarm("crashes", "ALARM")
    following = event("Create", content="two", Gate={**GATE, **ALARMS})
    assert "the update was not created: alarm crashes" in run(service, following).reason
    assert service.created == [id_of("one")]


def test_devices_that_fail_for_three_reasons() -> None:
    """A gate that an alarm fails names the devices that have failed too, by what they reported."""
    failing = JobProgress(status="IN_PROGRESS", failed=2, rejected=1, timed_out=1, in_progress=6)
    service = watched(failing)
    reports = [("pump-1", "FAILED", "0x1"), ("pump-2", "FAILED", "0x1"), ("pump-3", "REJECTED", "same version")]
    service.executions = [Execution(thing=thing, status=one, details={"reason": why}) for thing, one, why in reports]
    service.executions.append(Execution(thing="pump-4", status="TIMED_OUT", details={"self_test": "active"}))
    at(service, 30, ("crashes", "ALARM"))
    reason = create(service, MaximumFailures="9", SuccessPercentage="10").reason
    assert reason.endswith(
        '2 failed with "0x1" (pump-1, pump-2); 1 rejected it with "same version" (pump-3); 1 timed out in self test '
        '"active" (pump-4)'
    )


def test_six_of_a_thousand_devices_fail_in_the_bake_time() -> None:
    """With 99.5 % the gate passes with five failures, bakes, and fails with the sixth of a thousand devices."""
    passed = JobProgress(status="IN_PROGRESS", succeeded=995, failed=5)
    straggler = JobProgress(status="COMPLETED", succeeded=994, failed=6)
    service = watched(*[passed] * 40, straggler)
    reason = create(service, SuccessPercentage="99.5", MaximumFailures="5").reason
    assert reason.startswith(
        "the gate has failed: 6 failures, and at most 5 are allowed (994 of 1000 devices succeeded"
    )
    assert 60 <= seconds(service) < 600


def test_the_longest_gate_fits_into_the_deploy() -> None:
    """A gate that uses its 45 minutes passes in the time of the event, although its last tag is late."""
    service = watched(behaviour=Behaviour(tag_lag=120, devices=("succeed", 1440)))
    service.progress = []
    longest = {"TimeoutInMinutes": "25", "BakeTimeInMinutes": "20"}
    assert not create(service, **longest).failed
    assert seconds(service) < timeouts.HANDLER_DEADLINE
