"""Reports of a Create with a gate, and the times after which it gives up on devices, up to their limits."""

from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update.contract import names
from cdk_iot_ota_handler.ota_update.errors import FatalError, RetryableError
from cdk_iot_ota_handler.ota_update.observed import JobProgress, Stack

from ..fakes.ota_service import Behaviour, FakeOtaService, Fault
from .polls import poll, timed_poll
from .scenarios import DELETE, GATE, event, id_of, properties, with_update

GATED = event("Create", Gate=GATE)
# A gate that waits for 45 minutes, the longest time.
PATIENT = event("Create", Gate={**GATE, "TimeoutInMinutes": "45"})
STARTED = JobProgress(status="IN_PROGRESS", queued=3)
PASSED = JobProgress(status="COMPLETED", succeeded=3)
FAILED = JobProgress(status="IN_PROGRESS", succeeded=1, failed=1, queued=1)
STOPPED = ["CancelJob", DELETE]


def with_job(*progress: JobProgress, age: float = 3600, **changes: Any) -> FakeOtaService:
    """Return a service with an update that is not deployed yet, and the progress of its job in order."""
    service = with_update(deployed=False, age=age)
    service.progress = list(progress)
    for name, value in changes.items():
        setattr(service, name, value)
    return service


def with_unreadable_job(*, age: float, latency: float) -> FakeOtaService:
    """Return a service that answers each call after so many seconds, and never shows the progress of the job."""
    service = with_job(age=age, latency=latency)
    service.inject([Fault(kind="throttled", operation="DescribeJob", lasts=1e9)])
    return service


def test_the_counts_of_a_gate_and_the_attributes_of_its_update_are_returned() -> None:
    """The poll in which a gate passes returns the update's own attributes, and the counts and seconds of the gate."""
    service = with_job(PASSED, age=95)
    assert poll(service, GATED, waited=100) == {
        "IsComplete": True,
        "Data": {
            "OtaUpdateArn": f"arn:{id_of('one')}",
            "JobId": f"AFR_OTA-{id_of('one')}",
            "JobArn": "arn:job",
            "DevicesSucceeded": "3",
            "DevicesFailed": "0",
            "FailedDevices": "",
            "AlarmsWithoutData": "",
            "GateResult": "passed",
            "SecondsWaited": "95",
        },
    }
    assert service.updates[id_of("one")].tags[names.DEPLOYED_TAG] == "succeeded=3 failed=0 seconds=95"


def test_the_seconds_of_a_gate_are_those_of_its_event_at_most() -> None:
    """The seconds that a gate has waited are not longer than its event, although the update is dated earlier."""
    assert poll(with_job(PASSED, age=95), GATED, waited=40)["Data"]["SecondsWaited"] == "40"


def test_an_update_that_is_deployed_again_keeps_its_counts() -> None:
    """A deploy that takes up an update again adds its operation to the deployed tag, and keeps the counts in it."""
    service = with_update(deployed="succeeded=3 failed=0 seconds=60 operation=990000")
    service.describe_stack = lambda _: Stack("UPDATE_IN_PROGRESS", 999_990.0)
    answer = poll(service, GATED)
    assert answer["Data"]["DevicesSucceeded"] == "3"
    tag = service.updates[id_of("one")].tags[names.DEPLOYED_TAG]
    assert tag == "succeeded=3 failed=0 seconds=60 since=990000 operation=999990"


def test_a_gate_ends_with_the_time_of_its_deploy() -> None:
    """A gate whose own time is not over fails 3000 s after the event began, and not a moment before."""
    service = with_job(STARTED, age=2600)
    assert poll(service, PATIENT, waited=3000 - 22.75 - 0.25) == {"IsComplete": False}
    service = with_job(STARTED, age=2600)
    with pytest.raises(FatalError, match=r"timed out after 2623 s"):
        poll(service, PATIENT, waited=3000 - 22.75)
    assert service.writes() == STOPPED


