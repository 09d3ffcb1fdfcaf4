"""Each decision for a Create or an Update: a state, and the action that follows, up to the limits of each time."""

import math
from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update.contract import names
from cdk_iot_ota_handler.ota_update.contract.timeouts import (
    CLOCK_FAULT,
    CLOCK_SKEW,
    CREATION_DEADLINE,
    GATED_CREATION,
    HANDLER_DEADLINE,
    IAM_PATIENCE,
    MARK_LAG,
    SETTLE_PATIENCE,
    STACK_LAG,
    TAG_LAG,
)
from cdk_iot_ota_handler.ota_update.decide import Action, Decision
from cdk_iot_ota_handler.ota_update.decide.completion import (
    Context,
    check_id_available,
    check_new,
    completion,
    deadline,
    unless_live,
)
from cdk_iot_ota_handler.ota_update.desired import Desired
from cdk_iot_ota_handler.ota_update.observed import Observed, Stack

from ..fakes.cloudformation import invented_id
from .scenarios import GATE, event

PLAIN, GATED = (Desired.from_event(event("Create", **gate)) for gate in ({}, {"Gate": GATE}))
EXPLICIT = Desired.from_event(event("Create", OtaUpdateId="mine"))
DEPLOYING, IDLE = Stack("UPDATE_IN_PROGRESS", 900.0), Stack("UPDATE_COMPLETE", 900.0)
ROLLING_BACK, ROLLED_BACK = Stack("UPDATE_ROLLBACK_IN_PROGRESS"), Stack("UPDATE_ROLLBACK_COMPLETE")
CLEANING_UP = Stack("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", 900.0)
OTHERS = {"owner": "another team"}
DENIED = "AccessDenied: the role"
UPDATE: dict[str, Any] = {"is_update": True}
KEEPS: dict[str, Any] = {"is_update": True, "keeps_id": True}
RETRY: dict[str, Any] = {**KEEPS, "is_retry": True}
REMOVED: dict[str, Any] = {**KEEPS, "is_retry": False}
READY: dict[str, Any] = {"is_prepared": True, "stack": DEPLOYING}


def seen(status: str = "CREATE_COMPLETE", *, age: float = 20, deployed: str = "", **changes: Any) -> Observed:
    """Return an update of the stack's; ``deployed`` is the value of its deployed tag."""
    mark = {names.DEPLOYED_TAG: deployed} if deployed else {}
    return Observed(status=status, age=age, attributes={}, **{"tags": {**PLAIN.all_tags, **mark}, **changes})


def check(desired: Desired, observed: Observed | None, context: dict[str, Any], action: Action) -> Decision:
    """Check the action that follows from a state, and return the decision."""
    decision = completion(desired, observed, Context(**context))
    assert decision.action is action
    assert decision.reason
    return decision


@pytest.mark.parametrize(
    ("desired", "context", "action"),
    [
        (PLAIN, {}, Action.PREPARE),
        (PLAIN, {"is_prepared": True}, Action.ASK_STACK),
        (PLAIN, READY, Action.CREATE),
        (PLAIN, {**READY, "stack": ROLLING_BACK}, Action.FAIL),
        (PLAIN, {**READY, **UPDATE, "stack": ROLLING_BACK}, Action.DONE),
        (PLAIN, {**READY, "stack": ROLLED_BACK, "waited": STACK_LAG}, Action.WAIT),
        (PLAIN, {**READY, "stack": IDLE, "waited": STACK_LAG}, Action.WAIT),
        (PLAIN, {**READY, "stack": IDLE, "waited": STACK_LAG + 0.1}, Action.FAIL),
        (PLAIN, {**READY, "stack": CLEANING_UP, "waited": STACK_LAG + 0.1}, Action.WAIT),
        # It is not visible for a while after its creation.
        (PLAIN, {"known_for": 0}, Action.WAIT),
        (PLAIN, {"known_for": SETTLE_PATIENCE - 0.1}, Action.WAIT),
        (PLAIN, {"known_for": SETTLE_PATIENCE}, Action.PREPARE),
        (PLAIN, {"known_for": 0, "waited": CREATION_DEADLINE + 0.1}, Action.ASK_STACK),
        # The time is over.
        (PLAIN, {"waited": CREATION_DEADLINE}, Action.PREPARE),
        (PLAIN, {**READY, "waited": CREATION_DEADLINE}, Action.CREATE),
        (PLAIN, {"waited": CREATION_DEADLINE + 0.1}, Action.ASK_STACK),
        (PLAIN, {**READY, "waited": CREATION_DEADLINE + 0.1}, Action.FAIL),
        (GATED, {**READY, "begun": GATED_CREATION, "waited": CREATION_DEADLINE}, Action.CREATE),
        (GATED, {**READY, "begun": GATED_CREATION + 0.1}, Action.FAIL),
        (GATED, {"begun": GATED_CREATION + 0.1}, Action.ASK_STACK),
        (PLAIN, {**READY, "begun": GATED_CREATION + 0.1}, Action.CREATE),
        # The resource had the id before.
        (PLAIN, KEEPS, Action.ASK_PREVIOUS),
        (PLAIN, REMOVED, Action.ASK_STACK),
        (PLAIN, {**REMOVED, "stack": DEPLOYING}, Action.FAIL),
        (PLAIN, {**REMOVED, "stack": ROLLING_BACK}, Action.DONE),
        (PLAIN, RETRY, Action.PREPARE),
        (PLAIN, {**RETRY, **READY}, Action.CREATE),
        (PLAIN, {**RETRY, "is_prepared": True, "stack": ROLLING_BACK}, Action.DONE),
    ],
)
def test_an_absent_update(desired: Desired, context: dict[str, Any], action: Action) -> None:
    """An absent update is created once, in time, by a stack that deploys, and never by a rollback."""
    check(desired, None, context, action)


