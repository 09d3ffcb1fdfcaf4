"""Remake the pictures: `make pictures`, or some of them with `make pictures ARGS="--only drawings"`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from .alts import ALTS, TITLES
from .drawings import draw
from .emulator import paper
from .palettes import PALETTES
from .record import recording
from .status import COLUMNS, moments
from .terminal import Look, animated, still

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "pictures"
# As wide as can be read on a telephone.
_COLUMNS, _ROWS = 60, 24
_LONGEST, _PAUSE = 2.0, 6.0


def _demo() -> dict[str, str]:
    # Paths on the screen are those of any machine.
    environment = {**os.environ, "TMPDIR": "/tmp"}
    command = [sys.executable, "-m", "demo"]
    with recording(command, columns=_COLUMNS, rows=_ROWS, folder=ROOT, environment=environment) as demo:
        if code := demo.wait():
            raise click.ClickException(f"the demo has ended with {code}:\n{demo.text[-2_000:]}")
    found = paper(demo.chunks, columns=_COLUMNS, rows=_ROWS)
    return _themed("demo", "demo", lambda look: animated(found, look, longest=_LONGEST, pause=_PAUSE))


def _status() -> dict[str, str]:
    made = dict[str, str]()
    for name, lines in moments().items():
        made |= _themed(f"status-{name}", "status", partial(still, lines, COLUMNS))
    return made


def _themed(name: str, title: str, draw_it: Callable[[Look], str]) -> dict[str, str]:
    looks = {theme: Look(title=TITLES[title], alt=ALTS[name], palette=colours) for theme, colours in PALETTES.items()}
    return {f"{name}-{theme}.svg": draw_it(look) for theme, look in looks.items()}


_PARTS: dict[str, Callable[[], dict[str, str]]] = {"drawings": lambda: draw(ALTS), "demo": _demo, "status": _status}


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(_PARTS)), help="A part; repeatable. Default: all.")
def main(only: tuple[str, ...]) -> None:
    """Write the pictures into docs/pictures. The demo and the status take some three minutes each."""
    for part in only or _PARTS:
        for name, svg in _PARTS[part]().items():
            (FOLDER / name).write_text(svg)
            click.echo(f"docs/pictures/{name}: {len(svg.encode()) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
