"""Tests of the project itself: the example app, the layout and the wheel."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def synthesize(folder: Path, *, cwd: Path = ROOT, environment: dict[str, str] | None = None) -> dict[str, object]:
    """Run `python app.py` as the CDK CLI does and return the template."""
    subprocess.run(
        [sys.executable, str(ROOT / "app.py")],
        cwd=cwd,
        check=True,
        env={**os.environ, "CDK_OUTDIR": str(folder), **(environment or {})},
    )
    template: dict[str, object] = json.loads((folder / "BlinkyFirmware.template.json").read_text())
    return template


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    """Synthesize the example in the checkout, without credentials, and return the folder and the template."""
    folder = tmp_path_factory.mktemp("example")
    unset = {name: "" for name in os.environ if name.startswith("AWS_")}
    return folder, synthesize(folder, environment=unset)


def test_the_example_synthesizes_anywhere_and_always_the_same(
    example: tuple[Path, dict[str, object]], tmp_path: Path
) -> None:
    """`python app.py` needs no account, no credentials and no particular folder, and always gives one template."""
    _, first = example
    # Without jsii's cache of the home directory, it would unpack all of the CDK again.
    elsewhere = {
        "HOME": str(tmp_path),
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(Path.home() / ".cache/aws/jsii/package-cache"),
    }
    second = synthesize(tmp_path / "second", cwd=tmp_path, environment=elsewhere)
    assert first == second
    assert any(part["Type"] == "Custom::IoTOTAUpdate" for part in first["Resources"].values())  # type: ignore[attr-defined]


def test_cdk_finds_nothing_wrong_with_the_example(tmp_path: Path) -> None:
    """CDK's own template validation, which other tests switch off, reports nothing for the example app."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "app.py")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CDK_OUTDIR": str(tmp_path), "CDK_VALIDATION": "true"},
    )
    assert done.returncode == 0, done.stderr
    assert "warning" not in (done.stdout + done.stderr).lower()


def test_package_folders_are_not_packages() -> None:
    """`constructs/` has no `__init__.py`, which would shadow the PyPI package, and only outside of pytest."""
    assert not (ROOT / "constructs" / "__init__.py").exists()
    assert not (ROOT / "lambda" / "__init__.py").exists()


def test_the_handler_folder_has_source_only(example: tuple[Path, dict[str, object]]) -> None:
    """The Lambda asset has only Python sources: caches would change its hash on every machine."""
    out, _ = example
    assets = json.loads((out / "BlinkyFirmware.assets.json").read_text())["files"].values()
    folders = [out / asset["source"]["path"] for asset in assets if asset["source"]["packaging"] == "zip"]
    (handler,) = [folder for folder in folders if (folder / "ota_update").is_dir()]
    assert {path.suffix for path in handler.rglob("*") if path.is_file()} == {".py"}


def test_the_wheel_has_the_four_packages_and_nothing_else(wheel: Path) -> None:
    """The wheel contains the four import packages, the type marker and metadata."""
    names = zipfile.ZipFile(wheel).namelist()
    packages = {"cdk_iot_ota", "cdk_iot_ota_cli", "cdk_iot_ota_handler", "cdk_iot_ota_local"}
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == packages
    assert "cdk_iot_ota/py.typed" in names
    assert "cdk_iot_ota_handler/ota_update/index.py" in names


def test_the_wheel_works_on_its_own(wheel: Path, example: tuple[Path, dict[str, object]], tmp_path: Path) -> None:
    """The example synthesizes to the same template with the unpacked wheel as with the checkout."""
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    site = {"PYTHONPATH": str(tmp_path / "site")}
    script = "import cdk_iot_ota, cdk_iot_ota_handler as handler; print(cdk_iot_ota.__file__, handler.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, **site}, text=True, capture_output=True, check=True
    )
    assert all(path.startswith(site["PYTHONPATH"]) for path in found.stdout.split())
    assert synthesize(tmp_path / "from-wheel", environment=site) == example[1]


def test_the_sdk_is_no_dependency_of_synth() -> None:
    """The constructs import without boto3."""
    script = "import sys; sys.modules['boto3'] = sys.modules['botocore'] = None; import cdk_iot_ota"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)


def test_the_changelog_names_the_version() -> None:
    """The changelog has a section for the version of the package."""
    version = re.search(r'"(.+)"', (ROOT / "constructs" / "cdk_iot_ota" / "_version.py").read_text().splitlines()[-1])
    assert version is not None
    assert f"## {version[1]}" in (ROOT / "CHANGELOG.md").read_text()
