"""The times after which a Create or an Update gives up, and those of its tags, up to their limits."""

from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update.errors import FatalError, RetryableError
from cdk_iot_ota_handler.ota_update.observed import Stack

from ..fakes.ota_service import FakeOtaService
from .polls import poll, timed_poll
from .scenarios import GATE, REQUEST, content_change, event, id_of, properties, with_update

TAGGED = [{"Key": "team", "Value": "a"}]
KEEPS_ID = event("Update", ForceDeleteJob="false", old=properties(), physical_id=id_of("one"))
# The looks of an invocation whose calls fail at once: the last one is the first after 20 s.
SECONDS_OF_LOOKS = 22.75


@pytest.mark.parametrize(
    ("sent", "limit"),
    [
        (event("Create"), 852),
        (content_change("two", "one", id_of("two")), 852),
        (event("Create", Gate=GATE), 2952),
        (KEEPS_ID, 2952),
    ],
    ids=["Create", "replacement", "Create with a gate", "change that keeps the id"],
)
def test_an_update_that_cannot_be_read_fails_its_event_in_time(sent: dict[str, Any], limit: float) -> None:
    """Throttling fails an event in the service's words once the next poll would end after 900 or 3000 s, not before."""
    service = FakeOtaService(errors={"GetOTAUpdate": [RetryableError("ThrottlingException")] * 18})
    assert timed_poll(service, sent, waited=limit - SECONDS_OF_LOOKS) == ({"IsComplete": False}, SECONDS_OF_LOOKS)
    with pytest.raises(FatalError, match="ThrottlingException"):
        poll(service, sent, waited=limit - SECONDS_OF_LOOKS + 0.25)


@pytest.mark.parametrize(("waited", "is_old"), [(100, False), (130, True)])
def test_a_poll_of_an_earlier_operation_changes_nothing(waited: float, *, is_old: bool) -> None:
    """A poll that began more than a minute before the running operation fails, and leaves what that deploys alone."""
    service = FakeOtaService()
    service.describe_stack = lambda _: Stack("UPDATE_IN_PROGRESS", service.time.now - 50)
    if is_old:
        with pytest.raises(FatalError, match="older than the running operation"):
            poll(service, event("Create"), waited=waited)
    else:
        poll(service, event("Create"), waited=waited)
    assert bool(service.created) is not is_old


def test_a_creation_without_a_gate_is_tried_for_fifteen_minutes() -> None:
    """An update without a gate that cannot be created in five minutes is still created later."""
    service = FakeOtaService(errors={"CreateOTAUpdate": [RetryableError("ThrottlingException")] * 18})
    assert poll(service, event("Create"), waited=600) == {"IsComplete": False}


def test_a_look_that_ends_with_the_deadline_still_creates() -> None:
    """An update is created if the status of its stack is known 900 s after the event began."""
    service = FakeOtaService(latency=2)
    assert poll(service, event("Create"), waited=894)["IsComplete"]
    assert service.created == [id_of("one")]


def test_a_look_that_ends_after_the_deadline_creates_nothing() -> None:
    """No update is created if 900 s pass while the stack is asked, although the look began and S3 answered in time."""
    service = FakeOtaService(latency=2)
    with pytest.raises(FatalError, match="does not exist after 902 s"):
        poll(service, event("Create"), waited=896)
    assert service.calls == ["GetOTAUpdate", "HeadObject", "DescribeStacks"]


@pytest.mark.parametrize(("seconds", "files", "asked"), [(23, 9, 9), (23, 10, 9), (23.25, 9, 8)])
def test_s3_that_answers_too_slowly_is_asked_no_more(seconds: float, files: int, asked: int) -> None:
    """An invocation asks S3 until its patience and one call, 207 s, are over; if files are left, none is pushed."""
    service = FakeOtaService(latency=seconds)
    sent = event("Create", Request={**REQUEST, "files": list(REQUEST["files"]) * files})
    if files == asked:
        assert poll(service, sent, waited=620) == {"IsComplete": False}
    else:
        with pytest.raises(FatalError, match="S3 answers too slowly"):
            poll(service, sent, waited=620)
    assert service.calls.count("HeadObject") == asked
    assert len(service.created) == (files == asked)


@pytest.mark.parametrize(("waited", "seconds"), [(0, 12.75), (10, 0.25), (10.25, 0)])
@pytest.mark.parametrize("status", ["UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
def test_tags_of_a_stack_at_rest_are_dropped_after_ten_seconds(status: str, waited: float, seconds: float) -> None:
    """A stack that seems to be at rest is asked again for ten seconds; then its event is old and changes no tags."""
    service = with_update(tags={"team": "b"})
    service.stack_statuses = [status]
    sent = event("Update", Tags=TAGGED, old=properties(), physical_id=id_of("one"))
    answer, lasted = timed_poll(service, sent, waited=waited)
    assert (answer["IsComplete"], lasted) == (True, seconds)
    assert service.writes() == []


@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_FAILED"])
def test_tags_change_at_once_while_events_are_due(status: str) -> None:
    """Only a stack that seems to be at rest makes a change of tags wait."""
    service = with_update()
    service.stack_statuses = [status]
    sent = event("Update", Tags=TAGGED, old=properties(), physical_id=id_of("one"))
    answer, lasted = timed_poll(service, sent)
    assert (answer["IsComplete"], lasted) == (True, 0)
    assert service.writes() == ["TagResource"]


def test_a_tag_is_removed_although_no_other_changes() -> None:
    """An Update removes the one tag that is no longer declared, without setting any."""
    service = with_update(tags={"team": "a"})
    assert poll(service, event("Update", old=properties(Tags=TAGGED), physical_id=id_of("one")))["IsComplete"]
    assert service.writes() == ["UntagResource"]
    assert "team" not in service.updates[id_of("one")].tags


def test_a_look_asks_for_its_stack_once() -> None:
    """The status that decided that an update is done also decides about its tags."""
    service = with_update(deployed=False)
    assert poll(service, event("Create", Tags=TAGGED))["IsComplete"]
    assert service.calls == ["GetOTAUpdate", "ListTagsForResource", "DescribeStacks", "TagResource", "TagResource"]


def test_a_rollback_leaves_the_tags_of_another_owner_alone() -> None:
    """A rollback to an id that another owner has taken meanwhile succeeds, and changes no tags of the update there."""
    service = FakeOtaService(stack_statuses=["UPDATE_ROLLBACK_IN_PROGRESS"])
    service.put_foreign("theirs")
    sent = event("Update", OtaUpdateId="theirs", Tags=TAGGED, old=properties(content="two"), physical_id=id_of("two"))
    assert poll(service, sent)["IsComplete"]
    assert service.writes() == []
