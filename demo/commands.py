"""The commands that the demo runs: they end with it, and say why they failed."""

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

from cdk_iot_ota_local.client.local_aws import LocalAws
from cdk_iot_ota_local.errors import LocalAwsError

ROOT = Path(__file__).resolve().parent.parent
_CDK = ROOT / "node_modules" / ".bin" / "cdk"

# STACK | 3/24 | 5:29:07 PM | CREATE_COMPLETE | AWS::IAM::Role | path (logical id) perhaps a reason
_EVENT = re.compile(r"\S+ \|[\d/ ]+\| [^|]+ \| (\w+) +\| (\S+) +\| (\S+)")


class Interrupted(Exception):
    """A signal asked the demo to stop."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(f"interrupted by {number.name}")
        self.exit_code = 128 + number


class CommandFailed(Exception):
    """A command did not end well; `lines` is what it said, without the resources that fared well."""

    def __init__(self, name: str, code: int, lines: list[str]) -> None:
        super().__init__(f"{name} ended with exit code {code}")
        events = ((line, _EVENT.match(line)) for line in lines)
        self.name, self.lines = name, [line for line, event in events if not event or "FAILED" in event[1]]


@contextmanager
def private_folder() -> Iterator[Path]:
    """A temporary folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="iot-ota-demo-"))
    try:
        yield folder
    finally:
        # A command that was killed may write for another moment.
        deadline = time.monotonic() + 3
        while folder.exists() and time.monotonic() < deadline:
            shutil.rmtree(folder, ignore_errors=True)
            time.sleep(0.02)


class Commands:
    """Runs one command at a time, and minds SIGINT, SIGTERM and SIGHUP for as long as the context lasts.

    A signal raises nothing by itself, so that it can come at any moment without cutting a clean-up
    short: it ends the command that runs, and `check` raises Interrupted at the next safe place.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._child: subprocess.Popen[str] | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Commands:
        wanted = [signal.SIGINT, signal.SIGTERM]
        # Under nohup the demo goes on when the terminal is closed.
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            wanted.append(signal.SIGHUP)
        self._before = {number: signal.signal(number, self._note) for number in wanted}
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
            # Everything that it has started is in its process group. Nothing there is worth a
            # farewell: the whole AWS that it talks to goes away next.
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)

    def check(self) -> None:
        """Raise Interrupted if a signal has come."""
        if self.signal is not None:
            raise Interrupted(self.signal)

    def wait_for_ctrl_c(self, still: Callable[[], bool]) -> None:
        """Return after Ctrl-C, or when `still` says no more; Interrupted for any other signal."""
        while self.signal is None and still():
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
        """Run a command to its end and return its lines, each of which is also handed to `each`.

        Raises CommandFailed if it ends with another code than 0.
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
            raise CommandFailed(name, code, lines)
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
            # A group of its own: Ctrl-C reaches the demo alone, which then ends all of the group.
            start_new_session=True,
        )
        with child:
            self._child = child
            try:
                # A signal that came before the line above has found no child.
                if self.signal is not None:
                    self._end_child()
                yield child
            finally:
                self._end_child()
                child.wait()
                self._child = None


@dataclass(frozen=True, kw_only=True)
class Cdk:
    """The CDK CLI on local AWS. What it and the app write goes to `folder`, not to the checkout or the home."""

    aws: LocalAws
    folder: Path
    commands: Commands

    def run(self, verb: str, *arguments: str, each: Callable[[str], object], folder: Path = ROOT) -> StackSummary:
        """Run it in a folder and sum up what it says; raises CommandFailed."""
        if not _CDK.exists():
            raise LocalAwsError(f"{_CDK.relative_to(ROOT)} is missing: run make setup")
        summary = StackSummary()
        plain = ("--output", str(self.folder / "cdk.out"), "--ci", "--no-color")
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
        """Why resources of a stack failed: the first line of each reason, the oldest first."""
        try:
            events = self.aws.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
        except (LocalAwsError, BotoCoreError, ClientError):
            # No stack yet, or no emulator any more.
            return []
        return [
            f"{event['LogicalResourceId']} {event['ResourceStatus']}: {reason.splitlines()[0]}"
            for event in reversed(events)
            if event["ResourceStatus"].endswith("_FAILED") and (reason := event.get("ResourceStatusReason"))
        ]


@dataclass
class StackSummary:
    """What the CDK CLI's lines say about a stack's resources: the latest status of each."""

    ours: dict[str, str] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)

    def read(self, line: str) -> None:
        """Take a line of the CLI's output into account."""
        event = _EVENT.match(line)
        if event is None or not event[1].endswith("_COMPLETE"):
            return
        status, kind, name = event.groups()
        if kind.startswith("Custom::"):
            self.ours[f"{kind} {name.removesuffix('/Resource/Default')}"] = status
        elif kind != "AWS::CloudFormation::Stack":
            self.others.add(name)

    def text(self) -> str:
        """One line: the custom resources with their statuses, and how many others there are."""
        ours = [f"{name} {status}" for name, status in self.ours.items()]
        return ", ".join([*ours, f"{len(self.others)} {'other ' if ours else ''}resources"])
