"""Deploys with a gate and a fleet of their own, many at the same time, and what happened in each, and when."""

import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aws_cdk import CfnOutput, Stack

from cdk_iot_ota import OtaTarget, OtaUpdate, RolloutGate
from cdk_iot_ota_local import Behaviour, Fleet, LocalAws
from cdk_iot_ota_local.devices.fleet import Report
from tests.end_to_end.support.concurrency import in_background, wait_until
from tests.end_to_end.support.declarations import firmware
from tests.end_to_end.support.deployment import Deployment, DeploymentError

COUNTS = re.compile(
    r"\((?P<succeeded>\d+) of (?P<devices>\d+) devices succeeded, (?P<failed>\d+) failed, "
    r"(?P<rejected>\d+) rejected it, (?P<timed_out>\d+) timed out, (?P<canceled>\d+) were canceled, "
    r"(?P<in_progress>\d+) in progress, (?P<queued>\d+) queued\)"
)


@dataclass(kw_only=True)
class Run:
    """How a deploy went. Times are those of `time.time()`.

    reports: what the devices said. created, stopped: when AWS IoT had taken on the update, and the end of its job.
    meant: when somebody did what was to end the deploy, if somebody did.
    """

    outputs: Mapping[str, str] = field(default_factory=dict)
    failure: str = ""
    reports: list[Report] = field(default_factory=list)
    created: float = 0
    stopped: float = math.inf
    meant: float = 0
    ended: float = 0

    def told(self, *statuses: str) -> list[float]:
        """When devices said so, in order."""
        return [report.time for report in self.reports if report.status in statuses]


@dataclass(frozen=True, kw_only=True)
class Devices:
    """A fleet, see ``Fleet``. With one worker its devices begin one after the other."""

    size: int = 6
    behaviours: Mapping[int | str, Behaviour] = field(default_factory=dict)
    work_seconds: float = 0
    workers: int = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Scenario:
    """A deploy with a gate.

    decisive: from what happened, when it was that the gate could pass, or could not any more.
    failure: the words of the failure before its counts, a pattern; none for a deploy that succeeds. counted: whether
    counts follow.
    meanwhile: what somebody does to the update's job as soon as the first device has begun with it.
    options: of the update.
    """

    name: str
    gate: RolloutGate
    decisive: Callable[[Run], float]
    failure: str = ""
    counted: bool = True
    meanwhile: Callable[[LocalAws, str], object] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    devices: Devices = field(default_factory=Devices)

    def __str__(self) -> str:
        return self.name


class Stage:
    """A scenario that is being played, in a stack of its own."""

    def __init__(self, aws: LocalAws, scenario: Scenario, folder: Path) -> None:
        self.aws, self.scenario, self._folder = aws, scenario, folder
        self.deployment = Deployment(aws, f"gate-{scenario.name}", folder, poll_seconds=0.2)
        self._app = self.deployment.synth(self._declare)

    def _declare(self, stack: Stack) -> None:
        target, options = OtaTarget.thing_group(self.aws.named(self.scenario.name)), dict(self.scenario.options)
        update = OtaUpdate(
            stack,
            "Blinky",
            targets=[target],
            files=[firmware(self._folder, "blinky")],
            gate=self.scenario.gate,
            **options,
        )
        CfnOutput(stack, "DevicesSucceeded", value=update.devices_succeeded)
        CfnOutput(stack, "DevicesFailed", value=update.devices_failed)
        CfnOutput(stack, "SecondsWaited", value=update.seconds_waited)

    def play(self) -> Run:
        """Deploy and take the stack away again, while the devices work on the update."""
        of = self.scenario.devices
        with Fleet(
            self.aws,
            self.scenario.name,
            max(of.size, 1),
            behaviours=of.behaviours,
            workers=of.workers,
            work_seconds=of.work_seconds,
        ) as fleet:
            fleet.register()
            if not of.size:
                self._leave(fleet)
            fleet.start()
            with in_background(self._deploy) as deploy:
                meant = self._interfere(fleet)
                run = deploy.result()
        run.meant, run.reports = meant, list(fleet.reports)
        self._add_calls(run)
        if self.deployment.exists():
            self.deployment.delete()
        return run

    def _leave(self, fleet: Fleet) -> None:
        iot = self.aws.client("iot")
        for thing in fleet.things:
            iot.remove_thing_from_thing_group(thingGroupName=fleet.name, thingName=thing)

    def _deploy(self) -> Run:
        try:
            run = Run(outputs=self.deployment.apply(self._app))
        except DeploymentError as error:
            run = Run(failure=str(error))
        run.ended = time.time()
        return run

    def _interfere(self, fleet: Fleet) -> float:
        if self.scenario.meanwhile is None:
            return 0
        wait_until(lambda: fleet.reports)
        self.scenario.meanwhile(self.aws, fleet.reports[0].job_id)
        return time.time()

    def _add_calls(self, run: Run) -> None:
        for call in self.aws.calls.log():
            if call.status == 200 and (call.ota_update_id or "").startswith(f"{self.deployment.name}_"):
                if call.operation == "CreateOTAUpdate":
                    run.created = call.time
                elif call.operation in ("CancelJob", "DeleteJob", "DeleteOTAUpdate"):
                    run.stopped = min(run.stopped, call.time)


def seen_by_the_gate(run: Run) -> dict[str, int]:
    """The counts in the failure."""
    found = COUNTS.search(run.failure)
    assert found, run.failure
    return {name: int(count) for name, count in found.groupdict().items()}


def told_by_the_devices(run: Run) -> Iterator[dict[str, int]]:
    """The counts after each report of a device: how many have said what, and how many have begun and said no more."""
    names = {"SUCCEEDED": "succeeded", "FAILED": "failed", "REJECTED": "rejected"}
    counts = {"succeeded": 0, "failed": 0, "rejected": 0, "working": 0}
    yield dict(counts)
    for report in run.reports:
        if report.status == "IN_PROGRESS":
            counts["working"] += 1
        else:
            counts["working"] -= 1
            counts[names[report.status]] += 1
        yield dict(counts)
