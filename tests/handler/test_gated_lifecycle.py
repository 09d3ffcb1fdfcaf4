"""Whole events of an update with a gate."""

from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update.contract import names, timeouts
from cdk_iot_ota_handler.ota_update.errors import AccessDeniedError, FatalError, RetryableError
from cdk_iot_ota_handler.ota_update.is_complete import is_complete
from cdk_iot_ota_handler.ota_update.observed import JobProgress
from cdk_iot_ota_handler.ota_update.on_event import on_event

from ..fakes.ota_service import Behaviour, FakeOtaService, Fault
from .scenarios import DELETE, GATE, event, id_of, properties, put_update, run, with_update

STARTED = JobProgress(status="IN_PROGRESS", queued=3)
PASSED = JobProgress(status="COMPLETED", succeeded=3)
FAILED = JobProgress(status="IN_PROGRESS", succeeded=1, failed=1, queued=1)


def gated(request_type: str, content: str = "one", **changes: Any) -> dict[str, Any]:
    """Return an event of an update with a gate."""
    return event(request_type, content=content, Gate=GATE, **changes)


def test_a_deploy_waits_until_the_devices_have_finished() -> None:
    """Once the gate has passed, the deployed tag and the attributes contain the counts of the job."""
    service = FakeOtaService(progress=[STARTED, STARTED, PASSED])
    answer = run(service, gated("Create"))
    assert answer.data is not None
    assert (answer.data["DevicesSucceeded"], answer.data["DevicesFailed"]) == ("3", "0")
    assert service.calls.count("DescribeJob") == 4  # what has decided is read once more, with all the rest
    assert service.writes() == ["CreateOTAUpdate", "TagResource"]
    assert service.updates[id_of("one")].tags[names.DEPLOYED_TAG].startswith("succeeded=3 failed=0 seconds=")


def test_an_update_that_fails_its_gate_is_removed_at_once() -> None:
    """A failed gate cancels the job and deletes the new update; the reason has the counts, and the old update stays."""
    service = with_update("one")
    service.progress = [STARTED, FAILED]
    answer = run(service, gated("Update", "two", old=properties(content="one"), physical_id=id_of("one")))
    assert answer.failed
    assert "the gate has failed: 1 failure, " in answer.reason
    assert "1 of 3 devices succeeded, 1 failed, 0 rejected it, 0 timed out, 0 were canceled" in answer.reason
    assert service.writes() == ["CreateOTAUpdate", "CancelJob", DELETE]
    assert service.updates[id_of("two")].canceled in answer.reason
    assert service.status(service.updates[id_of("two")]) == "DELETE_IN_PROGRESS"
    assert service.status(service.updates[id_of("one")]) == "CREATE_COMPLETE"


def test_a_removal_that_is_throttled_is_retried() -> None:
    """The deletion after a failed gate is retried in the same poll: until then more devices would take the firmware."""
    service = FakeOtaService(progress=[FAILED], errors={"DeleteOTAUpdate": [RetryableError("throttled")] * 2})
    assert run(service, gated("Create")).failed
    assert service.writes() == ["CreateOTAUpdate", "CancelJob", DELETE, DELETE, DELETE]


@pytest.mark.parametrize(
    ("error", "tries"),
    [(RetryableError("throttled"), 9), (FatalError("it is COMPLETED"), 1), (AccessDeniedError("denied"), 1)],
)
def test_an_update_whose_job_cannot_be_canceled_is_deleted(error: Exception, tries: int) -> None:
    """A failed gate deletes the update, which ends its job too, although CancelJob fails, for 20 s if throttled."""
    service = FakeOtaService(progress=[FAILED], errors={"CancelJob": [error] * tries})
    assert "the gate has failed: 1 failure" in run(service, gated("Create")).reason
    assert service.writes() == ["CreateOTAUpdate", *["CancelJob"] * tries, DELETE]


def test_a_job_that_has_ended_is_not_canceled() -> None:
    """A failed gate does not cancel a completed job, because AWS IoT would refuse it."""
    service = FakeOtaService(progress=[JobProgress(status="COMPLETED", succeeded=2, failed=1)])
    assert run(service, gated("Create")).failed
    assert service.writes() == ["CreateOTAUpdate", DELETE]


def test_a_removal_that_is_refused_does_not_hide_the_reason() -> None:
    """The event fails because of the gate although the deletion is refused; CloudFormation's Delete repeats it."""
    service = FakeOtaService(progress=[FAILED], errors={"DeleteOTAUpdate": [FatalError("InvalidRequestException")]})
    assert "the gate has failed" in run(service, gated("Create")).reason


