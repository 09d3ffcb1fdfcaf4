"""Links of a gate: what they watch, when they leave it to the next one, and what they never touch."""

import json
from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update.contract import names, timeouts
from cdk_iot_ota_handler.ota_update.desired import Gate
from cdk_iot_ota_handler.ota_update.errors import AccessDeniedError, FatalError, RetryableError
from cdk_iot_ota_handler.ota_update.index import serve
from cdk_iot_ota_handler.ota_update.observed import Execution, JobProgress, Stack

from ..fakes.cloudformation import LOGICAL_ID, make_event
from ..fakes.ota_service import Behaviour, FakeOtaService, Fault
from .polls import poll, timed_poll
from .scenarios import GATE, event, id_of, properties, put_update, with_update

LONG: dict[str, Any] = {**GATE, "TimeoutInMinutes": "120", "Links": "2"}
OPEN = JobProgress(status="IN_PROGRESS", queued=2)
PASSED = JobProgress(status="COMPLETED", succeeded=2)
FAILED = JobProgress(status="IN_PROGRESS", succeeded=1, failed=1)
FULL_LOOK = ["DescribeStacks", "GetOTAUpdate", "ListTagsForResource", "DescribeJob"]
DEVICE = Execution(thing="pump-0044", status="FAILED", details={"reason": "0x23000000"})


def link(request_type: str = "Create", *, state: str = "waiting", number: int = 1, **gate: Any) -> dict[str, Any]:
    """Return an event of a link; keywords change its gate."""
    properties = {
        "Update": LOGICAL_ID,
        "OtaUpdateId": id_of("one"),
        "Number": str(number),
        "GateState": state,
        "Gate": {**LONG, **gate},
    }
    physical_id = None if request_type == "Create" else "BlinkyGate1"
    return make_event(
        request_type, properties, physical_id=physical_id, logical_id="BlinkyGate1", resource_type=names.LINK_TYPE
    )


def waiting(*progress: JobProgress, age: float = 3000, **changes: Any) -> FakeOtaService:
    """Return a service whose update is deployed with a gate that waits, and the progress of its job in order."""
    service = with_update(deployed="waiting since=900 operation=1000", age=age)
    service.progress, service.executions = list(progress), [DEVICE]
    for name, value in changes.items():
        setattr(service, name, value)
    return service


def tag_of(service: FakeOtaService) -> str | None:
    """Return the deployed tag of the update."""
    return service.updates[id_of("one")].tags.get(names.DEPLOYED_TAG)


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_a_gate_that_has_passed_is_passed_on_without_a_call(request_type: str) -> None:
    """After a link that has passed, the next ones answer at once with the same attributes."""
    service, state = FakeOtaService(), "succeeded=98 failed=1 seconds=4000 devices=a/b"
    assert poll(service, link(request_type, state=state, number=2)) == {
        "IsComplete": True,
        "Data": {
            "GateState": state,
            "DevicesSucceeded": "98",
            "DevicesFailed": "1",
            "SecondsWaited": "4000",
            "FailedDevices": "a,b",
            "AlarmsWithoutData": "",
            "GateResult": "passed",
        },
    }
    assert service.calls == []


def test_a_link_keeps_what_the_gate_has_observed() -> None:
    """A gate that passes in a link leaves its counts in the deployed tag, with the operations, and as attributes."""
    service = waiting(PASSED)
    answer = poll(service, link())
    assert answer["Data"]["GateState"] == "succeeded=2 failed=0 seconds=3000"
    assert (answer["Data"]["DevicesSucceeded"], answer["Data"]["GateResult"]) == ("2", "passed")
    assert tag_of(service) == "succeeded=2 failed=0 seconds=3000 since=900 operation=1000"
    assert service.calls == [*FULL_LOOK, "TagResource"]


