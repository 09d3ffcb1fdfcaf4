"""The verdict of a gate on the counts of a job, and how a gate is read."""

from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update.contract import limits
from cdk_iot_ota_handler.ota_update.decide import Action
from cdk_iot_ota_handler.ota_update.decide.gate import verdict
from cdk_iot_ota_handler.ota_update.desired import Gate
from cdk_iot_ota_handler.ota_update.errors import FatalError
from cdk_iot_ota_handler.ota_update.identity import deployed_tag, gate_attributes, with_operation
from cdk_iot_ota_handler.ota_update.observed import JobProgress

from .scenarios import GATE


def gate(**changes: Any) -> Gate:
    """Return a gate that at least one device, and all of them, must pass within half an hour."""
    given = {"success_percentage": "100", "maximum_failures": 0, "minimum_devices": 1, "timeout": 1800, **changes}
    return Gate(**given)


def evaluate(gate: Gate, *, waited: float = 120, left: float = 2000, **counts: Any) -> tuple[Action, str]:
    """Return the verdict on a job with these counts."""
    decision = verdict(gate, JobProgress(**{"status": "IN_PROGRESS", **counts}), waited=waited, left=left)
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
        # While the job is being rolled out, more devices may follow.
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
        # The job was ended outside of the deploy.
        ({}, {"succeeded": 1, "status": "CANCELED", "in_progress": 1}, Action.STOP, "its job is CANCELED"),
        # Even when enough devices have succeeded: it was canceled to stop the rollout.
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
    """The gate decides as soon as it has passed or can no longer pass, and waits until then."""
    found, reason = evaluate(gate(**changes), **counts)
    assert found is action
    assert why in reason


SHARE = {"success_percentage": "1", "maximum_failures": None, "maximum_failure_percentage": "2.5"}


@pytest.mark.parametrize(
    ("changes", "counts", "action"),
    [
        (SHARE, {"failed": 1, "succeeded": 39}, Action.MARK),
        (SHARE, {"rejected": 1, "succeeded": 38}, Action.STOP),
        (SHARE, {"timed_out": 2, "succeeded": 1, "queued": 37}, Action.STOP),
        (SHARE, {"failed": 100, "succeeded": 3900}, Action.MARK),
        (SHARE, {"failed": 101, "succeeded": 3900}, Action.STOP),
        # The share is of devices that are not known yet.
        (SHARE, {"failed": 20, "succeeded": 1, "is_rolled_out": False}, Action.WAIT),
        # Both limits: the first that is exceeded.
        ({**SHARE, "maximum_failures": 1}, {"failed": 2, "succeeded": 98}, Action.STOP),
        ({**SHARE, "maximum_failures": 1}, {"failed": 2, "succeeded": 1, "is_rolled_out": False}, Action.STOP),
        ({**SHARE, "maximum_failures": 9}, {"failed": 2, "succeeded": 10}, Action.STOP),
        ({**SHARE, "maximum_failures": 9}, {"failed": 2, "succeeded": 78}, Action.MARK),
    ],
)
def test_a_share_of_the_devices_may_fail(changes: dict[str, Any], counts: dict[str, Any], action: Action) -> None:
    """A share is exact, counts every failure, and is judged once the job has reached its devices."""
    assert evaluate(gate(**changes), **counts)[0] is action


def test_a_share_that_is_exceeded_is_the_reason() -> None:
    """The reason has the failures, the devices and the share."""
    reason = evaluate(gate(**SHARE), failed=3, succeeded=37)[1]
    assert "the gate has failed: 3 failures of 40 devices, and at most 2.5 % are allowed (37 of 40" in reason
    assert evaluate(gate(**SHARE), waited=60, failed=3, succeeded=37)[0] is Action.WAIT


@pytest.mark.parametrize(
    "counts", [{}, {"status": "COMPLETED"}, {"succeeded": 1, "in_progress": 1}, {"succeeded": 1, "failed": 1}]
)
def test_a_new_job_may_not_count_all_its_devices_yet(counts: dict[str, Any]) -> None:
    """The gate of a new job waits some seconds, whether it would fail or pass, until all devices are counted."""
    half = gate(success_percentage="50", maximum_failures=1)
    assert evaluate(half, waited=5, **counts)[0] is Action.WAIT
    assert evaluate(half, waited=61, **counts)[0] is not Action.WAIT


def test_a_long_comment_leaves_room_for_the_counts() -> None:
    """The comment of a canceled job is shortened so that the reason has the counts in under 500 characters."""
    reason = evaluate(gate(), status="CANCELED", comment="no! " * 500, canceled=2)[1]
    assert "no! no! " in reason
    assert len(reason) < 500
    assert "2 were canceled" in reason


@pytest.mark.parametrize(("waited", "left"), [(1801, 1000), (300, 0)])
def test_a_gate_times_out(waited: float, left: float) -> None:
    """A gate fails after its own timeout, and when the deploy has no time left."""
    action, reason = evaluate(gate(), waited=waited, left=left, succeeded=1, in_progress=1)
    assert action is Action.STOP
    assert f"timed out after {waited} s (1 of 2 devices succeeded" in reason


