"""Update events as a whole: replacements, rollbacks, and what a deploy that is rolled back leaves over."""

from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update.contract import names
from cdk_iot_ota_handler.ota_update.desired import Desired
from cdk_iot_ota_handler.ota_update.errors import RetryableError

from ..fakes.ota_service import FakeOtaService
from .scenarios import DELETE, content_change, event, id_of, properties, put_update, run, with_update


def test_other_content_is_another_update() -> None:
    """An Update with other content creates a new update and leaves the old one to CloudFormation's clean-up."""
    service = with_update("one")
    answer = run(service, content_change("one", "two", id_of("one")))
    assert answer.physical_id == id_of("two")
    assert set(service.updates) == {id_of("one"), id_of("two")}
    assert not run(service, event("Delete", content="one", physical_id=id_of("one"))).failed
    assert set(service.updates) == {id_of("two")}


@pytest.mark.parametrize("current", ["one", "two"])
def test_a_rollback_pushes_nothing_again(current: str) -> None:
    """A rollback to deployed content changes nothing, whichever physical id the event has."""
    service = with_update("one")
    assert run(service, content_change("two", "one", id_of(current))).physical_id == id_of("one")
    assert service.writes() == []


@pytest.mark.parametrize("current", ["one", "two"])
def test_a_rollback_does_not_push_an_update_again_that_was_removed_by_hand(current: str) -> None:
    """A rollback succeeds without creating an update that was deleted outside of the stack."""
    service = FakeOtaService(stack_statuses=["UPDATE_ROLLBACK_IN_PROGRESS"])
    answer = run(service, content_change("two", "one", id_of(current)))
    assert not answer.failed
    assert answer.data is not None
    assert answer.data["JobId"] == f"AFR_OTA-{id_of('one')}"
    assert service.writes() == []


def test_other_delete_options_change_nothing() -> None:
    """An Update that changes nothing but delete options looks for the update, and changes nothing."""
    service = with_update("one")
    sent = event("Update", ForceDeleteJob="false", old=properties(), physical_id=id_of("one"))
    assert run(service, sent).data is not None
    assert service.calls == ["GetOTAUpdate", "ListTagsForResource"]


def test_other_content_under_the_same_explicit_id_is_refused() -> None:
    """An Update that changes the content but not the explicit id fails, and its rollback succeeds."""
    service = FakeOtaService()
    run(service, event("Create", content="one", OtaUpdateId="mine"))
    old, new = (properties(content=content, OtaUpdateId="mine") for content in ("one", "two"))
    service.calls.clear()
    answer = run(service, event("Update", content="two", OtaUpdateId="mine", old=old, physical_id="mine"))
    assert "give the new content another ota_update_id" in answer.reason
    assert not run(service, event("Update", content="one", OtaUpdateId="mine", old=new, physical_id="mine")).failed
    assert service.writes() == []


def test_new_content_under_the_explicit_id_of_a_removed_update_is_refused() -> None:
    """New content needs a new explicit id even if the update is gone: otherwise it could not be rolled back."""
    service = FakeOtaService()
    old = properties(content="one", OtaUpdateId="mine")
    sent = event("Update", content="two", OtaUpdateId="mine", old=old, physical_id="mine")
    assert "and its ota_update_id too" in run(service, sent).reason
    assert service.writes() == []


def test_a_throttled_rollback_never_deletes_the_live_update() -> None:
    """A rollback that cannot read the update for a long time finds it deployed in the end, and changes nothing."""
    service = with_update("one")
    service.errors["GetOTAUpdate"] = [RetryableError("ThrottlingException")] * 60
    assert not run(service, content_change("two", "one", id_of("two"))).failed
    assert service.writes() == []


@pytest.mark.parametrize(
    ("age", "deployed", "survives"), [(60, False, False), (60, True, False), (7200, False, False), (7200, True, True)]
)
def test_a_rollback_that_keeps_the_id_removes_the_leftover_of_its_deploy(
    *, age: float, deployed: bool, survives: bool
) -> None:
    """The update of a deploy that was cut short is deleted, but not one that was deployed earlier and retained."""
    service = with_update("one")
    service.stack_statuses = ["UPDATE_ROLLBACK_IN_PROGRESS"]
    put_update(service, "two", deployed=deployed, age=age)
    assert not run(service, content_change("two", "one", id_of("one"))).failed
    assert set(service.updates) == ({id_of("one"), id_of("two")} if survives else {id_of("one")})


