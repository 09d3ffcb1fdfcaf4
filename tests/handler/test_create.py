"""Create events as a whole: the desired update exists in the end, or the failure has a reason."""

from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update.contract import names, timeouts
from cdk_iot_ota_handler.ota_update.decide import Action
from cdk_iot_ota_handler.ota_update.decide.completion import Context, completion
from cdk_iot_ota_handler.ota_update.desired import Desired
from cdk_iot_ota_handler.ota_update.errors import AccessDeniedError, AlreadyExistsError, FatalError, RetryableError
from cdk_iot_ota_handler.ota_update.is_complete import is_complete
from cdk_iot_ota_handler.ota_update.observed import Stack

from ..fakes.cloudformation import STACK_ID, invented_id
from ..fakes.ota_service import Behaviour, FakeOtaService
from ..fakes.provider_framework import MARKER
from .scenarios import DELETE, content_change, event, id_of, properties, run, with_update

HANGS = ("CREATE_IN_PROGRESS", "")
# A role that has not propagated in IAM yet fails a creation with this.
NO_ACCESS = ("CREATE_FAILED", "AWSIotException: not authorized to perform: iam:PassRole")
TOO_LARGE = ("CREATE_FAILED", "InvalidRequest: the firmware is too large")


def test_create_creates_the_update_and_marks_it_as_deployed() -> None:
    """A Create calls CreateOTAUpdate once, waits until the update settles, and returns its job."""
    service = FakeOtaService()
    answer = run(service, event("Create"))
    assert answer.physical_id == id_of("one")
    assert answer.data is not None
    assert answer.data["JobId"] == f"AFR_OTA-{id_of('one')}"
    assert service.writes() == ["CreateOTAUpdate", "TagResource"]
    assert service.updates[id_of("one")].tags[names.DEPLOYED_TAG] == "true"


def test_the_calls_of_a_create_a_replacement_and_a_deletion() -> None:
    """Without trouble each event makes these calls, and each poll reads the update with two calls at most."""
    create = ["GetOTAUpdate", "HeadObject", "DescribeStacks", "CreateOTAUpdate"]
    create += ["GetOTAUpdate", "ListTagsForResource"] * 2 + ["DescribeStacks", "TagResource"]
    delete = ["GetOTAUpdate", "ListTagsForResource", "DescribeStacks", DELETE]
    delete += ["GetOTAUpdate", "ListTagsForResource", "GetOTAUpdate"]
    service = FakeOtaService(behaviour=Behaviour(settle=0.5, removal=0.5))
    for sent, calls in (
        (event("Create"), create),
        (content_change("one", "two", id_of("one")), create),
        (event("Delete", physical_id=id_of("one")), delete),
        (event("Delete", content="two", physical_id=id_of("two")), delete),
    ):
        service.calls.clear()
        assert not run(service, sent).failed
        assert service.calls == calls


def test_a_duplicate_create_changes_nothing() -> None:
    """The second of two equal Create events finds the update of the first and makes no change."""
    service = FakeOtaService()
    run(service, event("Create"))
    service.calls.clear()
    assert not run(service, event("Create")).failed
    assert service.writes() == []


def test_a_creation_whose_answer_was_lost_succeeds() -> None:
    """A Create succeeds if CreateOTAUpdate answers "already exists" because an earlier answer was lost."""
    service = FakeOtaService(late_errors={"CreateOTAUpdate": [AlreadyExistsError("retried by the SDK")]})
    assert not run(service, event("Create")).failed


def test_creation_is_retried_while_the_role_is_not_usable_yet() -> None:
    """CREATE_FAILED for lack of access is retried for a while, because the role may be new."""
    service = FakeOtaService(behaviour=Behaviour(creations=[NO_ACCESS]))
    assert not run(service, event("Create")).failed
    assert service.writes() == ["CreateOTAUpdate", DELETE, "CreateOTAUpdate", "TagResource"]