def test_a_job_that_does_not_exist_fails_the_gate() -> None:
    """An absent job fails the gate once it has had time to become visible."""
    assert verdict(gate(), None, waited=5, left=1000).action is Action.WAIT
    decision = verdict(gate(), None, waited=61, left=1000)
    assert decision.action is Action.STOP
    assert decision.reason == "the gate has failed: its job does not exist, it was deleted outside of the stack"


def test_a_gate_is_read_from_text() -> None:
    """The numbers of a gate are read from text, as CloudFormation passes them."""
    given = {"SuccessPercentage": "99.5", "MaximumFailures": "2", "MinimumDevices": "10", "TimeoutInMinutes": "45"}
    found = Gate.from_properties({"Gate": given})
    assert found == Gate(success_percentage="99.5", maximum_failures=2, minimum_devices=10, timeout=2700)
    assert Gate.from_properties({}) is None


@pytest.mark.parametrize(
    ("problem", "kept"),
    [
        ("3 failures, and at most 0 are allowed", "3 failures and at most 0 are allowed"),
        ("98.5 % of the devices can no longer succeed", "98.5 percent of the devices can no longer succeed"),
        ("its job is CANCELED, operation=1 devices=a", "its job is CANCELED operation:1 devices:a"),
        # What is left of a tag after the counts, the devices and two operations.
        ("long " * 99, "long " * 16 + "lo"),
    ],
)
def test_the_deployed_tag_keeps_why_a_gate_would_have_failed(problem: str, kept: str) -> None:
    """The reason of a gate that only reports is an attribute of later events too, whatever it contains."""
    tag = deployed_tag(JobProgress(status="", succeeded=98, failed=2), 93, ["a" * 85], problem)
    for marked in (tag, with_operation(tag, 1_700_000_000, first=1_600_000_000)):
        found = gate_attributes(marked)
        assert (found["GateResult"], found["DevicesSucceeded"]) == (f"would have failed: {kept}", "98")
        limits.TAG_VALUE.check("deployed", marked)


REPORTING = {"reports_only": True}


@pytest.mark.parametrize(
    ("counts", "action", "problem"),
    [
        ({"succeeded": 1}, Action.MARK, ""),
        ({"queued": 1}, Action.WAIT, ""),
        ({"failed": 1, "queued": 1}, Action.MARK, "1 failure, and at most 0 are allowed"),
        ({"status": "CANCELED", "comment": "no!", "canceled": 1}, Action.MARK, "its job is CANCELED, no!"),
        ({"queued": 1, "waited": 1801}, Action.MARK, "timed out after 1801 s"),
        ({"queued": 1, "left": 0}, Action.MARK, "timed out after 120 s"),
    ],
)
def test_a_gate_that_only_reports_passes_in_any_case(counts: dict[str, Any], action: Action, problem: str) -> None:
    """A gate that only reports waits as long as any, and decides to continue with the reason why it would not."""
    waited, left = counts.pop("waited", 120), counts.pop("left", 2000)
    progress = JobProgress(**{"status": "IN_PROGRESS", **counts})
    decision = verdict(gate(**REPORTING), progress, waited=waited, left=left)
    assert (decision.action, decision.problem) == (action, problem)
    assert not problem or decision.reason == f"the gate would have failed: {problem} ({progress})"


def test_a_gate_that_only_reports_passes_without_a_job() -> None:
    """A job that does not exist is reported, and does not hold the deploy."""
    decision = verdict(gate(**REPORTING), None, waited=61, left=1000)
    assert (decision.action, decision.problem[:24]) == (Action.MARK, "its job does not exist, ")


def test_a_gate_with_a_share_of_failures_needs_no_number_of_them() -> None:
    """Without a number of failures the share is the only limit, and with both there are two."""
    given = {
        "SuccessPercentage": "90",
        "MaximumFailurePercentage": "2.5",
        "MinimumDevices": "1",
        "TimeoutInMinutes": "1",
    }
    both = {**given, "MaximumFailures": "7", "OnFailure": "REPORT"}
    found = [Gate.from_properties({"Gate": one}) for one in (given, both)]
    assert [(one.maximum_failures, one.maximum_failure_percentage, one.reports_only) for one in found if one] == [
        (None, "2.5", False),
        (7, "2.5", True),
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"SuccessPercentage": "101"}, "Gate: SuccessPercentage must be between 0.01 and 100, got 101"),
        ({"MaximumFailures": "-1"}, "Gate: MaximumFailures must be a number, got '-1'"),
        ({"MaximumFailures": "1.5"}, "Gate: MaximumFailures must be a whole number, got 1.5"),
        ({"MaximumFailures": None}, "Gate: MaximumFailures must be a number, got None"),
        (
            {"MaximumFailurePercentage": "0"},
            "Gate: MaximumFailurePercentage must be between 0.01 and 100, got 0.0",
        ),
        ({"DrainInMinutes": "16"}, "Gate: DrainInMinutes must be between 1 and 15, got 16"),
        ({"OnFailure": "report"}, "Gate: OnFailure must be FAIL or REPORT, got 'report'"),
        ({"MaximumFailurePercentage": "x"}, "Gate: MaximumFailurePercentage must be a number, got 'x'"),
        ({"MinimumDevices": "0.5"}, "Gate: MinimumDevices must be a whole number, got 0.5"),
        ({"TimeoutInMinutes": "46"}, "Gate: TimeoutInMinutes must be between 1 and 45, got 46"),
        ({"TimeoutInMinutes": None}, "Gate: TimeoutInMinutes must be a number, got None"),
    ],
)
def test_an_invalid_gate_is_refused(changes: dict[str, Any], message: str) -> None:
    """The error for a gate beyond a limit has the member, the value and the limit."""
    with pytest.raises(FatalError) as refused:
        Gate.from_properties({"Gate": {**GATE, **changes}})
    assert message in str(refused.value)