def test_a_tag_that_is_not_visible_yet_is_that_of_a_gate_that_waits() -> None:
    """The update may have been marked seconds ago: without a deployed tag the link watches, and marks it."""
    service = with_update(deployed=False)
    service.progress = [PASSED]
    service.describe_stack = lambda _: Stack("UPDATE_IN_PROGRESS", 999_999.5)
    assert poll(service, link())["IsComplete"]
    assert tag_of(service) == "succeeded=2 failed=0 seconds=3600 operation=999999"


@pytest.mark.parametrize("tag", ["true", "succeeded=2 failed=0 seconds=60 operation=1000"])
def test_a_deployed_update_is_not_evaluated_again(tag: str) -> None:
    """A chain that is added to a deployed update, or changed, answers what the update's tag tells, without the job."""
    service = with_update(deployed=tag)
    answer = poll(service, link("Update"))
    assert answer["Data"]["GateState"] == tag.partition(" operation")[0]
    assert service.calls == FULL_LOOK[:-1]


def test_while_a_gate_waits_a_link_asks_for_the_stack_and_the_job() -> None:
    """The update is read once in an invocation, which lasts as long as that of a waiting update."""
    service = waiting(OPEN)
    answer, lasted = timed_poll(service, link())
    assert answer == {"IsComplete": False}
    assert timeouts.PATIENCE <= lasted < timeouts.PATIENCE + timeouts.CALL
    assert service.calls.count("GetOTAUpdate") == 1
    assert 30 < service.calls.count("DescribeJob") == service.calls.count("DescribeStacks") < 50
    assert service.writes() == []


def test_a_link_asks_less_often_while_no_device_decides() -> None:
    """A job that still reaches devices, too few to fail the gate, is asked for every fifteen seconds."""
    service = waiting(JobProgress(status="IN_PROGRESS", queued=2, is_rolled_out=False))
    poll(service, link(MaximumFailures="1000"))
    assert service.calls.count("DescribeJob") < 20


def test_a_link_writes_the_metrics_of_its_update(capsys: pytest.CaptureFixture[str]) -> None:
    """The series of a gate goes on while links watch it, with the logical id of the update as dimension."""
    poll(waiting(OPEN), link())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = [line for line in lines if "_aws" in line]
    assert {line["Update"] for line in found} == {LOGICAL_ID}
    assert 3 <= len(found) <= 5


@pytest.mark.parametrize(("drain", "slot"), [({}, 2700), ({"DrainInMinutes": "15"}, 1800)])
def test_a_link_leaves_the_gate_to_the_next_one(drain: dict[str, Any], slot: int) -> None:
    """After its 45 minutes, less the drain time, a link answers that the gate waits, without a call."""
    service = waiting(OPEN)
    assert poll(service, link(**drain), waited=slot - 200) == {"IsComplete": False}
    service.calls.clear()
    assert poll(service, link(**drain), waited=slot + 1)["Data"]["GateState"] == "waiting"
    assert service.calls == []


def test_the_last_link_fails_when_the_time_of_the_gate_is_over() -> None:
    """The last link waits for the rest of the gate's timeout, and names the devices that have not ended."""
    silent = Execution(thing="pump-0001", status="QUEUED", has_started=False)
    service = waiting(OPEN, age=7195, executions=[silent])
    with pytest.raises(FatalError) as failure:
        poll(service, link(number=2), waited=2900)
    assert str(failure.value).startswith("the gate has failed: timed out after 7203 s (0 of 2 devices succeeded, ")
    assert str(failure.value).endswith("2 queued): 1 never started, offline? (pump-0001)")
    assert service.writes() == ["CancelJob"]


def test_the_last_link_fails_before_its_own_time_is_over() -> None:
    """If creation and links took longer than planned, the last link fails in time to tell the reason."""
    service = waiting(OPEN, age=6000)
    with pytest.raises(FatalError, match=r"timed out after 60\d\d s"):
        poll(service, link(number=2), waited=2990)