def test_a_role_that_is_never_usable_fails_the_event() -> None:
    """Creation is retried for as long as IAM may take to propagate a role, and then fails with errorInfo."""
    service = FakeOtaService(behaviour=Behaviour(creations=[NO_ACCESS] * 1000))
    started = service.time.now
    assert "iam:PassRole" in run(service, event("Create")).reason
    assert timeouts.IAM_PATIENCE < service.time.now - started < timeouts.IAM_PATIENCE + 15


def test_a_failed_creation_reports_its_reason_and_is_removed() -> None:
    """CREATE_FAILED fails the event with errorInfo, and the update is deleted in the same poll."""
    service = FakeOtaService(behaviour=Behaviour(creations=[TOO_LARGE]))
    answer = run(service, event("Create"))
    assert "the firmware is too large" in answer.reason
    assert answer.physical_id == id_of("one")
    assert not run(service, event("Delete", physical_id=answer.physical_id)).failed
    assert service.updates == {}


def test_an_update_that_never_settles_is_given_up_and_removed() -> None:
    """A Create fails after the handler's deadline, and requests the deletion of the update that it created."""
    service = FakeOtaService(behaviour=Behaviour(creations=[HANGS]))
    answer = run(service, event("Create"))
    assert "still CREATE_IN_PROGRESS" in answer.reason
    assert service.calls[-1] == DELETE


def test_another_owners_update_fails_the_create_and_survives_the_rollback() -> None:
    """A Create for an id that is taken answers the marker, for which no Delete follows, and changes nothing."""
    service = FakeOtaService()
    service.put_foreign("theirs")
    answer = run(service, event("Create", OtaUpdateId="theirs"))
    assert "does not belong to this resource" in answer.reason
    assert answer.physical_id == MARKER
    assert not run(service, event("Delete", OtaUpdateId="theirs", physical_id="theirs")).failed
    assert service.writes() == []


def test_invalid_properties_fail_before_any_call() -> None:
    """A property that cannot be read fails the Create with the framework's marker: there is nothing to delete."""
    service = FakeOtaService()
    answer = run(service, event("Create", ForceDeleteJob="maybe"))
    assert answer.physical_id == MARKER
    assert "ForceDeleteJob must be true or false, got 'maybe'" in answer.reason
    assert service.calls == []


def test_another_stack_with_the_same_content_has_another_update() -> None:
    """The stack is part of an update's identity."""
    other = Desired.from_event(event("Create", stack_id=STACK_ID.replace("5f0f", "6f0f"))).ota_update_id
    assert other != id_of("one")


@pytest.mark.parametrize(
    ("deployed", "keeps_id", "age", "action"),
    [
        (False, False, 3600, Action.DELETE_AND_FAIL),
        (False, True, 10, Action.DELETE_AND_FAIL),
        (False, True, 3600, Action.DELETE),
        (True, False, 10, Action.FAIL),
    ],
)
def test_a_failure_removes_only_an_update_that_was_not_live_before(
    *, deployed: bool, keeps_id: bool, age: float, action: Action
) -> None:
    """A failed update is removed if its event created it or gave the resource this id; a retry creates it again."""
    service = with_update(status="CREATE_FAILED", deployed=deployed, age=age)
    observed = service.connect().get_update(id_of("one"), service.time.now)
    context = Context(stack=Stack("UPDATE_IN_PROGRESS"), keeps_id=keeps_id, waited=20)
    decision = completion(Desired.from_event(event("Create")), observed, context)
    assert decision.action is action


def test_an_older_failure_is_reported_and_not_retried() -> None:
    """Only an update that this invocation has created is created again for a role that may be new."""
    service = with_update(status="CREATE_FAILED", error="AccessDenied: the role", deployed=False)
    assert "AccessDenied: the role" in run(service, event("Create")).reason
    assert service.writes() == [DELETE]


def test_a_removal_that_fails_does_not_hide_the_reason() -> None:
    """A Create fails with errorInfo although the failed update could not be deleted at once."""
    service = FakeOtaService(behaviour=Behaviour(creations=[TOO_LARGE]))
    service.errors["DeleteOTAUpdate"] = [FatalError("InvalidRequestException: not now")]
    assert "the firmware is too large" in run(service, event("Create")).reason