@pytest.mark.parametrize(
    ("context", "action"),
    [
        ({}, Action.WAIT),
        ({"waited": CREATION_DEADLINE}, Action.WAIT),
        ({"waited": CREATION_DEADLINE + 0.1}, Action.FAIL),
        ({"stack": ROLLING_BACK}, Action.WAIT),
        (UPDATE, Action.ASK_STACK),
        ({**UPDATE, "stack": DEPLOYING}, Action.WAIT),
        ({**UPDATE, "stack": ROLLING_BACK}, Action.DONE),
        ({**UPDATE, "stack": DEPLOYING, "waited": CREATION_DEADLINE + 0.1}, Action.FAIL),
    ],
)
@pytest.mark.parametrize("tags", [PLAIN.all_tags, {}, OTHERS])
def test_an_update_that_is_being_deleted(context: dict[str, Any], action: Action, tags: dict[str, str]) -> None:
    """A Create or an Update waits for the id, also if another owner had it; a rollback does not create it again."""
    check(PLAIN, seen("DELETE_IN_PROGRESS", tags=tags), context, action)


@pytest.mark.parametrize(
    ("tags", "context", "action"),
    [
        (OTHERS, {}, Action.FAIL),
        (OTHERS, UPDATE, Action.ASK_STACK),
        (OTHERS, {**UPDATE, "stack": DEPLOYING}, Action.FAIL),
        (OTHERS, {**UPDATE, "stack": ROLLING_BACK}, Action.DONE),
        (OTHERS, {**KEEPS, "stack": DEPLOYING}, Action.FAIL),
        (OTHERS, {**KEEPS, "stack": ROLLING_BACK}, Action.DONE),
        (PLAIN.all_tags | {names.CONTENT_TAG: "other"}, UPDATE, Action.FAIL),
        (PLAIN.all_tags | {names.CONTENT_TAG: "other"}, {**UPDATE, "stack": ROLLING_BACK}, Action.FAIL),
    ],
)
def test_an_update_that_is_not_the_desired_one(tags: dict[str, str], context: dict[str, Any], action: Action) -> None:
    """An update of another owner, or with other content, is left alone."""
    check(PLAIN, seen(tags=tags), context, action)


@pytest.mark.parametrize(("age", "action"), [(TAG_LAG - 0.1, Action.WAIT), (TAG_LAG, Action.FAIL)])
def test_an_update_without_tags(age: float, action: Action) -> None:
    """An update without tags has no known owner until they would be visible."""
    check(PLAIN, seen(tags={}, age=age), {}, action)


