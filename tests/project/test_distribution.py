"""Tests of the wheel and the sdist: their contents, their links, and the command in an environment without the CDK."""

import os
import re
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from .conftest import build

LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def names(wheel: Path) -> set[str]:
    """Return the names of all files in a wheel."""
    return set(zipfile.ZipFile(wheel).namelist())


def test_links_of_the_documents_resolve_in_the_sdist(sdist: Path) -> None:
    """Every relative link of every Markdown file points to a file that the sdist has."""
    documents = [*sdist.glob("*.md"), *sdist.glob("docs/*.md")]
    assert {"README.md", "CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md"} <= {path.name for path in documents}
    links = [(path, link) for path in documents for link in LINK.findall(path.read_text())]
    assert len(links) > 10
    assert [(path.name, link) for path, link in links if not (path.parent / link).exists()] == []


def test_the_sdist_can_do_what_a_clone_can(sdist: Path) -> None:
    """The sdist has the example, the tests, the tools and everything that the Makefile needs."""
    for name in (
        *("LICENSE", "Makefile", "app.py", "cdk.json", "pyproject.toml", "package.json", "package-lock.json"),
        *("requirements.in", "requirements.txt", "requirements-lowest.txt", "tests/conftest.py", "tools/licences.py"),
        *("firmware/blinky.bin", "firmware/blinky.sig", "demo/__main__.py", "examples/phased_rollout.py"),
        *("cli/cdk_iot_ota_cli/wait.py", "local/cdk_iot_ota_local/__main__.py", ".gitignore"),
        *("benchmarks/__main__.py", "benchmarks/requirements.txt", "benchmarks/results/results.json"),
        *("docs/pictures/demo-light.svg", "tools/pictures/requirements.txt", "tools/pictures/package-lock.json"),
    ):
        assert (sdist / name).is_file(), name


def test_the_sdist_builds_the_same_wheel(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    """A wheel built from the unpacked sdist has the files of one built from the checkout."""
    assert names(build("wheel", sdist, tmp_path)) == names(wheel)


def closure(extra: str) -> Iterator[str]:
    """Yield every distribution that an extra installs besides the library's own requirements."""
    found: set[str] = set()
    pending = [one for one in map(Requirement, requires("cdk-iot-ota") or []) if f'"{extra}"' in str(one.marker)]
    while pending:
        name = pending.pop().name
        if name not in found:
            found.add(name)
            yield name
            needed = map(Requirement, requires(name) or [])
            pending += [one for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]


@pytest.fixture(scope="module")
def command(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel without its dependencies into an environment that has only those of the extra `cli`."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    options = ["--quiet", "--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check"]
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", *options]
    subprocess.run([*pip, str(wheel)], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for name in closure("cli"):
        found = distribution(name)
        for top in {path.parts[0] for path in found.files or [] if path.parts[0] not in ("..", "__pycache__")}:
            (site / top).symlink_to(Path(str(found.locate_file(top))))
    return folder / "bin" / "cdk-iot-ota"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program with nothing on its path, so without Node."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
    return subprocess.run(
        arguments,
        cwd=Path(arguments[0]).parent,
        env={**kept, "PATH": "", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_needs_no_cdk_and_no_node(command: Path) -> None:
    """The console script queries AWS in an environment that has neither aws_cdk nor jsii nor a node on its path."""
    python = str(command.parent / "python")
    for module in ("aws_cdk", "jsii", "constructs"):
        assert f"No module named '{module}'" in run(python, "-c", f"import {module}").stderr
    assert "wait" in run(str(command), "--help").stdout
    done = run(str(command), "wait", "--stack", "Prod", AWS_CONFIG_FILE="/nowhere")
    assert (done.returncode, "You must specify a region" in done.stderr) == (2, True), done.stderr
    assert run(python, "-m", "cdk_iot_ota_cli", "--version").stdout.startswith("cdk-iot-ota, version ")


def test_the_command_imports_no_construct(command: Path) -> None:
    """A run of the command leaves no construct and no module of the CDK in `sys.modules`."""
    script = (
        "import sys; from cdk_iot_ota_cli.__main__ import main; main(['wait', '--help']); "
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'cdk_iot_ota', 'aws_cdk', 'jsii'}))"
    )
    assert run(str(command.parent / "python"), "-c", script).stdout.splitlines()[-1] == "[]"
