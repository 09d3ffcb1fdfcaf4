"""The import rules in pyproject.toml hold, and each of them finds an import that breaks it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "cdk_iot_ota": "constructs",
    "cdk_iot_ota_cli": "cli",
    "cdk_iot_ota_handler": "lambda",
    "cdk_iot_ota_local": "local",
}
HANDLER = "cdk_iot_ota_handler/ota_update"


def lint(folder: Path) -> str:
    """Check the packages in a folder, and return what the linter prints."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache", "pyproject.toml"]
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the four packages side by side."""
    folder = tmp_path_factory.mktemp("packages")
    for package, room in PACKAGES.items():
        shutil.copytree(ROOT / room / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_imports_follow_the_rules(copied: Path) -> None:
    """No import of the four packages breaks a rule."""
    assert " 0 broken." in lint(copied)


@pytest.mark.parametrize(
    ("file", "statement", "rule"),
    [
        ("cdk_iot_ota/provider/waiter.py", "from ..permissions import needs", "constructs import downwards"),
        ("cdk_iot_ota/permissions/needs.py", "from ..ota_update import OtaUpdate", "constructs import downwards"),
        ("cdk_iot_ota/permissions/needs.py", "from .. import imported", "constructs import downwards"),
        ("cdk_iot_ota/_iam/statements.py", "from ..request import rollout", "constructs import downwards"),
        ("cdk_iot_ota/imported.py", "import cdk_iot_ota_handler.ota_update.decide.gate", "nothing of the handler but"),
        ("cdk_iot_ota/imported.py", "import cdk_iot_ota_cli.wait", "import the handler at most"),
        (f"{HANDLER}/contract/limits.py", "from .. import errors", "the handler imports downwards"),
        (f"{HANDLER}/contract/limits.py", "import boto3", "synth needs no AWS SDK"),
        (f"{HANDLER}/decide/gate.py", "from .. import service", "the handler imports downwards"),
        ("cdk_iot_ota_cli/wait.py", "import cdk_iot_ota", "import the handler at most"),
        ("cdk_iot_ota_cli/view.py", "from . import terminal", "the command imports downwards"),
        ("cdk_iot_ota_cli/view.py", "import botocore", "only aws.py of the command"),
        ("cdk_iot_ota_cli/wait.py", "def lazy():\n    import aws_cdk", "import no CDK"),
        ("cdk_iot_ota_local/faults.py", "import cdk_iot_ota_handler", "local imports no handler"),
        ("cdk_iot_ota_local/ministack/emulator.py", "from ..ota import store", "local imports downwards"),
        ("cdk_iot_ota/request/rollout_gate.py", "from . import ota_file", None),
        ("cdk_iot_ota/_synth/checks.py", "from . import tags", "in a loop"),
    ],
)
def test_an_import_that_breaks_a_rule_is_found(copied: Path, file: str, statement: str, rule: str | None) -> None:
    """A statement that breaks a rule is reported under the rule's name; one that breaks none is accepted."""
    path = copied / file
    before = path.read_text()
    path.write_text(f"{before}\n{statement}\n")
    try:
        broken = [line for line in lint(copied).splitlines() if " BROKEN" in line]
    finally:
        path.write_text(before)
    assert any(rule in line for line in broken) if rule else not broken