def test_an_update_that_is_being_deleted_is_waited_for() -> None:
    """A Create waits for the deletion of an update with its id, whose tags may already be gone, and succeeds."""
    service = FakeOtaService()
    service.put(id_of("one"), {}, status="DELETE_IN_PROGRESS")
    assert not run(service, event("Create")).failed


def test_firmware_is_not_pushed_after_the_deadline() -> None:
    """No update is created after the deadline, because the next poll would delete it."""
    service = FakeOtaService(errors={"GetOTAUpdate": [RetryableError("throttled")] * 300})
    assert run(service, event("Create")).failed
    assert "CreateOTAUpdate" not in service.calls


@pytest.mark.parametrize("lost_answers", [0, 1])
def test_an_update_that_a_delete_has_removed_is_not_created_again(lost_answers: int) -> None:
    """A Create fails if the stack rolls back while the update settles, and a Delete has removed the update."""
    service = FakeOtaService(
        behaviour=Behaviour(creations=[HANGS]),
        late_errors={"CreateOTAUpdate": [AlreadyExistsError("retried by the SDK")] * lost_answers},
    )

    def roll_back() -> None:
        service.stack_statuses = ["ROLLBACK_IN_PROGRESS"]
        service.updates.clear()

    service.time.spawn(roll_back, delay=0.1)
    poll = {**event("Create", physical_id=id_of("one")), "StartedAt": service.time.now, "KeepsId": False}
    with pytest.raises(FatalError, match="is rolling back"):
        is_complete(poll, service.connect(), service.clock())
    assert service.calls.count("CreateOTAUpdate") == 1
    assert service.updates == {}


def test_an_update_that_becomes_visible_late_is_waited_for() -> None:
    """A Create succeeds although its creation is retried, and GetOTAUpdate does not show the update for seconds."""
    service = FakeOtaService(
        behaviour=Behaviour(lag=25), errors={"CreateOTAUpdate": [AccessDeniedError("the role")] * 5}
    )
    assert not run(service, event("Create")).failed
    assert service.writes().count("TagResource") == 1


def test_an_id_that_is_taken_but_not_visible_is_retried_with_pauses() -> None:
    """CreateOTAUpdate is called a few times only while it answers "already exists" and GetOTAUpdate 404."""
    service = FakeOtaService(
        behaviour=Behaviour(lag=10), late_errors={"CreateOTAUpdate": [AlreadyExistsError("retried by the SDK")]}
    )
    assert not run(service, event("Create")).failed
    assert service.calls.count("CreateOTAUpdate") < 10


def test_the_delete_after_a_refused_create_spares_the_existing_update() -> None:
    """A Create that finds a retained update of this resource with other content answers the marker and spares it."""
    service = FakeOtaService()
    run(service, event("Create", content="one", OtaUpdateId="mine"))
    answer = run(service, event("Create", content="two", OtaUpdateId="mine"))
    assert "exists with other content" in answer.reason
    assert answer.physical_id == MARKER
    assert set(service.updates) == {"mine"}


def test_a_stale_event_creates_nothing() -> None:
    """A duplicate delivery after the end of its stack operation fails within seconds."""
    service = FakeOtaService(stack_statuses=["CREATE_COMPLETE"])
    started = service.time.now
    assert "so the event is stale" in run(service, event("Create")).reason
    assert service.time.now - started < 30
    assert service.writes() == []


def test_an_explicit_id_in_the_form_of_a_generated_one_is_refused() -> None:
    """An explicit id that the content of another resource may generate is not given to a new update."""
    service = FakeOtaService()
    answer = run(service, event("Create", OtaUpdateId="other_Blinky-0123456789abcdef"))
    assert "OtaUpdateId must not look like a generated id" in answer.reason
    assert not run(service, event("Delete", OtaUpdateId=answer.physical_id, physical_id=answer.physical_id)).failed
    assert service.writes() == []


