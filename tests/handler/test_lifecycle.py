"""Whole events against a small OTA service: the declared update exists in the end, or the failure says why."""

import contextlib
from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update import identity
from cdk_iot_ota_handler.ota_update.contract import names, timeouts
from cdk_iot_ota_handler.ota_update.decide import Action
from cdk_iot_ota_handler.ota_update.decide.completion import Context, completion
from cdk_iot_ota_handler.ota_update.desired import Desired
from cdk_iot_ota_handler.ota_update.errors import AccessDeniedError, FatalError, RetryableError
from cdk_iot_ota_handler.ota_update.is_complete import is_complete
from cdk_iot_ota_handler.ota_update.observed import Stack
from cdk_iot_ota_handler.ota_update.retry import Clock

from .cloudformation import MARKER, run
from .world import LOGICAL_ID, STACK_ID, Update, World, event, properties


def id_of(content: str) -> str:
    """The generated id of an update with this content."""
    return Desired.from_event(event("Create", content=content)).ota_update_id


def with_update(content: str = "one", status: str = "CREATE_COMPLETE", *, deployed: bool = True, **tags: str) -> World:
    """A world in which the stack's update of this content exists for an hour."""
    world = World()
    desired = Desired.from_event(event("Create", content=content))
    own = {**desired.all_tags, **tags, **({names.DEPLOYED_TAG: "true"} if deployed else {})}
    world.updates[desired.ota_update_id] = Update(status, own, world.time - 3600)
    return world


def looking(started: float) -> dict[str, Any]:
    """A Create event as is_complete gets it."""
    return {**event("Create", physical_id=id_of("one")), "StartedAt": started, "KeepsId": False}


def stranger(world: World, ota_update_id: str) -> None:
    """Somebody else's update under this id."""
    world.updates[ota_update_id] = Update("CREATE_COMPLETE", {"owner": "somebody"}, world.time - 3600)


def update_event(old: str, new: str, physical_id: str) -> dict[str, object]:
    """An Update from one content to another."""
    return event("Update", content=new, old=properties(content=old), physical_id=physical_id)


def test_create_makes_the_update_and_marks_it_as_deployed() -> None:
    """Create calls CreateOTAUpdate once, waits until the update settles and reports its job."""
    world = World()
    answer = run(world, event("Create"))
    assert answer.physical_id == id_of("one")
    assert answer.data is not None
    assert answer.data["JobId"] == f"AFR_OTA-{id_of('one')}"
    assert world.changes() == ["create", "tag"]
    assert world.updates[id_of("one")].tags[names.DEPLOYED_TAG] == "true"


def test_what_a_deploy_costs() -> None:
    """The calls of a create, a replacement, and a deletion, when nothing is in the way; a look is two calls at most."""
    create = ["look", "head", "stack", "create", "look", "look", "stack", "tag"]
    delete = ["look", "stack", "delete stream=True force=True", "look", "look"]
    world = World()
    for sent, calls in (
        (event("Create"), create),
        (update_event("one", "two", id_of("one")), create),
        (event("Delete", physical_id=id_of("one")), delete),
        (event("Delete", content="two", physical_id=id_of("two")), delete),
    ):
        world.calls.clear()
        assert not run(world, sent).failed
        assert world.calls == calls


def test_a_duplicate_create_changes_nothing() -> None:
    """The second of two equal Create events finds the update of the first."""
    world = World()
    run(world, event("Create"))
    world.calls.clear()
    assert not run(world, event("Create")).failed
    assert world.changes() == []


def test_a_lost_answer_is_recognised() -> None:
    """An answer of CreateOTAUpdate that got lost shows as "exists already" on the retry, and is no failure."""
    world = World(loses_answers=1)
    assert not run(world, event("Create")).failed


@pytest.mark.parametrize("error", [RetryableError("throttled"), AccessDeniedError("the role is not known yet")])
def test_creation_is_patient(error: Exception) -> None:
    """Throttling, server errors and a role that IAM has not spread yet pass."""
    world = World(errors={"create": [error, error]})
    assert not run(world, event("Create")).failed