def test_the_time_of_a_gate_begins_with_its_update_not_with_its_event() -> None:
    """An update of an earlier attempt has had its time already: its gate is not timed again by a later event."""
    service = with_job(STARTED, age=1801)
    with pytest.raises(FatalError, match="timed out after 1801 s"):
        poll(service, GATED, waited=181)
    assert service.writes() == STOPPED


def test_an_update_is_not_older_than_the_event_that_created_it() -> None:
    """A job may show no devices for a minute after the event began, though another clock shows an older update."""
    service = with_job(JobProgress(status="IN_PROGRESS"), age=10, behaviour=Behaviour(clock_fault=60))
    begun = service.time.now
    with pytest.raises(FatalError, match="the job has 0 devices"):
        poll(service, GATED, waited=10)
    assert 50 < service.time.now - begun < 56
    assert service.writes() == STOPPED


@pytest.mark.parametrize(("lasts", "is_asked_again"), [(177.75, True), (182.75, False)])
def test_denied_access_to_the_job_is_waited_for(*, lasts: float, is_asked_again: bool) -> None:
    """Permissions that take up to three minutes to propagate do not fail a gate; others stop the rollout after it."""
    service = with_job(PASSED, age=300)
    service.inject([Fault(kind="denied", operation="DescribeJob", lasts=lasts)])
    if is_asked_again:
        answer, seconds = timed_poll(service, GATED, waited=300)
        assert (answer["IsComplete"], answer["Data"]["DevicesSucceeded"], seconds) == (True, "3", 182.75)
        assert service.writes() == ["TagResource"]
    else:
        with pytest.raises(FatalError, match="could not read the progress of the job: AccessDeniedException"):
            poll(service, GATED, waited=300)
        assert service.writes() == STOPPED


@pytest.mark.parametrize(("seconds", "asked"), [(5, 2), (5.25, 1)])
def test_devices_are_asked_again_for_twenty_seconds(seconds: float, asked: int) -> None:
    """A gate whose time is over fails if its job cannot be read more than 20 s after the poll began, not before."""
    service = with_unreadable_job(age=1900, latency=seconds)
    with pytest.raises(FatalError, match="could not read the progress of the job: DescribeJob: throttled"):
        poll(service, GATED, waited=1900)
    assert service.calls[: service.calls.index("CancelJob")].count("DescribeJob") == asked
    assert service.writes() == STOPPED


@pytest.mark.parametrize(("age", "has_failed"), [(1789, False), (1789.25, True)])
def test_devices_that_cannot_be_asked_fail_a_gate_after_its_time(*, age: float, has_failed: bool) -> None:
    """A job that cannot be read fails its gate once the update is older than the 30 minutes of the gate."""
    # Two calls of 5.5 s tell the age of the update, and two more that the devices cannot be asked.
    service = with_unreadable_job(age=age, latency=5.5)
    if has_failed:
        with pytest.raises(FatalError, match="could not read the progress of the job"):
            poll(service, GATED, waited=1900)
    else:
        assert poll(service, GATED, waited=1900) == {"IsComplete": False}
    assert service.writes() == (STOPPED if has_failed else [])


@pytest.mark.parametrize(("waited", "has_failed"), [(2930, False), (2930.25, True)])
def test_devices_that_cannot_be_asked_fail_a_gate_with_the_last_poll(*, waited: float, has_failed: bool) -> None:
    """An event that ends because its job cannot be read stops the rollout, although the gate has time left."""
    # Four calls of 5.5 s: the next poll of an event that is older than 2952 s would find its time over.
    service = with_unreadable_job(age=2000, latency=5.5)
    if has_failed:
        with pytest.raises(FatalError, match="could not read the progress of the job"):
            poll(service, PATIENT, waited=waited)
    else:
        assert poll(service, PATIENT, waited=waited) == {"IsComplete": False}
    assert service.writes() == (STOPPED if has_failed else [])


