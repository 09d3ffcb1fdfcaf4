"""Bugs that random stories have found, each as the shortest story that shows it."""

import pytest

from ..fakes.cloudformation import Plan, invented_id
from ..fakes.ota_service import Behaviour, Fault
from .story import Story, declaration

HANGS = ("CREATE_IN_PROGRESS", "")
CUT = Plan(cut_after=0.7)
TEAM = [{"Key": "team", "Value": "a"}]


@pytest.fixture
def story() -> Story:
    """Return a story without any step yet."""
    return Story()


@pytest.mark.parametrize("call", range(1, 6))
def test_a_handler_that_dies_in_the_middle_of_a_create_leaves_nothing(story: Story, call: int) -> None:
    """A handler that dies in a Create leaves no update, although the framework swallows the Delete of its marker."""
    story.create(declaration("one"), Plan(killed=(2, call, "after")))
    story.check_the_end()


def test_an_update_that_becomes_visible_after_its_creator_died_is_deleted(story: Story) -> None:
    """A Delete that comes before GetOTAUpdate shows the update waits, and deletes it."""
    story.create(declaration("one"), Plan(killed=(2, 4, "after")), Behaviour(lag=1))
    story.check_the_end()


def test_a_leftover_whose_creation_hangs_is_removed(story: Story) -> None:
    """The rollback of a deploy that was cut short removes an update whose creation takes longer than ten minutes."""
    story.create(declaration("one"))
    story.update(declaration("two"), CUT, Behaviour(creations=[HANGS]))
    story.check_the_end()


def test_a_leftover_is_removed_although_its_first_deletion_fails(story: Story) -> None:
    """A creation that hangs can only be deleted late, and time is left for a second deletion if the first one fails."""
    story.create(declaration("one"))
    story.update(declaration("two"), CUT, Behaviour(creations=[HANGS], failing_deletions=1))
    story.check_the_end()


def test_a_leftover_is_deleted_with_its_own_options(story: Story) -> None:
    """A leftover whose job is in progress is deleted by force, even if the live update does not allow that."""
    story.create(declaration("one", force="false"))
    story.update(declaration("two"), CUT, Behaviour(job=5000))
    story.check_the_end()


def test_a_creation_that_arrives_late_is_found_by_the_rollback(story: Story) -> None:
    """A rollback that begins while CreateOTAUpdate is slower than its read timeout removes the update."""
    story.create(declaration("one"), CUT, faults=[Fault(kind="slow", operation="CreateOTAUpdate")])
    story.check_the_end()


def test_a_rollback_restores_a_tag_whose_removal_is_not_visible_yet(story: Story) -> None:
    """A rollback sets a tag again even if ListTagsForResource does not show its removal yet."""
    story.create(declaration("one", tags=TEAM))
    story.update(declaration("one"), Plan(fails_later=True), Behaviour(tag_lag=1))
    story.check_the_end()


def test_an_update_whose_deployed_tag_is_not_visible_yet_is_not_deleted_as_failed(story: Story) -> None:
    """The Delete of a replacement that was never created spares the live update with a deployed tag seconds old."""
    story.create(declaration("one", ota_update_id="mine-1"), day=Behaviour(tag_lag=12))
    story.update(declaration("two", ota_update_id="mine-2"), Plan(killed=(2, 1, "before")), Behaviour(tag_lag=1))
    story.check_the_end()


def test_an_update_whose_tags_are_not_visible_yet_is_found_by_its_id(story: Story) -> None:
    """The Delete of a failed replacement does not take an update without visible tags for another owner's."""
    story.create(declaration("one"))
    story.remove_by_hand()
    story.update(declaration("one", ota_update_id="mine-1"), Plan(killed=(2, 5, "after")), Behaviour(tag_lag=40))
    story.check_the_end()


def test_a_rollback_to_an_id_that_another_owner_has_taken_ends(story: Story) -> None:
    """A rollback succeeds although its update was deleted outside of the stack and another owner has taken the id."""
    story.create(declaration("one", ota_update_id="mine-1"))
    story.remove_by_hand()
    story.toggle_foreign("mine-1")
    assert not story.update(declaration("two", ota_update_id="mine-1"))
    assert not story.update(declaration("two", ota_update_id="mine-2"), Plan(fails_later=True))
    story.check_the_end()


def test_new_content_under_the_id_of_a_removed_update_can_be_rolled_back(story: Story) -> None:
    """New content under the explicit id of a removed update is refused, and the rollback succeeds."""
    story.create(declaration("one", ota_update_id="mine-1"))
    story.remove_by_hand()
    assert not story.update(declaration("two", ota_update_id="mine-1"), Plan(fails_later=True))
    story.check_the_end()


