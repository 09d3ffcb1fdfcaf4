"""What a gate makes of the counts of a job."""

from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update.decide import Action
from cdk_iot_ota_handler.ota_update.decide.gate import verdict
from cdk_iot_ota_handler.ota_update.desired import Gate
from cdk_iot_ota_handler.ota_update.errors import FatalError
from cdk_iot_ota_handler.ota_update.identity import deployed_tag, gate_attributes
from cdk_iot_ota_handler.ota_update.observed import JobProgress


def gate(**changes: Any) -> Gate:
    """All devices must succeed within half an hour, and there must be one."""
    given = {"success_percentage": "100", "maximum_failures": 0, "minimum_devices": 1, "timeout": 1800, **changes}
    return Gate(**given)


def judged(of: Gate, *, waited: float = 120, left: float = 2000, **counts: Any) -> tuple[Action, str]:
    """The verdict over a job with these counts."""
    decision = verdict(of, JobProgress(**{"status": "IN_PROGRESS", **counts}), waited=waited, left=left)
    return decision.action, decision.reason


@pytest.mark.parametrize(
    ("changes", "counts", "action", "why"),
    [
        ({}, {"succeeded": 3}, Action.MARK, "the gate has passed: 3 of 3 devices succeeded"),
        ({}, {"succeeded": 2, "in_progress": 1}, Action.WAIT, "the gate waits: 2 of 3 devices succeeded"),
        ({}, {"queued": 3}, Action.WAIT, "3 queued"),
        ({}, {"succeeded": 2, "failed": 1}, Action.STOP, "1 failure, and at most 0 are allowed ("),
        ({}, {"queued": 2, "rejected": 1}, Action.STOP, "1 failure, and at most 0 are allowed"),
        ({}, {"queued": 2, "timed_out": 1}, Action.STOP, "1 failure, and at most 0 are allowed"),
        ({}, {"queued": 2, "canceled": 1}, Action.STOP, "1 failure, and at most 0 are allowed"),
        (
            {},
            {"succeeded": 2, "failed": 1, "status": "COMPLETED"},
            Action.STOP,
            "1 failure, and at most 0 are allowed",
        ),
        # A share of the devices, with some failures allowed.
        (
            {"success_percentage": "80", "maximum_failures": 1},
            {"succeeded": 4, "failed": 1},
            Action.MARK,
            "4 of 5 devices succeeded, 1 failed",
        ),
        ({"success_percentage": "80", "maximum_failures": 1}, {"succeeded": 4, "queued": 1}, Action.MARK, "passed"),
        (
            {"success_percentage": "80.01", "maximum_failures": 1},
            {"succeeded": 4, "queued": 1},
            Action.WAIT,
            "the gate waits",
        ),
        (
            {"success_percentage": "80", "maximum_failures": 9},
            {"succeeded": 2, "failed": 2, "queued": 1},
            Action.STOP,
            "80 % of the devices can no longer succeed",
        ),
        # While the job reaches its targets, there may be more of them than are counted.
        ({}, {"succeeded": 1, "is_rolled_out": False}, Action.WAIT, "the gate waits"),
        ({}, {"failed": 1, "is_rolled_out": False}, Action.STOP, "1 failure, and at most 0 are allowed"),
        (
            {"success_percentage": "50", "maximum_failures": 9},
            {"failed": 2, "is_rolled_out": False},
            Action.WAIT,
            "the gate waits",
        ),
        # Too few devices.
        ({}, {"status": "COMPLETED"}, Action.STOP, "the job has 0 devices, and at least 1 are required"),
        ({}, {}, Action.STOP, "the job has 0 devices, and at least 1 are required"),
        (
            {"minimum_devices": 4},
            {"succeeded": 3},
            Action.STOP,
            "the job has 3 devices, and at least 4 are required",
        ),
        # Somebody has ended the job.
        ({}, {"succeeded": 1, "status": "CANCELED", "in_progress": 1}, Action.STOP, "its job is CANCELED"),
        # Also when enough have succeeded: whoever has canceled it desired to stop it.
        (
            {"maximum_failures": 9, "success_percentage": "50"},
            {"succeeded": 1, "canceled": 1, "status": "CANCELED"},
            Action.STOP,
            "its job is CANCELED, by its abort criteria or outside of the stack (1 of 2 devices succeeded",
        ),
        ({}, {"status": "CANCELED", "comment": "no!", "canceled": 1}, Action.STOP, "is CANCELED, no! (0 of"),
        ({}, {"succeeded": 1, "status": "DELETION_IN_PROGRESS"}, Action.STOP, "its job is being deleted (1"),
        ({}, {"queued": 1, "failed": 1, "rejected": 1}, Action.STOP, "2 failures, and at most 0 are"),
    ],
)
def test_counts_decide(changes: dict[str, Any], counts: dict[str, Any], action: Action, why: str) -> None:
    """As soon as the gate has passed, or can not pass any more."""
    found, words = judged(gate(**changes), **counts)
    assert found is action
    assert why in words


