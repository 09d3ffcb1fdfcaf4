"""Each decision for a Delete and for what a deploy may have left over, up to the limits of each time."""

from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update.contract import names
from cdk_iot_ota_handler.ota_update.contract.timeouts import (
    CREATION_DEADLINE,
    DELETION_PATIENCE,
    HANDLER_DEADLINE,
    IAM_PATIENCE,
    LAG,
    OVERTAKEN,
    STACK_LAG,
    TAG_LAG,
)
from cdk_iot_ota_handler.ota_update.decide import Action
from cdk_iot_ota_handler.ota_update.decide.removal import (
    is_certain,
    is_leftover,
    remedy,
    removal,
    resolve_delete_target,
    spared,
)
from cdk_iot_ota_handler.ota_update.desired import Desired
from cdk_iot_ota_handler.ota_update.observed import Observed, Stack

from ..fakes.cloudformation import invented_id
from .scenarios import event, id_of

NOW, BEGUN = 10_000.0, 9_000.0
ONE, TWO = (Desired.from_event(event("Create", content=content)) for content in ("one", "two"))
DEPLOYING, IDLE = Stack("UPDATE_IN_PROGRESS", BEGUN), Stack("UPDATE_COMPLETE", BEGUN)
CLEANING_UP, FAILED = Stack("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", BEGUN), Stack("UPDATE_FAILED", BEGUN)
ROLLING_BACK = Stack("UPDATE_ROLLBACK_IN_PROGRESS", BEGUN)
OTHERS = {"owner": "another team"}


def seen(
    status: str = "CREATE_COMPLETE", *, desired: Desired = ONE, age: float = 3600, deployed: str = "", **more: Any
) -> Observed:
    """Return an update of the stack's; ``deployed`` is the value of its deployed tag."""
    mark = {names.DEPLOYED_TAG: deployed} if deployed else {}
    return Observed(status=status, age=age, attributes={}, **{"tags": {**desired.all_tags, **mark}, **more})


@pytest.mark.parametrize(
    ("observed", "changes", "action"),
    [
        # Absent.
        (None, {"waited": LAG - 0.1}, Action.WAIT),
        (None, {"waited": LAG}, Action.DONE),
        (None, {"waited": LAG, "is_reported": False}, Action.WAIT),
        (None, {"waited": OVERTAKEN - 0.1, "is_reported": False}, Action.WAIT),
        (None, {"waited": OVERTAKEN, "is_reported": False}, Action.DONE),
        (None, {"waited": 0, "was_observed": True}, Action.DONE),
        # Being deleted.
        (seen("DELETE_IN_PROGRESS"), {"waited": HANDLER_DEADLINE}, Action.WAIT),
        (seen("DELETE_IN_PROGRESS"), {"waited": HANDLER_DEADLINE + 0.1}, Action.FAIL),
        (seen("DELETE_IN_PROGRESS"), {"waited": 901, "deadline": 900}, Action.FAIL),
        (seen("DELETE_IN_PROGRESS", tags={}), {}, Action.WAIT),
        # Another owner's, or without visible tags.
        (seen(tags=OTHERS), {}, Action.DONE),
        (seen(tags=OTHERS), {"waited": HANDLER_DEADLINE + 0.1}, Action.DONE),
        (seen(tags={}, age=TAG_LAG - 0.1), {}, Action.WAIT),
        (seen(tags={}, age=TAG_LAG), {}, Action.DONE),
        # To be deleted.
        (seen(), {}, Action.DELETE),
        (seen(deployed="true"), {}, Action.DELETE),
        (seen(), {"waited": HANDLER_DEADLINE}, Action.DELETE),
        (seen(), {"waited": HANDLER_DEADLINE + 0.1}, Action.FAIL),
        (seen("CREATE_FAILED"), {}, Action.DELETE),
        (seen("CREATE_PENDING"), {"waited": CREATION_DEADLINE}, Action.WAIT),
        (seen("CREATE_IN_PROGRESS"), {"waited": CREATION_DEADLINE}, Action.WAIT),
        (seen("CREATE_PENDING"), {"waited": CREATION_DEADLINE + 0.1}, Action.DELETE),
        (seen("CREATE_IN_PROGRESS"), {"waited": CREATION_DEADLINE + 0.1}, Action.DELETE),
        # Failed before.
        (seen("DELETE_FAILED"), {"waited": DELETION_PATIENCE}, Action.DELETE),
        (seen("DELETE_FAILED"), {"waited": DELETION_PATIENCE + 0.1}, Action.FAIL),
        (seen("DELETE_FAILED", error="AccessDenied: no"), {"waited": IAM_PATIENCE}, Action.DELETE),
        (seen("DELETE_FAILED", error="AccessDenied: no"), {"waited": IAM_PATIENCE + 0.1}, Action.FAIL),
        (
            seen("DELETE_FAILED", error="AccessDenied: no"),
            {"waited": 2000, "patience": HANDLER_DEADLINE},
            Action.DELETE,
        ),
        (seen(), {"waited": DELETION_PATIENCE + 0.1}, Action.DELETE),
    ],
)
def test_a_deletion(observed: Observed | None, changes: dict[str, Any], action: Action) -> None:
    """A deletion goes on until the update is gone, belongs to another owner, or the time is over."""
    context = {"is_reported": True, "was_observed": False, "waited": 0, **changes}
    decision = removal(ONE, "mine", observed, **context)
    assert decision.action is action
    assert decision.reason


