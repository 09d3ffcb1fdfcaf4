"""User code under strict mypy and strict pyright: the good one is clean, and each mistake of the bad one is found."""

import json
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FILES = ("good.py", "bad.py")


def marked() -> set[tuple[str, int]]:
    """The lines that are marked as wrong."""
    lines = {name: (HERE / name).read_text().splitlines() for name in FILES}
    return {(name, number) for name in FILES for number, line in enumerate(lines[name], 1) if line.endswith("# error")}


def test_mypy_finds_the_mistakes_and_nothing_else() -> None:
    """Everything that the library offers can be used without a cast; no mistake passes strict mypy."""
    command = [sys.executable, "-m", "mypy", *(str(HERE / name) for name in FILES)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    found = {(name, int(line)) for name, line in re.findall(r"(\w+\.py):(\d+): error", said)}
    assert found == marked(), said


def test_pyright_finds_the_mistakes_and_nothing_else() -> None:
    """The same with strict pyright."""
    command = [str(ROOT / "node_modules" / ".bin" / "pyright"), "--project", str(HERE), "--outputjson"]
    said = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    found = {
        (Path(one["file"]).name, one["range"]["start"]["line"] + 1)
        for one in said["generalDiagnostics"]
        if one["severity"] == "error"
    }
    assert found == marked()
