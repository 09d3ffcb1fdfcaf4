"""One poll of a Delete, and of a leftover, when the time is over."""

from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update.contract import timeouts
from cdk_iot_ota_handler.ota_update.delete import Deletion
from cdk_iot_ota_handler.ota_update.desired import Desired
from cdk_iot_ota_handler.ota_update.errors import FatalError
from cdk_iot_ota_handler.ota_update.on_event import on_event

from ..fakes.ota_service import Behaviour, FakeOtaService, Fault
from .scenarios import DELETE, RESTORE, event, id_of, put_update, with_leftover, with_update


def deletion(service: FakeOtaService, sent: dict[str, Any], waited: float) -> Deletion:
    """Return a poll of an event that began so many seconds ago."""
    polled = {**sent, **on_event(sent, service.connect(), service.clock())}
    polled["StartedAt"] = service.time.now - waited
    service.calls.clear()
    return Deletion(polled, Desired.from_event(polled), service.connect(), service.clock())


def test_a_leftover_is_given_up_without_a_look_after_the_deadline() -> None:
    """After 50 minutes an event no longer waits for what a deploy has left over, and asks AWS IoT nothing."""
    service = with_leftover()
    assert deletion(service, RESTORE, waited=3001).poll_leftover()
    assert service.calls == []


def test_a_leftover_is_deleted_until_the_deadline() -> None:
    """A poll that begins within 50 minutes still deletes what is left over."""
    service = with_leftover()
    assert deletion(service, RESTORE, waited=2990).poll_leftover()
    assert service.writes() == [DELETE]


@pytest.mark.parametrize(("waited", "is_over"), [(700, True), (300, False)])
def test_denied_access_to_a_leftover_is_given_up_after_ten_minutes(waited: float, *, is_over: bool) -> None:
    """An id that the stack never gets access to is waited for during ten minutes."""
    service = with_leftover()
    service.inject([Fault(kind="denied", operation="GetOTAUpdate", lasts=9999)])
    begun = service.time.now
    assert deletion(service, RESTORE, waited=waited).poll_leftover() is is_over
    assert (service.time.now - begun < 30) is is_over


def test_a_leftover_about_which_the_stack_says_nothing_yet_is_waited_for() -> None:
    """A leftover is not taken as gone while the status of the stack may be older than the event."""
    service = with_leftover()
    service.stack_statuses = ["UPDATE_COMPLETE"]
    begun = service.time.now
    assert deletion(service, RESTORE, waited=0).poll_leftover()
    assert service.time.now - begun > timeouts.STACK_LAG
    assert service.writes() == []


def test_a_leftover_that_is_still_there_is_not_reported_as_gone() -> None:
    """A poll whose deletion takes longer than the poll may last asks for another poll."""
    service = with_leftover()
    service.behaviour = Behaviour(removal=60)
    assert deletion(service, RESTORE, waited=20).poll_leftover() is False


@pytest.mark.parametrize(
    ("status", "waited", "is_given_up"),
    [
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", 860, False),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", 901, True),
        ("DELETE_IN_PROGRESS", 901, False),
        ("DELETE_IN_PROGRESS", 2900, False),
        ("DELETE_IN_PROGRESS", 3001, True),
    ],
)
def test_a_deletion_that_does_not_end_is_given_up(status: str, waited: float, *, is_given_up: bool) -> None:
    """A clean-up gives up after 15 minutes, because CloudFormation tries it again; any other Delete after 50."""
    service = FakeOtaService(behaviour=Behaviour(removal=9999), stack_statuses=[status])
    put_update(service, "one", status="DELETE_IN_PROGRESS")
    poll = deletion(service, event("Delete", physical_id=id_of("one")), waited)
    if is_given_up:
        with pytest.raises(FatalError, match="is still DELETE_IN_PROGRESS after"):
            poll.poll()
    else:
        assert poll.poll() is False


def test_an_unreadable_declaration_has_left_nothing() -> None:
    """Old properties that cannot be read have created nothing, so that there is nothing to delete."""
    service = with_update("one")
    sent = event("Update", content="one", old={"Tags": "nonsense"}, physical_id=id_of("one"))
    assert deletion(service, sent, waited=0).poll_leftover()
    assert service.calls == []
