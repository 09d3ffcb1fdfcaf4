"""Delete events as a whole: the right update is deleted until it is gone, and no other one."""

from cdk_iot_ota_handler.ota_update.contract import timeouts
from cdk_iot_ota_handler.ota_update.desired import Desired
from cdk_iot_ota_handler.ota_update.errors import FatalError, RetryableError

from ..fakes.cloudformation import invented_id
from ..fakes.ota_service import Behaviour, FakeOtaService
from .scenarios import DELETE, event, id_of, run, with_update


def test_delete_waits_until_the_update_is_gone() -> None:
    """A Delete calls DeleteOTAUpdate once with the declared options, and ends when the update is gone."""
    service = with_update("one")
    assert not run(service, event("Delete", ForceDeleteJob="false", physical_id=id_of("one"))).failed
    assert service.writes() == ["DeleteOTAUpdate deleteStream"]
    assert service.updates == {}


def test_a_delete_of_an_absent_update_succeeds() -> None:
    """A second Delete, or one after a deletion outside of the stack, changes nothing."""
    service = FakeOtaService()
    assert not run(service, event("Delete", physical_id=id_of("one"))).failed
    assert service.writes() == []


def test_a_delete_with_an_invented_id_finds_the_update_by_its_content() -> None:
    """The update of a Create that was cut short is deleted although CloudFormation never learned its id."""
    service = with_update("one", deployed=False)
    assert not run(service, event("Delete", physical_id=invented_id())).failed
    assert service.updates == {}


def test_a_delete_with_an_invented_id_deletes_a_deployed_update_too() -> None:
    """A deployed update is deleted if CloudFormation has stopped waiting for its Create and invented an id."""
    service = with_update("one")
    assert not run(service, event("Delete", physical_id=invented_id())).failed
    assert service.updates == {}


def test_the_delete_of_a_failed_replacement_spares_the_live_update() -> None:
    """A Delete of the new id with the properties of the old content never deletes the old update."""
    service = with_update("one")
    for _ in range(3):
        assert not run(service, event("Delete", content="one", physical_id=id_of("two"))).failed
    assert set(service.updates) == {id_of("one")}


def test_the_delete_of_an_explicit_id_that_was_never_created_spares_the_live_update() -> None:
    """A Delete of an absent explicit id with the properties of another one deletes nothing."""
    service = FakeOtaService()
    run(service, event("Create", OtaUpdateId="old"))
    assert not run(service, event("Delete", OtaUpdateId="old", physical_id="new")).failed
    assert set(service.updates) == {"old"}


def test_a_delete_of_an_existing_explicit_id_deletes_that_update() -> None:
    """A Delete of an explicit id deletes that update even if its properties declare a generated id."""
    service = with_update("one")
    run(service, event("Create", content="one", OtaUpdateId="old"))
    assert not run(service, event("Delete", content="one", physical_id="old")).failed
    assert set(service.updates) == {id_of("one")}


def test_delete_waits_for_a_creation_to_end() -> None:
    """An update in creation is deleted once it has settled, because AWS IoT refuses an earlier deletion."""
    service = with_update("one", status="CREATE_PENDING", deployed=False)
    assert not run(service, event("Delete", physical_id=id_of("one"))).failed
    assert service.writes() == [DELETE]
    assert service.updates == {}


def test_an_update_that_never_settles_is_deleted_in_the_end() -> None:
    """The deletion of an update whose creation hangs is requested after a while, although it may be refused."""
    service = with_update("one", status="CREATE_IN_PROGRESS", deployed=False)
    assert not run(service, event("Delete", physical_id=id_of("one"))).failed
    assert service.updates == {}


def test_a_young_update_without_tags_is_left_alone() -> None:
    """An update that has no visible tags after a minute belongs to another owner and is not deleted."""
    service = FakeOtaService()
    service.put(id_of("one"), {}, age=0)
    assert not run(service, event("Delete", physical_id=id_of("one"))).failed
    assert service.writes() == []
    assert set(service.updates) == {id_of("one")}


def test_a_refused_deletion_has_a_remedy() -> None:
    """A Delete without force that AWS IoT refuses because of a running job fails, with the option to set."""
    service = with_update("one")
    service.errors["DeleteOTAUpdate"] = [FatalError("InvalidRequestException: its job")] * 9
    answer = run(service, event("Delete", ForceDeleteJob="false", physical_id=id_of("one")))
    assert "set force_delete_job=True" in answer.reason
    assert set(service.writes()) == {"DeleteOTAUpdate deleteStream"}


def test_a_deletion_that_fails_is_retried_and_then_reported() -> None:
    """DELETE_FAILED is retried for ten minutes and then fails the Delete with errorInfo."""
    service = with_update("one", status="DELETE_FAILED", error="InternalFailure: the stream is in use")
    service.errors["DeleteOTAUpdate"] = [RetryableError("later")] * 1000
    started = service.time.now
    answer = run(service, event("Delete", physical_id=id_of("one")))
    assert "the stream is in use" in answer.reason
    assert service.time.now - started > timeouts.DELETION_PATIENCE


def test_a_second_deletion_that_is_refused_is_not_a_failure() -> None:
    """A Delete without force repeats DeleteOTAUpdate while the first is not visible, and ignores the refusal."""
    service = with_update("one")
    service.behaviour = Behaviour(status_lag=3, removal=4)
    assert not run(service, event("Delete", ForceDeleteJob="false", physical_id=id_of("one"))).failed
    assert service.writes().count("DeleteOTAUpdate deleteStream") > 1
    assert service.updates == {}


def test_a_deletion_that_is_refused_because_of_another_one_is_retried() -> None:
    """A Delete succeeds although DeleteOTAUpdate is refused once because another poll has requested it."""
    service = with_update("one")
    service.errors["DeleteOTAUpdate"] = [FatalError("InvalidRequestException: DELETE_IN_PROGRESS")]
    assert not run(service, event("Delete", physical_id=id_of("one"))).failed
    assert service.updates == {}


def test_a_stale_delete_spares_content_that_was_deployed_again() -> None:
    """A second delivery of a Delete changes nothing if the update is deployed and its stack is idle."""
    service = with_update("one")
    service.stack_statuses = ["UPDATE_COMPLETE"]
    assert not run(service, event("Delete", physical_id=id_of("one"))).failed
    assert service.writes() == []


def test_a_deletion_is_tried_although_its_target_was_unknown_for_minutes() -> None:
    """A Delete of an explicit id tries the deletion that failed before, however long it took to tell what to delete."""
    service = FakeOtaService()
    service.put("mine-2", Desired.from_event(event("Create", OtaUpdateId="mine-2")).all_tags)
    update = service.updates["mine-2"]
    update.deletion_failed, update.outcome = True, ("CREATE_FAILED", "not authorized to perform: iam:PassRole")
    sent = event("Delete", OtaUpdateId="mine-2", physical_id="mine-1")
    assert not run(service, sent).failed
    assert service.updates == {}
