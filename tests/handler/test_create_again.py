"""When a Create or an Update creates an update that is absent: at once, after a while, or never."""

from collections.abc import Callable
from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update.contract import names, timeouts
from cdk_iot_ota_handler.ota_update.errors import FatalError, RetryableError

from ..fakes.ota_service import Behaviour, FakeOtaService, Fault
from .polls import poll, timed_poll
from .scenarios import DELETE, GATE, content_change, event, id_of, properties, put_update, run, with_update

# A role that has not propagated in IAM yet fails a creation with this.
NO_ACCESS = ("CREATE_FAILED", "AWSIotException: not authorized to perform: iam:PassRole")
REFUSALS = [FatalError("cannot read firmware: Not Found"), RetryableError("cannot read firmware: SlowDown")]


def seconds_of_creations(service: FakeOtaService) -> list[float]:
    """Return a list that will hold how many seconds from now each creation takes place."""
    begun, found = service.time.now, list[float]()
    service.on_created = lambda _: found.append(service.time.now - begun)
    return found


def test_an_update_that_was_created_but_is_not_visible_is_awaited() -> None:
    """An update that GetOTAUpdate shows only seconds after its creation is created once."""
    service = FakeOtaService(behaviour=Behaviour(lag=15))
    assert timed_poll(service, event("Create"))[1] == 17.75
    assert service.calls.count("CreateOTAUpdate") == 1


def test_an_update_that_disappears_for_a_moment_is_awaited() -> None:
    """An update that this invocation has seen is awaited when GetOTAUpdate does not show it for some seconds."""
    service = with_update(status="CREATE_PENDING", deployed=False, age=1)
    service.behaviour = Behaviour(settle=2)
    update = service.updates[id_of("one")]

    def hide() -> None:
        update.visible = service.time.now + 10

    service.time.spawn(hide, delay=0.1)
    answer, seconds = timed_poll(service, event("Create"), waited=5)
    assert (answer["IsComplete"], seconds) == (True, 12.75)
    assert service.writes() == ["TagResource"]


def test_an_update_that_stays_away_is_created_again() -> None:
    """An update that has disappeared is created again 20 s after it was first seen, however often it was seen since."""
    service = with_update(status="CREATE_PENDING", deployed=False, age=1)
    service.updates[id_of("one")].settles = service.time.now + 99
    creations = seconds_of_creations(service)
    service.time.spawn(service.updates.clear, delay=4)
    assert poll(service, event("Create"), waited=5) == {"IsComplete": False}
    assert creations == [22.75]


def test_an_update_that_was_removed_on_purpose_is_created_again_at_once() -> None:
    """A creation that failed for lack of access is deleted and repeated as soon as it is gone, without the 20 s."""
    service = FakeOtaService(behaviour=Behaviour(creations=[NO_ACCESS]))
    creations = seconds_of_creations(service)
    assert poll(service, event("Create"))["IsComplete"]
    assert service.writes() == ["CreateOTAUpdate", DELETE, "CreateOTAUpdate", "TagResource"]
    assert creations == [0, 7.75]


@pytest.mark.parametrize("removal", [2, 10])
def test_an_update_is_created_as_soon_as_the_one_before_is_gone(removal: float) -> None:
    """A deletion that ends within the poll is followed by the creation, without the 20 s of an update that hides."""
    service = FakeOtaService(behaviour=Behaviour(removal=removal))
    put_update(service, status="DELETE_IN_PROGRESS")
    creations = seconds_of_creations(service)
    poll(service, event("Create"))
    assert removal <= creations[0] <= removal + 5


@pytest.mark.parametrize("operation", ["CreateOTAUpdate", "HeadObject", "DescribeStacks"])
def test_a_gated_creation_that_never_works_is_reported_with_its_error(operation: str) -> None:
    """An update with a gate that cannot be created in its invocation fails with the last error, not as deleted."""
    service = FakeOtaService()
    service.inject([Fault(kind="throttled", operation=operation, lasts=9999)])
    begun, answer = service.time.now, run(service, event("Create", Gate=GATE))
    assert answer.reason == f"{operation}: throttled"
    assert 185 < service.time.now - begun <= timeouts.CREATION_PATIENCE + 1