def test_creation_is_tried_again_when_the_role_was_not_usable_yet() -> None:
    """CREATE_FAILED for want of access is tried again for a while, for the role may just be new."""
    world = World(outcomes=[("CREATE_FAILED", "AWSIotException: not authorized to perform: iam:PassRole")])
    assert not run(world, event("Create")).failed
    assert world.changes() == ["create", "delete stream=True force=True", "create", "tag"]


def test_a_role_that_is_never_usable_fails_the_event() -> None:
    """Creation is repeated for as long as IAM may be late, and then fails with errorInfo."""
    world = World(outcomes=[("CREATE_FAILED", "AWSIotException: not authorized to perform: iam:PassRole")] * 1000)
    started = world.time
    assert "iam:PassRole" in run(world, event("Create")).reason
    assert world.time - started < 60


def test_a_failed_creation_says_why_and_is_removed() -> None:
    """CREATE_FAILED fails the event with errorInfo, and the update is deleted in the same look."""
    world = World(outcomes=[("CREATE_FAILED", "InvalidRequest: the firmware is too large")])
    answer = run(world, event("Create"))
    assert "the firmware is too large" in answer.reason
    assert answer.physical_id == id_of("one")
    assert not run(world, event("Delete", physical_id=answer.physical_id)).failed
    assert world.updates == {}


def test_patience_ends() -> None:
    """A creation that is throttled for ever fails, with the service's words and the real id."""
    world = World(errors={"create": [RetryableError("ThrottlingException: Rate exceeded")] * 1000})
    answer = run(world, event("Create"))
    assert "Rate exceeded" in answer.reason
    assert answer.physical_id == id_of("one")


@pytest.mark.parametrize("error", [RetryableError("throttled"), AccessDeniedError("denied")])
def test_one_look_is_short(error: Exception) -> None:
    """All tries of one is_complete end within the patience with IAM and one longest pause, so Lambda never ends it."""
    world: Any = World(errors={"create": [error] * 1000})
    started = world.time
    with contextlib.suppress(FatalError):
        is_complete(looking(started), world, world.clock())
    assert world.time - started <= timeouts.IAM_PATIENCE + 5


def test_an_update_that_never_settles_is_given_up_and_removed() -> None:
    """After the handler's own deadline the event fails, and the update that it made is deleted."""
    world = World(outcomes=[("CREATE_PENDING", "")] * 1000)
    answer = run(world, event("Create"))
    assert "still CREATE_PENDING" in answer.reason
    assert world.calls[-1].startswith("delete")


def test_a_strangers_update_fails_the_create_and_survives_the_rollback() -> None:
    """An id that somebody else has taken is refused, with the marker whose Delete the framework swallows."""
    world = World()
    stranger(world, "theirs")
    answer = run(world, event("Create", OtaUpdateId="theirs"))
    assert "does not belong to this resource" in answer.reason
    assert answer.physical_id == MARKER
    assert not run(world, event("Delete", OtaUpdateId="theirs", physical_id="theirs")).failed
    assert world.changes() == []


def test_invalid_properties_fail_before_anything_is_called() -> None:
    """A property that cannot be read fails Create with the framework's marker: there is nothing to delete."""
    world = World()
    answer = run(world, event("Create", ForceDeleteJob="maybe"))
    assert answer.physical_id == MARKER
    assert "ForceDeleteJob must be true or false, got 'maybe'" in answer.reason
    assert world.calls == []


def test_other_content_is_another_update() -> None:
    """An Update with other content creates a new update and leaves the old one to CloudFormation's clean-up."""
    world = with_update("one")
    answer = run(world, update_event("one", "two", id_of("one")))
    assert answer.physical_id == id_of("two")
    assert set(world.updates) == {id_of("one"), id_of("two")}
    assert not run(world, event("Delete", content="one", physical_id=id_of("one"))).failed
    assert set(world.updates) == {id_of("two")}


@pytest.mark.parametrize("addressed", ["one", "two"])
def test_a_rollback_pushes_nothing_again(addressed: str) -> None:
    """The way back to content that is deployed changes nothing, whichever id CloudFormation addresses."""
    world = with_update("one")
    assert run(world, update_event("two", "one", id_of(addressed))).physical_id == id_of("one")
    assert world.changes() == []


