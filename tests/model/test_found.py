"""What random stories have found, each bug with the shortest story that shows it."""

import pytest

from .cloudformation import Plan
from .ota_service import Behaviour, Fault
from .story import Story, declaration

HANGS = ("CREATE_IN_PROGRESS", "")
CUT = Plan(cut_after=0.7)
TEAM = [{"Key": "team", "Value": "a"}]


@pytest.fixture
def story() -> Story:
    """A story in which nothing has happened yet."""
    return Story()


@pytest.mark.parametrize("call", range(1, 6))
def test_a_handler_that_dies_in_the_middle_of_a_create_leaves_nothing(story: Story, call: int) -> None:
    """What on_event had created stayed for ever: the framework answered its marker, and swallowed the Delete."""
    story.create(declaration("one"), Plan(killed=(2, call, "after")))
    story.check_the_end()


def test_an_update_that_becomes_visible_after_its_creator_died_is_deleted(story: Story) -> None:
    """The Delete came before GetOTAUpdate showed the update, and took it for gone."""
    story.create(declaration("one"), Plan(killed=(2, 4, "after")), Behaviour(lag=1))
    story.check_the_end()


def test_what_is_left_in_a_creation_that_hangs_is_removed(story: Story) -> None:
    """The rollback of a deploy that was cut short waited for ten minutes, and the creation took longer."""
    story.create(declaration("one"))
    story.update(declaration("two"), CUT, Behaviour(creations=[HANGS]))
    story.check_the_end()


def test_what_is_left_is_removed_although_the_first_deletion_fails(story: Story) -> None:
    """By the time that a creation which hangs can be deleted, no time was left for a second try."""
    story.create(declaration("one"))
    story.update(declaration("two"), CUT, Behaviour(creations=[HANGS], failing_deletions=1))
    story.check_the_end()


def test_what_is_left_is_removed_by_its_own_options(story: Story) -> None:
    """Its job is in progress and may be deleted by force, unlike that of the update which lives."""
    story.create(declaration("one", force="false"))
    story.update(declaration("two"), CUT, Behaviour(job=5000))
    story.check_the_end()


def test_a_creation_that_arrives_late_is_found_by_what_has_overtaken_it(story: Story) -> None:
    """CreateOTAUpdate took longer than its read timeout, and the stack has turned back meanwhile."""
    story.create(declaration("one"), CUT, faults=[Fault(kind="slow", operation="CreateOTAUpdate")])
    story.check_the_end()


def test_a_rollback_restores_a_tag_whose_removal_does_not_show_yet(story: Story) -> None:
    """The tag was still to be seen when the rollback looked, and so was not set again."""
    story.create(declaration("one", tags=TEAM))
    story.update(declaration("one"), Plan(fails_later=True), Behaviour(tag_lag=1))
    story.check_the_end()


def test_an_update_whose_mark_does_not_show_yet_is_not_taken_for_a_failed_one(story: Story) -> None:
    """The Delete for a replacement that never came to be deleted the live update, whose mark was seconds old."""
    story.create(declaration("one", ota_update_id="mine-1"), day=Behaviour(tag_lag=12))
    story.update(declaration("two", ota_update_id="mine-2"), Plan(killed=(2, 1, "before")), Behaviour(tag_lag=1))
    story.check_the_end()


def test_an_update_whose_tags_do_not_show_yet_is_found_by_its_id(story: Story) -> None:
    """The Delete for a failed replacement took it for somebody else's, and left it."""
    story.create(declaration("one"))
    story.remove_by_hand()
    story.update(declaration("one", ota_update_id="mine-1"), Plan(killed=(2, 5, "after")), Behaviour(tag_lag=40))
    story.check_the_end()


def test_a_rollback_to_an_id_that_a_stranger_has_taken_ends(story: Story) -> None:
    """The update was removed by hand, somebody else took its id, and the rollback could never get it back."""
    story.create(declaration("one", ota_update_id="mine-1"))
    story.remove_by_hand()
    story.toggle_stranger("mine-1")
    assert not story.update(declaration("two", ota_update_id="mine-1"))
    assert not story.update(declaration("two", ota_update_id="mine-2"), Plan(fails_later=True))
    story.check_the_end()


def test_new_content_under_the_id_of_a_removed_update_can_be_rolled_back(story: Story) -> None:
    """It was created under the same explicit id, and its rollback found other content there."""
    story.create(declaration("one", ota_update_id="mine-1"))
    story.remove_by_hand()
    assert not story.update(declaration("two", ota_update_id="mine-1"), Plan(fails_later=True))
    story.check_the_end()


def test_a_create_goes_on_although_what_its_duplicate_has_made_can_not_be_seen(story: Story) -> None:
    """It failed in on_event, with the framework's marker; what the duplicate had created was never deleted."""
    faults = [Fault(kind="throttled", lasts=5), Fault(kind="throttled", operation="ListTagsForResource", lasts=400)]
    assert story.create(declaration("one", ota_update_id="mine-1"), Plan(duplicates=(0.7,)), faults=faults)
    story.check_the_end()