@pytest.mark.parametrize(
    ("tag", "context", "action"),
    [
        ("true", {}, Action.ASK_STACK),
        ("true", UPDATE, Action.ASK_STACK),
        ("true", KEEPS, Action.DONE),
        ("true", {"stack": ROLLING_BACK}, Action.DONE),
        ("true", {"stack": DEPLOYING}, Action.CONFIRM),
        ("true operation=800", {"stack": DEPLOYING}, Action.CONFIRM),
        ("true operation=900", {"stack": DEPLOYING}, Action.DONE),
        ("true operation=800", {"stack": ROLLING_BACK}, Action.DONE),
        ("true", {"stack": CLEANING_UP}, Action.DONE),
        ("true", {"stack": Stack("CREATE_IN_PROGRESS")}, Action.DONE),
        ("true", {"stack": IDLE, "waited": STACK_LAG - 0.1}, Action.WAIT),
        ("true", {"stack": IDLE, "waited": STACK_LAG}, Action.DONE),
        ("true", {"stack": ROLLING_BACK, "waited": STACK_LAG}, Action.DONE),
        ("true", {"stack": DEPLOYING, "waited": CREATION_DEADLINE}, Action.CONFIRM),
        ("true", {"stack": DEPLOYING, "waited": CREATION_DEADLINE + 0.1}, Action.DONE),
        ("true", {"waited": CREATION_DEADLINE + 0.1}, Action.DONE),
    ],
)
def test_an_update_that_is_deployed(tag: str, context: dict[str, Any], action: Action) -> None:
    """A live update is taken as it is, and marked again only by a deploy that takes it up."""
    check(GATED, seen(deployed=tag, age=3600), context, action)


def test_an_update_that_is_deployed_and_not_deleted() -> None:
    """A live update that could not be deleted outside of the stack satisfies only an event that keeps its id."""
    check(PLAIN, seen("DELETE_FAILED", deployed="true"), {**KEEPS, "stack": DEPLOYING}, Action.DONE)
    check(PLAIN, seen("DELETE_FAILED", deployed="true"), {**UPDATE, "stack": DEPLOYING}, Action.DELETE)


OWN = {"waited": 30.0}


@pytest.mark.parametrize(
    ("observed", "context", "action"),
    [
        # Created by this event, while the stack may be rolling back.
        (seen(), OWN, Action.ASK_STACK),
        (seen(), {**OWN, "stack": DEPLOYING}, Action.MARK),
        (seen(), {**OWN, "stack": ROLLING_BACK}, Action.DELETE),
        (seen(), {**OWN, **UPDATE, "stack": ROLLING_BACK}, Action.DELETE),
        (seen(), {**OWN, **KEEPS, "stack": ROLLING_BACK}, Action.MARK),
        (seen(), {**OWN, **KEEPS}, Action.MARK),
        (seen("CREATE_FAILED"), {**OWN, "stack": ROLLING_BACK}, Action.DELETE),
        (seen("CREATE_FAILED"), {**OWN, **UPDATE, "stack": ROLLING_BACK}, Action.DELETE),
        (seen("DELETE_FAILED"), {**OWN, "stack": ROLLING_BACK}, Action.DELETE),
        (seen("CREATE_PENDING"), {**OWN, "stack": ROLLING_BACK}, Action.WAIT),
        (seen(age=0), {"stack": ROLLED_BACK, "waited": STACK_LAG - 0.1}, Action.WAIT),
        (seen(age=0), {"stack": ROLLED_BACK, "waited": STACK_LAG}, Action.DELETE),
        (seen(age=0), {"stack": ROLLING_BACK, "waited": STACK_LAG - 0.1}, Action.DELETE),
        (seen(age=CLOCK_SKEW), {"stack": ROLLING_BACK}, Action.DELETE),
        # By another delivery, which may handle it.
        (seen(age=CLOCK_SKEW + 0.1), {"stack": ROLLING_BACK}, Action.WAIT),
        (seen(age=MARK_LAG), {"stack": ROLLING_BACK}, Action.WAIT),
        (seen(age=MARK_LAG + 0.1), {"stack": ROLLING_BACK}, Action.DELETE),
        (seen("CREATE_FAILED", age=3600), {"stack": ROLLING_BACK}, Action.DELETE_AND_FAIL),
        (seen(age=900), {"stack": ROLLED_BACK, "waited": STACK_LAG - 0.1}, Action.WAIT),
        # An Update restores what was live before it, whose mark may not be visible yet, and marks nothing itself.
        (seen(age=CLOCK_FAULT), {**UPDATE, "stack": ROLLING_BACK}, Action.WAIT),
        (seen(age=CLOCK_FAULT + 0.1), {**UPDATE, "stack": ROLLING_BACK}, Action.DONE),
        (seen(age=3600), UPDATE, Action.ASK_STACK),
        (seen(age=3600), {**UPDATE, "stack": DEPLOYING}, Action.MARK),
        (seen(age=3600), {**UPDATE, "stack": IDLE, "waited": STACK_LAG - 0.1}, Action.WAIT),
        (seen(age=3600), {**UPDATE, "stack": IDLE, "waited": STACK_LAG}, Action.MARK),
        (seen(age=3600), {"stack": IDLE, "waited": STACK_LAG - 0.1}, Action.WAIT),
        (seen(age=3600), {**UPDATE, "stack": ROLLED_BACK, "waited": STACK_LAG - 0.1}, Action.WAIT),
        (seen(age=3600), {**UPDATE, "stack": ROLLED_BACK, "waited": STACK_LAG}, Action.DONE),
        (seen(age=3600), {**KEEPS, "stack": ROLLED_BACK}, Action.MARK),
        (seen(age=TAG_LAG + 50), {**UPDATE, "stack": ROLLING_BACK, "waited": TAG_LAG}, Action.WAIT),
        (seen(age=TAG_LAG + 50), {**UPDATE, "stack": ROLLING_BACK, "waited": TAG_LAG + 0.1}, Action.DELETE),
        # Until the end, since no other event may be left to delete it.
        (seen(age=1), {"waited": CREATION_DEADLINE + 0.1}, Action.ASK_STACK),
        (seen(age=1), {"stack": DEPLOYING, "waited": CREATION_DEADLINE + 0.1}, Action.MARK),
        (seen(age=1), {"stack": ROLLING_BACK, "waited": HANDLER_DEADLINE}, Action.DELETE),
        (seen(age=1), {"stack": ROLLING_BACK, "waited": HANDLER_DEADLINE + 0.1}, Action.FAIL),
    ],
)
def test_an_update_that_may_be_orphaned(observed: Observed, context: dict[str, Any], action: Action) -> None:
    """An update created after the rollback has begun is deleted, and one that was live before is not."""
    check(PLAIN, observed, context, action)


