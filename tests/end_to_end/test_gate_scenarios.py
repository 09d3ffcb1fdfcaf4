"""Gates at the limits of each of their settings, with fleets of different behaviour."""

import math
import os
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from aws_cdk import Duration

from cdk_iot_ota import AbortCriterion, FailureType, RolloutGate, RolloutRate
from cdk_iot_ota_handler.ota_update.contract import timeouts
from cdk_iot_ota_local import CLASSIC, Behaviour, LocalAws, leftovers
from tests.end_to_end.support.concurrency import wait_until
from tests.end_to_end.support.gate_scenarios import (
    Devices,
    Run,
    Scenario,
    ScenarioDeployment,
    counts_in_failure,
    reported_counts,
    set_alarm,
)

pytestmark = pytest.mark.local_only("runs many deploys in parallel, each with its own fleet")

FAIL, REJECT, SILENT, STUCK = Behaviour.FAIL, Behaviour.REJECT, Behaviour.SILENT, Behaviour.STUCK
# Agents that refuse the signature of the firmware.
OTHER_SIGNATURES = replace(CLASSIC, signature_members=("sig-sha256-rsa",))
MINUTE = Duration.minutes(1)
PARALLEL_DEPLOYS = 9
# The handler polls every five seconds, CloudFormation may roll back, and the machine may be busy.
MAXIMUM_DELAY_SECONDS = 30
DEVICES = int(os.environ.get("DEVICES", "1000"))
FEW = DEVICES // 200
# Longer than the update takes, and its bake time after that.
THROTTLED_SECONDS = 75


def devices(behaviours: dict[int | str, Behaviour], size: int = 6) -> Devices:
    """Return a fleet of which some devices misbehave."""
    return Devices(size=size, behaviours=behaviours)


def slow(behaviours: dict[int | str, Behaviour]) -> Devices:
    """Return a fleet of which most devices have not started when the first ones fail."""
    return Devices(size=20, behaviours=behaviours, work_seconds=0.5)


def large(failures: int, work_seconds: float = 0) -> Devices:
    """Return a large fleet of which so many devices fail, one of a hundred."""
    return Devices(
        size=DEVICES,
        behaviours=dict.fromkeys(range(0, 100 * failures, 100), FAIL),
        work_seconds=work_seconds,
        workers=16,
    )


def nth(number: int, *statuses: str) -> Callable[[Run], float]:
    """Return a function for the time at which that many devices had reported one of the statuses."""
    return lambda run: run.report_times(*statuses)[number - 1]


def a_minute_after_the_first_start(run: Run) -> float:
    """Return when the first device runs into the shortest in-progress timeout."""
    return run.report_times("IN_PROGRESS")[0] + 60


def a_minute_after_the_creation(run: Run) -> float:
    """Return when the shortest timeout of a gate ends."""
    return run.created + 60


def intervention(run: Run) -> float:
    """Return when the job was canceled or deleted by hand."""
    return run.intervened


def cancel(aws: LocalAws, job_id: str) -> None:
    """Cancel the job by hand."""
    aws.client("iot").cancel_job(jobId=job_id, comment="support is called too often")


def delete(aws: LocalAws, job_id: str) -> None:
    """Delete the job by hand."""
    aws.client("iot").delete_job(jobId=job_id, force=True)


def ring(*changes: tuple[str, str]) -> Callable[[LocalAws, str], None]:
    """Return an intervention that sets alarms by hand, one after the other."""

    def intervene(aws: LocalAws, _: str) -> None:
        for name, state in changes:
            set_alarm(aws, name, state)

    return intervene


def ring_in_bake(name: str) -> Callable[[LocalAws, str], None]:
    """Return an intervention that waits for the bake time, and lets an alarm ring."""

    def intervene(aws: LocalAws, job_id: str) -> None:
        iot: Any = aws.client("iot")
        update = iot.get_ota_update(otaUpdateId=job_id.removeprefix("AFR_OTA-"))["otaUpdateInfo"]["otaUpdateArn"]
        wait_until(lambda: "proven" in str(iot.list_tags_for_resource(resourceArn=update)["tags"]))
        time.sleep(1.5)  # the tag and the alarm have whole seconds
        set_alarm(aws, name, "ALARM")

    return intervene


