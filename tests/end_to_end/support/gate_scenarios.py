"""Deploys with a gate, each with its own fleet and many in parallel, and a record of each."""

import math
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_cloudwatch as cloudwatch

from cdk_iot_ota import OtaTarget, OtaUpdate, Phase, PhasedRollout, RolloutGate
from cdk_iot_ota._synth.naming import id_prefix
from cdk_iot_ota_local import Behaviour, Fleet, LocalAws, Profile
from cdk_iot_ota_local.calls import Call
from cdk_iot_ota_local.devices.jobs import Report
from tests.end_to_end.support.concurrency import in_background, wait_until
from tests.end_to_end.support.declarations import firmware
from tests.end_to_end.support.deployment import Deployment, DeploymentError
from tests.signing_key import certificate

COUNTS = re.compile(
    r"\((?P<succeeded>\d+) of (?P<devices>\d+) devices succeeded, (?P<failed>\d+) failed, "
    r"(?P<rejected>\d+) rejected it, (?P<timed_out>\d+) timed out, (?P<canceled>\d+) were canceled, "
    r"(?P<in_progress>\d+) in progress, (?P<queued>\d+) queued\)"
)


@dataclass(kw_only=True)
class Run:
    """The record of a deploy. Times are those of `time.time()`.

    begun: when the deploy began. reports: the status reports of the devices. calls: those about the updates and alarms
    of the deploy. intervened: when the scenario's intervention was done, if it has one.
    """

    begun: float = 0
    outputs: Mapping[str, str] = field(default_factory=dict)
    failure: str = ""
    reports: list[Report] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    intervened: float = 0
    ended: float = 0

    @property
    def updates(self) -> list[str]:
        """The updates that AWS IoT has created, in order: one, or one of each phase that has begun."""
        return [call.ota_update_id or "" for call in self._accepted("CreateOTAUpdate")]

    @property
    def created(self) -> float:
        """When AWS IoT accepted the creation of the last update; 0 if there is none."""
        return max((call.time for call in self._accepted("CreateOTAUpdate")), default=0)

    @property
    def stopped(self) -> float:
        """When AWS IoT accepted that a job is canceled or deleted for the first time; infinite if there is none."""
        stops = self._accepted("CancelJob", "DeleteJob", "DeleteOTAUpdate")
        return min((call.time for call in stops), default=math.inf)

    def _accepted(self, *operations: str) -> list[Call]:
        return [call for call in self.calls if call.operation in operations and call.status == 200]

    def report_times(self, *statuses: str) -> list[float]:
        """List when devices reported one of these statuses, in order."""
        return [report.time for report in self.reports if report.status in statuses]


@dataclass(frozen=True, kw_only=True)
class Devices:
    """The arguments of a ``Fleet``. With one worker its devices start one after the other."""

    size: int = 6
    behaviours: Mapping[int | str, Behaviour] = field(default_factory=dict)
    work_seconds: float = 0
    workers: int = 1
    profiles: Mapping[int | str, Profile] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class Scenario:
    """A deploy with a gate.

    outcome_time: returns when the outcome of the gate was certain.
    failure: a pattern for the failure up to its counts; empty for a deploy that succeeds.
    has_counts: the failure includes counts.
    failed_devices: a pattern for the devices that the failure names after its counts; empty if it names none.
    prepare: called before the deploy.
    intervene: called with the update's job id as soon as devices have made so many `reports`: at the first start.
    options: further arguments of the update.
    alarms: the states of alarms by their names in the scenario; "" for one that does not exist.
    watched: the alarms that the gate watches. Default: all of them.
    refusal: a pattern for the failure of a scenario in which nothing is created.
    phases: the devices of each phase by index. Default: one update for all devices, without phases.
    check: called with the record, for what only this scenario promises.
    """

    name: str
    gate: RolloutGate
    outcome_time: Callable[[Run], float]
    failure: str = ""
    has_counts: bool = True
    failed_devices: str = ""
    prepare: Callable[[LocalAws], object] | None = None
    intervene: Callable[[LocalAws, str], object] | None = None
    reports: int = 1
    options: Mapping[str, Any] = field(default_factory=dict)
    devices: Devices = field(default_factory=Devices)
    alarms: Mapping[str, str] = field(default_factory=dict)
    watched: Sequence[str] = ()
    refusal: str = ""
    phases: Mapping[str, range] = field(default_factory=dict)
    check: Callable[[Run], object] | None = None

    def __str__(self) -> str:
        return self.name


