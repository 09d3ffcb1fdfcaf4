"""The demo: the example app on AWS on this machine, from `cdk bootstrap` to `cdk destroy`.

`python -m demo` starts local AWS, deploys the unchanged `app.py` with the CDK CLI, lets
simulated devices take the firmware, replaces it, and removes everything again. Then a firmware goes to
a canary and to the fleet, and one that fails on the canary to nobody else. However it ends, no process
and no file that it made is left.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cdk_iot_ota_local.__main__ import exports
from cdk_iot_ota_local.client.local_aws import LocalAws
from cdk_iot_ota_local.devices.fleet import Fleet
from cdk_iot_ota_local.errors import LocalAwsError
from cdk_iot_ota_local.leftovers import leftovers

from .commands import CommandFailed, Commands, Interrupted, private_folder
from .phases import Phases
from .screen import Screen
from .steps import DemoFailed, Options, Steps

STACK = "BlinkyFirmware"
THING_GROUP = "blinky-fleet"


@dataclass(frozen=True, kw_only=True)
class Release:
    """A firmware that is deployed, as an OTA update and a job."""

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
        """All steps; raises what stops them."""
        self._start()
        self._bootstrap()
        with Fleet(self._aws, THING_GROUP, self._options.devices, workers=4, work_seconds=0.4) as fleet:
            self._register(fleet)
            first = self._release("1.0.0")
            self._update_devices(fleet, first)
            self._update_devices(fleet, self._release("1.1.0", instead_of=first))
        if self._options.keep:
            self._keep()
        self._destroy()
        self._phases.run(THING_GROUP)
        self._stop()

    def _start(self) -> None:
        with self._step("Start AWS on this machine"):
            self._aws.start()
            self._screen.line(f"{self._aws.endpoint_url}, account {self._aws.account}, {self._aws.region}")

    def _bootstrap(self) -> None:
        with self._step("Prepare the account for the CDK"):
            # Away from the app, which the CLI would synthesize just to find out its environment.
            self._run_cdk("bootstrap", f"aws://{self._aws.account}/{self._aws.region}", folder=self._folder)

    def _register(self, fleet: Fleet) -> None:
        with self._step(f"Make {self._options.devices} devices"):
            arn = fleet.register()
            self._screen.line(f"{fleet.things[0]} to {fleet.things[-1]}, in {arn}")

    def _release(self, version: str, *, instead_of: Release | None = None) -> Release:
        image = self._build(version)
        with self._step(f"Deploy firmware {version}"):
            self._deploy(image, version)
            release = self._deployed(version)
            self._check_alone(release)
            self._show(release, instead_of)
        return release

    def _deployed(self, version: str) -> Release:
        """What the stack says that it has made."""
        stack = self._aws.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        return Release(version=version, ota_update_id=outputs["OtaUpdateId"], job_id=outputs["JobId"])

    def _check_alone(self, release: Release) -> None:
        """Fail unless the release's update, job and stream are the only ones: it has replaced what was there."""
        found = leftovers(self._aws)
        alone = (found.ota_updates, found.jobs) == ((release.ota_update_id,), (release.job_id,))
        if not alone or len(found.streams) != 1:
            raise DemoFailed(f"{release.ota_update_id} should be alone with its job and stream, found {found}")

    def _show(self, release: Release, old: Release | None) -> None:
        """Print what AWS IoT says about a release; of a later one what is different."""
        iot = self._aws.client("iot")
        info = iot.get_ota_update(otaUpdateId=release.ota_update_id)["otaUpdateInfo"]
        job = iot.describe_job(jobId=release.job_id)["job"]
        tags = iot.list_tags_for_resource(resourceArn=info["otaUpdateArn"])["tags"]
        facts = [
            ("OTA update", f"{release.ota_update_id} {info['otaUpdateStatus']}"),
            *([("replaces", f"{old.ota_update_id}: gone, with its job and stream")] if old else []),
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
        place = file["fileLocation"]["s3Location"]
        if not place.get("version"):
            raise DemoFailed(f"the S3 version of {place['key']} is not pinned")
        return [
            ("file", f"{file['fileName']} {file['fileVersion']}"),
            ("S3 object", f"s3://{place['bucket']}/{place['key']}"),
            ("S3 version", f"{place['version']} (pinned)"),
        ]

    def _update_devices(self, fleet: Fleet, release: Release) -> None:
        total = self._options.devices
        with self._step(f"Let the devices take firmware {release.version}"):
            with self._screen.bar("succeeded", total) as show:
                show(0)
                progress = fleet.progress(release.job_id)
                for progress in fleet.run(release.job_id, until=lambda _: self._commands.signal is not None):
                    show(progress.succeeded)
            self._commands.check()
            if progress.succeeded < total:
                raise DemoFailed(f"{total - progress.succeeded} devices did not succeed: {fleet.problems or progress}")
            self._screen.line(f"job {progress.status}")

    def _keep(self) -> None:
        with self._step("Keep it for a look around"):
            self._screen.line("in another shell:")
            self._screen.verbatim(exports(self._aws))
            self._screen.line("Ctrl-C here goes on with cdk destroy")
            self._commands.wait_for_ctrl_c(lambda: self._aws.running)

    def _destroy(self) -> None:
        with self._step("Destroy the stack"):
            self._run_cdk("destroy", "--force")
            if found := leftovers(self._aws):
                raise DemoFailed(f"something is left: {found}")
            self._screen.line("no OTA update, no job and no stream is left")

    def _stop(self) -> None:
        with self._step("Stop AWS"):
            self._aws.stop()

    def explain(self, error: Exception) -> None:
        """Print what is known about a failure, the reasons last."""
        reasons = self._cdk.reasons(STACK) or self._phases.reasons()
        if isinstance(error, CommandFailed):
            self._screen.block(f"The last lines of {error.name}", error.lines[-40:])
        log = self._aws.log_tail(20).splitlines()
        if log and (reasons or not self._aws.running):
            self._screen.block("The last lines of the emulator's log", log)
        self._screen.failure(f"The demo failed: {error}")
        for reason in reasons:
            self._screen.line(reason)


def play(options: Options, screen: Screen, commands: Commands) -> int:
    """Run the demo and stop all that it started; the exit code, or Interrupted."""
    aws = LocalAws()
    with private_folder() as folder:
        demo = Demo(options, aws, folder, screen, commands)
        try:
            demo.run()
        except (DemoFailed, CommandFailed, LocalAwsError, BotoCoreError, ClientError) as error:
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
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m demo", description="The example app on this machine.")
    parser.add_argument("--devices", type=_count, default=20, metavar="N", help="how many (default: %(default)s)")
    parser.add_argument("--keep", action="store_true", help="wait for Ctrl-C before cdk destroy")
    parser.add_argument(
        "-c", "--context", action="append", default=[], metavar="KEY=VALUE", help="more context for cdk deploy"
    )
    found = parser.parse_args(arguments)
    return Options(devices=found.devices, keep=found.keep, context=tuple(found.context))


def main() -> None:
    """Run the demo and exit: with 1 if a step failed, with 128 and the signal's number if one came."""
    options, screen = parse(), Screen()
    with Commands() as commands:
        try:
            code = play(options, screen, commands)
        except Interrupted as interrupted:
            screen.failure(f"The demo was {interrupted}; everything is stopped and removed.")
            code = interrupted.exit_code
    sys.exit(code)


if __name__ == "__main__":
    main()
