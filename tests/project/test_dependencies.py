"""Tests of the dependencies: pinned, hashed, within the wheel's ranges, and under accepted licences."""

import json
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tools.licences import DOCUMENT, ROOT, document, npm_rows, pins, required, rows

COMPILED = pytest.mark.parametrize(
    "name", ["requirements", "requirements-lowest", "benchmarks/requirements", "tools/pictures/requirements"]
)
LOCKS = pytest.mark.parametrize("folder", [ROOT, ROOT / "tools" / "pictures"])
PERMISSIVE = {"Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "CNRI-Python", "MIT", "MIT-0", "PSF-2.0"}


def is_accepted(licence: str, accepted: set[str]) -> bool:
    """Return whether one alternative of an SPDX expression has accepted licences only."""
    return any(set(part.split(" AND ")) <= accepted for part in licence.split(" OR "))


@COMPILED
def test_all_is_pinned_and_hashed(name: str) -> None:
    """Each requirement has one version and the SHA-256 hashes of its files; `pins` raises for one without a version."""
    found = pins(f"{name}.txt")
    assert found
    for pin in found:
        assert pin.hashes, pin.name
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", digest) for digest in pin.hashes), pin.name


@COMPILED
def test_what_is_compiled_is_what_is_named(name: str) -> None:
    """The compiled file has exactly the direct pins of its .in file; `make lock` updates it."""
    lines = [line for line in (ROOT / f"{name}.in").read_text().splitlines() if not line.startswith("#")]
    named = {(wanted.name, str(wanted.specifier)) for wanted in map(Requirement, lines)}
    assert named == {(pin.name, f"=={pin.version}") for pin in pins(f"{name}.txt") if "-r" in pin.wanted_by}


@COMPILED
def test_nothing_tells_where_it_was_compiled(name: str) -> None:
    """The compiled file has no index URL and no path of the machine that compiled it."""
    assert not re.search(r"^--|://", (ROOT / f"{name}.txt").read_text(), re.MULTILINE)


def test_the_wheel_admits_what_the_tests_run_with() -> None:
    """The pinned versions are within the ranges of pyproject.toml, and the lowest pins are their lower ends."""
    for name, versions in required().items():
        (pinned,) = [pin.version for pin in pins() if pin.name == name]
        (lowest,) = [pin.version for pin in pins("requirements-lowest.txt") if pin.name == name]
        assert pinned in versions
        assert f">={lowest}" in str(versions).split(",")
    for name, versions in (required("cli") | required("local") | required("verify")).items():
        assert all(pin.version in versions for pin in pins() if pin.name == name), name


def test_the_wheel_brings_only_the_cdk() -> None:
    """The library itself requires no AWS SDK, because the Lambda runtime has one; only the extras do."""
    assert set(required()) == {"aws-cdk-lib", "constructs"}
    assert set(required("cli")) == {"boto3", "click", "rich"}
    local = {"boto3", "cbor2", "cryptography", "hypercorn", "ministack", "paho-mqtt"}
    assert set(required("local")) == local
    assert set(required("verify")) == {"cryptography"}
    runtime, _ = rows()
    assert not {"boto3", "botocore", "cryptography"} & {row.name for row in runtime}


@LOCKS
def test_npm_packages_are_hashed(folder: Path) -> None:
    """Each entry of a package-lock.json has a SHA-512 hash."""
    packages = json.loads((folder / "package-lock.json").read_text())["packages"]
    installed = {path: package for path, package in packages.items() if path}
    assert installed
    assert all(package["integrity"].startswith("sha512-") for package in installed.values())


def test_the_licences_are_listed() -> None:
    """docs/licences.md names every package with its version; `python -m tools.licences` updates it."""
    assert DOCUMENT.read_text() == document()
    assert {pin.name for pin in pins("requirements-lowest.txt")} <= {pin.name for pin in pins()}


def test_the_licences_are_accepted_ones() -> None:
    """An app's dependencies have permissive licences; those of development may also be under the MPL."""
    runtime, development = rows()
    accepted = [(row, PERMISSIVE) for row in runtime]
    accepted += [(row, PERMISSIVE | {"MPL-2.0"}) for row in [*development, *npm_rows()]]
    assert [row for row, licences in accepted if not is_accepted(row.licence, licences)] == []