@pytest.mark.parametrize(("waited", "is_over"), [(1000, False), (3016, False), (3016.25, True)])
def test_a_rollout_that_cannot_be_ended_is_reported_after_its_deadline(*, waited: float, is_over: bool) -> None:
    """An event waits for the end of its rollout until 3200 s after it began; then it fails and says who must act."""
    service = with_job(
        FAILED, errors={name: [RetryableError("throttled")] * 99 for name in ("CancelJob", "DeleteOTAUpdate")}
    )
    if is_over:
        with pytest.raises(FatalError, match=f"its rollout continues, cancel the job AFR_OTA-{id_of('one')}"):
            poll(service, GATED, waited=waited)
    else:
        assert timed_poll(service, GATED, waited=waited) == ({"IsComplete": False}, 184)


@pytest.mark.parametrize(("waited", "seconds"), [(19.5, 1.5), (20, 1), (20.25, 0)])
def test_a_failure_is_reported_once_no_other_poll_may_create(waited: float, seconds: float) -> None:
    """A failed gate stops its rollout at once, and reports that when the first 20 s of its event are over."""
    service = with_job(FAILED, age=10)
    begun = service.time.now
    with pytest.raises(FatalError, match="the gate has failed: 1 failure"):
        poll(service, GATED, waited=waited)
    assert service.time.now - begun == seconds
    assert service.writes() == STOPPED


@pytest.mark.parametrize(("begun", "is_created"), [(20, True), (20.25, False)])
def test_an_early_poll_creates_for_as_long_as_it_lasts(*, begun: float, is_created: bool) -> None:
    """A creation that is throttled for three minutes succeeds in a poll that begins in time."""
    service = FakeOtaService(progress=[PASSED])
    service.inject([Fault(kind="throttled", operation="CreateOTAUpdate", lasts=180)])
    if is_created:
        assert poll(service, GATED, waited=begun)["IsComplete"]
    else:
        with pytest.raises(FatalError, match="maybe its gate has deleted it"):
            poll(service, GATED, waited=begun)


def test_a_creation_is_awaited_by_the_poll_that_made_it() -> None:
    """An update with a gate that takes a minute to be created is seen by its poll, which could create it again."""
    service = FakeOtaService(progress=[PASSED], behaviour=Behaviour(settle=60))
    answer, seconds = timed_poll(service, GATED)
    assert (answer["IsComplete"], 60 <= seconds <= 66) == (True, True)


def test_what_may_exist_does_not_fail_because_it_cannot_be_seen() -> None:
    """An update that was created, or had its id before, is asked for in the next poll; any other fails its event."""
    never = [Fault(kind="throttled", operation="GetOTAUpdate", lasts=9999)]
    service = FakeOtaService()
    service.on_created = lambda _: service.inject(never)
    assert poll(service, GATED) == {"IsComplete": False}
    service = with_update()
    service.inject(never)
    change = event("Update", Gate=GATE, old=properties(), physical_id=id_of("one"))
    assert poll(service, change) == {"IsComplete": False}
    service = FakeOtaService()
    service.inject(never)
    with pytest.raises(FatalError, match="GetOTAUpdate: throttled"):
        poll(service, GATED)


def test_what_was_there_does_not_fail_because_it_cannot_be_seen() -> None:
    """An update that a poll finds, and then can no longer see, is asked for in the next poll."""
    service = with_job(STARTED, age=10)
    service.inject([Fault(kind="throttled", operation="GetOTAUpdate", begins=1, lasts=1e9)])
    assert poll(service, GATED, waited=5) == {"IsComplete": False}


def test_an_early_poll_ends_once_only_devices_are_waited_for() -> None:
    """A poll that may create an update lasts as long as any other one when the update is there."""
    answer, seconds = timed_poll(with_job(STARTED, age=10), GATED, waited=5)
    assert (answer, 184 < seconds < 190) == ({"IsComplete": False}, True)