def test_a_deletion_that_failed_has_the_reason_and_a_remedy() -> None:
    """The remedy for a running job is given where the resource does not delete by force."""
    forceless = Desired.from_event(event("Create", ForceDeleteJob="false"))
    assert remedy(ONE) == ""
    assert "set force_delete_job=True" in remedy(forceless)
    failed = seen("DELETE_FAILED", error="Busy: its job")
    reason = removal(forceless, "mine", failed, is_reported=True, was_observed=True, waited=601).reason
    assert reason == f"OTA update mine was not deleted: Busy: its job{remedy(forceless)}"


MARKED = f"true operation={BEGUN:.0f}"


@pytest.mark.parametrize(
    ("observed", "stack", "waited", "action"),
    [
        # At rest.
        (seen(deployed="true"), IDLE, STACK_LAG - 0.1, Action.WAIT),
        (seen(deployed="true"), IDLE, STACK_LAG, Action.DONE),
        (seen(), IDLE, STACK_LAG, None),
        # Not in an update of the stack.
        (seen(deployed=MARKED), ROLLING_BACK, 60, None),
        (seen(deployed=MARKED), Stack("DELETE_IN_PROGRESS", BEGUN), 60, None),
        (seen(deployed="true"), Stack("UPDATE_IN_PROGRESS"), 60, None),
        # Deployed by the running deploy, or before.
        (seen(deployed=MARKED), DEPLOYING, STACK_LAG - 0.1, Action.WAIT),
        (seen(deployed=MARKED), DEPLOYING, STACK_LAG, Action.DONE),
        (seen(deployed=MARKED), CLEANING_UP, STACK_LAG, Action.DONE),
        (seen(deployed="true operation=8000"), CLEANING_UP, STACK_LAG, None),
        (seen(deployed="true"), CLEANING_UP, 0, None),
        (seen(deployed="true", age=10), DEPLOYING, 0, None),
        # Created by the running deploy, or before, without a mark.
        (seen(age=NOW - BEGUN), DEPLOYING, STACK_LAG, Action.DONE),
        (seen(age=NOW - BEGUN), DEPLOYING, STACK_LAG - 0.1, Action.WAIT),
        (seen(age=NOW - BEGUN + 0.1), DEPLOYING, TAG_LAG, Action.WAIT),
        (seen(age=NOW - BEGUN + 0.1), DEPLOYING, TAG_LAG + 0.1, None),
        (seen(age=10), CLEANING_UP, TAG_LAG, Action.WAIT),
        (seen(age=10), CLEANING_UP, TAG_LAG + 0.1, None),
        (seen("CREATE_FAILED", age=10), DEPLOYING, 0, None),
    ],
)
def test_what_a_delete_spares(observed: Observed, stack: Stack, waited: float, action: Action | None) -> None:
    """A Delete that is old, or about an earlier attempt, spares what the stack needs."""
    decision = spared(observed, stack, waited=waited, now=NOW)
    assert (decision.action if decision else None) is action
    assert decision is None or decision.reason