@pytest.mark.parametrize("sent", ["again", "other gate", "rollback"])
def test_the_gate_of_a_deployed_update_is_not_evaluated_again(sent: str) -> None:
    """A duplicate, another gate and a rollback succeed with the counts of the deploy, without any change."""
    service = with_update("one", deployed="succeeded=3 failed=0 seconds=60")
    other = {**GATE, "MinimumDevices": "9"}
    events = {
        "again": gated("Create"),
        "other gate": event("Update", Gate=other, old=properties(Gate=GATE), physical_id=id_of("one")),
        "rollback": gated("Update", old=properties(content="two", Gate=GATE), physical_id=id_of("two")),
    }
    service.stack_statuses = ["UPDATE_ROLLBACK_IN_PROGRESS" if sent == "rollback" else "UPDATE_IN_PROGRESS"]
    answer = run(service, events[sent])
    assert answer.data is not None
    assert answer.data["DevicesSucceeded"] == "3"
    assert "DescribeJob" not in service.calls
    assert service.writes() == []


def test_a_rollback_evaluates_no_gate() -> None:
    """A rollback to an update whose deployed tag was lost succeeds without reading the job."""
    service = with_update("one", deployed=False)
    service.stack_statuses = ["UPDATE_ROLLBACK_IN_PROGRESS"]
    sent = gated("Update", old=properties(content="two", Gate=GATE), physical_id=id_of("two"))
    assert not run(service, sent).failed
    assert "DescribeJob" not in service.calls


def test_a_gate_times_out() -> None:
    """Devices that do not answer fail the gate after its timeout, and the update is removed."""
    service = FakeOtaService(progress=[STARTED])
    answer = run(service, gated("Create"))
    assert "timed out after 18" in answer.reason
    assert service.writes() == ["CreateOTAUpdate", "CancelJob", DELETE]


def test_a_stack_that_rolls_back_removes_the_update() -> None:
    """An update whose stack rolls back while its gate waits is deleted, because no other event would do that."""
    service = FakeOtaService(progress=[STARTED], stack_statuses=[*["CREATE_IN_PROGRESS"] * 4, "ROLLBACK_IN_PROGRESS"])
    answer = run(service, gated("Create"))
    assert answer.failed
    assert service.writes() == ["CreateOTAUpdate", DELETE]


def test_a_query_of_the_job_that_fails_is_retried() -> None:
    """A throttled DescribeJob does not fail the gate."""
    service = FakeOtaService(progress=[PASSED], errors={"DescribeJob": [RetryableError("throttled")]})
    assert not run(service, gated("Create")).failed


@pytest.mark.parametrize("error", [RetryableError("throttled"), AccessDeniedError("AccessDenied")])
def test_a_job_that_can_never_be_read_fails_the_gate_in_time(error: Exception) -> None:
    """An update whose job cannot be read is removed at the timeout of its gate at the latest."""
    service = FakeOtaService(progress=[STARTED], errors={"DescribeJob": [error] * 1000})
    begun = service.time.now
    answer = run(service, gated("Create"))
    assert f"could not read the progress of the job: {error}" in answer.reason
    assert service.writes() == ["CreateOTAUpdate", "CancelJob", DELETE]
    assert service.time.now - begun < 2000


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_a_later_delivery_spares_an_update_whose_deployed_tag_becomes_visible(request_type: str) -> None:
    """An update whose devices have failed since its deploy is not stopped: its deployed tag shows minutes later."""
    service = with_update("one", deployed=False)
    service.progress = [FAILED]
    update = service.updates[id_of("one")]
    update.tag_changes.append((service.time.now + 120, {**update.tags, names.DEPLOYED_TAG: "true"}))
    sent = gated(request_type, old=properties(Gate=GATE, Tags=[]), physical_id=id_of("one"))
    assert not run(service, sent).failed
    assert service.writes() == []


def test_a_gate_that_fails_for_an_update_of_an_earlier_attempt_ends_its_rollout() -> None:
    """An update that existed before its event is stopped too, once a deployed tag would be visible."""
    service = with_update("one", deployed=False)
    service.progress = [FAILED]
    begun = service.time.now
    assert "the gate has failed: 1 failure" in run(service, gated("Create")).reason
    assert service.writes() == ["CancelJob", DELETE]
    assert service.time.now - begun > timeouts.TAG_LAG


