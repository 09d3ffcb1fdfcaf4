"""The verdict of a gate exactly at its limits, where another comparison would decide differently."""

from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update.contract import timeouts
from cdk_iot_ota_handler.ota_update.decide import Action
from cdk_iot_ota_handler.ota_update.decide.gate import verdict
from cdk_iot_ota_handler.ota_update.desired import Gate
from cdk_iot_ota_handler.ota_update.observed import JobProgress

LAG = timeouts.JOB_LAG


def action(*, minimum: int = 1, waited: float = LAG + 1, left: float = 1000, **counts: Any) -> Action:
    """Return the verdict of a gate that all of the devices must pass within half an hour."""
    gate = Gate(success_percentage="100", maximum_failures=0, minimum_devices=minimum, timeout=1800)
    progress = JobProgress(**{"status": "IN_PROGRESS", **counts})
    return verdict(gate, progress, waited=waited, left=left).action


def test_an_absent_job_is_waited_for_until_it_must_be_visible() -> None:
    """A job that is absent fails the gate after the last moment at which a new one may be invisible, not at it."""
    gate = Gate(success_percentage="100", maximum_failures=0, minimum_devices=1, timeout=1800)
    assert verdict(gate, None, waited=LAG, left=1000).action is Action.WAIT
    assert verdict(gate, None, waited=LAG + 0.1, left=1000).action is Action.STOP


def test_a_new_job_passes_after_the_last_moment_at_which_devices_may_be_invisible() -> None:
    """Enough devices pass the gate after the time in which a new job may show too few, not at its end."""
    assert action(succeeded=1, waited=LAG) is Action.WAIT
    assert action(succeeded=1, waited=LAG + 0.1) is Action.MARK


def test_a_new_job_fails_after_the_last_moment_at_which_devices_may_be_invisible() -> None:
    """Too few devices fail the gate after the time in which a new job may show too few, not at its end."""
    assert action(minimum=2, succeeded=1, waited=LAG) is Action.WAIT
    assert action(minimum=2, succeeded=1, waited=LAG + 0.1) is Action.STOP


@pytest.mark.parametrize(
    ("status", "succeeded", "expected"),
    [
        ("COMPLETED", 1, Action.STOP),
        ("COMPLETED", 0, Action.WAIT),
        ("IN_PROGRESS", 1, Action.WAIT),
        ("IN_PROGRESS", 0, Action.WAIT),
    ],
)
def test_a_new_job_with_too_few_devices_fails_at_once_if_it_has_finished(
    status: str, succeeded: int, expected: Action
) -> None:
    """A new job that has finished with some devices gets no more of them; any other one may."""
    assert action(minimum=2, status=status, succeeded=succeeded, waited=5) is expected


def test_the_minimum_of_devices_is_enough() -> None:
    """A gate passes with exactly as many devices as it requires."""
    assert action(minimum=3, succeeded=3) is Action.MARK


def test_a_gate_times_out_after_its_last_second() -> None:
    """A gate waits at exactly its timeout and with any time that the deploy has left, and fails after that."""
    assert action(queued=1, waited=1800) is Action.WAIT
    assert action(queued=1, waited=1800.1) is Action.STOP
    assert action(queued=1, left=0.1) is Action.WAIT
    assert action(queued=1, left=0) is Action.STOP


def test_two_hundred_characters_of_a_comment_are_shown() -> None:
    """The reason has the beginning of the comment of a canceled job, up to 200 characters."""
    gate = Gate(success_percentage="100", maximum_failures=0, minimum_devices=1, timeout=1800)
    progress = JobProgress(status="CANCELED", comment="x" * 201, canceled=1)
    reason = verdict(gate, progress, waited=LAG, left=1000).reason
    assert f" {'x' * 200} " in reason


@pytest.mark.parametrize("status", ["IN_PROGRESS", "COMPLETED"])
def test_an_empty_job_passes_a_gate_without_minimum_after_the_first_minute(status: str) -> None:
    """With a minimum of 0 a job without devices passes once it has reached all targets and may show all of them."""
    assert action(minimum=0, status=status, waited=LAG) is Action.WAIT
    assert action(minimum=0, status=status, waited=LAG + 0.1) is Action.MARK
    assert action(minimum=0, is_rolled_out=False) is Action.WAIT


def test_a_gate_without_minimum_evaluates_the_devices_that_there_are() -> None:
    """With a minimum of 0 the devices of a job must succeed all the same."""
    assert action(minimum=0, queued=1) is Action.WAIT
    assert action(minimum=0, failed=1, waited=5) is Action.STOP
    assert action(minimum=0, status="CANCELED") is Action.STOP


def test_a_job_without_devices_hints_at_a_group_of_the_same_deploy() -> None:
    """The reason of a gate that fails without any device says that a new thing group is empty, and no other does."""
    gate = Gate(success_percentage="100", maximum_failures=0, minimum_devices=2, timeout=1800)
    reasons = [
        verdict(gate, JobProgress(status="COMPLETED", succeeded=count), waited=LAG + 1, left=1000).reason
        for count in (0, 1)
    ]
    assert "if this deploy has created their thing group, that is empty" in reasons[0]
    assert "thing group" not in reasons[1]


def test_an_earlier_verdict_is_kept_as_it_was_given() -> None:
    """A job that a gate has canceled has the reason of the failure as its comment, which a report does not take up."""
    progress = JobProgress(status="CANCELED", comment="the gate has failed: 1 failure", is_verdict=True, failed=1)
    limits: dict[str, Any] = {"success_percentage": "100", "maximum_failures": 0, "minimum_devices": 1, "timeout": 1800}
    stop = verdict(Gate(**limits), progress, waited=120, left=1000)
    assert (stop.action, stop.reason) == (Action.STOP, "the gate has failed: 1 failure")
    report = verdict(Gate(**limits, reports_only=True), progress, waited=120, left=1000)
    assert (report.action, report.problem) == (Action.MARK, "its job is CANCELED, the gate has failed: 1 failure")


def test_without_a_share_any_number_of_devices_may_fail() -> None:
    """A gate with neither limit on failures only asks for those that succeed."""
    gate = Gate(success_percentage="50", maximum_failures=None, minimum_devices=1, timeout=1800)
    progress = JobProgress(status="IN_PROGRESS", succeeded=2, failed=2)
    assert verdict(gate, progress, waited=120, left=1000).action is Action.MARK


def test_a_gate_that_devices_have_passed_once_does_not_time_out() -> None:
    """Its timeout is for the devices; what comes later, in the bake time, is waited for."""
    gate = Gate(success_percentage="100", maximum_failures=0, minimum_devices=1, timeout=1800)
    progress = JobProgress(status="IN_PROGRESS", succeeded=1, in_progress=1)
    assert verdict(gate, progress, waited=1801, left=1000, is_proven=True).action is Action.WAIT
    assert verdict(gate, progress, waited=1801, left=1000).action is Action.STOP
