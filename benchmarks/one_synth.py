"""Synthesize one app in this process, and print as JSON what that took: `python -m benchmarks.one_synth NAME UPDATES`.

The imports are a part of what is measured, so that this module imports nothing else before the clock has started.
"""

import time

_BEGUN = time.perf_counter()

import atexit
import json
import resource
import sys
from collections import Counter
from pathlib import Path
from typing import Any


def main(name: str, updates: int, folder: Path, *, targets: int, files: int, count: bool) -> None:
    """Synthesize into a folder, and write its ``measured.json`` when the process and its Node have ended."""
    measured: dict[str, Any] = {}
    # jsii registers its own function later, which is called earlier and waits for Node.
    atexit.register(_write, folder / "measured.json", measured)
    if count:
        measured["border"] = _count_requests()
    from aws_cdk import App, Stack

    from benchmarks import apps

    # AwsCustomResource exceeds CloudFormation's 500 resources at 250 updates, and would not synthesize.
    app = App(outdir=str(folder), analytics_reporting=False, context={"@aws-cdk/core:stackResourceLimit": 0})
    stack = Stack(app, "Benchmark")
    if name:
        apps.APPS[name](stack, updates, "one")
    else:
        from benchmarks import library

        library.declare_one(stack, targets=targets, files=files)
    app.synth()
    measured["inside"] = time.perf_counter() - _BEGUN


def _count_requests() -> Counter[str]:
    """Count each request from Python to Node by its kind from now on; ``Complete`` answers a callback."""
    from jsii._kernel.providers import process

    counted: Counter[str] = Counter()
    node: Any = process._NodeProcess
    send = node.send

    def counting_send(self: Any, request: Any, response_type: Any) -> Any:
        counted[type(request).__name__.strip("_").removesuffix("Request")] += 1
        return send(self, request, response_type)

    node.send = counting_send
    return counted


def _write(path: Path, measured: dict[str, Any]) -> None:
    own, node = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    measured["python_mib"], measured["node_mib"] = own.ru_maxrss / 1024, node.ru_maxrss / 1024
    measured["cpu"] = own.ru_utime + own.ru_stime + node.ru_utime + node.ru_stime
    path.write_text(json.dumps(measured))


if __name__ == "__main__":
    arguments = json.loads(sys.argv[1])
    main(**{**arguments, "folder": Path(arguments["folder"])})
