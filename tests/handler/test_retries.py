"""Retries of calls that fail, and their timeouts."""

import contextlib

import pytest

from cdk_iot_ota_handler.ota_update.contract import timeouts
from cdk_iot_ota_handler.ota_update.errors import AccessDeniedError, FatalError, RetryableError
from cdk_iot_ota_handler.ota_update.is_complete import is_complete

from ..fakes.ota_service import FakeOtaService
from .scenarios import event, id_of, run, with_update


@pytest.mark.parametrize("error", [RetryableError("throttled"), AccessDeniedError("the role is not known yet")])
def test_creation_is_retried(error: Exception) -> None:
    """A Create succeeds although CreateOTAUpdate is throttled, or denied for a role that has not propagated yet."""
    service = FakeOtaService(errors={"CreateOTAUpdate": [error, error]})
    assert not run(service, event("Create")).failed


def test_a_creation_that_is_always_throttled_fails() -> None:
    """A Create that is throttled forever fails with the service's words and the id of its update."""
    service = FakeOtaService(errors={"CreateOTAUpdate": [RetryableError("ThrottlingException: Rate exceeded")] * 1000})
    answer = run(service, event("Create"))
    assert "Rate exceeded" in answer.reason
    assert answer.physical_id == id_of("one")


@pytest.mark.parametrize("error", [RetryableError("throttled"), AccessDeniedError("denied")])
def test_one_invocation_is_short(error: Exception) -> None:
    """All retries of one is_complete end within the patience with IAM and one longest pause."""
    service = FakeOtaService(errors={"CreateOTAUpdate": [error] * 1000})
    started = service.time.now
    poll = {**event("Create", physical_id=id_of("one")), "StartedAt": started, "KeepsId": False}
    with contextlib.suppress(FatalError):
        is_complete(poll, service.connect(), service.clock())
    assert service.time.now - started <= timeouts.IAM_PATIENCE + 5


def test_a_temporary_error_never_fails_an_event() -> None:
    """A Create succeeds although setting the deployed tag is throttled a few times."""
    service = with_update("one", deployed=False)
    service.errors["TagResource"] = [RetryableError("throttled")] * 3
    assert not run(service, event("Create")).failed


@pytest.mark.parametrize(
    ("request_type", "error", "deadline"),
    [
        ("Create", RetryableError("throttled"), timeouts.CREATION_DEADLINE),
        ("Delete", RetryableError("throttled"), timeouts.HANDLER_DEADLINE),
    ],
)
def test_polls_that_always_fail_end_with_the_deadline(request_type: str, error: Exception, deadline: float) -> None:
    """An event fails with the service's words, after its deadline and not before, if its update can never be read."""
    service = with_update("one", deployed=False)
    started = service.time.now
    more = {"StartedAt": started, "KeepsId": False, "TargetId": id_of("one")}
    poll = {**event(request_type, physical_id=id_of("one")), **more}
    for later, is_over in ((deadline - 90, False), (deadline + 1, True)):
        service.errors["GetOTAUpdate"] = [error] * 20
        service.time.now = started + later
        if is_over:
            with pytest.raises(FatalError, match=str(error)):
                is_complete(poll, service.connect(), service.clock())
        else:
            assert is_complete(poll, service.connect(), service.clock()) == {"IsComplete": False}


@pytest.mark.parametrize("request_type", ["Create", "Delete"])
def test_a_missing_permission_fails_after_three_minutes(request_type: str) -> None:
    """A permission that never propagates fails the event in less than a minute, in IAM's words."""
    service = with_update("one")
    service.errors["GetOTAUpdate"] = [AccessDeniedError("AccessDeniedException: iot:GetOTAUpdate")] * 100
    started = service.time.now
    assert "iot:GetOTAUpdate" in run(service, event(request_type, physical_id=id_of("one"))).reason
    assert timeouts.IAM_PATIENCE < service.time.now - started < timeouts.IAM_PATIENCE + 5


def test_the_patience_with_iam_begins_with_its_first_denial() -> None:
    """A minute of throttling does not shorten the time that IAM may take to propagate a role."""
    throttled, denied = [RetryableError("throttled")] * 14, [AccessDeniedError("not yet known")]
    service = FakeOtaService(errors={"CreateOTAUpdate": [*throttled, *denied]})
    assert not run(service, event("Create")).failed