def at(operation: int, *, first: int | None = None, **changes: Any) -> Observed:
    """Return an update of the stack's that an operation on the stack has deployed, and another one first."""
    since = "" if first is None else f" since={first}"
    return seen(deployed=f"true{since} operation={operation}", **changes)


LIVE, LATER = seen(deployed="true", age=3600), seen(desired=TWO, deployed="true", age=3599)
LEFT, RETAINED = seen(desired=TWO, age=100), seen(desired=TWO, deployed="true", age=3600)


@pytest.mark.parametrize(
    ("observed", "live", "stack", "waited", "expected"),
    [
        # Not this deploy's.
        (seen(desired=TWO, tags=OTHERS), LIVE, ROLLING_BACK, 300, False),
        (seen(), LIVE, ROLLING_BACK, 300, False),
        (seen(desired=TWO, tags={}, age=1), LIVE, ROLLING_BACK, 300, True),
        # At rest.
        (LEFT, LIVE, IDLE, STACK_LAG, None),
        (LEFT, LIVE, IDLE, STACK_LAG + 0.1, False),
        (LEFT, LIVE, FAILED, STACK_LAG + 0.1, True),
        # The old properties are restored.
        (LEFT, LIVE, ROLLING_BACK, 0, True),
        (LEFT, LIVE, DEPLOYING, STACK_LAG, None),
        (LEFT, LIVE, DEPLOYING, STACK_LAG + 0.1, True),
        (LATER, LIVE, ROLLING_BACK, 0, True),
        (LATER, LIVE, DEPLOYING, STACK_LAG + 0.1, True),
        (RETAINED, LIVE, ROLLING_BACK, 300, False),
        (LATER, at(9900, first=0, age=7200), ROLLING_BACK, 300, False),
        # The deploy that was taken back has deployed an update again that was live before the one that is restored.
        (at(9900, first=0, desired=TWO), at(9899), ROLLING_BACK, 300, False),
        (at(9900, first=9899, desired=TWO), at(9899), ROLLING_BACK, 300, False),
        (at(9900, first=9899, desired=TWO), at(9898), ROLLING_BACK, 0, True),
        (at(9900, first=9800, desired=TWO, age=10), LIVE, ROLLING_BACK, 0, True),
        (at(9900, first=9800, desired=TWO, age=3600), LIVE, ROLLING_BACK, 300, False),
        # Operations are compared if both are known, then creations; one that was taken up counts from that operation.
        (at(9900, desired=TWO, age=3600), at(9899, age=10), ROLLING_BACK, 0, True),
        (at(9900, desired=TWO, age=10), at(9901, age=3600), ROLLING_BACK, 300, False),
        (at(9900, desired=TWO, age=10), at(9900, age=3600), ROLLING_BACK, 300, False),
        (LATER, at(9900), ROLLING_BACK, 0, True),
        (RETAINED, at(9900), ROLLING_BACK, 300, False),
        (LATER, at(9900, first=0), ROLLING_BACK, 300, False),
        (seen(desired=TWO, deployed="true", age=99), at(9900, first=9800), ROLLING_BACK, 0, True),
        (seen(desired=TWO, deployed="true", age=100), at(9900, first=9800), ROLLING_BACK, 300, False),
        # The new properties are retried: the old ones are live.
        (LATER, None, DEPLOYING, 0, False),
        (LATER, None, ROLLING_BACK, 300, False),
        (LATER, seen("CREATE_FAILED", deployed="true"), ROLLING_BACK, 300, False),
        (LATER, seen(age=5), DEPLOYING, TAG_LAG, None),
        (LATER, seen(age=5), DEPLOYING, TAG_LAG + 0.1, False),
        (LATER, seen(age=5), ROLLING_BACK, TAG_LAG + 0.1, False),
        # Neither is visibly deployed.
        (LEFT, None, ROLLING_BACK, TAG_LAG, None),
        (LEFT, None, ROLLING_BACK, TAG_LAG + 0.1, True),
        (LEFT, seen(age=5), ROLLING_BACK, TAG_LAG + 0.1, True),
        # A deploy that creates waits for this answer, and no longer than the status of its stack may be old.
        (LEFT, None, DEPLOYING, STACK_LAG, None),
        (LEFT, None, DEPLOYING, STACK_LAG + 0.1, False),
        (LEFT, None, ROLLING_BACK, STACK_LAG + 0.1, None),
        (LEFT, seen(age=5), DEPLOYING, TAG_LAG, None),
        (LEFT, seen(age=5), DEPLOYING, TAG_LAG + 0.1, False),
    ],
)
def test_a_leftover(
    observed: Observed, live: Observed | None, stack: Stack, waited: float, expected: bool | None
) -> None:
    """A leftover is told from a live or a retained update by the tags and the dates of both."""
    assert is_leftover(TWO, observed, live, stack, keeps_id=True, waited=waited, now=NOW) is expected


