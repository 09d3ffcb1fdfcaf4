"""The demo shows what it should, reports why it fails, and leaves nothing behind however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@contextmanager
def running_demo(temp: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run the demo with a separate temporary folder, which also identifies its processes."""
    # The CLI's validation takes seconds at each synth and is the same in each of these runs.
    environment = {**os.environ, "TMPDIR": str(temp), "CDK_VALIDATION": "false", "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("FORCE_COLOR", None)
    command = [sys.executable, "-m", "demo", "--devices", "3", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as demo:
        try:
            yield demo
        finally:
            demo.terminate()


def read_until(demo: subprocess.Popen[str], start: str) -> None:
    """Read the demo's output until a line begins with `start`."""
    assert demo.stdout
    output = []
    for line in demo.stdout:
        output.append(line)
        if line.strip().startswith(start):
            return
    pytest.fail(f"{start!r} did not come:\n{''.join(output)}")


def processes(temp: Path) -> list[str]:
    """Return the command lines of the live processes that were started with this temporary folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(temp).encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return [command for command in found if command]


def assert_nothing_left(temp: Path) -> None:
    """Fail if a process or a file of the demo is left; killed processes get a moment to end."""
    deadline = time.monotonic() + 5
    while processes(temp) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes(temp) == []
    assert list(temp.iterdir()) == []


def test_whole_demo(tmp_path: Path) -> None:
    """The demo deploys, updates the devices, replaces and destroys, and prints plain lines without a terminal."""
    with running_demo(tmp_path) as demo:
        output, _ = demo.communicate(timeout=240)
    assert demo.returncode == 0, output
    assert not set("\x1b\r") & set(output)
    lines = [line.strip() for line in output.splitlines()]
    assert "Custom::IoTOTAUpdate Blinky CREATE_COMPLETE" in output
    assert lines.count("succeeded 3 of 3") == 2
    updates = [line.split()[2] for line in lines if line.startswith("OTA update")]
    assert len(set(updates)) == 2
    assert any(line.startswith("replaces") and updates[0] in line for line in lines)
    assert sum(line.endswith("(pinned)") for line in lines) == 2
    assert "no OTA update, job or stream is left" in lines
    assert "reported FAILED 0x000000e3: 0x00000000: the signature check failed" in output
    assert lines[-1].startswith("total")
    assert_nothing_left(tmp_path)


@pytest.mark.parametrize(
    ("number", "moment", "delay"),
    # Without a delay the signal arrives while the command is starting.
    [(signal.SIGINT, "$ cdk deploy", 2.0), (signal.SIGTERM, "$ cdk bootstrap", 0.0)],
)
def test_interrupted(tmp_path: Path, number: signal.Signals, moment: str, delay: float) -> None:
    """A signal during a command ends the demo, the command and the emulator."""
    with running_demo(tmp_path) as demo:
        read_until(demo, moment)
        time.sleep(delay)
        assert not delay or any("cdk deploy" in command for command in processes(tmp_path))
        demo.send_signal(number)
        output, _ = demo.communicate(timeout=20)
    assert demo.returncode == 128 + number
    assert f"interrupted by {number.name}" in output
    assert_nothing_left(tmp_path)


def test_failing_step(tmp_path: Path) -> None:
    """The demo stops with the reason when a step fails, in the app or in the deployment."""
    reasons = {
        "firmware=/missing/blinky.bin": "'/missing/blinky.bin' does not exist: build it before synth",
        "thing_group=strangers": "Blinky0564E681 CREATE_FAILED: Error: OTA update BlinkyFirmware_",
    }
    with ExitStack() as stack:
        # In parallel, to save time.
        demos = [stack.enter_context(running_demo(tmp_path, "--context", context)) for context in reasons]
        outputs = [demo.communicate(timeout=100)[0] for demo in demos]
    for demo, output, reason in zip(demos, outputs, reasons.values(), strict=True):
        assert demo.returncode == 1, output
        assert reason in output
        assert "The demo failed: cdk deploy failed with exit code 1" in output
        assert "cdk destroy" not in output
    assert_nothing_left(tmp_path)