@pytest.mark.parametrize("addressed", ["one", "two"])
def test_a_rollback_to_an_update_that_was_removed_by_hand_does_not_push_it_again(addressed: str) -> None:
    """The old content is not created a second time, and the rollback does not get stuck on it."""
    world = World(stack_status="UPDATE_ROLLBACK_IN_PROGRESS")
    answer = run(world, update_event("two", "one", id_of(addressed)))
    assert not answer.failed
    assert answer.data is not None
    assert answer.data["JobId"] == f"AFR_OTA-{id_of('one')}"
    assert world.changes() == []


def test_tags_change_in_place() -> None:
    """Other tags are set on the same update; only the old properties' tags are removed."""
    world = with_update("one", team="a", old="x", by_hand="y")
    old = properties(Tags=[{"Key": "team", "Value": "a"}, {"Key": "old", "Value": "x"}])
    new = event("Update", Tags=[{"Key": "team", "Value": "b"}], old=old, physical_id=id_of("one"))
    assert run(world, new).physical_id == id_of("one")
    tags = world.updates[id_of("one")].tags
    assert (tags["team"], tags["by_hand"]) == ("b", "y")
    assert "old" not in tags


def test_tags_of_an_update_that_was_removed_by_hand_are_an_error_on_the_way_forward() -> None:
    """What is gone cannot be tagged: the error says how to get it back."""
    new = event("Update", Tags=[{"Key": "a", "Value": "b"}], old=properties(), physical_id=id_of("one"))
    assert "no longer exists" in run(World(), new).reason
    assert not run(World(stack_status="UPDATE_ROLLBACK_IN_PROGRESS"), new).failed


def test_other_delete_options_need_no_call() -> None:
    """Delete options are this resource's business alone."""
    world = with_update("one")
    new = event("Update", ForceDeleteJob="false", old=properties(), physical_id=id_of("one"))
    assert run(world, new).data is not None
    assert world.calls == []


def test_other_content_under_the_same_explicit_id_is_refused() -> None:
    """An explicit id that keeps its name while the content changes is refused, and the way back works."""
    world = World()
    run(world, event("Create", content="one", OtaUpdateId="mine"))
    old, new = (properties(content=content, OtaUpdateId="mine") for content in ("one", "two"))
    world.calls.clear()
    answer = run(world, event("Update", content="two", OtaUpdateId="mine", old=old, physical_id="mine"))
    assert "give the new content another ota_update_id" in answer.reason
    assert not run(world, event("Update", content="one", OtaUpdateId="mine", old=new, physical_id="mine")).failed
    assert world.changes() == []


def test_delete_waits_until_the_update_is_gone() -> None:
    """Delete asks once with the declared options and ends when the update is gone."""
    world = with_update("one")
    assert not run(world, event("Delete", ForceDeleteJob="false", physical_id=id_of("one"))).failed
    assert world.changes() == ["delete stream=True force=False"]
    assert world.updates == {}


def test_delete_of_what_is_gone_succeeds() -> None:
    """A second Delete, or one after a removal by hand, has nothing to do."""
    world = World()
    assert not run(world, event("Delete", physical_id=id_of("one"))).failed
    assert world.changes() == []


def test_delete_with_an_invented_id_finds_the_update_by_its_content() -> None:
    """A Create that was cut short is cleaned up although CloudFormation never learned the id."""
    world = with_update("one", deployed=False)
    invented = f"prod-{LOGICAL_ID}-1ABCDEFGHIJKL"
    assert not run(world, event("Delete", physical_id=invented)).failed
    assert world.updates == {}


def test_delete_of_a_failed_replacement_spares_the_live_update() -> None:
    """Delete(new) with the old content's properties means the new id alone, however often it is looked at."""
    world = with_update("one")
    for _ in range(3):
        assert not run(world, event("Delete", content="one", physical_id=id_of("two"))).failed
    assert set(world.updates) == {id_of("one")}


