"""Each exception of "What is not promised" in docs/lifecycle.md, as a story in which the promise does not hold."""

import pytest

from cdk_iot_ota_handler.ota_update.contract.names import DEPLOYED_TAG
from cdk_iot_ota_handler.ota_update.observed import JobProgress, Stack

from ..fakes.cloudformation import FakeStack, Plan, invented_id
from ..fakes.ota_service import Behaviour, FakeOtaService, Fault
from ..handler.scenarios import DELETE, GATE, content_change, event, id_of, properties, put_update, run, with_update
from .story import Story, declaration

OLD, NEW = [{"Key": "team", "Value": "a"}], [{"Key": "team", "Value": "b"}]


def test_an_event_that_arrives_during_the_next_deploy() -> None:
    """The second delivery of an earlier Update pushes its firmware again while the next deploy runs."""
    service = with_update("three")
    service.stack_statuses = ["UPDATE_IN_PROGRESS"]
    assert not run(service, content_change("one", "two", id_of("one"))).failed
    assert service.created == [id_of("two")]


def test_a_rollback_that_is_not_visible_yet() -> None:
    """A rollback to an update that was deleted by hand creates it again if its status shows late, and deletes it."""
    service = with_update("two")
    visible = service.time.now + 1
    service.describe_stack = lambda _: Stack(
        "UPDATE_ROLLBACK_IN_PROGRESS" if service.time.now >= visible else "UPDATE_IN_PROGRESS"
    )
    run(service, content_change("two", "one", id_of("two")))
    assert service.created == [id_of("one")]
    assert DELETE in service.writes()


def test_an_update_that_was_deleted_by_hand_and_is_restored_with_rollback_off() -> None:
    """An old declaration that CloudFormation restores in a stack that still deploys is pushed again."""
    service = FakeOtaService(stack_statuses=["UPDATE_IN_PROGRESS"])
    assert not run(service, content_change("two", "one", id_of("two"))).failed
    assert list(service.updates) == [id_of("one")]


def test_an_update_that_was_deleted_by_hand_and_a_lost_answer() -> None:
    """An update that replaced one that was deleted by hand stays if the answer of its deploy is lost."""
    story = Story()
    story.create(declaration("one"))
    story.service.updates.pop(story.stack.physical_id)
    story.update(declaration("two"), Plan(lost=2))
    story.rest()
    assert len(story.service.owned(story.stack.stack_id)) == 1


def test_an_update_that_was_deleted_by_hand_and_a_deploy_that_is_cut_short() -> None:
    """An update that replaced one that was deleted by hand stays if its deploy is cut short once it is tagged."""
    story = Story()
    story.create(declaration("one"))
    story.service.updates.pop(story.stack.physical_id)
    story.update(declaration("two"), Plan(cut_after=8), faults=[Fault(kind="cut after", operation="TagResource")])
    story.rest()
    assert len(story.service.owned(story.stack.stack_id)) == 1


def test_the_update_before_a_failed_one_with_rollback_off() -> None:
    """A retry to which CloudFormation sends no Delete for the update before the failed one leaves both."""
    service = with_update("one")
    sent = event("Update", content="two", old=properties(content="two"), physical_id=id_of("two"))
    assert not run(service, sent).failed
    assert set(service.updates) == {id_of("one"), id_of("two")}


def test_an_event_that_is_no_longer_awaited_with_rollback_off() -> None:
    """An Update with a gate pushes again what CloudFormation takes back in the moment of its creation."""
    service = with_update("one")
    service.behaviour = Behaviour(settle=28, removal=0)
    service.progress = [JobProgress(status="IN_PROGRESS", queued=2)]
    taken_back = event("Update", content="two", Gate=GATE, old=properties(content="one"), physical_id=id_of("one"))
    service.time.spawn(lambda: run(service, taken_back))
    service.time.sleep(7)
    assert not run(service, content_change("two", "one", id_of("one"))).failed
    service.time.sleep(60)
    assert service.created.count(id_of("two")) > 1


def test_a_delivery_that_dies_in_on_event_with_rollback_off() -> None:
    """The update of a first delivery stays if the second one fails first, with an id that no Delete is sent for."""
    service = FakeOtaService(latency=0.2)
    stack = FakeStack(service)
    service.describe_stack = lambda _: stack.visible(0)
    plan = Plan(duplicates=(0.7,), killed=(3, 1, "before"), rollback_off=True)
    service.time.spawn(lambda: stack.create(declaration("one", ota_update_id="mine-1"), plan))
    service.time.run()
    service.time.spawn(lambda: stack.roll_back(Plan()))
    service.time.run()
    assert list(service.updates) == ["mine-1"]


@pytest.mark.parametrize(("call", "second"), [(6, 2.5), (8, 0.7)])
def test_two_deliveries_that_end_in_the_same_moment(call: int, second: float) -> None:
    """One delivery marks the update as deployed just when the other dies and the stack starts to roll back."""
    story = Story()
    story.create(declaration("one"))
    story.update(declaration("two"), Plan(duplicates=(second,), killed=(4, call, "before")))
    assert story.deployed_tag_overtaken


def test_a_change_of_tags_that_is_cut_short() -> None:
    """A change of tags that CloudFormation no longer awaits sets them after the rollback has restored the old ones."""
    story = Story()
    story.create(declaration("one", tags=OLD))
    story.update(declaration("one", tags=NEW), Plan(cut_after=0.9))
    story.rest()
    assert story.service.updates[story.stack.physical_id].tags["team"] == "b"


def test_a_deploy_that_takes_up_the_update_of_an_earlier_attempt() -> None:
    """The tags of an attempt that failed with rollback off stay on the update that the retry takes up."""
    story = Story()
    story.create(declaration("one", tags=OLD), Plan(lost=2, rollback_off=True))
    assert story.create(declaration("one"))
    tags = story.service.updates[story.stack.physical_id].tags
    assert (tags["team"], DEPLOYED_TAG in tags) == ("a", True)


def test_a_creation_that_is_carried_out_long_after_its_call() -> None:
    """A creation that AWS IoT carries out after the Delete of its rollback has ended leaves an update."""
    service = FakeOtaService(stack_statuses=["ROLLBACK_IN_PROGRESS"])
    service.time.spawn(lambda: put_update(service, "one", deployed=False, age=0), delay=40)
    assert not run(service, event("Delete", physical_id=invented_id())).failed
    service.time.run()
    assert list(service.updates) == [id_of("one")]


def test_a_clean_up_that_comes_two_deploys_later() -> None:
    """The Delete of a failed attempt removes the live update if that was deployed by an operation in between."""
    service = with_update("one", deployed="true operation=900000")
    service.describe_stack = lambda _: Stack("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", service.time.now - 60)
    assert not run(service, event("Delete", physical_id=id_of("one"))).failed
    assert service.updates == {}