@pytest.mark.parametrize(
    ("observed", "stack", "expected"),
    [
        (LATER, DEPLOYING, False),
        (LATER, CLEANING_UP, False),
        (at(int(BEGUN), desired=TWO, age=10), DEPLOYING, True),
        (at(int(BEGUN), desired=TWO, age=10), FAILED, True),
        (at(int(BEGUN) - 1, desired=TWO, age=10), DEPLOYING, False),
        (LATER, ROLLING_BACK, True),
        (at(int(BEGUN) - 1, desired=TWO, age=10), ROLLING_BACK, True),
        (LEFT, DEPLOYING, True),
    ],
)
def test_what_a_deploy_replaces_is_not_left_over(observed: Observed, stack: Stack, expected: bool) -> None:
    """A deploy back to what was retained gets another id, and does not take the update before it for a leftover."""
    assert is_leftover(TWO, observed, LIVE, stack, keeps_id=False, waited=300, now=NOW) is expected


@pytest.mark.parametrize(
    ("event_id", "with_event_id", "with_content_id", "waited", "target"),
    [
        (invented_id(), LIVE, LIVE, 0, id_of("one")),
        ("mine", LEFT, seen(), 300, "mine"),
        ("mine", None, None, 300, "mine"),
        ("mine", None, LIVE, 300, "mine"),
        ("mine", None, seen(), TAG_LAG, None),
        ("mine", None, seen(), TAG_LAG + 0.1, id_of("one")),
    ],
)
def test_the_target_of_a_delete(
    event_id: str, with_event_id: Observed | None, with_content_id: Observed | None, waited: float, target: str | None
) -> None:
    """A Delete refers to the update with its id, or to that of its content if CloudFormation never learned the id."""
    assert resolve_delete_target(event_id, ONE, with_event_id, with_content_id, waited=waited) == target


@pytest.mark.parametrize(
    ("event_id", "certain"), [(id_of("one"), True), (id_of("two"), True), (invented_id(), True), ("mine", False)]
)
def test_an_id_that_tells_its_update_alone(event_id: str, *, certain: bool) -> None:
    """A generated or invented id needs no look; an explicit one does, unless it is the declared one."""
    assert is_certain(event_id, ONE) is certain
    assert is_certain("mine", Desired.from_event(event("Create", OtaUpdateId="mine")))