@pytest.mark.parametrize(
    ("observed", "context", "action"),
    [
        (seen(), {**OWN, "stack": DEPLOYING}, Action.ASK_DEVICES),
        (seen(), {**OWN, "stack": CLEANING_UP}, Action.ASK_DEVICES),
        (seen(), {**KEEPS, "stack": ROLLING_BACK, "waited": 15}, Action.MARK),
        (seen(), {**OWN, **KEEPS}, Action.ASK_STACK),
        (seen(age=MARK_LAG), KEEPS, Action.WAIT),
        (seen(age=MARK_LAG + 0.1), KEEPS, Action.ASK_STACK),
        (seen(age=MARK_LAG, deployed="true"), KEEPS, Action.DONE),
    ],
)
def test_an_update_with_a_gate(observed: Observed, context: dict[str, Any], action: Action) -> None:
    """A gate asks the devices, unless the stack rolls back or the update may be live already."""
    check(GATED, observed, context, action)


@pytest.mark.parametrize("desired", [PLAIN, GATED])
def test_an_update_with_a_verdict(desired: Desired) -> None:
    """An update whose gate has failed is stopped by the next look too, with the reason that its tag keeps."""
    failed = seen(tags={**PLAIN.all_tags, names.FAILED_TAG: "the gate has failed: 1 failure"})
    decision = check(desired, failed, {**OWN, "stack": DEPLOYING}, Action.STOP)
    assert decision.reason == "the gate has failed: 1 failure"


@pytest.mark.parametrize(
    ("age", "stack", "waited", "action"),
    [
        # It existed before its event: its deployed tag may not be visible yet.
        (CLOCK_FAULT, None, 0, Action.STOP),
        (CLOCK_FAULT, DEPLOYING, 0, Action.STOP),
        (CLOCK_FAULT + 0.1, DEPLOYING, 0, Action.WAIT),
        (3600, DEPLOYING, TAG_LAG, Action.WAIT),
        (3600, DEPLOYING, TAG_LAG + 0.1, Action.STOP),
        (3600, Stack("UPDATE_FAILED"), TAG_LAG + 0.1, Action.STOP),
        # Its deploy has ended: another delivery has deployed it.
        (10, IDLE, HANDLER_DEADLINE, Action.WAIT),
        (10, CLEANING_UP, HANDLER_DEADLINE, Action.WAIT),
        (10, IDLE, HANDLER_DEADLINE + 0.1, Action.STOP),
    ],
)
def test_what_may_be_live_is_stopped_once_that_is_certain(
    age: float, stack: Stack | None, waited: float, action: Action
) -> None:
    """An update is not stopped while another event or delivery may have deployed it."""
    stop = Decision(Action.STOP, "the gate has failed")
    assert unless_live(stop, seen(age=age), Context(stack=stack, waited=waited)).action is action