def test_a_link_that_fails_cancels_the_job_and_leaves_the_update_to_the_rollback() -> None:
    """The job is canceled before the devices are asked, and the reason is that of any gate; nothing is deleted."""
    service = waiting(FAILED)
    with pytest.raises(FatalError) as failure:
        poll(service, link())
    assert str(failure.value) == (
        "the gate has failed: 1 failure, and at most 0 are allowed (1 of 2 devices succeeded, 1 failed, 0 rejected it, "
        '0 timed out, 0 were canceled, 0 in progress, 0 queued): 1 failed with "0x23000000" (pump-0044)'
    )
    calls = ["CancelJob", "ListJobExecutionsForJob FAILED", "DescribeJobExecution"]
    assert service.calls == [*FULL_LOOK, *calls]
    assert tag_of(service) == "waiting since=900 operation=1000"


def test_a_link_that_is_tried_again_fails_again() -> None:
    """With rollback off the next deploy repeats the link: the canceled job tells that the gate has failed."""
    service = waiting(FAILED, after_cancellation=[FAILED])
    reasons = []
    for request_type in ("Create", "Update"):
        with pytest.raises(FatalError) as failure:
            poll(service, link(request_type))
        reasons.append(str(failure.value))
    assert reasons[0] == reasons[1]
    assert service.writes() == ["CancelJob"]


def test_a_gate_that_only_reports_passes_in_a_link() -> None:
    """The problem is in the tag, and nothing is canceled."""
    service = waiting(FAILED)
    answer = poll(service, link(OnFailure="REPORT"))
    assert answer["Data"]["GateResult"] == "would have failed: 1 failure, and at most 0 are allowed".replace(",", "")
    assert service.writes() == ["TagResource"]
    assert answer["Data"]["FailedDevices"] == "pump-0044"


def test_devices_may_finish_in_a_link() -> None:
    """A gate with a drain time waits for devices that execute the canceled job, without a tag, and then fails."""
    busy = JobProgress(status="IN_PROGRESS", failed=1, in_progress=1)
    service = waiting(busy, after_cancellation=[busy, busy, busy, FAILED])
    began = service.time.now
    with pytest.raises(FatalError, match="1 failed with"):
        poll(service, link(DrainInMinutes="1"))
    assert service.writes() == ["CancelJob"]
    assert service.time.now > began
    service = waiting(busy, after_cancellation=[busy])
    with pytest.raises(FatalError, match="the gate has failed: 1 failure"):
        poll(service, link(DrainInMinutes="1"))
    assert 60 <= service.time.now - began < 70


def test_devices_of_a_job_that_was_canceled_by_hand_may_finish_as_long() -> None:
    """Their time begins with the look that finds it canceled, because the job does not tell when that was."""
    service = waiting(JobProgress(status="CANCELED", in_progress=1, canceled=1))
    began = service.time.now
    with pytest.raises(FatalError, match="its job is CANCELED"):
        poll(service, link(DrainInMinutes="1"))
    assert 60 <= service.time.now - began < 70


def test_the_bake_time_begins_in_a_link() -> None:
    """Enough devices have succeeded: the link keeps when, and passes once the bake time is over."""
    service = waiting(PASSED)
    assert poll(service, link(BakeTimeInMinutes="1"))["Data"]["SecondsWaited"] == "3063"
    assert service.writes() == ["TagResource", "TagResource"]
    service = waiting(PASSED, FAILED)
    with pytest.raises(FatalError, match="1 failure"):
        poll(service, link(BakeTimeInMinutes="1"))


def test_a_bake_time_in_a_link_is_a_line_for_each_minute(capsys: pytest.CaptureFixture[str]) -> None:
    """The log of a link does not count the seconds of a bake time, and has each change of the counts at once."""
    service = waiting(PASSED)
    straggler = JobProgress(status="COMPLETED", succeeded=2, failed=1)
    service.time.spawn(lambda: service.progress.__setitem__(0, straggler), 90)
    lenient = link(BakeTimeInMinutes="5", SuccessPercentage="60", MaximumFailures="1")
    assert poll(service, lenient) == {"IsComplete": False}
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    begins, *baking = [line["reason"] for line in lines]
    assert begins.endswith("; its bake time begins")
    assert all("; its bake time ends in" in line for line in baking)
    assert ["1 failed" in line for line in baking] == [False, False, True, True]
    assert all("_aws" in line for line in lines)