def test_delete_of_an_explicit_id_that_never_came_to_be_spares_the_live_update() -> None:
    """Delete("new") with the properties of "old" deletes nothing when there is no "new"."""
    world = World()
    run(world, event("Create", OtaUpdateId="old"))
    assert not run(world, event("Delete", OtaUpdateId="old", physical_id="new")).failed
    assert set(world.updates) == {"old"}


def test_delete_waits_for_a_creation_to_end() -> None:
    """An update in creation is deleted when it has settled: AWS IoT refuses it before."""
    world = with_update("one", "CREATE_PENDING", deployed=False)
    assert not run(world, event("Delete", physical_id=id_of("one"))).failed
    assert world.updates == {}


def test_a_young_update_without_tags_is_left_alone() -> None:
    """It may be anybody's: when no tags have come after a minute, it is somebody else's."""
    world = World()
    world.updates[id_of("one")] = Update("CREATE_COMPLETE", {}, world.time)
    answer = run(world, event("Delete", physical_id=id_of("one")))
    assert not answer.failed
    assert world.changes() == []
    assert set(world.updates) == {id_of("one")}


def test_a_create_waits_for_tags_that_lag_behind() -> None:
    """Our own update is adopted as soon as its tags are visible, and not before."""
    world = World(tag_lag=20)
    assert not run(world, event("Create")).failed
    assert world.changes() == ["create", "tag"]
    assert world.updates[id_of("one")].tags[names.DEPLOYED_TAG] == "true"


def test_a_delete_waits_for_tags_that_lag_behind() -> None:
    """A Delete that comes at once finds the update to be ours when its tags are visible, and deletes it."""
    world = World(tag_lag=20)
    desired = Desired.from_event(event("Create"))
    world.updates[desired.ota_update_id] = Update("CREATE_COMPLETE", dict(desired.all_tags), world.time)
    assert not run(world, event("Delete", physical_id=desired.ota_update_id)).failed
    assert world.updates == {}


def test_a_passing_error_in_is_complete_means_not_yet() -> None:
    """Throttling, server errors and timeouts in a look never fail an event."""
    world = with_update("one", deployed=False)
    world.errors["tag"] = [RetryableError("throttled")] * 3
    assert not run(world, event("Create")).failed


def test_a_refused_deletion_names_the_remedy() -> None:
    """A job in progress that may not be deleted by force fails the Delete, with what to set."""
    world = with_update("one")
    world.errors["delete stream=True force=False"] = [FatalError("InvalidRequestException: its job")] * 9
    answer = run(world, event("Delete", ForceDeleteJob="false", physical_id=id_of("one")))
    assert "set force_delete_job=True" in answer.reason


def test_a_deletion_that_fails_is_tried_again_and_then_reported() -> None:
    """DELETE_FAILED is tried again for ten minutes and then fails with errorInfo."""
    world = with_update("one", "DELETE_FAILED")
    world.updates[id_of("one")].error = "InternalFailure: the stream is in use"
    world.errors["delete stream=True force=True"] = [RetryableError("later")] * 1000
    started = world.time
    answer = run(world, event("Delete", physical_id=id_of("one")))
    assert "the stream is in use" in answer.reason
    assert world.time - started > timeouts.DELETION_PATIENCE


def test_another_stack_with_the_same_content_has_another_update() -> None:
    """The stack and the resource are part of an update's identity."""
    other = Desired.from_event(event("Create", stack_id=STACK_ID.replace("5f0f", "6f0f"))).ota_update_id
    assert other != id_of("one")


@pytest.mark.parametrize(
    ("deployed", "stays", "age", "removed"),
    [(False, False, 3600, True), (False, True, 10, True), (False, True, 3600, False), (True, False, 10, False)],
)
def test_a_failure_removes_only_what_was_not_live_before(
    *, deployed: bool, stays: bool, age: float, removed: bool
) -> None:
    """A failed update is removed if its event has made it, or has at least given the resource this id."""
    world = with_update("one", "CREATE_FAILED", deployed=deployed)
    world.updates[id_of("one")].created = world.time - age
    seen = world.get_update(id_of("one"), world.time)
    decision = completion(
        Desired.from_event(event("Create")), seen, Context(stack=Stack("UPDATE_IN_PROGRESS"), keeps_id=stays, waited=20)
    )
    assert decision.action is (Action.DELETE_AND_FAIL if removed else Action.FAIL)


