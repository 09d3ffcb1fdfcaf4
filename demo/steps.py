"""The base of both parts of the demo: print steps, build firmware and run the CDK CLI."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cdk_iot_ota_local import Fleet, LocalAws

from .commands import ROOT, Cdk, Commands
from .screen import Screen


class DemoError(Exception):
    """A step did not have the expected result."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of the command line."""

    devices: int
    keep: bool
    context: tuple[str, ...]


class Steps:
    """A part of the demo, with one emulator and one screen."""

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

    def _build(self, version: str, *, key: str = "signer") -> Path:
        """Build a version, and sign it with the key of this name."""
        with self._step(f"Build and sign firmware {version}"):
            build = [sys.executable, "firmware/build.py", "--version", version]
            command = [*build, "--folder", str(self._folder / version), "--key", str(self._folder / f"{key}.key")]
            environment = self._aws.environment()
            output = self._commands.run("firmware/build.py", command, folder=ROOT, environment=environment)
            image = Path(output[-1])
            self._screen.line(f"{image} ({image.stat().st_size:,} bytes) and {image.stem}.sig")
        return image

    def _fleet(self, name: str, size: int, certificate: Path) -> Fleet:
        """Return devices that need a moment for each update, so that progress is visible."""
        return Fleet(self._aws, name, size, certificate=certificate, workers=4, work_seconds=0.4)

    def _deploy(self, image: Path, version: str, *more: str) -> None:
        context = [f"firmware={image}", f"version={version}", *self._options.context]
        flags = [part for entry in context for part in ("-c", entry)]
        self._run_cdk("deploy", *more, *flags, quietly=("--require-approval", "never", "--progress", "events"))

    def _remove(self) -> None:
        """Destroy what was deployed last, without another synth."""
        self._run_cdk("destroy", "--force", quietly=("--app", str(self._cdk.out)))

    def _run_cdk(self, *arguments: str, quietly: Sequence[str] = (), folder: Path = ROOT) -> None:
        """Run the CDK CLI and print a summary of its output; all of it is shown only if it fails."""
        self._screen.line(f"$ cdk {shlex.join(arguments)}", style="dim")
        with self._screen.activity(f"cdk {arguments[0]}") as show:
            summary = self._cdk.run(*arguments, *quietly, each=show, folder=folder)
        self._screen.line(summary.text())
