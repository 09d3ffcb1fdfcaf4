"""Gates of each kind at their edges, over fleets that do what fleets do."""

import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from aws_cdk import Duration

from cdk_iot_ota import AbortCriterion, FailureType, RolloutGate, RolloutRate
from cdk_iot_ota_local import Behaviour, LocalAws, leftovers
from tests.end_to_end.support.gate_scenarios import Devices, Run, Scenario, Stage, seen_by_the_gate, told_by_the_devices

pytestmark = pytest.mark.local_only("plays many deploys at once, with fleets that AWS would have to have")

FAIL, REJECT, SILENT = Behaviour.FAIL, Behaviour.REJECT, Behaviour.SILENT
MINUTE = Duration.minutes(1)
AT_ONCE = 6
# A look comes every five seconds, and CloudFormation has to roll back; this machine may be busy.
LONGEST = 30
DEVICES = int(os.environ.get("DEVICES", "1000"))


def devices(behaviours: dict[int | str, Behaviour], size: int = 6) -> Devices:
    """Some, of which some misbehave."""
    return Devices(size=size, behaviours=behaviours)


def slow(behaviours: dict[int | str, Behaviour]) -> Devices:
    """Of which most have not begun when the first ones have failed."""
    return Devices(size=20, behaviours=behaviours, work_seconds=0.5)


def large(work_seconds: float = 0) -> Devices:
    """Of which one percent fails."""
    return Devices(
        size=DEVICES, behaviours=dict.fromkeys(range(0, DEVICES, 100), FAIL), work_seconds=work_seconds, workers=16
    )


def nth(number: int, *statuses: str) -> Callable[[Run], float]:
    """When so many devices had said so."""
    return lambda run: run.told(*statuses)[number - 1]


def a_minute_after_the_first_has_begun(run: Run) -> float:
    """The shortest in-progress timeout."""
    return run.told("IN_PROGRESS")[0] + 60


def a_minute_after_the_creation(run: Run) -> float:
    """The shortest timeout of a gate."""
    return run.created + 60


def somebody_said_so(run: Run) -> float:
    """Somebody did something about the job."""
    return run.meant


def cancel(aws: LocalAws, job_id: str) -> None:
    """Somebody stops the rollout."""
    aws.client("iot").cancel_job(jobId=job_id, comment="support is called too often")


def delete(aws: LocalAws, job_id: str) -> None:
    """Somebody removes the job."""
    aws.client("iot").delete_job(jobId=job_id, force=True)