def test_an_older_failure_is_reported_and_not_tried_again() -> None:
    """Only what this invocation has created is created again for a role that is new."""
    world = with_update("one", "CREATE_FAILED", deployed=False)
    world.updates[id_of("one")].error = "AccessDenied: the role"
    assert "AccessDenied: the role" in run(world, event("Create")).reason
    assert world.changes() == ["delete stream=True force=True"]


def test_a_removal_that_fails_does_not_hide_the_reason() -> None:
    """ErrorInfo is reported although the failed update could not be deleted at once."""
    world = World(outcomes=[("CREATE_FAILED", "InvalidRequest: the firmware is too large")])
    world.errors["delete stream=True force=True"] = [FatalError("InvalidRequestException: not now")]
    assert "the firmware is too large" in run(world, event("Create")).reason


@pytest.mark.parametrize(
    ("sent", "error", "patience"),
    [
        ("Create", RetryableError("throttled"), timeouts.CREATION_DEADLINE),
        ("Delete", RetryableError("throttled"), timeouts.HANDLER_DEADLINE),
    ],
)
def test_patience_with_looks_ends(sent: str, error: Exception, patience: float) -> None:
    """A look that is refused for good fails the event, with the service's words, when its time is over."""
    world: Any = with_update("one", deployed=False)
    started = world.time
    more = {"StartedAt": started, "KeepsId": False, "TargetId": id_of("one")}
    waiting = {**event(sent, physical_id=id_of("one")), **more}
    for later, over in ((patience - 90, False), (patience + 1, True)):
        world.errors["look"] = [error] * 20
        world.time = started + later
        if over:
            with pytest.raises(FatalError, match=str(error)):
                is_complete(waiting, world, world.clock())
        else:
            assert is_complete(waiting, world, world.clock()) == {"IsComplete": False}


@pytest.mark.parametrize("request_type", ["Create", "Delete"])
def test_patience_with_iam_ends(request_type: str) -> None:
    """A permission that is missing for good fails the event in less than a minute, in IAM's words."""
    world = with_update("one")
    world.errors["look"] = [AccessDeniedError("AccessDeniedException: iot:GetOTAUpdate")] * 100
    started = world.time
    assert "iot:GetOTAUpdate" in run(world, event(request_type, physical_id=id_of("one"))).reason
    assert world.time - started < 60


def test_an_explicit_id_means_itself_as_long_as_it_exists() -> None:
    """Delete("old") of a resource that has a generated id now deletes "old", whatever its properties say."""
    world = with_update("one")
    run(world, event("Create", content="one", OtaUpdateId="old"))
    assert not run(world, event("Delete", content="one", physical_id="old")).failed
    assert set(world.updates) == {id_of("one")}


def test_an_invented_id_means_its_content_even_if_it_was_deployed() -> None:
    """A Create whose success came too late for CloudFormation is cleaned up, without a look at the invented id."""
    world = with_update("one")
    assert not run(world, event("Delete", physical_id=f"prod-{LOGICAL_ID}-1ABCDEFGHIJKL")).failed
    assert world.updates == {}


def test_a_throttled_rollback_never_deletes_the_live_update() -> None:
    """However long nothing can be seen: what is seen then counts, and it is deployed."""
    world = with_update("one")
    world.errors["look"] = [RetryableError("ThrottlingException")] * 60
    assert not run(world, update_event("two", "one", id_of("two"))).failed
    assert world.changes() == []


@pytest.mark.parametrize(
    ("age", "deployed", "stays"), [(60, False, False), (60, True, False), (7200, False, False), (7200, True, True)]
)
def test_a_rollback_to_an_id_that_never_left_removes_what_the_deploy_has_made(
    *, age: float, deployed: bool, stays: bool
) -> None:
    """The deploy was cut short before CloudFormation learned its id: nobody else would ever delete it.

    An update of that content that was deployed, longer ago than a deploy of it takes, was retained on purpose.
    """
    world = with_update("one")
    world.stack_status = "UPDATE_ROLLBACK_IN_PROGRESS"
    world.updates |= with_update("two", deployed=deployed).updates
    world.updates[id_of("two")].created = world.time - age
    assert not run(world, update_event("two", "one", id_of("one"))).failed
    assert set(world.updates) == ({id_of("one"), id_of("two")} if stays else {id_of("one")})


