"""Retries, reverse events and clean-ups of a stack whose rollback is off, where CloudFormation's order is unknown."""

from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update.contract import names, timeouts
from cdk_iot_ota_handler.ota_update.observed import JobProgress, Stack

from ..fakes.cloudformation import invented_id
from ..fakes.ota_service import FakeOtaService
from .scenarios import DELETE, GATE, content_change, event, id_of, properties, put_update, run, with_update

FAILED = JobProgress(status="IN_PROGRESS", succeeded=1, failed=1, queued=1)


def retry(old: str, new: str, **changes: Any) -> dict[str, Any]:
    """Return the Update of a retry: CloudFormation holds the id of the new content, whose deploy has failed."""
    return event("Update", content=new, old=properties(content=old, **changes), physical_id=id_of(new), **changes)


def in_operation(service: FakeOtaService, status: str, begun: float) -> FakeOtaService:
    """Show a stack whose last update began at a time."""
    service.describe_stack = lambda _: Stack(status, begun)
    return service


def test_a_retry_with_the_failed_content_as_old_properties_creates_the_update() -> None:
    """Success is never reported for an update that does not exist, although the properties are unchanged."""
    service = with_update("one")
    assert not run(service, retry("two", "two")).failed
    assert service.created == [id_of("two")]
    assert names.DEPLOYED_TAG in service.updates[id_of("two")].tags
    assert service.find(id_of("one")) is not None


def test_a_retry_with_the_stable_content_as_old_properties_creates_the_update() -> None:
    """A retry creates its update within seconds, and does not wait for the live one to disappear."""
    service = with_update("one")
    begun = service.time.now
    assert not run(service, retry("one", "two")).failed
    assert service.created == [id_of("two")]
    assert service.writes() == ["CreateOTAUpdate", "TagResource"]
    assert service.time.now - begun < 30


@pytest.mark.parametrize("old", ["one", "two"])
@pytest.mark.parametrize("age", [10, 600, 7200])
def test_a_retry_whose_stack_turns_back_spares_the_live_update(old: str, age: float) -> None:
    """A rollback during a retry never deletes the live update, whatever its age."""
    service = FakeOtaService(stack_statuses=[*["UPDATE_IN_PROGRESS"] * 2, "UPDATE_ROLLBACK_IN_PROGRESS"])
    put_update(service, "one", age=age)
    run(service, retry(old, "two"))
    assert service.find(id_of("one")) is not None
    assert all(
        tags[names.CONTENT_TAG] != service.updates[id_of("one")].tags[names.CONTENT_TAG] for tags in service.touched
    )


@pytest.mark.parametrize("status", ["CREATE_FAILED", "DELETE_FAILED"])
@pytest.mark.parametrize("old", ["one", "two"])
def test_a_retry_replaces_what_the_failed_deploy_has_left(old: str, status: str) -> None:
    """An update that failed and could not be deleted is deleted and created again by the retry."""
    service = with_update("one")
    put_update(service, "two", deployed=False, status=status)
    assert not run(service, retry(old, "two")).failed
    assert service.writes() == [DELETE, "CreateOTAUpdate", "TagResource"]


def test_a_retry_of_other_content_creates_it_and_spares_the_live_update() -> None:
    """An Update addressed to a failed id, with the stable content as old properties, deploys other content."""
    service = with_update("one")
    sent = event("Update", content="three", old=properties(content="one"), physical_id=id_of("two"))
    assert not run(service, sent).failed
    assert service.created == [id_of("three")]
    assert service.find(id_of("one")) is not None


def test_a_change_of_tags_of_a_removed_update_is_no_retry() -> None:
    """Firmware that was deleted outside of the stack is not pushed again by a change of tags."""
    service = FakeOtaService()
    sent = event("Update", Tags=[{"Key": "a", "Value": "b"}], old=properties(), physical_id=id_of("one"))
    assert "no longer exists" in run(service, sent).reason
    assert service.writes() == []


def test_a_change_of_delete_options_of_a_removed_update_fails() -> None:
    """Even if only delete options change, success is reported only for an update that exists."""
    service = FakeOtaService()
    sent = event("Update", ForceDeleteJob="false", old=properties(), physical_id=id_of("one"))
    assert "no longer exists" in run(service, sent).reason