@pytest.mark.parametrize("seconds", [-60, -15, 15, 60])
def test_a_failed_gate_stops_its_rollout_at_once_although_clocks_differ(seconds: float) -> None:
    """An update that its own event has created is stopped, whatever the clock that dates it shows."""
    service = FakeOtaService(progress=[STARTED, FAILED], behaviour=Behaviour(clock_fault=seconds))
    soon = list[list[str]]()
    service.time.spawn(lambda: soon.append(service.writes()), delay=15)
    assert "the gate has failed: 1 failure" in run(service, gated("Create")).reason
    assert soon == [service.writes()] == [["CreateOTAUpdate", "CancelJob", DELETE]]


@pytest.mark.parametrize("status", ["UPDATE_COMPLETE", "CREATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"])
def test_a_gate_continues_although_the_status_of_the_stack_is_stale(status: str) -> None:
    """A gate waits for its devices although DescribeStacks shows a stack that is idle or cleans up."""
    service = FakeOtaService(progress=[STARTED, STARTED, PASSED], stack_statuses=[*["UPDATE_IN_PROGRESS"] * 2, status])
    assert not run(service, gated("Create")).failed
    assert service.calls.count("DescribeJob") == 4


def test_the_gate_of_an_update_that_was_never_deployed_is_evaluated() -> None:
    """An Update that keeps the id evaluates the gate if an earlier deploy failed without a rollback."""
    service = with_update("one", deployed=False)
    service.progress = [FAILED]
    sent = gated("Update", old=properties(Gate=GATE, DeleteStream="false"), physical_id=id_of("one"))
    assert "the gate has failed: 1 failure" in run(service, sent).reason
    assert service.writes() == ["CancelJob", DELETE]


def test_a_deployed_tag_that_is_not_visible_yet_is_not_overwritten() -> None:
    """A change of tags right after the deploy waits for the deployed tag, and sets the user's tags only."""
    service = with_update("one", deployed=False, age=30)
    update = service.updates[id_of("one")]
    update.tag_changes.append((service.time.now + 120, {**update.tags, names.DEPLOYED_TAG: "succeeded=7"}))
    sent = gated("Update", Tags=[{"Key": "a", "Value": "b"}], old=properties(Gate=GATE), physical_id=id_of("one"))
    assert not run(service, sent).failed
    tags = service.updates[id_of("one")].tags
    assert tags[names.DEPLOYED_TAG] == "succeeded=7"
    assert tags["a"] == "b"


@pytest.mark.parametrize("age", [5, 80, 3600])
def test_a_retry_does_not_pass_a_gate_that_has_failed(age: float) -> None:
    """A retry of a failed deploy, however soon, evaluates the gate again instead of taking the update as deployed."""
    service = with_update("one", deployed=False, age=age)
    service.progress = [FAILED]
    sent = gated("Update", old=properties(Gate=GATE), physical_id=id_of("one"))
    assert "the gate has failed: 1 failure" in run(service, sent).reason
    assert service.writes() == ["CancelJob", DELETE]


@pytest.mark.parametrize("changes", [{"Gate": GATE}, {}], ids=["with a gate", "without a gate"])
def test_a_verdict_stays_with_an_update_that_cannot_be_deleted(changes: dict[str, Any]) -> None:
    """An update whose gate has failed does not pass later, with better counts or without a gate."""
    throttled = [RetryableError("throttled")] * 60
    service = FakeOtaService(progress=[FAILED], errors={"DeleteOTAUpdate": list(throttled)})
    assert "the gate has failed: 1 failure" in run(service, gated("Create")).reason
    service.errors.clear()
    service.progress = [PASSED]
    assert "the gate has failed: 1 failure" in run(service, event("Create", **changes)).reason
    assert service.find(id_of("one")) is None or service.updates[id_of("one")].deleted is not None


@pytest.mark.parametrize("lasts", [20, 60, 600])
def test_an_event_waits_until_its_rollout_has_ended(lasts: float) -> None:
    """A failed gate is reported once the job is canceled, however long CancelJob and DeleteOTAUpdate are throttled."""
    service = FakeOtaService(progress=[STARTED, FAILED])
    faults = [Fault(kind="throttled", operation=name, lasts=lasts) for name in ("CancelJob", "DeleteOTAUpdate")]
    service.inject(faults)
    answer = run(service, gated("Create"))
    assert "the gate has failed: 1 failure" in answer.reason
    assert "continues" not in answer.reason
    assert service.updates[id_of("one")].canceled or service.updates[id_of("one")].deleted is not None


def test_a_rollout_that_cannot_be_ended_is_reported() -> None:
    """After the deadline the reason says that the rollout continues, and names the job and the last error."""
    service = FakeOtaService(progress=[STARTED, FAILED])
    service.inject([Fault(kind="throttled", operation=name, lasts=9999) for name in ("CancelJob", "DeleteOTAUpdate")])
    reason = run(service, gated("Create")).reason
    assert "the gate has failed: 1 failure" in reason
    assert f"its rollout continues, cancel the job AFR_OTA-{id_of('one')}: DeleteOTAUpdate: throttled" in reason