@pytest.mark.parametrize("error", REFUSALS)
def test_a_rollback_succeeds_although_its_firmware_cannot_be_read(error: Exception) -> None:
    """A rollback to an update that no longer exists creates nothing, so that no object in S3 can fail it."""
    service = FakeOtaService(stack_statuses=["UPDATE_ROLLBACK_IN_PROGRESS"], errors={"HeadObject": [error]})
    answer, seconds = timed_poll(service, content_change("two", "one", id_of("two")))
    assert (answer["IsComplete"], seconds) == (True, 0)
    assert service.calls == ["GetOTAUpdate", "HeadObject", "DescribeStacks"]


def test_firmware_that_does_not_exist_is_reported_at_once() -> None:
    """A Create whose request cannot be prepared fails with the reason in its first look, and creates nothing."""
    service = FakeOtaService(errors={"HeadObject": [REFUSALS[0]]})
    with pytest.raises(FatalError, match="cannot read firmware: Not Found"):
        poll(service, event("Create"))
    assert service.calls == ["GetOTAUpdate", "HeadObject", "DescribeStacks"]


def test_firmware_that_cannot_be_read_right_now_is_read_again() -> None:
    """A Create succeeds although S3 is throttled once, and creates the update in the next look."""
    service = FakeOtaService(errors={"HeadObject": [REFUSALS[1]]})
    creations = seconds_of_creations(service)
    assert poll(service, event("Create"))["IsComplete"]
    assert creations == [0.25]


def test_a_change_of_tags_of_a_removed_update_asks_for_it_once() -> None:
    """A change that keeps the id is not a retry: it fails without a second query of the update."""
    service = FakeOtaService()
    sent = event("Update", Tags=[{"Key": "a", "Value": "b"}], old=properties(), physical_id=id_of("one"))
    with pytest.raises(FatalError, match="no longer exists"):
        poll(service, sent)
    assert service.calls == ["GetOTAUpdate", "DescribeStacks"]


def test_an_update_from_properties_that_cannot_be_read_is_not_a_retry() -> None:
    """An Update that keeps its id, from properties that have created nothing, does not create a removed update."""
    service = FakeOtaService()
    with pytest.raises(FatalError, match="no longer exists"):
        poll(service, event("Update", old={"Tags": "none"}, physical_id=id_of("one")))
    assert service.writes() == []


def not_deployed() -> FakeOtaService:
    """Return a service in which the update of the old properties was created, but never deployed."""
    return with_update("one", deployed=False)


def of_another_stack() -> FakeOtaService:
    """Return a service in which another stack has deployed an update with the id of the old properties."""
    service = FakeOtaService()
    service.put("mine", {names.STACK_TAG: "other", names.DEPLOYED_TAG: "true"})
    service.foreign.add("mine")
    return service


@pytest.mark.parametrize(
    ("make", "old"),
    [(not_deployed, {"content": "one"}), (of_another_stack, {"content": "one", "OtaUpdateId": "mine"})],
    ids=["not deployed", "of another stack"],
)
def test_a_retry_is_known_by_the_live_update_of_the_stack(
    make: Callable[[], FakeOtaService], old: dict[str, Any]
) -> None:
    """A removed update is not created again unless the update of the old properties is deployed by this stack."""
    service = make()
    sent = event("Update", content="two", old=properties(**old), physical_id=id_of("two"))
    with pytest.raises(FatalError, match="no longer exists"):
        poll(service, sent, waited=200)
    assert service.created == []


def test_a_retry_creates_its_update_next_to_the_live_one() -> None:
    """The retry of a replacement, whose failed id CloudFormation holds, creates the update in its first look."""
    service = FakeOtaService()
    put_update(service, "one")
    creations = seconds_of_creations(service)
    sent = event("Update", content="two", old=properties(content="one"), physical_id=id_of("two"))
    assert poll(service, sent, waited=200)["IsComplete"]
    assert creations == [0]
