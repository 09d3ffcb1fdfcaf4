"""The wording of a decision is for readers: no call depends on it."""

from collections.abc import Callable
from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update.decide import Action, Decision
from cdk_iot_ota_handler.ota_update.errors import AccessDeniedError, FatalError, RetryableError
from cdk_iot_ota_handler.ota_update.observed import JobProgress

from ..fakes.ota_service import FakeOtaService
from .scenarios import GATE, event, id_of, properties, put_update, run

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
    "GetOTAUpdate": [RetryableError("throttled")],
    "HeadObject": [AccessDeniedError("denied")],
    "CreateOTAUpdate": [RetryableError("lost")],
    "DeleteOTAUpdate": [FatalError("InvalidRequestException")],
}


def calls() -> list[list[str]]:
    """Play every event in every state of its update and its stack, and return the calls of each."""
    recorded = []
    for sent in EVENTS.values():
        for status in (None, *STATUSES):
            for stack in STACKS:
                for deployed in (False, True):
                    service = service_with(status, stack, deployed=deployed)
                    run(service, sent())
                    recorded.append(service.calls)
    return recorded


def service_with(status: str | None, stack: str, *, deployed: bool) -> FakeOtaService:
    """Return a service in which the update of content "one" has a status, or does not exist."""
    errors = {name: list(found) for name, found in ERRORS.items()}
    progress = [JobProgress(status="IN_PROGRESS", queued=1), JobProgress(status="COMPLETED", failed=1)]
    service = FakeOtaService(stack_statuses=[stack], progress=progress, errors=errors)
    if status is not None:
        put_update(service, deployed=deployed, status=status, age=40)
    return service


def test_no_call_depends_on_the_wording_of_a_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each event makes the same calls if every reason is replaced and decisions cannot be compared."""
    expected = calls()

    def reworded(
        decision: Decision, action: Action, reason: str, *, timed_out: bool = False, problem: str = ""
    ) -> None:
        object.__setattr__(decision, "action", action)
        object.__setattr__(decision, "reason", f"{len(reason)}")
        object.__setattr__(decision, "timed_out", timed_out)
        object.__setattr__(decision, "problem", f"{len(problem)}")

    def compare(decision: Decision, other: object) -> bool:
        raise AssertionError("decisions are compared")

    monkeypatch.setattr(Decision, "__init__", reworded)
    monkeypatch.setattr(Decision, "__eq__", compare)
    assert calls() == expected
