"""The commands that the demo runs: they end with it, and report why they failed."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cdk_iot_ota_local import LocalAws, LocalAwsError

ROOT = Path(__file__).resolve().parent.parent
_CDK = ROOT / "node_modules" / ".bin" / "cdk"

# STACK | 3/24 | 5:29:07 PM | CREATE_COMPLETE | AWS::IAM::Role | path (logical id), and sometimes a reason
_EVENT = re.compile(r"\S+ \|[\d/ ]+\| [^|]+ \| (\w+) +\| (\S+) +\| (\S+)")


class DemoInterruptedError(Exception):
    """A signal stopped the demo."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(f"interrupted by {number.name}")
        self.exit_code = 128 + number


class CommandError(Exception):
    """A command failed; `lines` is its output, without the resources that succeeded."""

    def __init__(self, name: str, code: int, lines: list[str]) -> None:
        super().__init__(f"{name} failed with exit code {code}")
        events = ((line, _EVENT.match(line)) for line in lines)
        self.name, self.lines = name, [line for line, event in events if not event or "FAILED" in event[1]]


@contextmanager
def private_folder() -> Iterator[Path]:
    """Create a temporary folder, and remove it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="iot-ota-demo-"))
    try:
        yield folder
    finally:
        # A killed command may still write for a moment.
        deadline = time.monotonic() + 3
        while folder.exists() and time.monotonic() < deadline:
            shutil.rmtree(folder, ignore_errors=True)
            time.sleep(0.02)


class Commands:
    """Runs one command at a time, and handles SIGINT, SIGTERM and SIGHUP while the context is open.

    A signal does not raise by itself, so that it cannot cut a clean-up short: it kills the running
    command, and `check` raises DemoInterruptedError at the next safe point.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._child: subprocess.Popen[str] | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Commands:
        signals = [signal.SIGINT, signal.SIGTERM]
        # Under nohup the demo continues after the terminal is closed.
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signals.append(signal.SIGHUP)
        self._before = {number: signal.signal(number, self._note) for number in signals}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.signal = signal.Signals(number)
        self._end_child()

    def _end_child(self) -> None:
        child = self._child
        if child is not None and child.returncode is None:
            # Its process group holds everything that it started. SIGKILL is fine: the emulator that
            # it talks to is about to be stopped as well.
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)

    def check(self) -> None:
        """Raise DemoInterruptedError after a signal."""
        if self.signal is not None:
            raise DemoInterruptedError(self.signal)

    def wait_for_ctrl_c(self, running: Callable[[], bool]) -> None:
        """Return after Ctrl-C or when `running` returns False; DemoInterruptedError for other signals."""
        while self.signal is None and running():
            time.sleep(0.1)
        if self.signal is signal.SIGINT:
            self.signal = None
        self.check()

    def run(
        self,
        name: str,
        command: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        each: Callable[[str], object] = lambda line: None,
    ) -> list[str]:
        """Run a command and return the lines of its output; each is also passed to `each`.

        Raises CommandError if the exit code is not 0.
        """
        self.check()
        lines = []
        with self._running(command, folder, environment) as child:
            assert child.stdout
            for line in child.stdout:
                lines.append(line.rstrip())
                each(lines[-1])
            code = child.wait()
        self.check()
        if code:
            raise CommandError(name, code, lines)
        return lines

    @contextmanager
    def _running(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> Iterator[subprocess.Popen[str]]:
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            # A separate process group: Ctrl-C only reaches the demo, which then kills the whole group.
            start_new_session=True,
        )
        with child:
            self._child = child
            try:
                # A signal before the line above found no child.
                if self.signal is not None:
                    self._end_child()
                yield child
            finally:
                self._end_child()
                child.wait()
                self._child = None


@dataclass(frozen=True, kw_only=True)
class Cdk:
    """The CDK CLI on local AWS. It and the app write to `folder`, not to the checkout or the home directory."""

    aws: LocalAws
    folder: Path
    commands: Commands

    @property
    def out(self) -> Path:
        """The folder of the app that was synthesized last."""
        return self.folder / "cdk.out"

    def run(self, verb: str, *arguments: str, each: Callable[[str], object], folder: Path = ROOT) -> StackSummary:
        """Run the CLI in a folder and summarize its output; raises CommandError."""
        if not _CDK.exists():
            raise LocalAwsError(f"{_CDK.relative_to(ROOT)} is missing: run make setup")
        summary = StackSummary()
        plain = ("--output", str(self.out), "--ci", "--no-color")
        command = [str(_CDK), verb, *arguments, *plain]
        for line in self.commands.run(
            f"cdk {verb}", command, folder=folder, environment=self._environment(), each=each
        ):
            summary.read(line)
        return summary

    def _environment(self) -> dict[str, str]:
        folder = str(self.folder)
        private = {"TMPDIR": folder, "CDK_HOME": folder, "PYTHONDONTWRITEBYTECODE": "1", "FORCE_COLOR": "0"}
        return {**self.aws.environment(), **private}

    def reasons(self, stack: str) -> list[str]:
        """Return why resources of a stack failed: the first line of each reason, the oldest first."""
        try:
            events = self.aws.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
        except (LocalAwsError, BotoCoreError, ClientError):
            # There is no stack yet, or the emulator has stopped.
            return []
        return [
            f"{event['LogicalResourceId']} {event['ResourceStatus']}: {reason.splitlines()[0]}"
            for event in reversed(events)
            if event["ResourceStatus"].endswith("_FAILED") and (reason := event.get("ResourceStatusReason"))
        ]


@dataclass
class StackSummary:
    """The latest status of a stack's resources in the output of the CDK CLI."""

    ours: dict[str, str] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)

    def read(self, line: str) -> None:
        """Update the statuses from a line of the CLI's output."""
        event = _EVENT.match(line)
        if event is None or not event[1].endswith("_COMPLETE"):
            return
        status, kind, name = event.groups()
        if kind.startswith("Custom::"):
            self.ours[f"{kind} {name.removesuffix('/Resource/Default')}"] = status
        elif kind != "AWS::CloudFormation::Stack":
            self.others.add(name)

    def text(self) -> str:
        """Return one line: the custom resources with their statuses, and the number of other resources."""
        ours = [f"{name} {status}" for name, status in self.ours.items()]
        return ", ".join([*ours, f"{len(self.others)} {'other ' if ours else ''}resources"])