@pytest.mark.parametrize("value", ["", "a b", "../b", 7, {}])
def test_an_invalid_explicit_id_is_refused(value: Any) -> None:
    """An explicit id that no update can have fails the Create before any call."""
    service = FakeOtaService()
    assert "OtaUpdateId must " in run(service, event("Create", OtaUpdateId=value)).reason
    assert service.calls == []


def test_an_event_that_is_too_large_for_the_waiter_is_refused_first() -> None:
    """A Create of content that leaves no room for that of a later change fails before any call."""
    service = FakeOtaService()
    reason = run(service, event("Create", content="x" * 100_000)).reason
    assert "must have at most 100000 bytes together, got 100" in reason
    assert "declare fewer files" in reason
    assert service.calls == []


def test_an_update_to_too_much_content_is_refused() -> None:
    """An Update to content beyond the limit fails with the old id before anything is created."""
    service = with_update("one")
    answer = run(service, content_change("one", "x" * 100_000, id_of("one")))
    assert "must have at most 100000 bytes together" in answer.reason
    assert answer.physical_id == id_of("one")
    assert service.writes() == []


@pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_IN_PROGRESS"])
def test_too_much_content_is_never_refused_on_the_way_back(status: str) -> None:
    """A rollback to an update that was deployed before there was a limit succeeds."""
    large = "x" * 110_000
    service = with_update(large)
    service.stack_statuses = [status]
    assert not run(service, content_change("two", large, id_of("two"))).failed
    assert service.writes() == []


def test_content_near_the_limit_can_be_changed() -> None:
    """The waiter gets the new properties and little of the old ones, so that two large declarations fit."""
    service = FakeOtaService()
    first, second = ("x" * 99_000, "y" * 99_000)
    assert not run(service, event("Create", content=first)).failed
    assert not run(service, content_change(first, second, id_of(first))).failed
    assert not run(service, content_change(second, first, id_of(second))).failed


def test_tags_that_were_refused_are_no_burden_on_the_way_back() -> None:
    """The rollback of a change to tags that AWS could not have succeeds, however long they are."""
    service = with_update("x" * 80_000)
    service.stack_statuses = ["UPDATE_ROLLBACK_IN_PROGRESS"]
    tags = [{"Key": f"{number}", "Value": "x" * 4096} for number in range(40)] + [{"Key": "k" * 50_000, "Value": ""}]
    old = properties(content="x" * 80_000, Tags=tags)
    sent = event("Update", content="x" * 80_000, old=old, physical_id=id_of("x" * 80_000))
    assert not run(service, sent).failed


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_an_explicit_id_in_the_form_of_an_invented_one_is_refused(request_type: str) -> None:
    """CloudFormation never learns such an id, whose Delete would be taken for one of a Create without an answer."""
    service = with_update("one")
    before = {"old": properties(), "physical_id": id_of("one")} if request_type == "Update" else {}
    answer = run(service, event(request_type, OtaUpdateId=invented_id(), **before))
    assert "must not look like an id that CloudFormation invents" in answer.reason
    assert answer.physical_id == (id_of("one") if request_type == "Update" else MARKER)
    assert service.writes() == []


def test_an_update_that_has_an_id_in_the_form_of_an_invented_one_is_kept() -> None:
    """An update that a release before this rule has created is found by a rollback, and deleted with its stack."""
    service = FakeOtaService(stack_statuses=["UPDATE_ROLLBACK_IN_PROGRESS"])
    desired = Desired.from_event(event("Create", OtaUpdateId=invented_id()))
    service.put(invented_id(), {**desired.all_tags, names.DEPLOYED_TAG: "true"})
    sent = event("Update", OtaUpdateId=invented_id(), old=properties(content="two"), physical_id=id_of("two"))
    assert not run(service, sent).failed
    assert not run(service, event("Delete", OtaUpdateId=invented_id(), physical_id=invented_id())).failed
    assert service.updates == {}