# Those that take a minute come first: the others are played meanwhile.
SCENARIOS = [
    Scenario(
        name="half-silent",
        gate=RolloutGate(),
        devices=devices(dict.fromkeys((0, 2, 4), SILENT)),
        options={"in_progress_timeout": MINUTE},
        failure="[1-3] failures?, and at most 0 are allowed",
        decisive=a_minute_after_the_first_has_begun,
    ),
    Scenario(
        name="timeout",
        gate=RolloutGate(timeout=MINUTE),
        devices=devices({5: SILENT}),
        failure="the devices were not through after [67][0-9] s",
        decisive=a_minute_after_the_creation,
    ),
    Scenario(
        name="in-time",
        gate=RolloutGate(timeout=MINUTE),
        devices=Devices(size=1, work_seconds=30),
        decisive=nth(1, "SUCCEEDED"),
    ),
    Scenario(
        name="no-device",
        gate=RolloutGate(),
        devices=Devices(size=0),
        failure="the job has 0 devices, and at least 1 must take it",
        decisive=a_minute_after_the_creation,
    ),
    Scenario(
        name="job-deleted",
        gate=RolloutGate(),
        devices=slow({}),
        meanwhile=delete,
        failure="its job is not there, somebody has deleted it",
        counted=False,
        decisive=a_minute_after_the_creation,
    ),
    Scenario(name="all-succeed", gate=RolloutGate(), decisive=nth(6, "SUCCEEDED")),
    Scenario(
        name="third-fails",
        gate=RolloutGate(),
        devices=slow({2: FAIL}),
        failure="1 failure, and at most 0 are allowed",
        decisive=nth(1, "FAILED"),
    ),
    Scenario(
        name="two-may-fail",
        gate=RolloutGate(maximum_failures=2, success_percentage=66.66),
        devices=devices({0: FAIL, 1: REJECT}),
        decisive=nth(4, "SUCCEEDED"),
    ),
    Scenario(
        name="two-fail-one-may",
        gate=RolloutGate(maximum_failures=1, success_percentage=50),
        devices=slow({0: FAIL, 3: REJECT}),
        failure="2 failures, and at most 1 are allowed",
        decisive=nth(2, "FAILED", "REJECTED"),
    ),
    Scenario(
        name="percentage",
        gate=RolloutGate(maximum_failures=20, success_percentage=90),
        devices=devices({0: FAIL, 1: FAIL}, size=20),
        decisive=nth(18, "SUCCEEDED"),
    ),
    Scenario(
        name="percentage-out-of-reach",
        gate=RolloutGate(maximum_failures=20, success_percentage=90.01),
        devices=slow({0: FAIL, 3: FAIL}),
        failure="90.01 % of the devices can no longer succeed",
        decisive=nth(2, "FAILED"),
    ),
    Scenario(name="enough-devices", gate=RolloutGate(minimum_devices=6), decisive=nth(6, "SUCCEEDED")),
    Scenario(
        name="too-few-devices",
        gate=RolloutGate(minimum_devices=7),
        failure="the job has 6 devices, and at least 7 must take it",
        decisive=nth(6, "SUCCEEDED"),
    ),
    Scenario(
        name="aborted",
        gate=RolloutGate(maximum_failures=20, success_percentage=50),
        devices=slow(dict.fromkeys((1, 3), FAIL)),
        options={
            "abort_criteria": [AbortCriterion(failure=FailureType.FAILED, threshold_percentage=10, minimum_executed=4)]
        },
        failure="its job is CANCELED, Abort criteria for failure type FAILED with threshold 10",
        decisive=nth(2, "FAILED"),
    ),
    Scenario(
        name="canceled-by-hand",
        gate=RolloutGate(),
        devices=slow({}),
        meanwhile=cancel,
        failure="its job is CANCELED, support is called too often",
        decisive=somebody_said_so,
    ),
    Scenario(
        name="exponential",
        gate=RolloutGate(),
        options={"rollout": RolloutRate.exponential(base_per_minute=60, increment_factor=2, after_succeeded=2)},
        decisive=nth(6, "SUCCEEDED"),
    ),
    Scenario(
        name="exponential-fails",
        gate=RolloutGate(),
        options={"rollout": RolloutRate.exponential(base_per_minute=5, increment_factor=2, after_succeeded=10)},
        devices=devices({3: FAIL}, size=20),
        failure="1 failure, and at most 0 are allowed",
        decisive=nth(1, "FAILED"),
    ),
    Scenario(
        name="large",
        gate=RolloutGate(success_percentage=99, maximum_failures=DEVICES // 100, minimum_devices=DEVICES),
        devices=large(),
        decisive=nth(DEVICES - DEVICES // 100, "SUCCEEDED"),
    ),
    Scenario(
        name="large-fails",
        gate=RolloutGate(success_percentage=98, maximum_failures=DEVICES // 200),
        devices=large(0.1),
        failure=f"[0-9]+ failures, and at most {DEVICES // 200} are allowed",
        decisive=nth(DEVICES // 200 + 1, "FAILED"),
    ),
]


@pytest.fixture(scope="module")
def plays(
    aws: LocalAws, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[dict[str, Future[Run]]]:
    """All scenarios that are asked for, on an AWS that takes a second for each step."""
    calls = [getattr(item, "callspec", None) for item in request.session.items]
    asked = [call.params["scenario"] for call in calls if call is not None and "scenario" in call.params]
    aws.settings.update(step_seconds=1)
    stages = [Stage(aws, one, tmp_path_factory.mktemp(one.name)) for one in SCENARIOS if one in asked]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {stage.scenario.name: pool.submit(stage.play) for stage in stages}
    aws.settings.reset()
    assert not leftovers(aws)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_a_gate(scenario: Scenario, plays: dict[str, Future[Run]]) -> None:
    """It passes or fails with the right words and counts; when it has failed, no device begins any more."""
    run = plays[scenario.name].result()
    began, after = run.told("IN_PROGRESS"), run.ended - scenario.decisive(run)
    late = [time for time in began if time > run.stopped]
    print(f"{scenario}: ended {after:.1f} s after it was clear, {len(began)} had begun, {len(late)} of them late")
    if scenario.failure:
        check_failure(scenario, run)
    else:
        check_success(scenario, run)
    assert late == []
    assert 0 <= after < LONGEST


def check_failure(scenario: Scenario, run: Run) -> None:
    """The failure says why, and its counts are those of the devices at a moment of the deploy."""
    assert re.search(rf"the gate has failed: {scenario.failure}", run.failure), run.failure
    if not scenario.counted:
        return
    seen = seen_by_the_gate(run)
    failures = sum(seen[name] for name in ("failed", "rejected", "timed_out", "canceled"))
    assert seen["devices"] == seen["succeeded"] + failures + seen["in_progress"] + seen["queued"]
    # A rollout that grows has not reached all of them.
    size = scenario.devices.size
    assert seen["devices"] in (range(1, size + 1) if "rollout" in scenario.options else [size])
    if said := re.search(r"failed: (\d+) failures?, and", run.failure):
        assert int(said[1]) == failures
    # A device that has timed out has said nothing, and those that were canceled had not begun.
    told = {name: seen[name] for name in ("succeeded", "failed", "rejected")}
    assert was_so(run, {**told, "working": seen["in_progress"] + seen["timed_out"]}, scenario.devices.workers - 1)


def check_success(scenario: Scenario, run: Run) -> None:
    """The attributes are what the devices have said by then, and how long that took."""
    assert run.failure == ""
    names = ("DevicesSucceeded", "DevicesFailed", "SecondsWaited")
    succeeded, failed, waited = (int(run.outputs[name]) for name in names)
    assert succeeded * 100 >= scenario.gate.success_percentage * scenario.devices.size
    assert failed <= scenario.gate.maximum_failures
    assert scenario.decisive(run) - run.created - 2 <= waited <= run.ended - run.created + 2


def was_so(run: Run, counts: dict[str, int], tolerance: int) -> bool:
    """Whether the devices had said this at some moment; those that speak at once may be heard in another order."""
    return any(
        all(abs(moment[name] - count) <= tolerance for name, count in counts.items())
        for moment in told_by_the_devices(run)
    )
