"""A gate that waits: what it asks, how often, and how soon it notices what ends the wait."""

import functools
import json

import pytest

from cdk_iot_ota_handler.ota_update.decide.gate import may_end_soon
from cdk_iot_ota_handler.ota_update.desired import Desired, Gate
from cdk_iot_ota_handler.ota_update.errors import FatalError
from cdk_iot_ota_handler.ota_update.observed import JobProgress

from ..fakes.ota_service import FakeOtaService, Fault
from .polls import poll, timed_poll
from .scenarios import DELETE, GATE, event, id_of, run, with_update

GATED = event("Create", Gate=GATE)
LENIENT = Desired.from_event(event("Create", Gate={**GATE, "MaximumFailures": "200"})).gate
STARTED = JobProgress(status="IN_PROGRESS", queued=3)
ROLLING_OUT = JobProgress(status="IN_PROGRESS", queued=3, is_rolled_out=False)
FULL_LOOK = ["GetOTAUpdate", "ListTagsForResource", "DescribeStacks", "DescribeJob"]
GLANCE = ["DescribeStacks", "DescribeJob"]


def waiting(progress: JobProgress = STARTED, *, age: float = 300) -> FakeOtaService:
    """Return a service with an update whose gate waits."""
    service = with_update(deployed=False, age=age)
    service.progress = [progress]
    return service


def test_after_a_full_look_a_gate_asks_only_for_the_stack_and_its_job() -> None:
    """One invocation takes one full look, and then asks what may end the wait, every five seconds."""
    service = waiting()
    answer, seconds = timed_poll(service, GATED, waited=300)
    assert (answer, 180 < seconds < 190) == ({"IsComplete": False}, True)
    glances = len(service.calls[4:]) // 2
    assert service.calls == [*FULL_LOOK, *GLANCE * glances]
    assert 36 <= glances <= 42


def test_a_gate_that_cannot_end_soon_asks_less_often() -> None:
    """While a job is rolled out to a large group, and all its devices may fail, a look every fifteen seconds does."""
    service = waiting(ROLLING_OUT)
    timed_poll(service, event("Create", Gate={**GATE, "MaximumFailures": "200"}), waited=300)
    assert 11 <= service.calls.count("DescribeJob") <= 17


@pytest.mark.parametrize(
    ("progress", "is_soon"),
    [
        (None, True),
        (STARTED, True),
        (ROLLING_OUT, False),
        (JobProgress(status="IN_PROGRESS", queued=33, is_rolled_out=False), False),
        (JobProgress(status="IN_PROGRESS", queued=34, is_rolled_out=False), True),
        (JobProgress(status="IN_PROGRESS", in_progress=34, is_rolled_out=False), True),
        (JobProgress(status="IN_PROGRESS", failed=34, succeeded=9999, is_rolled_out=False), True),
    ],
)
def test_a_gate_may_end_soon_unless_too_few_devices_have_the_job(progress: JobProgress, *, is_soon: bool) -> None:
    """200 failures need 33 devices besides the 167 that AWS IoT can reach in ten seconds."""
    assert LENIENT is not None
    assert may_end_soon(LENIENT, progress) is is_soon


def test_a_share_is_judged_once_all_devices_have_the_job() -> None:
    """A gate without a number of failures does not end while the job still reaches more devices."""
    shares = {"SuccessPercentage": "90", "MaximumFailurePercentage": "10"}
    gate = Gate.from_properties({"Gate": {**shares, "MinimumDevices": "1", "TimeoutInMinutes": "30"}})
    assert gate is not None
    assert not may_end_soon(gate, JobProgress(status="IN_PROGRESS", failed=999, is_rolled_out=False))


@pytest.mark.parametrize("status", ["ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"])
def test_a_rollback_ends_the_wait_within_seconds(status: str) -> None:
    """A deploy that is canceled ends its rollout at once, and not with the next invocation."""
    service, deleted = waiting(), list[float]()
    service.put(id_of("one"), service.updates[id_of("one")].tags, age=5)
    service.time.spawn(lambda: service.stack_statuses.__setitem__(0, status), 60)
    service.time.spawn(lambda: deleted.extend([1] * service.writes().count(DELETE)), 66)
    run(service, GATED)
    assert deleted == [1]