def test_an_old_rollback_that_is_delivered_again_removes_nothing() -> None:
    """Two has been deployed anew meanwhile, and its stack is at rest."""
    world = with_update("one")
    world.stack_status = "UPDATE_COMPLETE"
    world.updates |= with_update("two").updates
    world.updates[id_of("two")].created = world.time - 60
    assert not run(world, update_event("two", "one", id_of("one"))).failed
    assert world.changes() == []


def test_a_rollback_waits_until_its_stack_shows_it() -> None:
    """What CloudFormation shows may be older than the event: what the deploy has left is not forgotten for it."""
    world = with_update("one")
    world.updates |= with_update("two").updates
    world.updates[id_of("two")].created = world.time - 60
    with pytest.raises(AssertionError, match="never ended"):
        run(world, update_event("two", "one", id_of("one")), looks=3)
    assert world.changes() == []


@pytest.mark.parametrize(
    ("status", "reason"), [("UPDATE_COMPLETE", "was not created"), ("SOMETHING_NEW_IN_PROGRESS", "does not exist")]
)
def test_nothing_is_taken_for_done_before_the_stack_shows_that_it_rolls_back(status: str, reason: str) -> None:
    """An Update that finds nothing never succeeds without it: the clean-up would delete the old update."""
    world = World(stack_status=status)
    answer = run(world, update_event("one", "two", id_of("one")))
    assert reason in answer.reason
    assert world.changes() == []


def test_a_change_of_tags_spares_an_update_that_somebody_has_failed_to_delete() -> None:
    """DELETE_FAILED of what lives is no reason to delete it."""
    world = with_update("one", "DELETE_FAILED")
    new = event("Update", Tags=[{"Key": "a", "Value": "b"}], old=properties(), physical_id=id_of("one"))
    assert not run(world, new).failed
    assert world.changes() == []


def test_a_namesake_that_is_being_deleted_is_waited_for() -> None:
    """Its tags may be gone before it is: it is not taken for somebody else's."""
    world = with_update("one", "DELETE_IN_PROGRESS")
    world.updates[id_of("one")].tags.clear()
    assert not run(world, event("Create")).failed


def test_firmware_is_not_pushed_when_its_time_is_over() -> None:
    """An update that was created after the deadline would be deleted in the next look."""
    world = World(errors={"look": [RetryableError("throttled")] * 300})
    assert run(world, event("Create")).failed
    assert "create" not in world.calls


def test_the_reason_of_a_deletion_that_does_not_show_yet_is_no_refusal() -> None:
    """Without force, asking twice is refused; the first was taken, and its effect does not show yet."""
    world = with_update("one")
    world.status_lag = 3
    assert not run(world, event("Delete", ForceDeleteJob="false", physical_id=id_of("one"))).failed
    assert world.updates == {}


def test_a_rollback_to_an_id_that_never_left_spares_strangers() -> None:
    """What has the id of the leftover but not our tags is not touched."""
    world = with_update("one")
    old = properties(content="two", OtaUpdateId="theirs")
    stranger(world, "theirs")
    assert not run(world, event("Update", content="one", old=old, physical_id=id_of("one"))).failed
    assert world.changes() == []


@pytest.mark.parametrize("lost", [0, 1])
def test_what_a_delete_has_removed_is_not_created_again(lost: int) -> None:
    """The stack rolls back while the update settles, and the Delete has removed it already."""
    world: Any = World(loses_answers=lost, outcomes=[("CREATE_IN_PROGRESS", "")] * 9)

    def remove(seconds: float) -> None:
        world.time += seconds
        world.stack_status = "ROLLBACK_IN_PROGRESS"
        world.updates.clear()

    clock = Clock(now=lambda: world.time, sleep=remove)
    with pytest.raises(FatalError, match="is rolling back"):
        is_complete(looking(world.time), world, clock)
    assert world.calls.count("create") == 1
    assert world.updates == {}