def test_a_create_continues_although_the_update_of_its_duplicate_cannot_be_read(story: Story) -> None:
    """A Create that cannot read the tags of its duplicate's update does not fail in on_event, and succeeds later."""
    faults = [Fault(kind="throttled", lasts=5), Fault(kind="throttled", operation="ListTagsForResource", lasts=400)]
    assert story.create(declaration("one", ota_update_id="mine-1"), Plan(duplicates=(0.7,)), faults=faults)
    story.check_the_end()


def test_a_creation_that_arrives_after_the_delete_is_removed_by_its_creator(story: Story) -> None:
    """An update created after the Delete of the rollback has ended is removed by the delivery that created it."""
    story.create(declaration("one"))
    plan = Plan(fails_later=True, update_first=False, duplicates=(0.35,))
    story.update(declaration("one", ota_update_id="mine-1"), plan, faults=[Fault(kind="slow", begins=1)])
    story.check_the_end()


def test_a_duplicate_is_rolled_back_with_the_event_that_died(story: Story) -> None:
    """A duplicate removes its update if the first delivery died in on_event, so that no Delete follows."""
    plan = Plan(duplicates=(0.1,), killed=(1, 3, "before"))
    story.create(declaration("one", ota_update_id="mine-1"), plan, faults=[Fault(kind="throttled", times=2)] * 2)
    story.check_the_end()


def test_the_status_of_an_earlier_rollback_is_not_taken_for_a_new_one(story: Story) -> None:
    """A deploy creates its update although DescribeStacks still shows the previous rollback."""
    story.create(declaration("one"))
    story.update(declaration("two"), Plan(fails_later=True))
    assert story.update(declaration("two"), day=Behaviour(stack_lag=1))
    story.check_the_end()


def test_a_deletion_that_is_not_visible_yet_is_not_a_refusal(story: Story) -> None:
    """A second DeleteOTAUpdate that is refused because the first is not visible yet does not fail the deletion."""
    story.create(declaration("one", force="false"))
    story.delete(day=Behaviour(status_lag=12, removal=15))
    assert story.stack.reasons == []


def test_the_first_answer_of_two_deliveries_counts(story: Story) -> None:
    """The update of the first delivery is removed if the second one dies in on_event and answers first."""
    story.create(declaration("one", ota_update_id="mine-1"), Plan(duplicates=(0.35,), killed=(3, 1, "before")))
    story.check_the_end()


def test_a_deletion_of_the_stack_that_is_not_visible_yet_is_not_a_stale_event(story: Story) -> None:
    """The deletion of a stack removes the update although DescribeStacks still shows an idle stack."""
    story.create(declaration("one"))
    story.delete(day=Behaviour(stack_lag=3))
    story.check_the_end()


def test_an_orphaned_update_is_deleted_until_it_is_gone(story: Story) -> None:
    """The delivery that created an orphaned update retries a deletion that fails, since no Delete follows."""
    plan = Plan(duplicates=(0.7, 1.2), killed=(3, 1, "before"))
    story.create(declaration("one", ota_update_id="mine-1"), plan, Behaviour(failing_deletions=1))
    story.check_the_end()


def test_no_delivery_marks_an_update_that_another_must_remove(story: Story) -> None:
    """A third delivery does not mark an update as deployed if the death of the second one has failed the event."""
    long, short = Fault(kind="throttled", begins=1, lasts=120), Fault(kind="throttled", begins=1)
    faults = [short, long, Fault(kind="throttled", operation="ListTagsForResource", times=2)]
    plan = Plan(duplicates=(70, 70), killed=(5, 1, "before"))
    story.create(declaration("one", ota_update_id="mine-1"), plan, faults=faults)
    story.check_the_end()


def test_a_failed_creation_is_deleted_until_it_is_gone(story: Story) -> None:
    """The deletion of a failed creation is retried if another delivery has died, so that no Delete follows."""
    story.create(declaration("one"))
    story.delete()
    plan = Plan(update_first=False, duplicates=(0.1, 0.7), killed=(5, 1, "before"))
    refused = ("CREATE_FAILED", "AWSIotException: not authorized to perform: iam:PassRole")
    story.create(declaration("one", ota_update_id="mine-1"), plan, Behaviour(creations=[refused], failing_deletions=1))
    story.check_the_end()


def test_another_delivery_does_not_evaluate_the_gate_of_a_deployed_update(story: Story) -> None:
    """A duplicate spares a live update whose deployed tag is not visible yet, even if another device has failed."""
    plan, day = Plan(duplicates=(120,), others=600), Behaviour(devices=("differ", 90), tag_lag=45)
    assert story.create(declaration("one", gate=("50", "3")), plan, day)
    story.check_the_end()


