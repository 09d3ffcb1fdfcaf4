"""The demo reports why it fails, and leaves nothing behind when it fails or is interrupted."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.demo.running import assert_nothing_left, processes, read_until, running_demo


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