@pytest.mark.parametrize(
    "status",
    ["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"],
)
@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_a_link_watches_nothing_on_a_way_back(request_type: str, status: str) -> None:
    """In a rollback a link succeeds at once, whatever its update and its job are."""
    service = waiting(FAILED, stack_statuses=[status])
    service.updates.clear()
    assert poll(service, link(request_type))["IsComplete"]
    assert service.calls == ["DescribeStacks"]


def test_a_stack_that_turns_back_ends_the_wait() -> None:
    """A link that waits sees the rollback in its next look, and touches nothing."""
    service = waiting(OPEN, FAILED, stack_statuses=["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"])
    assert poll(service, link())["IsComplete"]
    assert service.writes() == []


@pytest.mark.parametrize("status", ["UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "CREATE_COMPLETE"])
def test_a_stale_event_touches_nothing(status: str) -> None:
    """A second delivery that comes after the operation finds it over."""
    service = waiting(FAILED, stack_statuses=[status])
    assert poll(service, link(), waited=timeouts.STACK_LAG)["IsComplete"]
    assert service.writes() == []


def test_a_status_of_the_previous_operation_is_not_believed() -> None:
    """The status of the stack may be older than the event: a rollback that is over does not let the gate pass."""
    statuses = ["UPDATE_ROLLBACK_COMPLETE", "UPDATE_COMPLETE", "UPDATE_IN_PROGRESS"]
    service = waiting(FAILED, stack_statuses=statuses)
    with pytest.raises(FatalError, match="1 failure"):
        poll(service, link())


def test_an_event_that_is_older_than_the_running_operation_touches_nothing() -> None:
    """The framework goes on with an event whose answer it cannot deliver: the next deploy is left alone."""
    service = waiting(FAILED)
    now = service.time.now
    service.describe_stack = lambda _: Stack("UPDATE_IN_PROGRESS", now - 100)
    with pytest.raises(FatalError, match="the event is older than the running operation on its stack"):
        poll(service, link(), waited=200)
    assert service.writes() == []


def test_a_delete_makes_no_call() -> None:
    """A link has created nothing; its Delete succeeds whatever its properties are."""
    service = FakeOtaService()
    sent = {**link("Delete"), "ResourceProperties": {}}
    assert poll(service, sent) == {"IsComplete": True}
    assert service.calls == []


def test_a_link_is_never_replaced() -> None:
    """Its physical id is its logical id, and stays what it is."""
    service = FakeOtaService()
    for sent, expected in [(link(), "BlinkyGate1"), ({**link("Update"), "PhysicalResourceId": "old"}, "old")]:
        assert serve(sent, service.connect, service.clock())["PhysicalResourceId"] == expected
    assert service.calls == []


@pytest.mark.parametrize("tags", [{}, {names.STACK_TAG: "another"}], ids=["untagged", "another stack's"])
def test_an_update_of_another_owner_is_left_alone(tags: dict[str, str]) -> None:
    """Another owner that has taken the id meanwhile keeps update and job."""
    service = waiting(FAILED)
    service.put(id_of("one"), tags)
    service.foreign.add(id_of("one"))
    with pytest.raises(FatalError, match=r"does not belong to this stack: it is left alone"):
        poll(service, link())
    assert service.writes() == []


@pytest.mark.parametrize("state", ["absent", "DELETE_IN_PROGRESS"])
def test_an_update_that_was_deleted_by_hand_fails_its_gate(state: str) -> None:
    """A link fails once the status of the stack cannot be older than the deletion, and creates nothing."""
    service = waiting(PASSED, behaviour=Behaviour(removal=60))
    service.updates.clear()
    if state != "absent":
        put_update(service, status=state)
    began = service.time.now
    with pytest.raises(FatalError, match="no longer exists: it was deleted outside of this stack"):
        poll(service, link())
    assert service.time.now - began >= timeouts.STACK_LAG
    assert service.writes() == []


def test_a_verdict_in_a_tag_is_kept() -> None:
    """A gate that failed while its job could not be canceled does not pass later."""
    service = waiting(PASSED)
    service.updates[id_of("one")].tag_changes[-1][1][names.FAILED_TAG] = "the gate has failed: 2 failures"
    with pytest.raises(FatalError, match="the gate has failed: 2 failures"):
        poll(service, link("Update"))


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (AccessDeniedError("AccessDeniedException: no"), "its rollout continues, cancel the job AFR_OTA-prod_"),
        (RetryableError("throttled"), "its rollout continues, cancel the job AFR_OTA-prod_"),
        (FatalError("LimitExceededException: no"), "its rollout may continue, cancel the job AFR_OTA-prod_"),
    ],
)
def test_a_job_that_cannot_be_canceled_is_left_to_the_rollback(error: Exception, kept: str) -> None:
    """Within half a minute the link fails, so that the rollback deletes the job, and keeps the verdict in a tag."""
    service = waiting(FAILED, errors={"CancelJob": [error] * 1000})
    began = service.time.now
    with pytest.raises(FatalError, match=kept):
        poll(service, link())
    assert service.time.now - began < 30
    assert not any(call.startswith("DeleteOTAUpdate") for call in service.calls)
    assert service.updates[id_of("one")].tags[names.FAILED_TAG].startswith("the gate has failed: 1 failure")


