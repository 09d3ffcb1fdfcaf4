"""Resources that CloudFormation's stack refactoring has moved: their update was created for another resource."""

from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update.contract import names
from cdk_iot_ota_handler.ota_update.desired import Desired
from cdk_iot_ota_handler.ota_update.errors import AccessDeniedError, RetryableError

from ..fakes.cloudformation import STACK_ID
from ..fakes.ota_service import FakeOtaService, Fault
from .scenarios import DELETE, GATE, content_change, event, id_of, properties, run, with_update

OTHER_STACK = STACK_ID.replace("5f0f4b30", "6a1a5c41")
TAGGED = [{"Key": "team", "Value": "devices"}]


def moved_from(**owner: Any) -> tuple[FakeOtaService, str]:
    """Return a service with the deployed update of another resource, and the id of that update."""
    service, desired = FakeOtaService(), Desired.from_event(event("Create", **owner))
    service.put(desired.ota_update_id, {**desired.all_tags, names.DEPLOYED_TAG: "true"})
    return service, desired.ota_update_id


OWNERS: list[dict[str, Any]] = [
    {"logical_id": "Former1A2B3C4D"},
    {"stack_id": OTHER_STACK},
    {"stack_id": OTHER_STACK, "logical_id": "Former1A2B3C4D", "IdPrefix": "other_"},
    {"logical_id": "Former1A2B3C4D", "OtaUpdateId": "mine"},
    {"stack_id": OTHER_STACK, "OtaUpdateId": "mine"},
]
owners = pytest.mark.parametrize("owner", OWNERS)


def old_of(owner: dict[str, Any]) -> dict[str, Any]:
    """Return the properties that the resource had when it was moved: a refactoring changes none."""
    return properties(**{name: value for name, value in owner.items() if name in ("IdPrefix", "OtaUpdateId")})


@owners
@pytest.mark.parametrize("changes", [{"content": "two"}, {"Tags": TAGGED}], ids=["content", "tags"])
def test_a_moved_resource_creates_nothing(owner: dict[str, Any], changes: dict[str, Any]) -> None:
    """An Update that would give a moved resource another update fails, and CloudFormation keeps the id that it has."""
    service, held = moved_from(**owner)
    explicit = {"OtaUpdateId": "other"} if "OtaUpdateId" in owner else {}
    answer = run(service, event("Update", **changes, **explicit, old=old_of(owner), physical_id=held))
    assert f"{held} was created for another resource" in answer.reason
    assert owner.get("logical_id", "Blinky1A2B3C4D") in answer.reason
    assert owner.get("stack_id", STACK_ID) in answer.reason
    assert "Move the resource back" in answer.reason
    assert answer.physical_id == held
    assert service.writes() == []


@owners
def test_its_rollback_keeps_the_update(owner: dict[str, Any]) -> None:
    """The rollback after that succeeds with the id, the job and the counts of the update, and changes nothing."""
    service, held = moved_from(**owner)
    service.updates[held].tag_changes[-1][1][names.DEPLOYED_TAG] = "succeeded=2 failed=0 seconds=60"
    service.stack_statuses = ["UPDATE_ROLLBACK_IN_PROGRESS"]
    explicit = {"OtaUpdateId": owner["OtaUpdateId"]} if "OtaUpdateId" in owner else {}
    prefix = {"IdPrefix": owner["IdPrefix"]} if "IdPrefix" in owner else {}
    failed = properties(content="two", **({"OtaUpdateId": "other"} if explicit else {}))
    answer = run(service, event("Update", **explicit, **prefix, old=failed, physical_id=held))
    assert not answer.failed
    assert answer.physical_id == held
    assert answer.data is not None
    assert (answer.data["JobId"], answer.data["DevicesSucceeded"]) == (names.job_id(held), "2")
    assert service.writes() == []


def test_a_rollback_does_not_fail_when_the_moved_update_is_gone() -> None:
    """A rollback of a moved resource whose update was deleted by hand succeeds, and creates nothing."""
    service = FakeOtaService(stack_statuses=["UPDATE_ROLLBACK_IN_PROGRESS"])
    _, held = moved_from(logical_id="Former1A2B3C4D")
    assert not run(service, event("Update", old=properties(content="two"), physical_id=held)).failed
    assert service.writes() == []


@pytest.mark.parametrize(("found", "state"), [("waiting", "waiting"), ("gone", ""), ("unreadable", "")])
def test_the_links_of_its_gate_get_a_state_in_a_rollback(found: str, state: str) -> None:
    """The template refers to the attribute, so that it is there even if the update is not, or cannot be read."""
    service, held = moved_from(logical_id="Former1A2B3C4D")
    service.updates[held].tag_changes[-1][1][names.DEPLOYED_TAG] = "waiting operation=1000"
    if found == "gone":
        service.updates.clear()
    if found == "unreadable":
        service.inject([Fault(kind="throttled", operation="GetOTAUpdate", begins=1, lasts=1e9)])
    service.stack_statuses = ["UPDATE_ROLLBACK_IN_PROGRESS"]
    gate = {**GATE, "TimeoutInMinutes": "120", "Links": "2"}
    answer = run(service, event("Update", Gate=gate, old=properties(content="two"), physical_id=held))
    assert answer.data is not None
    assert answer.data[names.GATE_STATE] == state


