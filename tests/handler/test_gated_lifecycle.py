"""Whole events of an update with a gate, against a small OTA service."""

from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update.contract import names
from cdk_iot_ota_handler.ota_update.desired import Desired
from cdk_iot_ota_handler.ota_update.errors import AccessDeniedError, FatalError, RetryableError
from cdk_iot_ota_handler.ota_update.observed import JobProgress

from .cloudformation import run
from .world import Update, World, event, properties

GATE = {"SuccessPercentage": "100", "MaximumFailures": "0", "MinimumDevices": "1", "TimeoutInMinutes": "30"}
STARTED = JobProgress(status="IN_PROGRESS", queued=3)
PASSED = JobProgress(status="COMPLETED", succeeded=3)
FAILED = JobProgress(status="IN_PROGRESS", succeeded=1, failed=1, queued=1)
REMOVED = "delete stream=True force=True"


def gated(request_type: str, content: str = "one", **changes: Any) -> dict[str, Any]:
    """An event of an update with a gate."""
    return event(request_type, content=content, Gate=GATE, **changes)


def id_of(content: str) -> str:
    """The generated id of an update with this content."""
    return Desired.from_event(event("Create", content=content)).ota_update_id


def with_update(content: str, mark: str | None) -> World:
    """A world in which the stack's update of this content exists for an hour, deployed or not."""
    world = World()
    desired = Desired.from_event(event("Create", content=content))
    tags = {**desired.all_tags, **({} if mark is None else {names.DEPLOYED_TAG: mark})}
    world.updates[desired.ota_update_id] = Update("CREATE_COMPLETE", tags, world.time - 3600)
    return world


def test_a_deploy_waits_until_the_devices_are_through() -> None:
    """The update is marked as deployed when the gate has passed, with what it has seen, and so are the attributes."""
    world = World(rollouts=[STARTED, STARTED, PASSED])
    answer = run(world, gated("Create"))
    assert answer.data is not None
    assert (answer.data["DevicesSucceeded"], answer.data["DevicesFailed"]) == ("3", "0")
    assert world.calls.count("rollout") == 3
    assert world.changes() == ["create", "tag"]
    assert world.updates[id_of("one")].tags[names.DEPLOYED_TAG].startswith("succeeded=3 failed=0 seconds=")


def test_what_fails_is_removed_at_once() -> None:
    """In the same look, its job first, and by force; the failure says the counts, and the old update stays."""
    world = with_update("one", "true")
    world.rollouts = [STARTED, FAILED]
    answer = run(world, gated("Update", "two", old=properties(content="one"), physical_id=id_of("one")))
    assert answer.failed
    assert "the gate has failed: 1 failure, " in answer.reason
    assert "1 of 3 devices succeeded, 1 failed, 0 rejected it, 0 timed out, 0 were canceled" in answer.reason
    assert world.changes() == ["create", "cancel", REMOVED]
    assert world.canceled[f"AFR_OTA-{id_of('two')}"] in answer.reason
    assert id_of("one") in world.updates


def test_a_removal_that_is_throttled_is_tried_again() -> None:
    """Until it is taken on, more devices would take what has failed."""
    world = World(rollouts=[FAILED], errors={REMOVED: [RetryableError("throttled"), RetryableError("throttled")]})
    assert run(world, gated("Create")).failed
    assert world.changes() == ["create", "cancel", REMOVED, REMOVED, REMOVED]


@pytest.mark.parametrize(
    "error", [RetryableError("throttled"), FatalError("it is COMPLETED"), AccessDeniedError("denied")]
)
def test_a_job_that_can_not_be_canceled_is_removed_all_the_same(error: Exception) -> None:
    """The deletion ends it too."""
    world = World(rollouts=[FAILED], errors={"cancel": [error]})
    assert "the gate has failed: 1 failure" in run(world, gated("Create")).reason
    assert world.changes() == ["create", "cancel", REMOVED]


def test_a_job_that_has_ended_is_not_canceled() -> None:
    """AWS IoT would refuse it."""
    world = World(rollouts=[JobProgress(status="COMPLETED", succeeded=2, failed=1)])
    assert run(world, gated("Create")).failed
    assert world.changes() == ["create", REMOVED]


def test_a_removal_that_is_refused_leaves_the_reason() -> None:
    """What the gate says is worth more than why the removal failed; CloudFormation's Delete tries it again."""
    world = World(rollouts=[FAILED], errors={REMOVED: [FatalError("InvalidRequestException")]})
    assert "the gate has failed" in run(world, gated("Create")).reason


@pytest.mark.parametrize("sent", ["again", "other gate", "rollback"])
def test_a_deployed_update_is_not_judged_again(sent: str) -> None:
    """Neither by a duplicate, nor by another gate, nor on the way back."""
    world = with_update("one", "succeeded=3 failed=0 seconds=60")
    other = {**GATE, "MinimumDevices": "9"}
    again = {
        "again": gated("Create"),
        "other gate": {
            **event("Update", Gate=other, old=properties(Gate=GATE), physical_id=id_of("one")),
        },
        "rollback": gated("Update", old=properties(content="two", Gate=GATE), physical_id=id_of("two")),
    }[sent]
    world.stack_status = "UPDATE_ROLLBACK_IN_PROGRESS" if sent == "rollback" else "UPDATE_IN_PROGRESS"
    answer = run(world, again)
    assert answer.data is not None
    assert answer.data["DevicesSucceeded"] == "3"
    assert "rollout" not in world.calls
    assert world.changes() == []


