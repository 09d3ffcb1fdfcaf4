"""The demo: the example apps on local AWS, from `cdk bootstrap` to `cdk destroy`.

`python -m demo` starts local AWS, deploys the unchanged `app.py` with the CDK CLI, lets simulated
devices install the firmware, replaces it, and destroys the stack. Then it deploys in phases: one
firmware reaches a canary and then the fleet; another, signed with an unknown key, fails its signature
check on the canary and goes no further. However the demo ends, it leaves no process and no file behind.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cdk_iot_ota_local import Fleet, LocalAws, LocalAwsError, leftovers

from .commands import CommandError, Commands, DemoInterruptedError, private_folder
from .phases import Phases
from .screen import Screen
from .steps import DemoError, Options, Steps

STACK = "BlinkyFirmware"
THING_GROUP = "blinky-fleet"


@dataclass(frozen=True, kw_only=True)
class Release:
    """A deployed firmware version, its OTA update and its job."""

    version: str
    ota_update_id: str
    job_id: str


class Demo(Steps):
    """The steps, in the order in which `run` calls them."""

    def __init__(self, options: Options, aws: LocalAws, folder: Path, screen: Screen, commands: Commands) -> None:
        super().__init__(options, aws, folder, screen, commands)
        self._phases = Phases(options, aws, folder, screen, commands)
        self._shown: list[tuple[str, str]] = []

    def run(self) -> None:
        """Run all steps; raises the first error."""
        self._start()
        self._bootstrap()
        image = self._build("1.0.0")
        certificate = image.with_name("signer.pem")
        with self._fleet(THING_GROUP, self._options.devices, certificate) as fleet:
            self._register(fleet)
            first = self._release("1.0.0", image)
            self._update_devices(fleet, first)
            self._update_devices(fleet, self._release("1.1.0", self._build("1.1.0"), replaces=first))
        if self._options.keep:
            self._keep()
        self._destroy()
        self._phases.run(THING_GROUP, certificate)
        self._stop()

    def _start(self) -> None:
        with self._step("Start local AWS"):
            self._aws.start()
            self._screen.line(f"{self._aws.endpoint_url}, account {self._aws.account}, {self._aws.region}")

    def _bootstrap(self) -> None:
        with self._step("Bootstrap the account for the CDK"):
            # In another folder, or the CLI would synthesize the app just to find its environment.
            self._run_cdk("bootstrap", f"aws://{self._aws.account}/{self._aws.region}", folder=self._folder)

    def _register(self, fleet: Fleet) -> None:
        with self._step(f"Register {self._options.devices} devices"):
            arn = fleet.register()
            self._screen.line(f"{fleet.things[0]} to {fleet.things[-1]}, in {arn}")

    def _release(self, version: str, image: Path, *, replaces: Release | None = None) -> Release:
        with self._step(f"Deploy firmware {version}"):
            self._deploy(image, version)
            release = self._deployed(version)
            self._check_only(release)
            self._show(release, replaces)
        return release

    def _deployed(self, version: str) -> Release:
        """Read the release from the outputs of the stack."""
        stack = self._aws.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        return Release(version=version, ota_update_id=outputs["OtaUpdateId"], job_id=outputs["JobId"])

    def _check_only(self, release: Release) -> None:
        """Fail unless the release's update, job and stream are the only ones in the account."""
        found = leftovers(self._aws)
        only = (found.ota_updates, found.jobs) == ((release.ota_update_id,), (release.job_id,))
        if not only or len(found.streams) != 1:
            raise DemoError(f"expected only {release.ota_update_id} with its job and stream, found {found}")

    def _show(self, release: Release, old: Release | None) -> None:
        """Print a release as AWS IoT describes it; of a later one only the differences."""
        iot = self._aws.client("iot")
        info = iot.get_ota_update(otaUpdateId=release.ota_update_id)["otaUpdateInfo"]
        job = iot.describe_job(jobId=release.job_id)["job"]
        tags = iot.list_tags_for_resource(resourceArn=info["otaUpdateArn"])["tags"]
        facts = [
            ("OTA update", f"{release.ota_update_id} {info['otaUpdateStatus']}"),
            *([("replaces", f"{old.ota_update_id}, now deleted with its job and stream")] if old else []),
            ("ARN", info["otaUpdateArn"]),
            ("targets", ", ".join(info["targets"])),
            *self._file_facts(info["otaUpdateFiles"][0]),
            ("job", f"{release.job_id} {job['status']}"),
            *(("tag", f"{tag['Key']} = {tag['Value']}") for tag in tags),
        ]
        self._screen.facts([fact for fact in facts if fact not in self._shown])
        self._shown += facts

    @staticmethod
    def _file_facts(file: dict[str, Any]) -> list[tuple[str, str]]:
        location = file["fileLocation"]["s3Location"]
        if not location.get("version"):
            raise DemoError(f"the S3 version of {location['key']} is not pinned")
        return [
            ("file", f"{file['fileName']} {file['fileVersion']}"),
            ("S3 object", f"s3://{location['bucket']}/{location['key']}"),
            ("S3 version", f"{location['version']} (pinned)"),
        ]

    def _update_devices(self, fleet: Fleet, release: Release) -> None:
        total = self._options.devices
        with self._step(f"Update the devices to firmware {release.version}"):
            with self._screen.bar("succeeded", total) as show:
                show(0)
                progress = fleet.progress(release.job_id)
                for progress in fleet.run(release.job_id, until=lambda _: self._commands.signal is not None):
                    show(progress.succeeded)
            self._commands.check()
            if progress.succeeded < total:
                raise DemoError(f"{total - progress.succeeded} devices did not succeed: {fleet.problems or progress}")
            self._screen.line(f"job is {progress.status}")

    def _keep(self) -> None:
        with self._step("Keep the stack running"):
            self._screen.line("paste these lines into another shell to use it:")
            self._screen.verbatim(self._aws.shell_exports())
            self._screen.line("press Ctrl-C here to continue with cdk destroy")
            self._commands.wait_for_ctrl_c(lambda: self._aws.running)

    def _destroy(self) -> None:
        with self._step("Destroy the stack"):
            self._remove()
            if found := leftovers(self._aws):
                raise DemoError(f"cdk destroy left something behind: {found}")
            self._screen.line("no OTA update, job or stream is left")

    def _stop(self) -> None:
        with self._step("Stop local AWS"):
            self._aws.stop()

    def explain(self, error: Exception) -> None:
        """Print the output, log and reasons of a failure, the reasons last."""
        reasons = self._cdk.reasons(STACK) or self._phases.reasons()
        if isinstance(error, CommandError):
            self._screen.block(f"Last lines of {error.name}", error.lines[-40:])
        log = self._aws.log_tail(20).splitlines()
        if log and (reasons or not self._aws.running):
            self._screen.block("Last lines of the emulator's log", log)
        self._screen.failure(f"The demo failed: {error}")
        for reason in reasons:
            self._screen.line(reason)