def test_a_rollback_does_not_need_to_see_the_moved_update() -> None:
    """A rollback of a moved resource has the ids of its update, also if the update can no longer be read."""
    service, held = moved_from(logical_id="Former1A2B3C4D")
    service.stack_statuses = ["UPDATE_ROLLBACK_IN_PROGRESS"]
    service.inject([Fault(kind="throttled", operation="GetOTAUpdate", begins=1, lasts=1e9)])
    answer = run(service, event("Update", old=properties(content="two"), physical_id=held))
    assert answer.data is not None
    assert (answer.failed, answer.physical_id, answer.data["JobId"]) == (False, held, names.job_id(held))


def test_a_moved_explicit_id_that_stays_names_the_tags_to_set() -> None:
    """A change of tags of a moved explicit id fails with tags that adopt the update, and then succeeds."""
    service, held = moved_from(logical_id="Former1A2B3C4D", OtaUpdateId="mine")
    sent = event("Update", OtaUpdateId="mine", Tags=TAGGED, old=properties(OtaUpdateId="mine"), physical_id="mine")
    reason, desired = run(service, sent).reason, Desired.from_event(sent)
    adopted = {
        names.STACK_TAG: STACK_ID,
        names.RESOURCE_TAG: desired.logical_id,
        names.CONTENT_TAG: desired.content,
    }
    assert ", ".join(f"{key}={value}" for key, value in adopted.items()) in reason
    service.updates[held].tag_changes[-1][1].update(adopted)
    assert not run(service, sent).failed
    assert service.created == []


def test_an_update_that_is_tagged_for_the_new_resource_is_replaced_and_deleted() -> None:
    """After its tags name the new resource, the deploy of new firmware replaces a moved update as any other."""
    service, held = moved_from(logical_id="Former1A2B3C4D")
    service.updates[held].tag_changes[-1][1][names.RESOURCE_TAG] = "Blinky1A2B3C4D"
    assert not run(service, content_change("one", "two", held)).failed
    assert not run(service, event("Delete", physical_id=held)).failed
    assert set(service.updates) == {id_of("two")}


def test_an_update_of_another_stack_is_known_by_its_id_if_it_cannot_be_read() -> None:
    """Without access to the update, the prefix of its id tells that it belongs to another stack."""
    service, held = moved_from(stack_id=OTHER_STACK, IdPrefix="other_")
    service.errors["GetOTAUpdate"] = [AccessDeniedError("AccessDeniedException: not authorized")]
    answer = run(service, event("Update", content="two", old=properties(IdPrefix="other_"), physical_id=held))
    assert f"{held} was created for another resource, its id is one of another stack" in answer.reason
    assert service.writes() == []


@pytest.mark.parametrize("error", [RetryableError("throttled"), AccessDeniedError("not authorized")])
def test_what_cannot_be_read_is_no_reason_to_fail(error: RetryableError) -> None:
    """An Update whose held id cannot be read for a while deploys all the same."""
    service = with_update("one")
    service.errors["GetOTAUpdate"] = [error] * 12
    sent = event("Update", content="three", old=properties(content="one"), physical_id=id_of("two"))
    assert not run(service, sent).failed
    assert service.created == [id_of("three")]


def test_a_strangers_update_that_a_failed_deploy_asked_for_is_not_a_moved_one() -> None:
    """With rollback off, a retry with another explicit id succeeds although CloudFormation holds a taken one."""
    service, held = moved_from(logical_id="Former1A2B3C4D", OtaUpdateId="theirs", content="another")
    old = properties(OtaUpdateId="theirs")
    assert not run(service, event("Update", OtaUpdateId="free", old=old, physical_id=held)).failed
    assert service.created == ["free"]
    assert held in service.updates


def test_a_stack_whose_status_lags_is_asked_again() -> None:
    """A status from before the event neither fails the deploy nor restores: the next one decides."""
    service, held = moved_from(logical_id="Former1A2B3C4D")
    service.stack_statuses = ["UPDATE_COMPLETE", "UPDATE_IN_PROGRESS"]
    assert "was created for another resource" in run(service, content_change("one", "two", held)).reason


def test_only_an_explicit_id_costs_a_look_at_what_is_replaced() -> None:
    """A replacement under explicit ids reads the tags of the old update, since such an id does not tell its owner."""
    service = FakeOtaService()
    run(service, event("Create", OtaUpdateId="first"))
    service.calls.clear()
    sent = event(
        "Update", OtaUpdateId="second", content="two", old=properties(OtaUpdateId="first"), physical_id="first"
    )
    assert not run(service, sent).failed
    assert service.calls[:3] == ["GetOTAUpdate", "ListTagsForResource", "GetOTAUpdate"]
    assert DELETE not in service.calls