@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "UPDATE_FAILED", "UPDATE_ROLLBACK_IN_PROGRESS"])
@pytest.mark.parametrize("deployed", [False, True])
def test_a_reverse_event_is_recognized_without_the_status_of_a_rollback(status: str, *, deployed: bool) -> None:
    """The update of a deploy that was cut short is deleted, although the stack's status is none of a rollback."""
    service = FakeOtaService(stack_statuses=[status])
    put_update(service, "one", age=7200)
    put_update(service, "two", age=4000, deployed=deployed)
    assert not run(service, content_change("two", "one", id_of("one"))).failed
    assert set(service.updates) == {id_of("one")}


@pytest.mark.parametrize("seconds", [3481, 3600, 3480 + 1800])
def test_a_deploy_whose_answer_was_lost_is_rolled_back_however_late(seconds: float) -> None:
    """An update that was marked as deployed, and whose id CloudFormation never learned, is deleted at any age."""
    service = FakeOtaService(stack_statuses=["UPDATE_ROLLBACK_IN_PROGRESS"])
    put_update(service, "one", age=seconds + 60)
    put_update(service, "two", age=seconds)
    assert not run(service, content_change("two", "one", id_of("one"))).failed
    assert set(service.updates) == {id_of("one")}


@pytest.mark.parametrize("age", [100, 4000])
def test_an_update_that_was_retained_before_the_live_one_is_spared(age: float) -> None:
    """The rollback of a deploy that was cut short spares an update that an earlier deploy left on purpose."""
    service = FakeOtaService(stack_statuses=["UPDATE_ROLLBACK_IN_PROGRESS"])
    put_update(service, "two", age=age + 60)
    put_update(service, "one", age=age)
    assert not run(service, content_change("two", "one", id_of("one"))).failed
    assert set(service.updates) == {id_of("one"), id_of("two")}


def test_an_update_that_is_deployed_again_is_live_from_then_on() -> None:
    """A retained update that a deploy takes up again counts as deployed by that deploy, and the other as retained."""
    service = FakeOtaService()
    put_update(service, "one", age=7200)
    put_update(service, "two", age=3600)
    begun = service.time.now - 5
    assert not run(
        in_operation(service, "UPDATE_IN_PROGRESS", begun), content_change("two", "one", id_of("two"))
    ).failed
    assert service.updates[id_of("one")].tags[names.DEPLOYED_TAG] == f"true since=0 operation={begun:.0f}"
    in_operation(service, "UPDATE_ROLLBACK_IN_PROGRESS", begun)
    assert not run(service, content_change("two", "one", id_of("one"))).failed
    assert set(service.updates) == {id_of("one"), id_of("two")}


