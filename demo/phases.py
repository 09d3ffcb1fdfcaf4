"""The second part of the demo: one firmware goes to a canary and then to the fleet, another is not genuine."""

from __future__ import annotations

from pathlib import Path

from cdk_iot_ota_local import Fleet, leftovers

from .commands import CommandError
from .steps import DemoError, Steps

_STACK = "PhasedFirmware"
_APP = ("--app", "python examples/phased_rollout.py")
_CANARY, _CANARY_DEVICES = "blinky-canary", 3


class Phases(Steps):
    """The steps, in the order in which `run` calls them."""

    def run(self, thing_group: str, certificate: Path) -> None:
        """Run all steps with devices that have this certificate; raises the first error."""
        with (
            self._fleet(_CANARY, _CANARY_DEVICES, certificate) as canary,
            self._fleet(thing_group, self._options.devices, certificate) as fleet,
        ):
            for group in (canary, fleet):
                group.register()
                group.start()
            self._succeed()
            self._fail(canary, fleet)
        self._destroy()

    def reasons(self) -> list[str]:
        """Return why resources of the stack failed."""
        return self._cdk.reasons(_STACK)

    def _succeed(self) -> None:
        image = self._build("2.0.0")
        with self._step("Deploy firmware 2.0.0 to the canary, then to the fleet"):
            self._deploy(image, "2.0.0", *_APP)
            outputs = self._outputs()
            for phase, devices in (("Canary", _CANARY_DEVICES), ("Fleet", self._options.devices)):
                succeeded, seconds = outputs[f"{phase}Succeeded"], outputs[f"{phase}Seconds"]
                if succeeded != str(devices):
                    raise DemoError(f"expected {devices} devices of {phase} to succeed, got {succeeded}")
                self._screen.line(f"{phase}: {succeeded} devices succeeded within {seconds} s, so the deploy continued")

    def _fail(self, canary: Fleet, fleet: Fleet) -> None:
        image, before = self._build("2.1.0", key="stranger"), self._outputs()
        with self._step("Deploy firmware 2.1.0, signed with a key that the devices do not know"):
            try:
                self._deploy(image, "2.1.0", *_APP)
            except CommandError:
                reasons = [reason for reason in self.reasons() if "gate" in reason]
                if not reasons:
                    raise
                self._screen.line(reasons[-1], style="red")
            else:
                raise DemoError("expected the deploy to fail")
            self._show_refusal(canary)
            self._check_unchanged(before, fleet)

    def _show_refusal(self, canary: Fleet) -> None:
        """Print what the first device of the canary reported, which must be a failed signature check."""
        failed = next((report for report in canary.reports if report.status == "FAILED"), None)
        if failed is None or "signature check failed" not in canary.problems[failed.thing]:
            raise DemoError(f"expected the canary to fail the signature check, got {canary.problems}")
        self._screen.line(f"{failed.thing} reported FAILED {failed.details['reason']}: {canary.problems[failed.thing]}")

    def _check_unchanged(self, before: dict[str, str], fleet: Fleet) -> None:
        updates = {value for name, value in before.items() if name.endswith("OtaUpdateId")}
        if self._outputs() != before or set(leftovers(self._aws).ota_updates) != updates:
            raise DemoError(f"expected the stack to be unchanged, found {leftovers(self._aws)}")
        self._screen.line("rolled back: both phases keep their old updates, and the new update is deleted")
        job = f"AFR_OTA-{before['FleetOtaUpdateId']}"
        jobs = {report.job_id for report in fleet.reports}
        if jobs != {job}:
            raise DemoError(f"expected the fleet to receive only {job}, but it received {sorted(jobs)}")
        self._screen.line(f"the {len(fleet.things)} devices of the fleet never received it")

    def _outputs(self) -> dict[str, str]:
        stack = self._aws.client("cloudformation").describe_stacks(StackName=_STACK)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def _destroy(self) -> None:
        with self._step("Destroy the phased stack"):
            self._remove()
            if found := leftovers(self._aws):
                raise DemoError(f"cdk destroy left something behind: {found}")