def test_the_deployed_tag_keeps_the_counts_of_the_job() -> None:
    """The attributes of a later event are read from the deployed tag that was set when the gate passed."""
    tag = deployed_tag(JobProgress(status="COMPLETED", succeeded=98, failed=1, timed_out=1), 93.4)
    assert tag == "succeeded=98 failed=2 seconds=93"
    counts = {"DevicesSucceeded": "98", "DevicesFailed": "2", "SecondsWaited": "93"}
    others = {"FailedDevices": "", "AlarmsWithoutData": "", "GateResult": "passed"}
    assert gate_attributes(tag) == {**counts, **others}
    assert set(gate_attributes("true").values()) == {""}


@pytest.mark.parametrize(
    ("things", "kept"),
    [
        (["a", "b"], "a,b"),
        (list("abcdefg"), "a,b,c,d,e"),
        (["a" * 60, "b" * 60], "a" * 60),
        (["a" * 128], ""),
    ],
)
def test_the_deployed_tag_keeps_the_first_devices_that_have_failed(things: list[str], kept: str) -> None:
    """As many of the first five names as fit into the tag are an attribute of later events too."""
    tag = deployed_tag(JobProgress(status="COMPLETED", succeeded=98, failed=2), 93, things)
    marked = with_operation(tag, 1_700_000_000, first=1_600_000_000)
    assert gate_attributes(marked)["FailedDevices"] == kept
    assert gate_attributes(marked)["DevicesFailed"] == "2"
    limits.TAG_VALUE.check("deployed", marked)


def test_without_devices_the_deployed_tag_has_more_room_for_the_reason() -> None:
    """The reason of a gate that only reports has what the names of devices leave of the tag."""
    tag = deployed_tag(JobProgress(status="", succeeded=98, failed=2), 93, problem="long " * 99)
    assert len(gate_attributes(tag)["GateResult"]) > 170
    limits.TAG_VALUE.check("deployed", with_operation(tag, 1_700_000_000, first=1_600_000_000))


@pytest.mark.parametrize(
    ("alarms", "kept"),
    [
        (["crash rate", "a/b:c"], "crash-rate,a/b:c"),
        (["a" * 60, "b"], ""),
        (["a" * 40, "b" * 40], "a" * 40),
    ],
)
def test_the_deployed_tag_keeps_alarms_without_data(alarms: list[str], kept: str) -> None:
    """The names that fit are an attribute of later events too, beside devices that have failed."""
    tag = deployed_tag(JobProgress(status="", succeeded=98, failed=2), 93, ["a" * 85], without_data=alarms)
    marked = with_operation(tag, 1_700_000_000, first=1_600_000_000)
    found = gate_attributes(marked)
    assert (found["AlarmsWithoutData"], found["FailedDevices"], found["GateResult"]) == (kept, "a" * 85, "passed")
    limits.TAG_VALUE.check("deployed", marked)


PARTIAL: dict[str, Any] = {"succeeded": 0, "failed": 1, "queued": 1}


@pytest.mark.parametrize(("waited", "action"), [(0, Action.WAIT), (60, Action.WAIT), (60.1, Action.STOP)])
def test_the_first_minute_judges_no_share(waited: float, action: Action) -> None:
    """A share of the devices is not judged while the job may show only some of them."""
    lenient = gate(success_percentage="90", maximum_failures=9)
    assert evaluate(lenient, waited=waited, **PARTIAL)[0] is action
    assert evaluate(lenient, waited=waited, status="COMPLETED", succeeded=0, failed=1)[0] is Action.STOP


def test_the_first_minute_judges_failures() -> None:
    """More failures than are allowed stop a rollout at once, since their number only grows."""
    assert evaluate(gate(), waited=0, **PARTIAL)[0] is Action.STOP


@pytest.mark.parametrize(("waited", "action"), [(1800, Action.WAIT), (1800.1, Action.STOP)])
def test_a_gate_times_out_after_its_timeout(waited: float, action: Action) -> None:
    """A gate waits for exactly its timeout."""
    assert evaluate(gate(), waited=waited, queued=1)[0] is action


@pytest.mark.parametrize(("left", "action"), [(0.1, Action.WAIT), (0, Action.STOP)])
def test_a_gate_ends_with_the_time_of_its_deploy(left: float, action: Action) -> None:
    """A gate fails when the deploy has no time left."""
    assert evaluate(gate(), left=left, queued=1)[0] is action