@pytest.mark.parametrize("operation", ["DeleteOTAUpdate", "CancelJob"])
@pytest.mark.parametrize("kind", ["cut after", "slow"])
def test_an_update_that_has_failed_its_gate_is_not_pushed_again(story: Story, kind: str, operation: str) -> None:
    """An update whose gate has failed is not created again when the answer to its deletion is lost."""
    gate, fails = ("100", "1"), Behaviour(devices=("fail", 0))
    faults = [Fault(kind="throttled"), Fault(kind=kind, operation=operation)]
    assert not story.create(declaration("one", gate=gate), day=fails, faults=faults)
    assert "the gate has failed: 1 failure" in story.stack.reasons[0]
    assert len(story.service.created) == 1
    story.check_the_end()


@pytest.mark.parametrize("lasts", [100, 280, 400])
@pytest.mark.parametrize("kind", ["cut after", "slow"])
def test_an_update_that_was_deleted_without_an_answer_is_not_pushed_again(
    story: Story, kind: str, lasts: float
) -> None:
    """An update whose gate has failed is not created again although nothing answers that its rollout has ended."""
    story.create(declaration("one"))
    faults = [Fault(kind=kind, operation=name, lasts=lasts) for name in ("CancelJob", "DeleteOTAUpdate")]
    assert not story.update(declaration("two", gate=("100", "1")), day=Behaviour(devices=("silent", 0)), faults=faults)
    assert story.stack.reasons[0].startswith("the gate has failed: timed out after 6")
    assert len(story.service.created) == 2
    story.check_the_end()


LOST = Plan(lost=2, rollback_off=True)


@pytest.mark.parametrize("late", [2, 600, 1800])
def test_a_deploy_whose_answer_is_lost_is_rolled_back(story: Story, late: float) -> None:
    """An update that is marked as deployed, and of which CloudFormation never learns, is deleted by the rollback."""
    story.create(declaration("one"))
    story.update(declaration("two"), Plan(lost=late))
    story.check_the_end()


def test_a_retry_takes_up_an_update_whose_mark_is_not_visible_yet(story: Story) -> None:
    """The clean-up of a Create whose answer was lost spares the update that its retry has taken up a moment ago."""
    story.create(declaration("one"), LOST)
    story.create(declaration("one"), day=Behaviour(tag_lag=1))
    story.check_the_end()


def test_a_retry_takes_up_an_update_although_the_status_of_the_stack_is_old(story: Story) -> None:
    """A retry marks what it takes up, although DescribeStacks still shows the operation before."""
    story.create(declaration("one"), LOST)
    story.create(declaration("one"), day=Behaviour(stack_lag=1))
    story.check_the_end()


def test_a_rollback_that_is_not_visible_yet_deletes_what_it_must(story: Story) -> None:
    """A Delete of a rollback is not taken for a clean-up of an earlier attempt while the stack seems to deploy."""
    story.create(declaration("one"))
    story.update(declaration("two"), Plan(fails_later=True, update_first=False), Behaviour(stack_lag=1))
    story.check_the_end()


@pytest.mark.parametrize(
    ("day", "faults"), [(Behaviour(), [Fault(kind="throttled", lasts=400)]), (Behaviour(stack_lag=1), [])]
)
def test_an_invented_id_is_refused_before_cloudformation_learns_it(
    story: Story, day: Behaviour, faults: list[Fault]
) -> None:
    """The Delete of an explicit id that looks invented never deletes the live update, since no such Delete comes."""
    story.create(declaration("one"))
    assert not story.update(declaration("one", ota_update_id=invented_id()), day=day, faults=faults)
    story.check_the_end()


def test_on_event_is_not_patient_twice(story: Story) -> None:
    """An Update with too much content and a new explicit id checks both within the time of one invocation."""
    story.create(declaration("one"))
    faults = [Fault(kind="throttled", lasts=400)]
    story.update(declaration("one", ota_update_id="mine-1", size=120_000), faults=faults)
    story.check_the_end()


@pytest.mark.parametrize("clean_up", ["first", "last", "at the end"])
def test_a_failed_attempt_is_cleaned_up_in_any_order(story: Story, clean_up: str) -> None:
    """A Create that is retried with the same content ends right whenever the first attempt is deleted."""
    story.create(declaration("one"), Plan(killed=(2, 5, "after"), rollback_off=True))
    assert story.create(declaration("one"), Plan(clean_up=clean_up))
    story.check_the_end()


