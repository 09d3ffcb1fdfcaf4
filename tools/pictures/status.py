"""Record `cdk-iot-ota status --watch` during a phased rollout that passes its canary and fails in the fleet.

The deploys are those of `examples/phased_rollout.py` on local AWS, with the CDK CLI and simulated devices.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from threading import Thread

from cdk_iot_ota_local import TAKES_ALL, Fleet, LocalAws, Profile
from demo.commands import ROOT, CommandError, Commands, private_folder
from demo.screen import Screen
from demo.steps import Options, Steps

from .emulator import paper
from .paper import Line, Paper, text_of
from .record import recording

_STACK = "PhasedFirmware"
_APP = ("--app", "python examples/phased_rollout.py")
# The ids of updates fit into a line.
COLUMNS, _ROWS = 64, 40
_BAKE_MINUTES = 1
# Two devices of the fleet have an agent that knows other signatures than the rest.
_OTHERS, _OTHER = (9, 10), replace(TAKES_ALL, name="other", signature_members=("sig-sha256-rsa",))
#: The words of each moment, by the name of its picture.
MOMENTS = {
    "waits": ("Blinky/Canary gate waits for devices", "in progress"),
    "bakes": ("Blinky/Canary bake time", "bake until"),
    "failed": ("the gate has failed", "rejected it"),
}


class _Rollout(Steps):
    def record(self) -> Paper:
        """Deploy one version, and record the command while the next one fails."""
        self._run_cdk("bootstrap", f"aws://{self._aws.account}/{self._aws.region}", folder=self._folder)
        image = self._build("1.3.2")
        certificate = image.with_name("signer.pem")
        with self._devices("blinky-canary", 6, certificate, 0), self._devices("blinky-fleet", 20, certificate, 0):
            self._deploy(image, "1.3.2", *_APP, "-c", "bake=0")
        image = self._build("1.4.0")
        profiles: dict[int | str, Profile] = dict.fromkeys(_OTHERS, _OTHER)
        with (
            self._devices("blinky-canary", 6, certificate, 6),
            self._devices("blinky-fleet", 20, certificate, 2, profiles),
        ):
            deploy = Thread(target=self._deploy_in_vain, args=(image,))
            deploy.start()
            try:
                return self._watch(deploy)
            finally:
                deploy.join()

    def _devices(
        self, name: str, size: int, certificate: Path, seconds: float, profiles: dict[int | str, Profile] | None = None
    ) -> Fleet:
        fleet = Fleet(
            self._aws, name, size, certificate=certificate, profiles=profiles, workers=2, work_seconds=seconds
        )
        fleet.register()
        fleet.start()
        return fleet

    def _deploy_in_vain(self, image: Path) -> None:
        try:
            self._deploy(image, "1.4.0", *_APP, "-c", f"bake={_BAKE_MINUTES}")
        except CommandError:
            return
        raise RuntimeError("expected the deploy to fail")

    def _watch(self, deploy: Thread) -> Paper:
        cloudformation = self._aws.client("cloudformation")
        while cloudformation.describe_stacks(StackName=_STACK)["Stacks"][0]["StackStatus"] != "UPDATE_IN_PROGRESS":
            if not deploy.is_alive():
                raise RuntimeError("the deploy is over before the stack has changed")
            time.sleep(0.2)
        command = [sys.executable, "-m", "cdk_iot_ota_cli", "status", "--stack", _STACK, "--watch"]
        with recording(command, columns=COLUMNS, rows=_ROWS, folder=ROOT, environment=self._aws.environment()) as watch:
            watch.wait()
        return paper(watch.chunks, columns=COLUMNS, rows=_ROWS)


def moments() -> dict[str, list[Line]]:
    """Return the lines that the command showed at each of its moments, by the name of the picture."""
    with LocalAws() as aws, private_folder() as folder, Commands() as commands:
        options = Options(devices=20, keep=False, context=())
        seen = _Rollout(options, aws, folder, Screen(), commands).record()
    return {name: _moment(seen, words) for name, words in MOMENTS.items()}


def _moment(seen: Paper, words: tuple[str, ...]) -> list[Line]:
    """Return the middle one of the screens with all of these words, without the empty lines at its end."""
    screens = [seen.screen(time) for time in sorted({spell.begin for spell in seen.spells})]
    found = [lines for lines in screens if all(word in " ".join(text_of(lines).split()) for word in words)]
    if not found:
        raise ValueError(f"the command has shown no screen with {words}: {text_of(seen.screen(seen.end))}")
    lines = found[len(found) // 2]
    while not lines[-1]:
        lines.pop()
    return lines