@pytest.mark.parametrize("operation", ["DescribeStacks", "GetOTAUpdate", "DescribeJob", "TagResource", "CancelJob"])
@pytest.mark.parametrize("kind", ["throttled", "cut before", "cut after", "slow"])
@pytest.mark.parametrize("progress", [PASSED, FAILED], ids=["passes", "fails"])
def test_a_lost_answer_changes_no_verdict(progress: JobProgress, kind: str, operation: str) -> None:
    """A call that fails once is made again, and the gate passes or fails as it would have."""
    service = waiting(progress)
    service.inject([Fault(kind=kind, operation=operation)])
    if progress is PASSED:
        assert poll(service, link())["Data"]["DevicesSucceeded"] == "2"
    else:
        with pytest.raises(FatalError, match="the gate has failed: 1 failure"):
            poll(service, link())
    assert not any(call.startswith(("Delete", "Create")) for call in service.calls)


def test_what_cannot_be_read_is_left_to_the_next_link() -> None:
    """A link that reads nothing until its time is over fails no rollout; a denial that lasts three minutes does."""
    service = waiting(OPEN, latency=0.1)
    service.inject([Fault(kind="throttled", operation="DescribeStacks", lasts=1e9)])
    assert poll(service, link(), waited=2000) == {"IsComplete": False}
    assert poll(service, link(), waited=2701)["Data"]["GateState"] == "waiting"
    with pytest.raises(FatalError, match="DescribeStacks: throttled"):
        poll(service, link(number=2), waited=2900)
    service.inject([Fault(kind="denied", operation="DescribeStacks", lasts=1e9)])
    with pytest.raises(FatalError, match="AccessDeniedException"):
        poll(service, link())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Number": "3"}, "Number must be one from 1 to 2, got '3'"),
        ({"Number": "x"}, "Number must be one from 1 to 2, got 'x'"),
        ({"OtaUpdateId": None}, "OtaUpdateId must be text, got None"),
        ({"Gate": GATE}, "Gate must be one with Links, got "),
        ({"Gate": {**LONG, "Links": "16"}}, "Gate: Links must be between 1 and 15, got 16"),
    ],
)
def test_invalid_properties_are_refused(changes: dict[str, Any], message: str) -> None:
    """Properties that the construct would not declare are refused by name, before anything is watched."""
    sent = link()
    sent["ResourceProperties"].update(changes)
    service = FakeOtaService()
    with pytest.raises(FatalError, match=message):
        serve(sent, service.connect, service.clock())