def test_a_stale_rollback_removes_nothing() -> None:
    """A second delivery of a rollback spares content that was deployed again since, because the stack is idle."""
    service = with_update("one")
    service.stack_statuses = ["UPDATE_COMPLETE"]
    put_update(service, "two", age=60)
    assert not run(service, content_change("two", "one", id_of("one"))).failed
    assert service.writes() == []


def test_a_rollback_waits_until_its_stack_shows_it() -> None:
    """A rollback does not end while DescribeStacks shows the status before: the leftover must be removed first."""
    service = with_update("one")
    put_update(service, "two", age=60)
    service.stack_statuses = [*["UPDATE_COMPLETE"] * 4, "UPDATE_ROLLBACK_IN_PROGRESS"]
    assert not run(service, content_change("two", "one", id_of("one"))).failed
    assert service.writes() == [DELETE]
    assert set(service.updates) == {id_of("one")}


@pytest.mark.parametrize(
    ("status", "reason"), [("UPDATE_COMPLETE", "was not created"), ("SOMETHING_NEW_IN_PROGRESS", "does not exist")]
)
def test_an_update_without_its_ota_update_fails_unless_the_stack_is_rolling_back(status: str, reason: str) -> None:
    """An Update that creates nothing never succeeds in a deploy: the clean-up would delete the old update."""
    service = FakeOtaService(stack_statuses=[status])
    answer = run(service, content_change("one", "two", id_of("one")))
    assert reason in answer.reason
    assert service.writes() == []


def test_a_rollback_that_keeps_the_id_spares_updates_of_other_owners() -> None:
    """An update under the id of the leftover but without our tags is not changed."""
    service = with_update("one")
    old = properties(content="two", OtaUpdateId="theirs")
    service.put_foreign("theirs")
    assert not run(service, event("Update", content="one", old=old, physical_id=id_of("one"))).failed
    assert service.writes() == []


def test_an_update_whose_deletion_failed_does_not_block_its_content() -> None:
    """Going back to content whose update is DELETE_FAILED deletes that update and creates it again."""
    service = with_update("two")
    put_update(service, "one", status="DELETE_FAILED")
    assert not run(service, content_change("two", "one", id_of("two"))).failed
    assert service.status(service.updates[id_of("one")]) == "CREATE_COMPLETE"


def test_an_existing_explicit_id_in_the_form_of_a_generated_one_can_be_kept_and_deleted() -> None:
    """An explicit id of an earlier release can be tagged, rolled back to and deleted."""
    mine = "prod_Mine-0123456789abcdef"
    service, declared = FakeOtaService(), {"OtaUpdateId": mine}
    tags = Desired.from_event(event("Create", **declared)).all_tags
    service.put(mine, {**tags, names.DEPLOYED_TAG: "true"})
    team = [{"Key": "team", "Value": "a"}]
    keep = event("Update", **declared, Tags=team, old=properties(**declared), physical_id=mine)
    roll_back = event("Update", **declared, Tags=team, old=properties(content="two"), physical_id=id_of("two"))
    for sent in (keep, roll_back, event("Delete", **declared, physical_id=mine)):
        assert not run(service, sent).failed
    assert service.updates == {}


@pytest.mark.parametrize(
    "failed", [None, [], "x", {}, {"Tags": "x"}, {"Tags": [{"Value": "x"}]}, {"Request": {}, "IdPrefix": 7}]
)
def test_a_rollback_succeeds_whatever_the_form_of_the_failed_properties(failed: Any) -> None:
    """A rollback from properties that cannot be read succeeds and restores the tags."""
    service = with_update("one", tags={"team": "a"})
    service.stack_statuses = ["UPDATE_ROLLBACK_IN_PROGRESS"]
    sent = event("Update", Tags=[{"Key": "team", "Value": "b"}], physical_id=id_of("one"))
    assert not run(service, {**sent, "OldResourceProperties": failed}).failed
    assert service.updates[id_of("one")].tags["team"] == "b"
