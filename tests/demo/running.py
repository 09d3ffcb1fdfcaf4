"""Run the demo in another process, and find what it left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