def test_an_update_that_becomes_visible_late_is_waited_for() -> None:
    """GetOTAUpdate may not know for a while what CreateOTAUpdate has made, also after a slow start."""
    world = World(lag=25, errors={"create": [AccessDeniedError("the role")] * 5})
    assert not run(world, event("Create")).failed
    assert world.changes().count("tag") == 1


def test_the_delete_after_a_refused_create_spares_what_was_refused() -> None:
    """A retained update of this resource under an explicit id is left alone with its other content."""
    world = World()
    run(world, event("Create", content="one", OtaUpdateId="mine"))
    answer = run(world, event("Create", content="two", OtaUpdateId="mine"))
    assert "exists with other content" in answer.reason
    assert answer.physical_id == MARKER
    assert set(world.updates) == {"mine"}


def test_new_content_under_the_explicit_id_of_a_removed_update_is_refused() -> None:
    """A deploy that failed after that could not be rolled back: nothing tells its update from the live one."""
    world = World()
    old = properties(content="one", OtaUpdateId="mine")
    new = event("Update", content="two", OtaUpdateId="mine", old=old, physical_id="mine")
    assert "and its ota_update_id too" in run(world, new).reason
    assert world.changes() == []


def test_an_event_that_is_delivered_when_all_is_over_creates_nothing() -> None:
    """Lambda may deliver an event twice; the stack is at rest or on its way back when the second one comes."""
    world = World(stack_status="CREATE_COMPLETE")
    started = world.time
    assert "so the event is stale" in run(world, event("Create")).reason
    assert world.time - started < 30
    assert world.changes() == []


def test_a_delete_that_comes_again_when_its_content_lives_anew_deletes_nothing() -> None:
    """One, then two, then one again: the Delete for the first one is delivered twice, and its stack is at rest."""
    world = with_update("one")
    world.stack_status = "UPDATE_COMPLETE"
    assert not run(world, event("Delete", physical_id=id_of("one"))).failed
    assert world.changes() == []


def test_a_deletion_that_meets_another_is_tried_again() -> None:
    """Two looks at the same deletion may both ask for it: the refusal of the second passes."""
    world = with_update("one")
    world.errors["delete stream=True force=True"] = [FatalError("InvalidRequestException: DELETE_IN_PROGRESS")]
    assert not run(world, event("Delete", physical_id=id_of("one"))).failed
    assert world.updates == {}


def test_an_update_that_never_settles_is_deleted_in_the_end() -> None:
    """The deletion of a creation that hangs is asked for, although it may be refused."""
    world = with_update("one", "CREATE_IN_PROGRESS", deployed=False)
    assert not run(world, event("Delete", physical_id=id_of("one"))).failed
    assert world.updates == {}


def test_what_a_failed_deletion_has_left_does_not_block_its_content() -> None:
    """Going back to content whose update is DELETE_FAILED deletes what is left, and creates it anew."""
    world = with_update("two")
    world.updates |= with_update("one", "DELETE_FAILED").updates
    assert not run(world, update_event("two", "one", id_of("two"))).failed
    assert world.updates[id_of("one")].status == "CREATE_COMPLETE"


def test_patience_with_iam_begins_with_its_first_refusal() -> None:
    """A minute of throttling does not use up the time that IAM may take."""
    world = World(errors={"create": [*[RetryableError("throttled")] * 14, AccessDeniedError("not yet known")]})
    assert not run(world, event("Create")).failed


def test_an_id_that_is_taken_but_not_visible_is_not_hammered() -> None:
    """A creation that AWS IoT refuses as existing while GetOTAUpdate says 404 is retried with pauses."""
    world = World(lag=10, loses_answers=1)
    assert not run(world, event("Create")).failed
    assert world.calls.count("create") < 10


def test_tags_follow_the_declaration_although_what_is_seen_is_stale() -> None:
    """A rollback right after a change of tags sets them back, whatever the last look still shows."""
    world = with_update("one", team="a")
    old, new = ([{"Key": "team", "Value": value}] for value in "ba")
    run(world, event("Update", Tags=new, old=properties(Tags=old), physical_id=id_of("one")))
    assert world.changes() == ["tag"]


