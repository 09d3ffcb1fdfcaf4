"""The second part of the demo: a firmware that goes to a canary and then to the fleet, and one that stops there."""

from __future__ import annotations

from cdk_iot_ota_local.devices.device import Behaviour
from cdk_iot_ota_local.devices.fleet import Fleet
from cdk_iot_ota_local.leftovers import leftovers

from .commands import CommandFailed
from .steps import DemoFailed, Steps

_STACK = "PhasedFirmware"
_APP = ("--app", "python examples/phased_rollout.py")
_CANARY, _CANARY_DEVICES = "blinky-canary", 3


class Phases(Steps):
    """The steps of it, in the order in which `run` calls them."""

    def run(self, thing_group: str) -> None:
        """All steps; raises what stops them."""
        with (
            Fleet(self._aws, _CANARY, _CANARY_DEVICES, workers=2, work_seconds=0.4) as canary,
            Fleet(self._aws, thing_group, self._options.devices, workers=4, work_seconds=0.4) as fleet,
        ):
            for group in (canary, fleet):
                group.register()
                group.start()
            self._succeed()
            self._fail(canary, fleet)
        self._destroy()

    def reasons(self) -> list[str]:
        """Why resources of the stack failed."""
        return self._cdk.reasons(_STACK)

    def _succeed(self) -> None:
        image = self._build("2.0.0")
        with self._step("Deploy firmware 2.0.0 to the canary, and then to the fleet"):
            self._deploy(image, "2.0.0", *_APP)
            outputs = self._outputs()
            for phase, devices in (("Canary", _CANARY_DEVICES), ("Fleet", self._options.devices)):
                succeeded, seconds = outputs[f"{phase}Succeeded"], outputs[f"{phase}Seconds"]
                if succeeded != str(devices):
                    raise DemoFailed(f"{devices} devices of {phase} should have succeeded, but {succeeded} have")
                self._screen.line(f"{phase}: {succeeded} devices succeeded within {seconds} s, then the deploy went on")

    def _fail(self, canary: Fleet, fleet: Fleet) -> None:
        image, before = self._build("2.1.0"), self._outputs()
        canary.set_behaviour(0, Behaviour.FAIL)
        with self._step("Deploy firmware 2.1.0, which fails on one device of the canary"):
            try:
                self._deploy(image, "2.1.0", *_APP)
            except CommandFailed:
                reasons = [reason for reason in self.reasons() if "the gate has failed" in reason]
                if not reasons:
                    raise
                self._screen.line(reasons[-1], style="red")
            else:
                raise DemoFailed("the deploy should have failed")
            self._check_unchanged(before, fleet)

    def _check_unchanged(self, before: dict[str, str], fleet: Fleet) -> None:
        updates = {value for name, value in before.items() if name.endswith("OtaUpdateId")}
        if self._outputs() != before or set(leftovers(self._aws).ota_updates) != updates:
            raise DemoFailed(f"the stack should be what it was, found {leftovers(self._aws)}")
        self._screen.line("rolled back: both phases have their old updates, and the new one is gone")
        job = f"AFR_OTA-{before['FleetOtaUpdateId']}"
        seen = {report.job_id for report in fleet.reports}
        if seen != {job}:
            raise DemoFailed(f"the fleet should have seen {job} alone, but has seen {sorted(seen)}")
        self._screen.line(f"the {len(fleet.things)} devices of the fleet never saw it")

    def _outputs(self) -> dict[str, str]:
        stack = self._aws.client("cloudformation").describe_stacks(StackName=_STACK)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def _destroy(self) -> None:
        with self._step("Destroy the stack of the phases"):
            self._run_cdk("destroy", "--force", *_APP)
            if found := leftovers(self._aws):
                raise DemoFailed(f"something is left: {found}")
