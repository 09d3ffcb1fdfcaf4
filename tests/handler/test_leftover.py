"""How a Delete, and the deletion of what a deploy has left over, meet refusals and delays."""

import json
from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update.contract import timeouts
from cdk_iot_ota_handler.ota_update.errors import FatalError, RetryableError

from ..fakes.cloudformation import invented_id
from ..fakes.ota_service import Behaviour, FakeOtaService, Fault
from ..fakes.provider_framework import Answer
from .scenarios import (
    DELETE,
    RESTORE,
    content_change,
    event,
    id_of,
    properties,
    put_update,
    run,
    with_leftover,
    with_update,
)

REFUSED = FatalError("InvalidRequestException: its job")


def timed(service: FakeOtaService, sent: dict[str, Any]) -> tuple[Answer, float]:
    """Serve an event and return its answer and how long it took."""
    begun = service.time.now
    return run(service, sent), service.time.now - begun


def test_a_leftover_is_deleted_with_one_call_and_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """A rollback deletes what the deploy has left, says so in the log, and ends when that is gone."""
    service = with_leftover()
    answer, seconds = timed(service, RESTORE)
    assert (answer.failed, service.writes()) == (False, [DELETE])
    assert timeouts.OVERTAKEN <= seconds < 45
    assert set(service.updates) == {id_of("one")}
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    about = [line["decision"] for line in lines if line.get("otaUpdateId") == id_of("two")]
    assert about[:2] == ["delete", "wait"]
    assert about[-1] == "done"


def test_a_leftover_that_may_not_be_asked_for_is_given_up_after_ten_minutes() -> None:
    """A rollback does not fail because access to a leftover is denied."""
    service = with_leftover()
    service.inject([Fault(kind="denied", operation="DescribeStacks", lasts=1e9)])
    answer, seconds = timed(service, RESTORE)
    assert not answer.failed
    assert timeouts.DELETION_PATIENCE < seconds < timeouts.DELETION_PATIENCE + timeouts.PATIENCE + 10
    assert service.writes() == []


@pytest.mark.parametrize("error", [RetryableError("throttled"), REFUSED])
def test_a_leftover_that_cannot_be_deleted_is_given_up_in_the_end(error: Exception) -> None:
    """A rollback does not fail because a leftover cannot be deleted, but tries it for most of its time."""
    service = with_leftover()
    service.errors["DeleteOTAUpdate"] = [error] * 5000
    answer, seconds = timed(service, RESTORE)
    assert not answer.failed
    assert timeouts.HANDLER_DEADLINE < seconds < timeouts.HANDLER_DEADLINE + 60
    assert len(service.writes()) > 100


def test_a_leftover_that_is_delete_failed_is_retried_for_longer_than_others() -> None:
    """A leftover is deleted although that has failed for a quarter of an hour, since no other event would do it."""
    service = with_leftover(status="DELETE_FAILED", error="AccessDenied: the role")
    service.inject([Fault(kind="throttled", operation="DeleteOTAUpdate", lasts=1000)])
    answer, _ = timed(service, RESTORE)
    assert not answer.failed
    assert set(service.updates) == {id_of("one")}


def test_a_leftover_that_is_not_visible_yet_is_waited_for() -> None:
    """A creation that is under way when the rollback begins is found."""
    service = with_update("one")
    service.stack_statuses = ["UPDATE_ROLLBACK_IN_PROGRESS"]
    service.time.spawn(lambda: put_update(service, "two", deployed=False, age=0), delay=30)
    answer, _ = timed(service, RESTORE)
    assert not answer.failed
    assert set(service.updates) == {id_of("one")}


def test_another_owners_update_is_no_leftover() -> None:
    """A rollback ends at once if the id of the deploy's update is another owner's."""
    service = with_update("one")
    service.stack_statuses = ["UPDATE_ROLLBACK_IN_PROGRESS"]
    service.put_foreign(id_of("two"))
    answer, seconds = timed(service, RESTORE)
    assert (answer.failed, service.writes(), seconds < 5) == (False, [], True)


def test_a_replacement_does_not_look_for_the_update_that_it_replaces() -> None:
    """CloudFormation holds the old id and deletes it: a replacement looks for the new update only."""
    service = with_update("one")
    assert not run(service, content_change("one", "two", id_of("one"))).failed
    assert service.calls[:4] == ["GetOTAUpdate", "HeadObject", "DescribeStacks", "CreateOTAUpdate"]
    assert set(service.calls[4:]) == {"GetOTAUpdate", "ListTagsForResource", "DescribeStacks", "TagResource"}


def test_an_update_that_is_to_be_created_is_no_leftover() -> None:
    """A retry of content that has never got an id begins at once."""
    service = with_update("one")
    answer, seconds = timed(service, content_change("two", "two", id_of("one")))
    assert (answer.failed, service.created, seconds < 20) == (False, [id_of("two")], True)