def test_a_wait_is_a_line_for_each_change_of_the_counts_and_for_each_minute(capsys: pytest.CaptureFixture[str]) -> None:
    """The log does not repeat every few seconds what has not changed, and says once a minute that it has not."""
    service = waiting()
    for queued, seconds in ((2, 30), (1, 45)):
        counts = JobProgress(status="IN_PROGRESS", queued=queued, in_progress=3 - queued)
        service.time.spawn(functools.partial(service.progress.__setitem__, 0, counts), seconds)
    timed_poll(service, GATED, waited=300)
    lines = [json.loads(line)["reason"] for line in capsys.readouterr().out.splitlines()]
    told = [line.split("canceled, ")[1] for line in lines]
    assert told == ["0 in progress, 3 queued", "1 in progress, 2 queued", *["2 in progress, 1 queued"] * 3]


def test_slow_calls_make_no_gate_late() -> None:
    """The time of a gate passes while AWS answers, too."""
    service = waiting(age=1650)
    service.latency = 2
    begun = service.time.now
    with pytest.raises(FatalError, match="timed out after 180"):
        poll(service, event("Create", Gate={**GATE, "TimeoutInMinutes": "30"}), waited=1650)
    assert service.time.now - begun < 170


@pytest.mark.parametrize(("waited", "least", "most"), [(2925, 0, 30), (2832, 95, 110)])
def test_a_wait_leaves_the_last_looks_to_short_invocations(waited: float, least: float, most: float) -> None:
    """Near the end of the time for a deploy an invocation is short, so that the last one can say how it ended."""
    service = waiting()
    answer, seconds = timed_poll(service, GATED, waited=waited)
    assert (answer, least < seconds < most) == ({"IsComplete": False}, True)


def test_a_bake_time_is_a_line_for_each_minute(capsys: pytest.CaptureFixture[str]) -> None:
    """The log does not count the seconds of a bake time."""
    service = waiting(JobProgress(status="COMPLETED", succeeded=3))
    timed_poll(service, event("Create", Gate={**GATE, "BakeTimeInMinutes": "5"}), waited=300)
    lines = [json.loads(line)["reason"] for line in capsys.readouterr().out.splitlines()]
    assert len([line for line in lines if "its bake time ends in" in line]) == 4


def test_what_vanishes_while_a_gate_is_watched_is_not_created_again() -> None:
    """Another delivery of the event may have deleted it, because its gate has failed: devices do not get it again."""
    service = with_update(deployed=False, age=5)
    service.progress = [STARTED]
    service.time.spawn(service.updates.clear, 60)
    with pytest.raises(FatalError):
        poll(service, GATED, waited=10)
    assert service.writes() == []


def test_an_update_that_was_there_before_the_errors_is_left_to_the_next_look() -> None:
    """Calls that fail until the end of the invocation end an event only if it may still have to create the update."""
    service = waiting(age=5)
    service.inject([Fault(kind="throttled", operation="DescribeJob", lasts=1e9)])
    assert poll(service, GATED, waited=5) == {"IsComplete": False}


def test_tags_that_are_not_visible_yet_hold_no_invocation() -> None:
    """The next invocation goes on to wait for what takes minutes, with a gate too."""
    service = waiting()
    service.put(id_of("one"), {}, age=5)
    answer, seconds = timed_poll(service, GATED, waited=5)
    assert (answer, 20 < seconds < 30) == ({"IsComplete": False}, True)


def test_an_alarm_that_has_no_data_for_a_while_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The log tells of it at once, and not only if the line of a minute happens to fall into that time."""
    service = waiting(JobProgress(status="COMPLETED", succeeded=3))
    service.put_alarm("crashes", "OK")
    for state, seconds in (("INSUFFICIENT_DATA", 10), ("OK", 45)):
        service.time.spawn(functools.partial(service.set_alarm, "crashes", state), seconds)
    timed_poll(service, event("Create", Gate={**GATE, "BakeTimeInMinutes": "5", "AlarmNames": ["crashes"]}), waited=300)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum("crashes INSUFFICIENT_DATA" in line.get("reason", "") for line in lines) == 1