@pytest.mark.parametrize("observed", [None, seen(), seen("CREATE_FAILED"), seen(deployed="true")])
@pytest.mark.parametrize("desired", [PLAIN, GATED])
def test_an_event_of_an_earlier_operation_changes_nothing(desired: Desired, observed: Observed | None) -> None:
    """A poll that goes on for hours, because its answer is not delivered, leaves the next deploy alone."""
    old: dict[str, Any] = {"is_prepared": True, "stack": DEPLOYING, "started": 899.9 - CLOCK_FAULT}
    assert "older than the running operation" in check(desired, observed, old, Action.FAIL).reason
    assert completion(desired, observed, Context(**{**old, "started": 900 - CLOCK_FAULT})).action is not Action.FAIL


FAILED, REFUSED = seen("CREATE_FAILED", error="InvalidRequest"), seen("CREATE_FAILED", error=DENIED)


@pytest.mark.parametrize(
    ("observed", "context", "action"),
    [
        (FAILED, {**OWN, "stack": DEPLOYING}, Action.DELETE_AND_FAIL),
        (REFUSED, OWN, Action.ASK_STACK),
        (REFUSED, {**OWN, "stack": DEPLOYING}, Action.DELETE),
        (REFUSED, {**OWN, "stack": IDLE}, Action.DELETE_AND_FAIL),
        (REFUSED, {"stack": DEPLOYING, "waited": IAM_PATIENCE - 0.1}, Action.DELETE),
        (REFUSED, {"stack": DEPLOYING, "waited": IAM_PATIENCE}, Action.DELETE_AND_FAIL),
        (REFUSED, {**RETRY, **OWN}, Action.ASK_STACK),
        # Left by a deploy that failed with rollback off.
        (seen("CREATE_FAILED", age=3600), KEEPS, Action.ASK_STACK),
        (seen("CREATE_FAILED", age=3600), {**KEEPS, "stack": DEPLOYING}, Action.DELETE),
        (seen("CREATE_FAILED", age=3600), {**KEEPS, "stack": ROLLING_BACK}, Action.FAIL),
        (
            seen("CREATE_FAILED", age=3600),
            {**KEEPS, "stack": DEPLOYING, "waited": CREATION_DEADLINE},
            Action.DELETE,
        ),
        (
            seen("CREATE_FAILED", age=3600),
            {**KEEPS, "stack": DEPLOYING, "waited": CREATION_DEADLINE + 0.1},
            Action.FAIL,
        ),
        (seen("CREATE_FAILED", age=3600, deployed="true"), {"stack": DEPLOYING}, Action.FAIL),
    ],
)
def test_a_creation_that_failed(observed: Observed, context: dict[str, Any], action: Action) -> None:
    """A failed creation is repeated while its role may be new, or by a retry, and otherwise reported."""
    check(PLAIN, observed, context, action)


@pytest.mark.parametrize(
    ("context", "action"),
    [
        ({}, Action.ASK_STACK),
        ({"stack": DEPLOYING}, Action.DELETE),
        ({"stack": IDLE}, Action.FAIL),
        ({"stack": DEPLOYING, "waited": CREATION_DEADLINE}, Action.DELETE),
        ({"waited": CREATION_DEADLINE + 0.1}, Action.FAIL),
        ({"stack": DEPLOYING, "waited": CREATION_DEADLINE + 0.1}, Action.FAIL),
        (UPDATE, Action.ASK_STACK),
        ({**UPDATE, "waited": CREATION_DEADLINE + 0.1}, Action.ASK_STACK),
        ({**UPDATE, "stack": DEPLOYING, "waited": CREATION_DEADLINE + 0.1}, Action.FAIL),
        ({**UPDATE, "stack": ROLLING_BACK}, Action.DONE),
        ({**UPDATE, "stack": ROLLING_BACK, "waited": CREATION_DEADLINE + 0.1}, Action.DONE),
        ({**UPDATE, "stack": DEPLOYING}, Action.DELETE),
        ({"stack": ROLLING_BACK}, Action.FAIL),
        ({**KEEPS, "stack": DEPLOYING}, Action.DELETE),
    ],
)
def test_a_deletion_that_failed(context: dict[str, Any], action: Action) -> None:
    """An earlier deletion is repeated to create the update again, and left alone by a rollback."""
    check(PLAIN, seen("DELETE_FAILED", age=3600), context, action)


