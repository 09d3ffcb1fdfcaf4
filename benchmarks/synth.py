"""Synthesis: each app in fresh processes, pair by pair, and its calls over the border in a separate process."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .measure import ROOT, Result, alternating, environment, log, spread

#: The names in ``apps.APPS``, which is not imported here: it would start another Node.
EMPTY = "empty stack"
NAMES = (
    *("AWS::IoT::OTAUpdate", "AwsCustomResource", "hand-written Provider"),
    *("cdk-iot-ota", "cdk-iot-ota, own role"),
)
#: What is measured in each process.
TIMED = ("seconds", "inside", "cpu", "python_mib", "node_mib")


def run(sizes: Sequence[int], pairs: int) -> Result:
    """Return the measurements of each app by its name and the number of updates."""
    cases = [(name, size) for size in sizes for name in NAMES] + [(EMPTY, 0)]
    found: dict[tuple[str, int], list[dict[str, Any]]] = {case: [] for case in cases}
    log("synth: warming the caches of Python and jsii")
    for name in (EMPTY, *NAMES):
        synthesize(name, 1)
    for number, order in enumerate(alternating(cases, pairs)):
        for name, size in order:
            log(f"synth: pair {number + 1} of {pairs}, {size} updates, {name}")
            found[name, size].append(synthesize(name, size))
    return {"pairs": pairs, "cases": [_case(name, size, runs) for (name, size), runs in found.items()]}


def _case(name: str, size: int, runs: Sequence[dict[str, Any]]) -> Result:
    log(f"synth: counting calls, {size} updates, {name}")
    counted = synthesize(name, size, count=True)
    return {
        "app": name,
        "updates": size,
        "runs": {key: [round(one[key], 4) for one in runs] for key in TIMED},
        "bytes": counted["bytes"],
        "resources": counted["resources"],
        "border": counted["border"],
        "calls": sum(counted["border"].values()),
        **{key: spread(one[key] for one in runs) for key in TIMED},
    }


def synthesize(name: str = "", updates: int = 1, *, targets: int = 1, files: int = 1, count: bool = False) -> Result:
    """Synthesize an app in a fresh process, and return what that took and the size of the template.

    name: of the app; without it one update of the library with so many targets and files.
    count: count the calls over the border, which takes time.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temp:
        folder = Path(temp)
        request = {"name": name, "updates": updates, "targets": targets, "files": files, "count": count}
        arguments = json.dumps({**request, "folder": temp})
        begun = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.one_synth", arguments],
            cwd=ROOT,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - begun
        if done.returncode:
            raise RuntimeError(f"{name or 'one update'} does not synthesize:\n{done.stderr}")
        template = folder / "Benchmark.template.json"
        resources = json.loads(template.read_text()).get("Resources", {})
        measured: Result = json.loads((folder / "measured.json").read_text())
        return {**measured, "seconds": seconds, "bytes": template.stat().st_size, "resources": len(resources)}