def not_deployed(age: float) -> FakeOtaService:
    """Return a service with an update that its own event has created, whose devices have not ended."""
    service = with_update(deployed=False, age=age)
    service.progress = [OPEN]
    return service


@pytest.mark.parametrize(("drain", "slot"), [({}, 2700), ({"DrainInMinutes": "15"}, 1800)])
def test_an_update_leaves_its_gate_to_the_first_link(drain: dict[str, str], slot: int) -> None:
    """After 45 minutes, less the drain time, an update is marked as deployed with a gate that waits."""
    sent = event("Create", Gate={**LONG, **drain})
    assert poll(not_deployed(slot - 190), sent, waited=slot - 187) == {"IsComplete": False}
    service = not_deployed(slot + 1)
    service.describe_stack = lambda _: Stack("UPDATE_IN_PROGRESS", 990_000.0)
    answer = poll(service, sent, waited=slot + 4)
    assert (answer["Data"]["GateState"], answer["Data"]["DevicesSucceeded"]) == ("waiting", "")
    assert tag_of(service) == "waiting operation=990000"
    assert "DescribeJob" not in service.calls


def test_an_update_that_was_created_late_leaves_its_gate_in_time() -> None:
    """If the creation took minutes, the gate is left to the first link before the time of the event is over."""
    service = not_deployed(2000)
    assert poll(service, event("Create", Gate=LONG), waited=2851)["Data"]["GateState"] == "waiting"


def test_an_update_whose_gate_passes_in_time_tells_its_links() -> None:
    """The first link gets what the gate has observed, as all of them then do."""
    service = with_update(deployed=False, age=95)
    service.progress = [PASSED]
    answer = poll(service, event("Create", Gate=LONG), waited=100)
    assert answer["Data"]["GateState"] == "succeeded=2 failed=0 seconds=95"


@pytest.mark.parametrize("tag", ["waiting operation=1000", "true", "succeeded=2 failed=0 seconds=9"])
def test_an_update_that_keeps_its_id_tells_what_its_tag_does(tag: str) -> None:
    """A change of tags or of the gate does not evaluate an update again; its links get what is known."""
    service = with_update(deployed=tag)
    sent = event("Update", Gate=LONG, old={}, physical_id=id_of("one"))
    assert poll(service, sent)["Data"]["GateState"] == tag.partition(" operation")[0]


def test_an_update_that_is_gone_has_no_state_in_a_rollback() -> None:
    """It was removed by hand: the rollback succeeds, and links have nothing to watch."""
    service = FakeOtaService()
    service.stack_statuses = ["UPDATE_ROLLBACK_IN_PROGRESS"]
    sent = event("Update", Gate=LONG, old=properties(content="two"), physical_id=id_of("one"))
    assert poll(service, sent)["Data"]["GateState"] == ""


def test_a_gate_that_no_longer_has_links_keeps_no_state() -> None:
    """The attribute exists for links alone."""
    sent = event("Update", Gate=GATE, old={}, physical_id=id_of("one"))
    assert "GateState" not in poll(with_update(), sent)["Data"]


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        ({"TimeoutInMinutes": "481"}, "Gate: TimeoutInMinutes must be between 1 and 480, got 481"),
        ({"TimeoutInMinutes": "136"}, "Gate: Links must be at least 3, got 2"),
        (
            {"TimeoutInMinutes": "470", "DrainInMinutes": "15", "Links": "15"},
            "TimeoutInMinutes and DrainInMinutes must be at most 480 minutes together, got 470 and 15",
        ),
    ],
)
def test_times_that_links_cannot_watch_are_refused(gate: dict[str, str], message: str) -> None:
    """A gate whose tokens turn out to be too long for its links is refused before the update is created."""
    with pytest.raises(FatalError, match=message):
        _checked({**LONG, **gate})


def _checked(gate: dict[str, str]) -> None:
    found = Gate.from_properties({"Gate": gate})
    assert found is not None
    found.check_times()