def play(options: Options, screen: Screen, commands: Commands) -> int:
    """Run the demo, stop everything that it started, and return the exit code; raises DemoInterruptedError."""
    aws = LocalAws()
    with private_folder() as folder:
        demo = Demo(options, aws, folder, screen, commands)
        try:
            demo.run()
        except (DemoError, CommandError, LocalAwsError, BotoCoreError, ClientError) as error:
            demo.explain(error)
            return 1
        finally:
            aws.stop()
    screen.summary()
    return 0


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, got {text!r}")
    return int(text)


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m demo", description="Deploy the example apps to local AWS, with simulated devices."
    )
    parser.add_argument(
        "--devices", type=_count, default=20, metavar="N", help="number of devices (default: %(default)s)"
    )
    parser.add_argument("--keep", action="store_true", help="keep the stack until Ctrl-C")
    parser.add_argument(
        "-c", "--context", action="append", default=[], metavar="KEY=VALUE", help="additional context for cdk deploy"
    )
    found = parser.parse_args(arguments)
    return Options(devices=found.devices, keep=found.keep, context=tuple(found.context))


def main() -> None:
    """Run the demo and exit: with 1 if a step failed, with 128 plus the signal's number after a signal."""
    options, screen = parse(), Screen()
    with Commands() as commands:
        try:
            code = play(options, screen, commands)
        except DemoInterruptedError as interrupted:
            screen.failure(f"The demo was {interrupted}. Everything it started is stopped and removed.")
            code = interrupted.exit_code
    sys.exit(code)


if __name__ == "__main__":
    main()