def test_a_creation_that_arrives_after_the_delete_is_removed_by_its_creator(story: Story) -> None:
    """A duplicate's CreateOTAUpdate took longer than its read timeout; the Delete of the rollback was over by then."""
    story.create(declaration("one"))
    plan = Plan(fails_later=True, update_first=False, duplicates=(0.35,))
    story.update(declaration("one", ota_update_id="mine-1"), plan, faults=[Fault(kind="slow", begins=1)])
    story.check_the_end()


def test_a_duplicate_goes_back_with_the_event_that_died(story: Story) -> None:
    """The first delivery died in on_event, so that no Delete was to come; the second had begun to create."""
    plan = Plan(duplicates=(0.1,), killed=(1, 3, "before"))
    story.create(declaration("one", ota_update_id="mine-1"), plan, faults=[Fault(kind="throttled", times=2)] * 2)
    story.check_the_end()


def test_an_old_rollback_that_still_shows_is_not_taken_for_the_way_back(story: Story) -> None:
    """The deploy succeeded with nothing created, and its clean-up deleted the old update."""
    story.create(declaration("one"))
    story.update(declaration("two"), Plan(fails_later=True))
    assert story.update(declaration("two"), day=Behaviour(stack_lag=1))
    story.check_the_end()


def test_a_deletion_that_does_not_show_is_no_refusal(story: Story) -> None:
    """Without force a second DeleteOTAUpdate is refused, and the stack's deletion failed for the wrong reason."""
    story.create(declaration("one", force="false"))
    story.delete(day=Behaviour(status_lag=12, removal=15))
    assert story.stack.reasons == []


def test_the_first_answer_of_two_deliveries_counts(story: Story) -> None:
    """The second one died in on_event, and its answer came first: nobody was to delete what the first one made."""
    story.create(declaration("one", ota_update_id="mine-1"), Plan(duplicates=(0.35,), killed=(3, 1, "before")))
    story.check_the_end()


def test_a_deletion_of_the_stack_that_does_not_show_yet_is_no_event_of_the_past(story: Story) -> None:
    """The stack seemed to be at rest, and the update was left."""
    story.create(declaration("one"))
    story.delete(day=Behaviour(stack_lag=3))
    story.check_the_end()


def test_what_is_taken_back_is_deleted_until_it_is_gone(story: Story) -> None:
    """The second delivery died first, so no Delete was to come, and the deletion by its creator failed."""
    plan = Plan(duplicates=(0.7, 1.2), killed=(3, 1, "before"))
    story.create(declaration("one", ota_update_id="mine-1"), plan, Behaviour(failing_deletions=1))
    story.check_the_end()


def test_no_delivery_marks_what_another_has_to_take_back(story: Story) -> None:
    """One delivery died and its answer came first; a third one marked what the first had made as deployed."""
    long, short = Fault(kind="throttled", begins=1, lasts=120), Fault(kind="throttled", begins=1)
    faults = [short, long, Fault(kind="throttled", operation="ListTagsForResource", times=2)]
    plan = Plan(duplicates=(70, 70), killed=(5, 1, "before"))
    story.create(declaration("one", ota_update_id="mine-1"), plan, faults=faults)
    story.check_the_end()


def test_what_failed_to_be_created_is_taken_back_until_it_is_gone(story: Story) -> None:
    """Another delivery had died, so no Delete was to come, and the one try to delete what had failed had failed too."""
    story.create(declaration("one"))
    story.delete()
    plan = Plan(update_first=False, duplicates=(0.1, 0.7), killed=(5, 1, "before"))
    refused = ("CREATE_FAILED", "AWSIotException: not authorized to perform: iam:PassRole")
    story.create(declaration("one", ota_update_id="mine-1"), plan, Behaviour(creations=[refused], failing_deletions=1))
    story.check_the_end()


def test_another_delivery_does_not_judge_what_is_deployed(story: Story) -> None:
    """Its mark did not show yet, one more device had failed since, and the live update was removed."""
    plan, day = Plan(duplicates=(120,), others=600), Behaviour(devices=("differ", 90), tag_lag=45)
    assert story.create(declaration("one", gate=("50", "3")), plan, day)
    story.check_the_end()


@pytest.mark.parametrize("operation", ["DeleteOTAUpdate", "CancelJob"])
@pytest.mark.parametrize("kind", ["cut after", "slow"])
def test_what_has_failed_its_gate_is_not_pushed_again(story: Story, kind: str, operation: str) -> None:
    """The answer to its deletion got lost, so that the next look found nothing, and created it."""
    gate, fails = ("100", "1"), Behaviour(devices=("fail", 0))
    faults = [Fault(kind="throttled"), Fault(kind=kind, operation=operation)]
    assert not story.create(declaration("one", gate=gate), day=fails, faults=faults)
    assert "the gate has failed: 1 failure" in story.stack.reasons[0]
    assert len(story.service.created) == 1
    story.check_the_end()
