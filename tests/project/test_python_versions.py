"""The library under the oldest and the newest Python that it allows, as far as this machine has them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
APP = """
from pathlib import Path
from aws_cdk import App, Stack
from cdk_iot_ota import RolloutGate
from tests.construct.stacks import ota_update

app = App()
ota_update(Stack(app, "Prod"), "Blinky", Path("firmware/blinky.bin"), gate=RolloutGate())
app.synth()
"""


def interpreter(minor: int) -> str | None:
    """Return a Python of this release, on the path or of pyenv, or None if there is none that runs."""
    found = shutil.which(f"python3.{minor}")
    installed = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    # pyenv puts the names of all releases on the path, whether or not they are to be used.
    candidates = [*([found] if found else []), *map(str, installed.glob(f"3.{minor}.*/bin/python"))]
    runs = (one for one in candidates if not subprocess.run([one, "-V"], capture_output=True, check=False).returncode)
    return next(runs, None)


def rendered(python: str, folder: Path) -> Any:
    """Return the template that the app renders, in which nothing is deprecated in CDK."""
    # The packages of this environment that synth needs are written in Python.
    paths = [*(path for path in sys.path if path.endswith("site-packages")), ROOT / "constructs", ROOT / "lambda", ROOT]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "CDK_OUTDIR": str(folder),
        "JSII_DEPRECATED": "fail",
    }
    done = subprocess.run([python, "-c", APP], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "Prod.template.json").read_text())


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the template of this Python."""
    return rendered(sys.executable, tmp_path_factory.mktemp("here"))


@pytest.mark.parametrize("minors", [range(10, 15), range(14, 9, -1)], ids=["oldest", "newest"])
def test_each_release_renders_the_same(minors: range, here: Any, tmp_path: Path) -> None:
    """An app renders the same template under the oldest and the newest Python that are here."""
    other = next(found for found in map(interpreter, minors) if found is not None)
    assert rendered(other, tmp_path) == here