@pytest.mark.parametrize("status", ["CREATE_PENDING", "CREATE_IN_PROGRESS"])
@pytest.mark.parametrize(
    ("waited", "action"), [(CREATION_DEADLINE, Action.WAIT), (CREATION_DEADLINE + 0.1, Action.DELETE_AND_FAIL)]
)
def test_a_creation_that_does_not_end(status: str, waited: float, action: Action) -> None:
    """A creation has fifteen minutes."""
    check(PLAIN, seen(status, age=waited), {"waited": waited}, action)


def test_a_gate_has_more_time() -> None:
    """A gate has most of CloudFormation's hour, anything else a quarter of it."""
    assert (deadline(PLAIN), deadline(GATED)) == (CREATION_DEADLINE, HANDLER_DEADLINE)


@pytest.mark.parametrize(
    ("ota_update_id", "observed", "action"),
    [
        ("mine", None, Action.CONTINUE),
        (invented_id(), None, Action.FAIL),
        ("mine", seen("DELETE_IN_PROGRESS", tags=OTHERS), Action.CONTINUE),
        ("mine", seen("CREATE_FAILED", tags=OTHERS), Action.FAIL),
        ("mine", seen(tags={}, age=0), Action.WAIT),
        ("mine", seen(), Action.CONTINUE),
        (invented_id(), seen(), Action.CONTINUE),
        ("mine", seen(tags=OTHERS), Action.FAIL),
    ],
)
def test_an_explicit_id(ota_update_id: str, observed: Observed | None, action: Action) -> None:
    """An explicit id is given to a resource if it is free, or has its content already, and does not look invented."""
    desired = Desired.from_event(event("Create", OtaUpdateId=ota_update_id))
    decision = check_id_available(desired, observed)
    assert decision.action is action
    assert decision.reason


@pytest.mark.parametrize(
    ("observed", "is_new_id", "too_large", "action"),
    [
        (None, False, "too large", Action.FAIL),
        (None, True, "too large", Action.FAIL),
        (None, False, None, Action.CONTINUE),
        (seen(), False, "too large", Action.CONTINUE),
        (seen(tags=OTHERS), False, "too large", Action.CONTINUE),
        (seen(tags=OTHERS), True, "too large", Action.FAIL),
        (seen(tags=OTHERS), True, None, Action.FAIL),
    ],
)
def test_too_much_content_is_refused_unless_it_exists(
    observed: Observed | None, *, is_new_id: bool, too_large: str | None, action: Action
) -> None:
    """Content that is too large is refused for an absent update only, and a new id is checked whatever the size is."""
    decision = check_new(EXPLICIT, observed, is_new_id=is_new_id, too_large=too_large)
    assert decision.action is action
    assert (decision.reason == "too large") is (observed is None and too_large is not None)


def test_reserved_ids_are_refused_for_new_updates_only() -> None:
    """An explicit id in the form of a generated one is refused before it is created, and kept where it exists."""
    desired = Desired.from_event(event("Create", OtaUpdateId="prod_Blinky-0123456789abcdef"))
    assert "must not look like a generated id" in check(desired, None, READY, Action.FAIL).reason
    check(desired, None, {}, Action.ASK_STACK)
    check(desired, seen(deployed="true"), {**KEEPS, "stack": DEPLOYING}, Action.DONE)
    check(EXPLICIT, None, READY, Action.CREATE)


def test_the_defaults_of_a_context_are_those_of_a_new_event() -> None:
    """A context without anything is that of a Create which has just begun."""
    new = Context()
    assert (new.stack, new.is_prepared, new.is_update, new.keeps_id, new.is_retry) == (None, False, False, False, None)
    assert (new.started, new.waited, new.begun, new.known_for) == (math.inf, 0, 0, None)