def test_tags_of_this_library_can_not_be_declared() -> None:
    """A tag that Tags.of has added cannot pretend that an update was deployed, or is somebody else's."""
    keys = [names.DEPLOYED_TAG, names.STACK_TAG, names.STACK_TAG.upper(), "Cdk-IoT-OTA:Logical-Id"]
    forged = [{"Key": key, "Value": "x"} for key in keys]
    world = World()
    assert not run(world, event("Create", Tags=forged)).failed
    own = identity.ownership_tags(STACK_ID, LOGICAL_ID, Desired.from_event(event("Create")).content)
    assert world.updates[id_of("one")].tags == {**own, names.DEPLOYED_TAG: "true"}
    assert world.changes() == ["create", "tag"]


def test_an_explicit_id_that_looks_generated_is_given_to_no_new_update() -> None:
    """With it a stack could take the id that the content of another one will need."""
    world = World()
    answer = run(world, event("Create", OtaUpdateId="other_Blinky-0123456789abcdef"))
    assert "OtaUpdateId must not look like a generated id" in answer.reason
    assert not run(world, event("Delete", OtaUpdateId=answer.physical_id, physical_id=answer.physical_id)).failed
    assert world.changes() == []


def test_an_explicit_id_that_looks_generated_can_be_kept_and_deleted() -> None:
    """An earlier release has made it: tags, a rollback to it and its deletion work."""
    mine = "prod_Mine-0123456789abcdef"
    world, declaring = World(), {"OtaUpdateId": mine}
    tags = Desired.from_event(event("Create", **declaring)).all_tags
    world.updates[mine] = Update("CREATE_COMPLETE", {**tags, names.DEPLOYED_TAG: "true"}, world.time - 3600)
    team = [{"Key": "team", "Value": "a"}]
    kept = event("Update", **declaring, Tags=team, old=properties(**declaring), physical_id=mine)
    back = event("Update", **declaring, Tags=team, old=properties(content="two"), physical_id=id_of("two"))
    for sent in (kept, back, event("Delete", **declaring, physical_id=mine)):
        assert not run(world, sent).failed
    assert world.updates == {}


@pytest.mark.parametrize(
    "failed", [None, [], "x", {}, {"Tags": "x"}, {"Tags": [{"Value": "x"}]}, {"Request": {}, "IdPrefix": 7}]
)
def test_what_has_failed_may_have_any_form_in_its_rollback(failed: Any) -> None:
    """Properties that could not be read have made nothing, and the way back from them works."""
    world = with_update("one", team="a")
    world.stack_status = "UPDATE_ROLLBACK_IN_PROGRESS"
    sent = event("Update", Tags=[{"Key": "team", "Value": "b"}], physical_id=id_of("one"))
    assert not run(world, {**sent, "OldResourceProperties": failed}).failed
    assert world.updates[id_of("one")].tags["team"] == "b"


@pytest.mark.parametrize("tags", ["x", [7], [{"Value": "x"}], [{"Key": 7}], [{"Key": "a", "Value": {}}], None])
def test_tags_that_can_not_be_read_are_refused(tags: Any) -> None:
    """The reason has what they are, and nothing is called."""
    world = World()
    assert "Tags must be a list of Key and Value, got " in run(world, event("Create", Tags=tags)).reason
    assert world.calls == []


@pytest.mark.parametrize("given", ["", "a b", "../b", 7, {}])
def test_an_explicit_id_that_is_none_is_refused(given: Any) -> None:
    """The reason has the value, and nothing is called."""
    world = World()
    assert "OtaUpdateId must " in run(world, event("Create", OtaUpdateId=given)).reason
    assert world.calls == []


def test_an_event_that_the_waiter_cannot_take_is_refused_first() -> None:
    """Step Functions takes so many bytes; finding that out after the creation would leave an orphan."""
    world = World()
    assert "declare fewer files" in run(world, event("Create", content="x" * 250_000)).reason
    assert world.calls == []
