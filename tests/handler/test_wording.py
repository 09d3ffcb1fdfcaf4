"""The wording of decisions is for readers: no call depends on it."""

from collections.abc import Callable
from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update.contract import names
from cdk_iot_ota_handler.ota_update.decide import Action, Decision
from cdk_iot_ota_handler.ota_update.desired import Desired
from cdk_iot_ota_handler.ota_update.errors import AccessDeniedError, FatalError, RetryableError
from cdk_iot_ota_handler.ota_update.observed import JobProgress

from .cloudformation import run
from .world import Update, World, event, properties

GATE = {"SuccessPercentage": "100", "MaximumFailures": "0", "MinimumDevices": "1", "TimeoutInMinutes": "30"}
DELETE = "delete stream=True force=True"
STATUSES = ("CREATE_COMPLETE", "CREATE_FAILED", "CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "DELETE_FAILED")
STACKS = ("CREATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE", "UPDATE_COMPLETE")
EVENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "create": lambda: event("Create"),
    "create with a gate": lambda: event("Create", Gate=GATE),
    "create with an explicit id": lambda: event("Create", OtaUpdateId="mine"),
    "replace": lambda: event("Update", content="two", old=properties(), physical_id=id_of("one")),
    "tag": lambda: event("Update", Tags=[{"Key": "a", "Value": "b"}], old=properties(), physical_id=id_of("one")),
    "roll back": lambda: event("Update", old=properties(content="two"), physical_id=id_of("two")),
    "delete": lambda: event("Delete", physical_id=id_of("one")),
}
ERRORS: dict[str, list[Exception]] = {
    "look": [RetryableError("throttled")],
    "head": [AccessDeniedError("denied")],
    "create": [RetryableError("lost")],
    DELETE: [FatalError("InvalidRequestException")],
}


def id_of(content: str) -> str:
    """Return the generated id of an update with this content."""
    return Desired.from_event(event("Create", content=content)).ota_update_id


def calls() -> list[list[str]]:
    """Play every event in every state of its update and its stack, and return the calls of each."""
    made = []
    for sent in EVENTS.values():
        for status in (None, *STATUSES):
            for stack in STACKS:
                for deployed in (False, True):
                    world = world_with(status, stack, deployed=deployed)
                    run(world, sent(), looks=2000)
                    made.append(world.calls)
    return made


def world_with(status: str | None, stack: str, *, deployed: bool) -> World:
    """Return a world in which the update of content "one" has a status, or does not exist."""
    errors = {name: list(found) for name, found in ERRORS.items()}
    progress = [JobProgress(status="IN_PROGRESS", queued=1), JobProgress(status="COMPLETED", failed=1)]
    world = World(stack_status=stack, rollouts=[*progress], errors=errors)
    if status is not None:
        tags = Desired.from_event(event("Create")).all_tags | ({names.DEPLOYED_TAG: "true"} if deployed else {})
        world.updates[id_of("one")] = Update(status, tags, world.time - 40)
    return world


def test_no_call_depends_on_the_wording_of_a_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    """With every reason replaced, and decisions that cannot be compared, each event makes the same calls."""
    expected = calls()

    def reworded(decision: Decision, action: Action, reason: str) -> None:
        object.__setattr__(decision, "action", action)
        object.__setattr__(decision, "reason", f"{len(reason)}")

    def compare(decision: Decision, other: object) -> bool:
        raise AssertionError("decisions are compared")

    monkeypatch.setattr(Decision, "__init__", reworded)
    monkeypatch.setattr(Decision, "__eq__", compare)
    assert calls() == expected
