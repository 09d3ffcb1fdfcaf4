"""The user's tags, and those of this library, over whole events."""

from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update import identity
from cdk_iot_ota_handler.ota_update.contract import names
from cdk_iot_ota_handler.ota_update.desired import Desired

from ..fakes.cloudformation import LOGICAL_ID, STACK_ID
from ..fakes.ota_service import Behaviour, FakeOtaService
from .scenarios import event, id_of, properties, put_update, run, with_update

TAGGED = [{"Key": "a", "Value": "b"}]


def test_tags_change_in_place() -> None:
    """An Update of the tags changes the same update, and removes only tags of the old properties."""
    service = with_update("one", tags={"team": "a", "old": "x", "by_hand": "y"})
    old = properties(Tags=[{"Key": "team", "Value": "a"}, {"Key": "old", "Value": "x"}])
    sent = event("Update", Tags=[{"Key": "team", "Value": "b"}], old=old, physical_id=id_of("one"))
    assert run(service, sent).physical_id == id_of("one")
    tags = service.updates[id_of("one")].tags
    assert (tags["team"], tags["by_hand"]) == ("b", "y")
    assert "old" not in tags


def test_tags_of_an_update_that_was_removed_by_hand_fail_a_deploy() -> None:
    """A change of tags fails with the remedy if the update is gone, but not in a rollback."""
    sent = event("Update", Tags=TAGGED, old=properties(), physical_id=id_of("one"))
    assert "no longer exists" in run(FakeOtaService(), sent).reason
    assert not run(FakeOtaService(stack_statuses=["UPDATE_ROLLBACK_IN_PROGRESS"]), sent).failed


def test_a_create_waits_for_its_tags_to_become_visible() -> None:
    """A Create marks its own update as deployed once the ownership tags are visible, and creates no other."""
    service = FakeOtaService(behaviour=Behaviour(tag_lag=20))
    assert not run(service, event("Create")).failed
    assert service.writes() == ["CreateOTAUpdate", "TagResource"]
    assert service.updates[id_of("one")].tags[names.DEPLOYED_TAG] == "true"


def test_a_delete_waits_for_tags_to_become_visible() -> None:
    """A Delete of a new update waits until its ownership tags are visible, and deletes it."""
    service = FakeOtaService(behaviour=Behaviour(tag_lag=20))
    put_update(service, deployed=False, age=0)
    assert not run(service, event("Delete", physical_id=id_of("one"))).failed
    assert service.updates == {}


def test_a_change_of_tags_spares_an_update_whose_deletion_failed() -> None:
    """A change of tags succeeds without any change to an update that is DELETE_FAILED."""
    service = with_update("one", status="DELETE_FAILED")
    sent = event("Update", Tags=TAGGED, old=properties(), physical_id=id_of("one"))
    assert not run(service, sent).failed
    assert service.writes() == []


def test_tags_follow_the_declaration_although_the_observed_tags_are_stale() -> None:
    """A rollback right after a change of tags sets them back even if ListTagsForResource shows the old tags."""
    service = with_update("one", tags={"team": "a"})
    old, new = ([{"Key": "team", "Value": value}] for value in "ba")
    run(service, event("Update", Tags=new, old=properties(Tags=old), physical_id=id_of("one")))
    assert service.writes() == ["TagResource"]


def test_tags_in_the_namespace_of_this_library_are_ignored() -> None:
    """A declared tag cannot pretend that an update was deployed, or has another owner."""
    keys = [names.DEPLOYED_TAG, names.STACK_TAG, names.STACK_TAG.upper(), "Cdk-IoT-OTA:Logical-Id"]
    service = FakeOtaService()
    assert not run(service, event("Create", Tags=[{"Key": key, "Value": "x"} for key in keys])).failed
    own = identity.ownership_tags(STACK_ID, LOGICAL_ID, Desired.from_event(event("Create")).content)
    assert service.updates[id_of("one")].tags == {**own, names.DEPLOYED_TAG: "true"}
    assert service.writes() == ["CreateOTAUpdate", "TagResource"]


@pytest.mark.parametrize("tags", ["x", [7], [{"Value": "x"}], [{"Key": 7}], [{"Key": "a", "Value": {}}], None])
def test_tags_that_cannot_be_read_are_refused(tags: Any) -> None:
    """Tags that are not a list of Key and Value fail the Create before any call."""
    service = FakeOtaService()
    assert "Tags must be a list of Key and Value, got " in run(service, event("Create", Tags=tags)).reason
    assert service.calls == []


@pytest.mark.parametrize("status", ["UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "CREATE_COMPLETE"])
def test_a_late_second_delivery_changes_no_tags_at_rest(status: str) -> None:
    """While the stack is at rest, an event is an old one, whose tags a later deploy may have changed again."""
    service = with_update("one", tags={"team": "c"})
    service.stack_statuses = [status]
    sent = event("Update", Tags=TAGGED, old=properties(Tags=[{"Key": "team", "Value": "a"}]), physical_id=id_of("one"))
    assert not run(service, sent).failed
    assert service.writes() == []


@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "UPDATE_FAILED", "UPDATE_ROLLBACK_IN_PROGRESS"])
def test_tags_change_while_events_are_due(status: str) -> None:
    """An Update of a deploy, of a rollback, and of a failure with rollback off changes tags."""
    service = with_update("one")
    service.stack_statuses = [status]
    assert not run(service, event("Update", Tags=TAGGED, old=properties(), physical_id=id_of("one"))).failed
    assert service.updates[id_of("one")].tags["a"] == "b"


def test_tags_wait_until_the_status_of_the_stack_is_certain() -> None:
    """A stack that seems to be at rest may have been when its status was read: tags change once that is clear."""
    service = with_update("one")
    service.stack_statuses = [*["UPDATE_COMPLETE"] * 3, "UPDATE_IN_PROGRESS"]
    assert not run(service, event("Update", Tags=TAGGED, old=properties(), physical_id=id_of("one"))).failed
    assert service.updates[id_of("one")].tags["a"] == "b"


@pytest.mark.parametrize("count", [30, 46])
def test_all_tags_can_be_replaced_by_as_many_others(count: int) -> None:
    """Old tags are removed before new ones are set, so that an update never has more than its 50."""
    old, new = ([{"Key": f"{name}{number}", "Value": ""} for number in range(count)] for name in ("old", "new"))
    service = with_update("one", tags={tag["Key"]: "" for tag in old})
    assert not run(service, event("Update", Tags=new, old=properties(Tags=old), physical_id=id_of("one"))).failed
    assert len(service.updates[id_of("one")].tags) == count + 4


@pytest.mark.parametrize("lag", [120, 170])
def test_tags_that_show_after_minutes_leave_no_orphan(lag: float) -> None:
    """An update whose tags show only minutes after its creation is marked by its Create, and deleted by its Delete."""
    service = FakeOtaService(behaviour=Behaviour(tag_lag=lag))
    assert not run(service, event("Create")).failed
    assert service.created == [id_of("one")]
    put_update(service, deployed=False, age=0)
    assert not run(service, event("Delete", physical_id=id_of("one"))).failed
    assert service.updates == {}