@pytest.mark.parametrize(
    "counts", [{}, {"status": "COMPLETED"}, {"succeeded": 1, "in_progress": 1}, {"succeeded": 1, "failed": 1}]
)
def test_a_new_job_may_not_show_all_its_devices_yet(counts: dict[str, Any]) -> None:
    """They show some seconds after it: until then too few are no failure, and a share of them is no proof."""
    half = gate(success_percentage="50", maximum_failures=1)
    assert judged(half, waited=5, **counts)[0] is Action.WAIT
    assert judged(half, waited=61, **counts)[0] is not Action.WAIT


def test_a_long_comment_leaves_room_for_the_counts() -> None:
    """CloudFormation shows less than a thousand characters."""
    why = judged(gate(), status="CANCELED", comment="no! " * 500, canceled=2)[1]
    assert "no! no! " in why
    assert len(why) < 500
    assert "2 were canceled" in why


@pytest.mark.parametrize(("waited", "left"), [(1801, 1000), (300, 0)])
def test_time_is_over(waited: float, left: float) -> None:
    """The gate's own time, or what the deploy has left of its own."""
    action, why = judged(gate(), waited=waited, left=left, succeeded=1, in_progress=1)
    assert action is Action.STOP
    assert f"timed out after {waited} s (1 of 2 devices succeeded" in why


def test_a_job_that_is_gone_proves_nothing() -> None:
    """Somebody has deleted it."""
    assert verdict(gate(), None, waited=5, left=1000).action is Action.WAIT
    decision = verdict(gate(), None, waited=61, left=1000)
    assert decision.action is Action.STOP
    assert decision.reason == "the gate has failed: its job does not exist, it was deleted outside of the stack"


def test_a_gate_is_read_from_text() -> None:
    """CloudFormation hands numbers over as text."""
    given = {"SuccessPercentage": "99.5", "MaximumFailures": "2", "MinimumDevices": "10", "TimeoutInMinutes": "45"}
    found = Gate.from_properties({"Gate": given})
    assert found == Gate(success_percentage="99.5", maximum_failures=2, minimum_devices=10, timeout=2700)
    assert Gate.from_properties({}) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"SuccessPercentage": "101"}, "Gate: SuccessPercentage must be between 0.01 and 100, got 101"),
        ({"MaximumFailures": "-1"}, "Gate: MaximumFailures must be a number, got '-1'"),
        ({"MaximumFailures": "1.5"}, "Gate: MaximumFailures must be a whole number, got 1.5"),
        ({"MinimumDevices": "0"}, "Gate: MinimumDevices must be at least 1, got 0"),
        ({"TimeoutInMinutes": "46"}, "Gate: TimeoutInMinutes must be between 1 and 45, got 46"),
        ({"TimeoutInMinutes": None}, "Gate: TimeoutInMinutes must be a number, got None"),
    ],
)
def test_a_gate_that_can_not_be_is_refused(changes: dict[str, Any], message: str) -> None:
    """With the member, the value and the limit."""
    given = {"SuccessPercentage": "100", "MaximumFailures": "0", "MinimumDevices": "1", "TimeoutInMinutes": "30"}
    with pytest.raises(FatalError) as refused:
        Gate.from_properties({"Gate": {**given, **changes}})
    assert message in str(refused.value)


def test_what_was_seen_is_remembered_in_the_mark() -> None:
    """The attributes of a later event are those of the deploy that the gate has passed in."""
    mark = deployed_tag(JobProgress(status="COMPLETED", succeeded=98, failed=1, timed_out=1), 93.4)
    assert mark == "succeeded=98 failed=2 seconds=93"
    assert gate_attributes(mark) == {"DevicesSucceeded": "98", "DevicesFailed": "2", "SecondsWaited": "93"}
    assert set(gate_attributes("true").values()) == {""}
