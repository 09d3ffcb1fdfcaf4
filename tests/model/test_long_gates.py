"""Gates of more than 45 minutes, at their real lengths: the update and its links keep the promises of the lifecycle."""

import pytest

from cdk_iot_ota_handler.ota_update.contract.names import DEPLOYED_TAG

from ..fakes.cloudformation import Plan
from ..fakes.ota_service import Behaviour
from .story import Story, declaration

# Three resources watch it, for 45, 45 and 30 minutes.
LONG = declaration("two", gate=("100", "120"), links="2")
IN_LINK = [pytest.param(minutes * 60, id=f"after {minutes} minutes") for minutes in (50, 100)]


@pytest.fixture
def story() -> Story:
    """Return a story of a stack that is deployed."""
    story = Story()
    assert story.create(declaration("one"))
    return story


@pytest.mark.parametrize("seconds", [*IN_LINK, pytest.param(600, id="after 10 minutes")])
def test_a_long_gate_passes(story: Story, seconds: int) -> None:
    """Whichever resource sees it, the gate passes when the devices have succeeded, and its counts are kept."""
    began = story.time.now
    assert story.update(LONG, day=Behaviour(devices=("succeed", seconds)))
    assert seconds < story.time.now - began < seconds + 60
    (update,) = story.service.owned(story.stack.stack_id).values()
    assert update.tags[DEPLOYED_TAG].startswith("succeeded=2 failed=0 seconds=")
    assert story.stack.links[2].state.startswith("succeeded=2")
    story.check_the_end()


@pytest.mark.parametrize("seconds", IN_LINK)
@pytest.mark.parametrize("update_first", [False, True])
def test_a_long_gate_fails_and_the_previous_update_is_left(story: Story, seconds: int, update_first: bool) -> None:
    """A link that fails cancels the job at once, and the rollback deletes the update."""
    began = story.time.now
    assert not story.update(LONG, Plan(update_first=update_first), Behaviour(devices=("fail", seconds)))
    assert story.stack.reasons[0].startswith("the gate has failed: 1 failure")
    assert story.time.now - began < seconds + 90
    assert story.stack.links == {}
    story.check_live_updates()
    story.check_the_end()


def test_a_long_gate_that_nobody_answers_times_out(story: Story) -> None:
    """The last link fails once the timeout of the gate has passed since the creation."""
    assert not story.update(LONG, day=Behaviour(devices=("silent", 0)))
    assert story.stack.reasons[0].startswith("the gate has failed: timed out after 720")
    story.check_the_end()


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_deploy_that_is_cut_short_while_a_link_waits(story: Story, at: int) -> None:
    """A sibling that fails ends the wait of each resource, and the update is deleted."""
    assert not story.update(LONG, Plan(cut_after=1000, at=at), Behaviour(devices=("silent", 0)))
    story.check_live_updates()
    story.check_the_end()


@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize("lost", [2, 1800])
def test_a_link_whose_answer_is_lost(story: Story, at: int, lost: int) -> None:
    """CloudFormation gives up on the link and rolls back; a poll that goes on meanwhile touches nothing."""
    assert not story.update(LONG, Plan(lost=lost, at=at), Behaviour(devices=("succeed", 3000)))
    assert story.update(declaration("three"))
    story.check_the_end()


def test_a_first_deploy_with_a_long_gate_leaves_nothing() -> None:
    """The rollback of a stack that is new deletes links and update."""
    story = Story()
    assert not story.create(LONG, day=Behaviour(devices=("fail", 3000)))
    assert story.service.owned(story.stack.stack_id) == {}
    story.check_the_end()


def test_a_failed_long_gate_never_passes_with_rollback_off(story: Story) -> None:
    """The retry of the same content fails again, and pushes nothing; other content replaces the update."""
    plan, day = Plan(rollback_off=True), Behaviour(devices=("straggle", 3000))
    assert not story.update(LONG, plan, day)
    pushed = list(story.service.created)
    assert not story.update(LONG, plan)
    assert story.service.created == pushed
    assert story.update(declaration("three", gate=("100", "120"), links="2"))
    story.check_the_end()


def test_a_long_gate_is_not_evaluated_twice(story: Story) -> None:
    """A longer or a stricter gate on a deployed update lets its new links answer at once."""
    assert story.update(LONG, day=Behaviour(devices=("straggle", 0), job=0)) is False
    assert story.update(declaration("two", gate=("50", "30"), failures="1"), day=Behaviour(devices=("fail", 0)))
    began = story.time.now
    assert story.update(declaration("two", gate=("100", "150"), links="3"))
    assert story.time.now - began < 30
    assert {link.state.partition(" ")[0] for link in story.stack.links.values()} == {"succeeded=1"}
    assert story.update(declaration("two", gate=("100", "30")))
    assert story.stack.links == {}
    story.check_the_end()