def test_a_rollback_judges_nothing() -> None:
    """An old update whose mark got lost stays what it is."""
    world = with_update("one", None)
    world.stack_status = "UPDATE_ROLLBACK_IN_PROGRESS"
    back = gated("Update", old=properties(content="two", Gate=GATE), physical_id=id_of("two"))
    assert not run(world, back).failed
    assert "rollout" not in world.calls


def test_a_gate_has_its_time_and_no_more() -> None:
    """Devices that do not answer end the deploy after the gate's time, and the update is removed."""
    world = World(rollouts=[STARTED])
    answer = run(world, gated("Create"))
    assert "timed out after 18" in answer.reason
    assert world.changes() == ["create", "cancel", REMOVED]


def test_a_stack_that_turns_back_takes_the_update_along() -> None:
    """A sibling has failed while the devices were asked: nobody else would remove what was created."""
    world = World(
        rollouts=[STARTED],
        earlier_stack_statuses=["CREATE_IN_PROGRESS"] * 4,
        stack_status="ROLLBACK_IN_PROGRESS",
    )
    answer = run(world, gated("Create"))
    assert answer.failed
    assert world.changes() == ["create", REMOVED]


def test_a_job_that_is_asked_in_vain_is_asked_again() -> None:
    """Throttling and server errors are no verdict."""
    world = World(rollouts=[PASSED], errors={"rollout": [RetryableError("throttled")]})
    assert not run(world, gated("Create")).failed


@pytest.mark.parametrize("error", [RetryableError("throttled"), AccessDeniedError("AccessDenied")])
def test_devices_that_can_not_be_asked_in_time_get_no_more_of_it(error: Exception) -> None:
    """Nobody could tell whether it works: the update goes at the gate's time at the latest, and not with the deploy."""
    world = World(rollouts=[STARTED], errors={"rollout": [error] * 1000})
    begun = world.time
    answer = run(world, gated("Create"))
    assert f"could not read the progress of the job: {error}" in answer.reason
    assert world.changes() == ["create", "cancel", REMOVED]
    assert world.time - begun < 2000


def test_another_delivery_does_not_remove_what_was_there_before_it() -> None:
    """The mark of the first one may not show yet, and more devices have failed since."""
    world = with_update("one", None)
    world.rollouts = [FAILED]
    assert "the gate has failed: 1 failure" in run(world, gated("Create")).reason
    assert world.changes() == []


@pytest.mark.parametrize("status", ["UPDATE_COMPLETE", "CREATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"])
def test_what_shows_of_the_stack_ends_no_gate(status: str) -> None:
    """It may be older than the event."""
    world = World(
        rollouts=[STARTED, STARTED, PASSED], earlier_stack_statuses=["UPDATE_IN_PROGRESS"] * 2, stack_status=status
    )
    assert not run(world, gated("Create")).failed
    assert world.calls.count("rollout") == 3


def test_what_was_never_deployed_is_judged_although_it_stays() -> None:
    """A deploy without rollback keeps what has failed its gate, and the next one is addressed to it."""
    world = with_update("one", None)
    world.rollouts = [FAILED]
    other = gated("Update", old=properties(Gate=GATE, DeleteStream="false"), physical_id=id_of("one"))
    assert "the gate has failed: 1 failure" in run(world, other).reason
    assert world.changes() == []


def test_a_mark_that_does_not_show_yet_keeps_what_it_says() -> None:
    """Tags may show a minute late: a change of them right after the deploy writes no mark over the old one."""
    world = with_update("one", "succeeded=3 failed=0 seconds=60")
    (update,) = world.updates.values()
    update.created, update.tags = world.time - 30, {**update.tags}
    del update.tags[names.DEPLOYED_TAG]
    tagged = gated("Update", Tags=[{"Key": "a", "Value": "b"}], old=properties(Gate=GATE), physical_id=id_of("one"))
    assert not run(world, tagged).failed
    assert names.DEPLOYED_TAG not in update.tags
    assert update.tags["a"] == "b"


def test_what_is_removed_by_hand_while_its_gate_waits_is_not_made_again() -> None:
    """After five minutes it has been there for sure."""
    world = World(rollouts=[STARTED])
    world.vanish_at = world.time + 400
    assert "it was deleted meanwhile" in run(world, gated("Create")).reason
    assert world.changes() == ["create"]


def test_a_mark_that_is_refused_is_no_verdict() -> None:
    """The devices have proven the firmware: what failed is something else, and is said."""
    world = World(
        rollouts=[PASSED], errors={"tag": [AccessDeniedError("not authorized to perform: iot:TagResource")] * 99}
    )
    answer = run(world, gated("Create"))
    assert answer.reason == "not authorized to perform: iot:TagResource"
    assert set(world.changes()) == {"create", "tag"}
