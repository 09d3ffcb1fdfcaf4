"""User code under strict mypy and pyright: correct code has no error, and each mistake has one."""

import json
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FILES = ("good.py", "bad.py")


def marked() -> set[tuple[str, int]]:
    """Return the lines that are marked as wrong."""
    lines = {name: (HERE / name).read_text().splitlines() for name in FILES}
    return {(name, number) for name in FILES for number, line in enumerate(lines[name], 1) if line.endswith("# error")}


def test_mypy_finds_the_mistakes_and_nothing_else() -> None:
    """Strict mypy reports exactly the marked mistakes."""
    command = [sys.executable, "-m", "mypy", *(str(HERE / name) for name in FILES)]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    found = {(name, int(line)) for name, line in re.findall(r"(\w+\.py):(\d+): error", output)}
    assert found == marked(), output


def test_pyright_finds_the_mistakes_and_nothing_else() -> None:
    """Strict pyright reports exactly the marked mistakes."""
    command = [str(ROOT / "node_modules" / ".bin" / "pyright"), "--project", str(HERE), "--outputjson"]
    output = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    found = {
        (Path(one["file"]).name, one["range"]["start"]["line"] + 1)
        for one in output["generalDiagnostics"]
        if one["severity"] == "error"
    }
    assert found == marked()