@pytest.mark.parametrize("old_properties", [False, True])
@pytest.mark.parametrize("puts_back", [False, True])
def test_a_failed_replacement_is_retried(story: Story, *, puts_back: bool, old_properties: bool) -> None:
    """A replacement whose gate has failed with rollback off is deployed by the retry, whatever CloudFormation holds."""
    new = declaration("two", gate=("100", "1"))
    story.create(declaration("one"))
    plan = Plan(rollback_off=True, puts_back=puts_back, old_properties=old_properties)
    assert not story.update(new, plan, Behaviour(devices=("fail", 0)))
    story.check_live_updates()
    assert story.update(new)
    story.check_the_end()


def test_a_second_delivery_deletes_its_update_although_clocks_differ(story: Story) -> None:
    """A delivery whose stack rolls back does not mark the update of the first one, however old that seems to be."""
    story.create(declaration("one"))
    story.remove_by_hand()
    story.update(declaration("two"), Plan(cut_after=0.7, duplicates=(0.7,)), Behaviour(clock_fault=60))
    story.check_the_end()


def test_an_update_that_cannot_be_deleted_for_long_is_not_marked(story: Story) -> None:
    """A delivery whose stack has rolled back tries to delete its update until that works, and never marks it."""
    story.create(declaration("one"))
    story.remove_by_hand()
    story.update(declaration("two", force="false"), CUT, Behaviour(job=900, clock_fault=60))
    story.check_the_end()


def test_a_second_delivery_in_a_rollback_marks_nothing(story: Story) -> None:
    """A delivery that begins in the rollback does not mark the update of the first one, however old it seems to be."""
    story.create(declaration("one"))
    story.remove_by_hand()
    story.update(declaration("two"), Plan(cut_after=0.7, duplicates=(15,)), Behaviour(clock_fault=60))
    story.check_the_end()


def test_the_live_update_is_not_a_leftover_although_clocks_differ(story: Story) -> None:
    """The retry of a replacement that a second delivery has deployed spares the live update, whatever the dates."""
    story.create(declaration("one"))
    story.update(declaration("two"))
    plan = Plan(old_properties=True, duplicates=(0.1,), killed=(3, 4, "before"), rollback_off=True)
    assert not story.update(declaration("one", ota_update_id="mine-1"), plan)
    story.update(declaration("two", ota_update_id="mine-1"), day=Behaviour(clock_fault=15))
    story.check_the_end()


def test_an_update_that_was_live_before_is_not_a_leftover(story: Story) -> None:
    """A deploy back to the stable update, whose answer is lost with rollback off, leaves that update."""
    story.create(declaration("two"))
    story.service.put_foreign("mine-2")
    assert not story.update(declaration("one", ota_update_id="mine-2"), Plan(rollback_off=True))
    assert not story.update(declaration("one"), Plan(fails_later=True))
    assert not story.update(declaration("two"), Plan(lost=2))
    story.roll_back()
    story.check_the_end()


def test_an_update_that_an_earlier_attempt_has_created_is_marked_with_the_running_deploy(story: Story) -> None:
    """A deploy that takes up what an earlier attempt has created waits until its own operation is visible."""
    story.create(declaration("three"), Plan(killed=(2, 9, "before"), rollback_off=True))
    story.create(declaration("one"), Plan(fails_later=True))
    story.update(declaration("three"), day=Behaviour(stack_lag=1))
    story.check_the_end()


def test_a_deploy_that_has_ended_is_not_stopped_by_another_delivery(story: Story) -> None:
    """A device that fails just after the gate has passed does not make a second delivery delete the live update."""
    plan, day = Plan(duplicates=(2.5,)), Behaviour(tag_lag=3, devices=("differ", 42))
    assert story.create(declaration("one", gate=("50", "1")), plan, day)
    story.check_the_end()


def test_another_delivery_does_not_create_again_what_a_failed_gate_has_deleted(story: Story) -> None:
    """A delivery that has watched the gate as well sees an update that is gone, and fails too."""
    story.change_alarms([(5, "crashes", "ALARM")])
    gated = declaration("one", gate=("100", "1"), alarms=("crashes",), bake="1", only_new=True)
    assert not story.create(gated, Plan(update_first=False, duplicates=(0.7,), lost=2, clean_up="first"))
    story.check_the_end()
    assert len(story.service.created) == 1


def test_an_update_that_is_marked_after_its_deploy_has_failed_is_a_leftover(story: Story) -> None:
    """A deploy that CloudFormation has given up with rollback off leaves nothing, whatever the dates."""
    story.create(declaration("one"))
    refused = ("CREATE_FAILED", "AWSIotException: not authorized to perform: iam:PassRole")
    story.update(declaration("two"), Plan(rollback_off=True, puts_back=True), Behaviour(creations=[refused]))
    story.update(declaration("two"), CUT, Behaviour(clock_fault=60))
    story.check_the_end()