def remove_alarm(name: str) -> Callable[[LocalAws, str], None]:
    """Return an intervention that deletes an alarm."""

    def intervene(aws: LocalAws, _: str) -> None:
        client: Any = aws.client("cloudwatch")
        client.delete_alarms(AlarmNames=[name])

    return intervene


def throttle(name: str, **options: float) -> Callable[..., None]:
    """Return an intervention that throttles calls that read an alarm."""

    def intervene(aws: LocalAws, *_: str) -> None:
        aws.faults.add("throttle", "DescribeAlarms", id_prefix=name, **options)

    return intervene


def alarm_reads(run: Run, fault: str | None = None) -> list[float]:
    """List when the alarms were read, or when that met a fault."""
    return [call.time for call in run.calls if call.operation == "DescribeAlarms" and call.fault == fault]


def alarm_is_read(run: Run) -> None:
    """Check that an update is created, and passes, only after the alarm was read again."""
    throttled, read = alarm_reads(run, "throttle"), alarm_reads(run)
    assert throttled[1] < read[0] < run.created
    ends = run.intervened + THROTTLED_SECONDS
    assert len([time for time in throttled if run.intervened < time < ends]) > 5
    # The fault began some milliseconds before the end of the intervention.
    assert not [time for time in read if run.intervened < time < ends - 1]
    assert throttled[-1] < read[-1] < run.ended


PHASES = {"canary": range(1), "fleet": range(1, 6)}
ONE_A_MINUTE = {"rollout": RolloutRate.constant(maximum_per_minute=1)}


def second_phase_never_begins(run: Run) -> None:
    """Check that the second phase has no update, and that none of its devices has begun."""
    assert len(run.updates) == 1
    assert {report.thing for report in run.reports} == {"phases-first-rings-0000"}


def first_phase_stays_decided(run: Run) -> None:
    """Check that the first phase has passed, and is only deleted by the rollback after the second one has failed."""
    first, second = run.updates
    assert "Rolloutfleet" in run.failure
    assert "Rolloutcanary" not in run.failure
    calls = [call for call in run.calls if call.ota_update_id == first]
    later = [call for call in calls if call.time > run.created]
    assert calls[-len(later) - 1].operation == "TagResource"
    assert {call.operation for call in later} == {"GetOTAUpdate", "ListTagsForResource", "DeleteOTAUpdate"}
    assert min(call.time for call in later) > run.stopped
    assert len({report.thing for report in run.reports if report.job_id.endswith(second)}) == 1


BAKE = RolloutGate(bake_time=MINUTE)

