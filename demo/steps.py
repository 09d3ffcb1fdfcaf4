"""What every part of the demo does: it says its steps, builds firmware and runs the CDK CLI."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cdk_iot_ota_local.client.local_aws import LocalAws

from .commands import ROOT, Cdk, Commands
from .screen import Screen


class DemoFailed(Exception):
    """A step had another result than it should."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says."""

    devices: int
    keep: bool
    context: tuple[str, ...]


class Steps:
    """A part of the demo, on one AWS and one screen."""

    def __init__(self, options: Options, aws: LocalAws, folder: Path, screen: Screen, commands: Commands) -> None:
        self._options, self._aws, self._folder = options, aws, folder
        self._screen, self._commands = screen, commands
        self._cdk = Cdk(aws=aws, folder=folder, commands=commands)

    @contextmanager
    def _step(self, title: str) -> Iterator[None]:
        self._commands.check()
        with self._screen.step(title):
            yield
            self._commands.check()

    def _build(self, version: str) -> Path:
        with self._step(f"Build and sign firmware {version}"):
            build = [sys.executable, "firmware/build.py", "--version", version]
            command = [*build, "--folder", str(self._folder / version)]
            environment = self._aws.environment()
            said = self._commands.run("firmware/build.py", command, folder=ROOT, environment=environment)
            image = Path(said[-1])
            self._screen.line(f"{image}, {image.stat().st_size:,} bytes, and {image.stem}.sig")
        return image

    def _deploy(self, image: Path, version: str, *more: str) -> None:
        context = [f"firmware={image}", f"version={version}", *self._options.context]
        flags = [part for entry in context for part in ("-c", entry)]
        self._run_cdk("deploy", *more, *flags, quietly=("--require-approval", "never", "--progress", "events"))

    def _run_cdk(self, *arguments: str, quietly: Sequence[str] = (), folder: Path = ROOT) -> None:
        """Run the CDK CLI; what it says is summed up, and shown only if it fails."""
        self._screen.line(f"$ cdk {shlex.join(arguments)}", style="dim")
        with self._screen.activity(f"cdk {arguments[0]}") as show:
            summary = self._cdk.run(*arguments, *quietly, each=show, folder=folder)
        self._screen.line(summary.text())