@pytest.mark.parametrize("old", [{}, {"Request": "none", "IdPrefix": "prod_"}])
def test_old_properties_that_cannot_be_read_have_left_nothing(old: dict[str, Any]) -> None:
    """The rollback of a deploy whose properties were refused succeeds at once."""
    service = with_update("one")
    service.stack_statuses = ["UPDATE_ROLLBACK_IN_PROGRESS"]
    answer, seconds = timed(service, event("Update", content="one", old=old, physical_id=id_of("one")))
    assert (answer.failed, service.writes(), seconds < 5) == (False, [], True)


@pytest.mark.parametrize(
    ("force", "least", "most"),
    [("false", 2 * timeouts.LAG, 15), ("true", timeouts.DELETION_PATIENCE, timeouts.DELETION_PATIENCE + 40)],
)
def test_a_refused_deletion_is_reported_in_time(force: str, least: float, most: float) -> None:
    """Without force a refusal is final after seconds; with force it is likely that of an earlier request."""
    service = with_update("one")
    service.errors["DeleteOTAUpdate"] = [REFUSED] * 5000
    answer, seconds = timed(service, event("Delete", ForceDeleteJob=force, physical_id=id_of("one")))
    assert "its job" in answer.reason
    assert least < seconds < most


def test_a_deletion_that_was_accepted_is_not_reported_as_refused() -> None:
    """Without force too, a refusal after an accepted request is waited for."""
    service = with_update("one")
    service.behaviour = Behaviour(status_lag=16, removal=18)
    answer, _ = timed(service, event("Delete", ForceDeleteJob="false", physical_id=id_of("one")))
    assert not answer.failed
    assert service.updates == {}


def test_a_deletion_that_is_always_throttled_fails_in_the_end() -> None:
    """A Delete is retried for most of CloudFormation's hour, and then fails with the service's words."""
    service = with_update("one")
    service.inject([Fault(kind="throttled", operation="GetOTAUpdate", lasts=1e9)])
    answer, seconds = timed(service, event("Delete", physical_id=id_of("one")))
    assert "throttled" in answer.reason
    assert timeouts.HANDLER_DEADLINE < seconds < timeouts.HANDLER_DEADLINE + 60


@pytest.mark.parametrize(
    ("physical_id", "least", "most"), [(id_of("one"), timeouts.LAG, 10), (invented_id(), timeouts.OVERTAKEN, 45)]
)
def test_an_absent_update_is_waited_for(physical_id: str, least: float, most: float) -> None:
    """A Delete waits for seconds, or for a creation that may be under way, before it takes the update as gone."""
    _, seconds = timed(FakeOtaService(), event("Delete", physical_id=physical_id))
    assert least <= seconds < most


def test_a_deletion_ends_when_the_update_is_gone(capsys: pytest.CaptureFixture[str]) -> None:
    """An update that was there is gone as soon as it is absent, and each look is in the log."""
    service = with_update("one", deployed=False)
    _, seconds = timed(service, event("Delete", physical_id=invented_id()))
    assert seconds < 10
    decisions = [json.loads(line).get("decision") for line in capsys.readouterr().out.splitlines()]
    assert decisions[1] == "delete"
    assert decisions[-1] == "done"


def test_a_leftover_and_its_event_have_the_time_of_one_invocation() -> None:
    """A rollback whose calls are always denied fails with that, and no invocation takes longer than it may."""
    service = with_leftover()
    service.inject([Fault(kind="denied", operation="GetOTAUpdate", lasts=1e9)])
    answer, seconds = timed(service, RESTORE)
    assert "not authorized" in answer.reason
    assert timeouts.DELETION_PATIENCE < seconds < timeouts.TOTAL_TIMEOUT


def test_a_leftover_is_deleted_although_access_is_denied_for_a_moment() -> None:
    """A single denial after ten minutes does not end the deletion of what a deploy has left."""
    service = with_leftover(status="CREATE_PENDING")
    service.updates[id_of("two")].settles = service.time.now + 1500
    service.inject([Fault(kind="denied", operation="DeleteOTAUpdate")])
    assert not run(service, RESTORE).failed
    assert service.find(id_of("two")) is None


def test_what_a_leftover_has_taken_is_not_left_for_its_event() -> None:
    """Access that is denied for three minutes, first to the leftover and then to tags, is waited for in two polls."""
    service = with_update("one")
    service.latency, service.stack_statuses = 0.5, ["UPDATE_ROLLBACK_IN_PROGRESS"]
    service.inject(
        [
            Fault(kind="denied", operation="GetOTAUpdate", lasts=170),
            Fault(kind="denied", operation="TagResource", lasts=340),
        ]
    )
    tags = [{"Key": "team", "Value": "a"}]
    sent = event("Update", content="one", Tags=tags, old=properties(content="two"), physical_id=id_of("one"))
    assert not run(service, sent).failed
    assert service.updates[id_of("one")].tags["team"] == "a"