@pytest.mark.parametrize("latency", [0, 1.5])
def test_a_rollout_that_may_not_be_ended_is_reported_after_the_patience_with_iam(latency: float) -> None:
    """Without the permissions to end it, a failed gate is reported after three minutes, or after two invocations."""
    service = FakeOtaService(progress=[STARTED, FAILED], latency=latency)
    service.inject([Fault(kind="denied", operation=name, lasts=9999) for name in ("CancelJob", "DeleteOTAUpdate")])
    begun = service.time.now
    assert "its rollout continues" in run(service, gated("Create")).reason
    assert timeouts.IAM_PATIENCE < service.time.now - begun < 2 * timeouts.PATIENCE + 30


def test_an_update_that_is_removed_by_hand_while_its_gate_waits_is_not_created_again() -> None:
    """A Create with a gate fails if its update is absent in a later poll, and does not create it again."""
    service = FakeOtaService(progress=[STARTED])
    service.time.spawn(service.updates.clear, delay=400)
    assert "maybe its gate has deleted it" in run(service, gated("Create")).reason
    assert service.writes() == ["CreateOTAUpdate"]


def test_a_deployed_tag_that_is_refused_does_not_fail_the_gate() -> None:
    """A denied TagResource fails the event with its own reason, and the update whose gate has passed stays."""
    denied = AccessDeniedError("not authorized to perform: iot:TagResource")
    service = FakeOtaService(progress=[PASSED], errors={"TagResource": [denied] * 99})
    answer = run(service, gated("Create"))
    assert answer.reason == "not authorized to perform: iot:TagResource"
    assert set(service.writes()) == {"CreateOTAUpdate", "TagResource"}


@pytest.mark.parametrize("fails_after", [0, 10, 45, 90, 250])
def test_a_failure_that_cloudformation_did_not_get_pushes_nothing_again(fails_after: float) -> None:
    """A poll that the framework repeats, because it could not deliver the gate's failure, does not create again."""
    service = FakeOtaService(behaviour=Behaviour(devices=("fail", fails_after)))
    sent = gated("Create")
    polled = {**sent, **on_event(sent, service.connect(), service.clock())}
    reasons = list[str]()
    while len(reasons) < 3:
        try:
            assert is_complete(polled, service.connect(), service.clock()) == {"IsComplete": False}
        except FatalError as failure:
            reasons.append(str(failure))
        service.time.sleep(timeouts.QUERY_INTERVAL)
    assert service.created == [id_of("one")]
    assert [reason.partition(":")[0] for reason in reasons[:1]] == ["the gate has failed"]
    assert "maybe its gate has deleted it, so it is not created again: deploy again" in reasons[-1]


def test_an_early_failure_is_reported_when_no_poll_would_create_again() -> None:
    """A gate that fails at once ends its rollout at once, and fails when no repeated poll would create it again."""
    service = FakeOtaService(progress=[FAILED])
    begun = service.time.now
    assert "the gate has failed: 1 failure" in run(service, gated("Create")).reason
    assert 0 < service.time.now - begun - timeouts.GATED_CREATION <= 2


def test_a_later_failure_is_reported_at_once() -> None:
    """A gate that fails later does not wait with its failure."""
    service = FakeOtaService(behaviour=Behaviour(devices=("fail", 90)))
    begun = service.time.now
    assert "the gate has failed: 1 failure" in run(service, gated("Create")).reason
    assert service.time.now - begun < 90 + timeouts.SETTLE_PATIENCE


def test_a_creation_that_is_throttled_for_three_minutes_succeeds() -> None:
    """An update with a gate is tried for three minutes in the invocation that may create it, and read once from S3."""
    service = FakeOtaService(progress=[PASSED])
    service.inject([Fault(kind="throttled", operation="CreateOTAUpdate", lasts=180)])
    assert not run(service, gated("Create")).failed
    assert service.calls.count("HeadObject") == 1
    assert service.created == [id_of("one")]


def test_a_retry_with_rollback_off_is_created_after_what_is_left_over_was_looked_for() -> None:
    """A leftover that cannot be read for two minutes does not use up the time in which an update may be created."""
    service = FakeOtaService(progress=[PASSED])
    service.inject([Fault(kind="throttled", operation="GetOTAUpdate", lasts=120)])
    sent = gated("Update", "two", old=properties(content="one"), physical_id=id_of("two"))
    put_update(service, "one")
    assert not run(service, sent).failed
    assert service.created == [id_of("two")]