class ScenarioDeployment:
    """The deployment of a scenario, in its own stack."""

    def __init__(self, aws: LocalAws, scenario: Scenario, folder: Path) -> None:
        self.aws, self.scenario, self._folder = aws, scenario, folder
        # Many scenarios wait for a minute, and a second more or less of a delay decides nothing.
        self.deployment = Deployment(aws, f"gate-{scenario.name}", folder, slower=10)
        self._alarms = {name: f"{scenario.name}-{name}" for name in scenario.alarms}
        self._id_prefix = ""
        self._app = self.deployment.synth(self._declare)
        for name, state in scenario.alarms.items():
            if state:
                put_alarm(aws, self._alarms[name], state)

    def _declare(self, stack: Stack) -> None:
        # Not the name of the stack: that is shortened in ids.
        self._id_prefix = id_prefix(stack)
        options: dict[str, Any] = {"files": [firmware(self._folder, "blinky")], **self.scenario.options}
        if self.scenario.phases:
            PhasedRollout(stack, "Rollout", phases=self._phases(self._gate(stack)), **options)
            return
        target = OtaTarget.thing_group(self.aws.named(self.scenario.name))
        update = OtaUpdate(stack, "Blinky", targets=[target], gate=self._gate(stack), **options)
        CfnOutput(stack, "DevicesSucceeded", value=update.devices_succeeded)
        CfnOutput(stack, "DevicesFailed", value=update.devices_failed)
        CfnOutput(stack, "SecondsWaited", value=update.seconds_waited)

    def _phases(self, gate: RolloutGate) -> list[Phase]:
        name = self.aws.named(self.scenario.name)
        return [
            Phase(phase, targets=[OtaTarget.thing(f"{name}-{index:04d}") for index in indices], gate=gate)
            for phase, indices in self.scenario.phases.items()
        ]

    def _gate(self, stack: Stack) -> RolloutGate:
        watched = self.scenario.watched or self.scenario.alarms
        alarms = [cloudwatch.Alarm.from_alarm_name(stack, name, self._alarms[name]) for name in watched]
        return replace(self.scenario.gate, alarms=alarms) if alarms else self.scenario.gate

    def run(self) -> Run:
        """Deploy the stack while the devices take the update, then delete it, and return the record."""
        devices = self.scenario.devices
        with Fleet(
            self.aws,
            self.scenario.name,
            max(devices.size, 1),
            certificate=certificate(),
            behaviours=devices.behaviours,
            workers=devices.workers,
            work_seconds=devices.work_seconds,
            profiles=devices.profiles,
        ) as fleet:
            fleet.register()
            if not devices.size:
                self._empty_group(fleet)
            fleet.start()
            if self.scenario.prepare is not None:
                self.scenario.prepare(self.aws)
            with in_background(self._deploy) as deploy:
                intervened = self._intervene(fleet)
                run = deploy.result()
        run.intervened, run.reports = intervened, list(fleet.reports)
        run.calls = [call for call in self.aws.calls.log() if self._is_ours(call)]
        if self.deployment.exists():
            self.deployment.delete()
        return run

    def _empty_group(self, fleet: Fleet) -> None:
        iot = self.aws.client("iot")
        for thing in fleet.things:
            iot.remove_thing_from_thing_group(thingGroupName=fleet.name, thingName=thing)

    def _deploy(self) -> Run:
        begun = time.time()
        try:
            run = Run(begun=begun, outputs=self.deployment.apply(self._app))
        except DeploymentError as error:
            run = Run(begun=begun, failure=str(error))
        run.ended = time.time()
        return run

    def _intervene(self, fleet: Fleet) -> float:
        if self.scenario.intervene is None:
            return 0
        wait_until(lambda: len(fleet.reports) >= self.scenario.reports)
        self.scenario.intervene(self.aws, fleet.reports[self.scenario.reports - 1].job_id)
        return time.time()

    def _is_ours(self, call: Call) -> bool:
        is_about_update = (call.ota_update_id or "").startswith(self._id_prefix)
        return is_about_update or call.alarm in self._alarms.values()


def put_alarm(aws: LocalAws, name: str, state: str) -> None:
    """Create an alarm in a state: one that has no metric with data, or a composite one for a rule in its place."""
    cloudwatch: Any = aws.client("cloudwatch")
    if "(" in state:
        cloudwatch.put_composite_alarm(AlarmName=name, AlarmRule=state)
        return
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="Devices",
        MetricName=name,
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        Statistic="Sum",
        ComparisonOperator="GreaterThanThreshold",
    )
    set_alarm(aws, name, state)


def set_alarm(aws: LocalAws, name: str, state: str) -> None:
    """Set the state of an alarm by hand."""
    client: Any = aws.client("cloudwatch")
    client.set_alarm_state(AlarmName=name, StateValue=state, StateReason="set by hand")


def counts_in_failure(run: Run) -> dict[str, int]:
    """Return the counts in the failure."""
    found = COUNTS.search(run.failure)
    assert found, run.failure
    return {name: int(count) for name, count in found.groupdict().items()}


def reported_counts(run: Run) -> Iterator[dict[str, int]]:
    """Yield the counts of the last update after each report: devices per final status, and devices still working."""
    names = {"SUCCEEDED": "succeeded", "FAILED": "failed", "REJECTED": "rejected"}
    counts = {"succeeded": 0, "failed": 0, "rejected": 0, "working": 0}
    yield dict(counts)
    for report in run.reports:
        if report.job_id != f"AFR_OTA-{run.updates[-1]}":
            continue
        if report.status == "IN_PROGRESS":
            counts["working"] += 1
        else:
            counts["working"] -= 1
            counts[names[report.status]] += 1
        yield dict(counts)