# Scenarios that take a minute come first, and the others run in parallel to them.
SCENARIOS = [
    Scenario(
        name="alarm-throttled",
        gate=BAKE,
        alarms={"crashes": "OK"},
        prepare=throttle("alarm-throttled-crashes", times=2),
        intervene=throttle("alarm-throttled-crashes", for_seconds=THROTTLED_SECONDS),
        outcome_time=lambda run: run.intervened + THROTTLED_SECONDS,
        check=alarm_is_read,
    ),
    Scenario(
        name="three-reasons",
        gate=RolloutGate(maximum_failures=3, success_percentage=40),
        devices=Devices(size=5, behaviours={0: STUCK, 1: REJECT}, profiles=dict.fromkeys((2, 3), OTHER_SIGNATURES)),
        options={"in_progress_timeout": MINUTE},
        failure="4 failures, and at most 3 are allowed",
        failed_devices=(
            '2 failed with "0x000000e3: 0x00000000" [(]three-reasons-000[23], three-reasons-000[23][)]; '
            '1 rejected it with "configured to reject" [(]three-reasons-0001[)]; '
            '1 timed out in self test "active" [(]three-reasons-0000[)]'
        ),
        outcome_time=a_minute_after_the_first_start,
    ),
    Scenario(
        name="half-silent",
        gate=RolloutGate(),
        devices=devices(dict.fromkeys((0, 2, 4), SILENT)),
        options={"in_progress_timeout": MINUTE},
        failure="[1-3] failures?, and at most 0 are allowed",
        outcome_time=a_minute_after_the_first_start,
    ),
    Scenario(
        name="timeout",
        gate=RolloutGate(timeout=MINUTE),
        devices=devices({5: SILENT}),
        failure="timed out after [67][0-9] s",
        outcome_time=a_minute_after_the_creation,
    ),
    Scenario(
        name="in-time",
        gate=RolloutGate(timeout=MINUTE),
        devices=Devices(size=1, work_seconds=30),
        outcome_time=nth(1, "SUCCEEDED"),
    ),
    Scenario(
        name="no-device",
        gate=RolloutGate(),
        devices=Devices(size=0),
        failure="the job has 0 devices, and at least 1 are required",
        outcome_time=a_minute_after_the_creation,
    ),
    Scenario(
        name="job-deleted",
        gate=RolloutGate(),
        devices=slow({}),
        intervene=delete,
        failure="its job does not exist, it was deleted outside of the stack",
        has_counts=False,
        outcome_time=a_minute_after_the_creation,
    ),
    Scenario(
        name="bakes",
        gate=BAKE,
        alarms={"quiet": "OK", "new": "INSUFFICIENT_DATA", "both": "ALARM(bakes-quiet) AND ALARM(bakes-new)"},
        outcome_time=lambda run: run.report_times("SUCCEEDED")[5] + 60,
    ),
    Scenario(
        name="alarm-before",
        gate=BAKE,
        alarms={"crashes": "ALARM"},
        refusal="the update was not created: alarm alarm-before-crashes is in ALARM since .* [(]set by hand[)]: wait",
        outcome_time=lambda run: alarm_reads(run)[0],
    ),
    Scenario(
        name="alarm-missing",
        gate=BAKE,
        alarms={"crashes": ""},
        refusal="the update was not created: alarm alarm-missing-crashes does not exist in this account and Region",
        outcome_time=lambda run: alarm_reads(run)[0] + timeouts.ALARM_LAG,
    ),
    Scenario(
        name="alarm-rollout",
        gate=BAKE,
        devices=slow({}),
        alarms={"crashes": "OK", "any": "ALARM(alarm-rollout-crashes)"},
        watched=["any"],
        intervene=ring(("alarm-rollout-crashes", "ALARM")),
        failure="alarm alarm-rollout-any went to ALARM [0-9]+ s after the update began",
        outcome_time=intervention,
    ),
    Scenario(
        name="alarm-in-bake",
        gate=BAKE,
        alarms={"crashes": "OK"},
        intervene=ring_in_bake("alarm-in-bake-crashes"),
        failure="alarm alarm-in-bake-crashes went to ALARM .* after the update began, [0-9]+ s into its bake time",
        outcome_time=intervention,
    ),
    Scenario(
        name="alarm-once",
        gate=BAKE,
        devices=slow({}),
        alarms={"crashes": "OK"},
        intervene=ring(("alarm-once-crashes", "ALARM"), ("alarm-once-crashes", "OK")),
        failure="alarm alarm-once-crashes went to ALARM .* after the update began, and is OK again",
        outcome_time=intervention,
    ),
    Scenario(
        name="alarm-removed",
        gate=BAKE,
        alarms={"crashes": "OK"},
        intervene=remove_alarm("alarm-removed-crashes"),
        failure="alarm alarm-removed-crashes no longer exists",
        outcome_time=lambda run: run.intervened + timeouts.ALARM_PATIENCE,
    ),
    Scenario(
        name="phases-first-rings",
        gate=BAKE,
        phases=PHASES,
        options=ONE_A_MINUTE,
        alarms={"crashes": "OK"},
        intervene=ring_in_bake("phases-first-rings-crashes"),
        failure="alarm phases-first-rings-crashes went to ALARM .* began, [0-9]+ s into its bake time",
        outcome_time=intervention,
        check=second_phase_never_begins,
    ),
    Scenario(
        name="phases-second-rings",
        gate=RolloutGate(bake_time=Duration.minutes(0)),
        phases=PHASES,
        options=ONE_A_MINUTE,
        alarms={"crashes": "OK"},
        # The device of the first phase starts and succeeds, and one of the second starts.
        reports=3,
        intervene=ring(("phases-second-rings-crashes", "ALARM")),
        failure="alarm phases-second-rings-crashes went to ALARM [0-9]+ s after the update began",
        outcome_time=intervention,
        check=first_phase_stays_decided,
    ),
    Scenario(name="all-succeed", gate=RolloutGate(), outcome_time=nth(6, "SUCCEEDED")),
    Scenario(
        name="third-fails",
        gate=RolloutGate(),
        devices=slow({2: FAIL}),
        failure="1 failure, and at most 0 are allowed",
        outcome_time=nth(1, "FAILED"),
    ),
    Scenario(
        name="two-may-fail",
        gate=RolloutGate(maximum_failures=2, success_percentage=66.66),
        devices=devices({0: FAIL, 1: REJECT}),
        outcome_time=nth(4, "SUCCEEDED"),
    ),
    Scenario(
        name="two-fail-one-may",
        gate=RolloutGate(maximum_failures=1, success_percentage=50),
        devices=slow({0: FAIL, 3: REJECT}),
        failure="2 failures, and at most 1 are allowed",
        outcome_time=nth(2, "FAILED", "REJECTED"),
    ),
    Scenario(
        name="percentage",
        gate=RolloutGate(maximum_failures=20, success_percentage=90),
        devices=devices({0: FAIL, 1: FAIL}, size=20),
        outcome_time=nth(18, "SUCCEEDED"),
    ),
    Scenario(
        name="percentage-out-of-reach",
        gate=RolloutGate(maximum_failures=20, success_percentage=90.01),
        devices=slow({0: FAIL, 3: FAIL}),
        failure="90.01 % of the devices can no longer succeed",
        outcome_time=nth(2, "FAILED"),
    ),
    Scenario(name="enough-devices", gate=RolloutGate(minimum_devices=6), outcome_time=nth(6, "SUCCEEDED")),
    Scenario(
        name="too-few-devices",
        gate=RolloutGate(minimum_devices=7),
        failure="the job has 6 devices, and at least 7 are required",
        outcome_time=nth(6, "SUCCEEDED"),
    ),
    Scenario(
        name="aborted",
        gate=RolloutGate(maximum_failures=20, success_percentage=50),
        devices=slow(dict.fromkeys((1, 3), FAIL)),
        options={
            "abort_criteria": [AbortCriterion(failure=FailureType.FAILED, threshold_percentage=10, minimum_executed=4)]
        },
        failure="its job is CANCELED, Abort criteria for failure type FAILED with threshold 10",
        outcome_time=nth(2, "FAILED"),
    ),
    Scenario(
        name="canceled-by-hand",
        gate=RolloutGate(),
        devices=slow({}),
        intervene=cancel,
        failure="its job is CANCELED, support is called too often",
        outcome_time=intervention,
    ),
    Scenario(
        name="exponential",
        gate=RolloutGate(),
        options={"rollout": RolloutRate.exponential(base_per_minute=60, increment_factor=2, after_succeeded=2)},
        outcome_time=nth(6, "SUCCEEDED"),
    ),
    Scenario(
        name="exponential-fails",
        gate=RolloutGate(),
        options={"rollout": RolloutRate.exponential(base_per_minute=5, increment_factor=2, after_succeeded=10)},
        devices=devices({3: FAIL}, size=20),
        failure="1 failure, and at most 0 are allowed",
        outcome_time=nth(1, "FAILED"),
    ),
    Scenario(
        name="large",
        gate=RolloutGate(success_percentage=99, maximum_failures=DEVICES // 100, minimum_devices=DEVICES),
        devices=large(DEVICES // 100),
        outcome_time=nth(DEVICES - DEVICES // 100, "SUCCEEDED"),
    ),
    Scenario(
        name="large-fails",
        gate=RolloutGate(success_percentage=98, maximum_failures=FEW),
        devices=large(FEW + 1, work_seconds=0.1),
        failure=f"{FEW + 1} failures, and at most {FEW} are allowed",
        failed_devices=rf'{FEW + 1} failed with "configured to fail" [(]large-fails-\d+00, large-fails-\d+00, …[)]',
        outcome_time=nth(FEW + 1, "FAILED"),
    ),
]


@pytest.fixture(scope="module")
def runs(
    aws: LocalAws, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[dict[str, Future[Run]]]:
    """Run all selected scenarios, on an AWS that takes a second for each step."""
    calls = [getattr(item, "callspec", None) for item in request.session.items]
    selected = [call.params["scenario"] for call in calls if call is not None and "scenario" in call.params]
    aws.settings.update(step_seconds=1)
    deployments = [
        ScenarioDeployment(aws, one, tmp_path_factory.mktemp(one.name)) for one in SCENARIOS if one in selected
    ]
    with ThreadPoolExecutor(PARALLEL_DEPLOYS) as pool:
        yield {one.scenario.name: pool.submit(one.run) for one in deployments}
    aws.settings.reset()
    aws.faults.clear()
    assert not leftovers(aws)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_a_gate(scenario: Scenario, runs: dict[str, Future[Run]]) -> None:
    """A gate ends in time with the right reason and counts, and after a failure no device starts the job."""
    run = runs[scenario.name].result()
    started, certain = run.report_times("IN_PROGRESS"), scenario.outcome_time(run)
    # A failure is held back for some time since the event, which begins before the creation.
    delay = run.ended - max(certain, run.created + timeouts.GATED_CREATION if scenario.failure else 0)
    late = [time for time in started if time > run.stopped]
    print(f"{scenario}: ended {delay:.1f} s after the outcome was certain, {len(started)} started, {len(late)} late")
    if run.failure:
        print(run.failure.partition(" (see log group")[0])
    if scenario.refusal:
        check_refusal(scenario, run)
    elif scenario.failure:
        check_failure(scenario, run)
    else:
        check_success(scenario, run)
    if scenario.check is not None:
        scenario.check(run)
    assert late == []
    assert certain <= run.ended
    assert delay < MAXIMUM_DELAY_SECONDS


def check_refusal(scenario: Scenario, run: Run) -> None:
    """Check the reason of the failure, and that the update was looked for and not created."""
    assert re.search(scenario.refusal, run.failure), run.failure
    assert "GetOTAUpdate" in {call.operation for call in run.calls}
    assert (run.updates, run.reports) == ([], [])


def check_failure(scenario: Scenario, run: Run) -> None:
    """Check the reason of the failure, and that the devices had its counts at some moment of the deploy."""
    assert re.search(rf"the gate has failed: {scenario.failure}", run.failure), run.failure
    assert run.updates
    # Otherwise no device would be late, whenever it has begun.
    assert run.created < run.stopped < math.inf
    if not scenario.has_counts:
        return
    counts = counts_in_failure(run)
    failures = sum(counts[name] for name in ("failed", "rejected", "timed_out", "canceled"))
    assert counts["devices"] == counts["succeeded"] + failures + counts["in_progress"] + counts["queued"]
    if scenario.failed_devices:
        assert re.search(rf" queued[)]: {scenario.failed_devices}", run.failure), run.failure
    # A rollout may not have reached all of them.
    size = scenario.devices.size
    assert counts["devices"] in (range(1, size + 1) if "rollout" in scenario.options else [size])
    if reported := re.search(r"failed: (\d+) failures?, and", run.failure):
        assert int(reported[1]) == failures
    # A device that timed out has reported only its start, and a canceled one not even that.
    final = {name: counts[name] for name in ("succeeded", "failed", "rejected")}
    assert had_counts(
        run, {**final, "working": counts["in_progress"] + counts["timed_out"]}, scenario.devices.workers - 1
    )


def check_success(scenario: Scenario, run: Run) -> None:
    """Check that the attributes fit the reports of the devices and the duration of the deploy."""
    assert run.failure == ""
    assert run.updates
    names = ("DevicesSucceeded", "DevicesFailed", "SecondsWaited")
    succeeded, failed, waited = (int(run.outputs[name]) for name in names)
    assert succeeded * 100 >= (scenario.gate.success_percentage or 100) * scenario.devices.size
    assert failed <= (scenario.gate.maximum_failures or 0)
    assert scenario.outcome_time(run) - run.created - 2 <= waited <= run.ended - run.created + 2


def had_counts(run: Run, counts: dict[str, int], tolerance: int) -> bool:
    """Return True if the devices had these counts at some moment; the order of concurrent reports may differ."""
    return any(
        all(abs(moment[name] - count) <= tolerance for name, count in counts.items()) for moment in reported_counts(run)
    )
