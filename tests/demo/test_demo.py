"""The demo shows what it should, and leaves nothing behind."""

import re
from pathlib import Path

from tests.demo.running import assert_nothing_left, running_demo


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
    assert re.search(
        r"alarm \S+ went to ALARM .+ into its bake time \(Threshold Crossed: 12 crashes in a minute\)", output
    )
    assert sum(line.endswith("devices of the fleet never received it") for line in lines) == 2
    assert lines[-1].startswith("total")
    assert_nothing_left(tmp_path)