@pytest.mark.parametrize("status", ["UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
def test_a_second_delivery_of_a_reverse_event_at_rest_deletes_nothing(status: str) -> None:
    """While the stack is at rest, no update is a leftover."""
    service = FakeOtaService(stack_statuses=[status])
    put_update(service, "one", age=7200)
    put_update(service, "two", age=60)
    assert not run(service, content_change("two", "one", id_of("one"))).failed
    assert service.writes() == []


STATUSES = ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"]


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("physical_id", [id_of("one"), invented_id()])
def test_a_clean_up_of_a_failed_attempt_spares_the_same_id_deployed_since(status: str, physical_id: str) -> None:
    """A Delete of a failed Create that comes after its retry deletes nothing."""
    service = FakeOtaService()
    begun = service.time.now - 3
    in_operation(service, "UPDATE_IN_PROGRESS", begun)
    assert not run(service, event("Create")).failed
    in_operation(service, status, begun)
    assert not run(service, event("Delete", physical_id=physical_id)).failed
    assert service.find(id_of("one")) is not None
    assert DELETE not in service.writes()


def test_a_clean_up_of_a_failed_attempt_that_comes_first_deletes_it() -> None:
    """A Delete of a failed Create before its retry deletes the update, and the retry creates it again."""
    service = with_update("one", deployed=False, age=600)
    in_operation(service, "UPDATE_IN_PROGRESS", service.time.now - 3)
    assert not run(service, event("Delete", physical_id=id_of("one"))).failed
    assert service.find(id_of("one")) is None
    assert not run(service, event("Create")).failed
    assert service.created == [id_of("one")]


@pytest.mark.parametrize("deployed", [False, True])
def test_a_clean_up_deletes_what_an_earlier_deploy_has_left(*, deployed: bool) -> None:
    """An update of an earlier deploy is deleted, also if that had marked it and only its answer was lost."""
    service = with_update("one", deployed=deployed, age=4000)
    in_operation(service, "UPDATE_IN_PROGRESS", service.time.now - 3)
    assert not run(service, event("Delete", physical_id=invented_id())).failed
    assert service.updates == {}


def test_a_create_takes_up_an_update_whose_answer_was_lost() -> None:
    """A retried Create confirms the update that the first one had marked, so that its clean-up spares it."""
    service = with_update("one", age=4000)
    begun = service.time.now - 3
    in_operation(service, "UPDATE_IN_PROGRESS", begun)
    assert not run(service, event("Create")).failed
    assert not run(service, event("Delete", physical_id=invented_id())).failed
    assert service.find(id_of("one")) is not None
    assert service.writes() == ["TagResource"]


def test_a_clean_up_spares_what_the_running_deploy_creates() -> None:
    """A Delete of a failed attempt does not delete the same id while the retry waits for its gate."""
    service = with_update("one", deployed=False, age=20)
    in_operation(service, "UPDATE_IN_PROGRESS", service.time.now - 60)
    assert not run(service, event("Delete", physical_id=id_of("one"))).failed
    assert service.writes() == []


def test_a_clean_up_waits_for_a_deployed_tag() -> None:
    """An update that the running deploy has marked is spared although the mark shows only minutes later."""
    service = with_update("one", deployed=False, age=20)
    begun = service.time.now - 60
    update = service.updates[id_of("one")]
    deployed = {**update.tags, names.DEPLOYED_TAG: f"true operation={begun:.0f}"}
    update.tag_changes.append((service.time.now + 120, deployed))
    in_operation(service, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", begun)
    assert not run(service, event("Delete", physical_id=id_of("one"))).failed
    assert service.writes() == []


@pytest.mark.parametrize("status", ["ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"])
def test_a_rollback_deletes_what_its_own_deploy_has_created(status: str) -> None:
    """An update of the deploy that is rolled back is deleted at once, marked or not."""
    service = FakeOtaService()
    begun = service.time.now
    assert not run(in_operation(service, "UPDATE_IN_PROGRESS", begun), event("Create")).failed
    assert not run(in_operation(service, status, begun), event("Delete", physical_id=id_of("one"))).failed
    assert service.updates == {}


def test_a_gate_that_fails_without_a_rollback_leaves_no_rollout() -> None:
    """A replacement whose gate fails has no job left when its event ends, and the retry pushes it again."""
    service = with_update("one")
    service.progress = [FAILED]
    sent = event("Update", content="two", Gate=GATE, old=properties(content="one"), physical_id=id_of("one"))
    assert "the gate has failed: 1 failure" in run(service, sent).reason
    assert service.find(id_of("two")) is None or service.updates[id_of("two")].deleted is not None
    service.progress = [JobProgress(status="COMPLETED", succeeded=3)]
    assert not run(service, retry("two", "two", Gate=GATE)).failed
    assert service.created == [id_of("two")] * 2


def test_a_deletion_that_never_ends_is_given_up_early_in_a_clean_up() -> None:
    """A clean-up, which ends well without it, waits 15 minutes for a deletion; the Delete of a stack waits longer."""
    for status, deadline in [
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", timeouts.CLEANUP_DEADLINE),
        ("DELETE_IN_PROGRESS", timeouts.HANDLER_DEADLINE),
    ]:
        service = with_update("one", status="DELETE_IN_PROGRESS")
        service.updates[id_of("one")].removed = 1e12
        service.stack_statuses = [status]
        begun = service.time.now
        assert "is still DELETE_IN_PROGRESS" in run(service, event("Delete", physical_id=id_of("one"))).reason
        assert deadline < service.time.now - begun < deadline + 30
