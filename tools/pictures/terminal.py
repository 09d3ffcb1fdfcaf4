"""Draw a terminal as SVG: one moment of it, or all of a recording as an animation without a script."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from html import escape
from itertools import groupby, pairwise

from .paper import Line, Paper, Run, Spell

_FONT = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace"
_SIZE, _CELL, _LINE = 14, 8.4, 19
_PAD, _BAR = 14, 32
_FRAMES = 10  # a second
# pyte's names of colours, and those of palettes; the bright ones are as the others.
_COLOURS = {
    "red": "red",
    "green": "green",
    "brown": "yellow",
    "blue": "blue",
    "magenta": "magenta",
    "cyan": "cyan",
    "black": "muted",
    # rich's bar of progress: what is left, what is done, and all of it
    "3a3a3a": "muted",
    "ff005f": "magenta",
    "5faf00": "green",
}
_CLASSES = {"red": "r", "green": "g", "yellow": "y", "blue": "u", "magenta": "m", "cyan": "c", "muted": "d"}


@dataclass(frozen=True, kw_only=True)
class Look:
    """The frame around the text of a terminal. `title`: in its bar. `alt`: the whole picture in words."""

    title: str
    alt: str
    palette: Mapping[str, str]


def still(lines: list[Line], columns: int, look: Look) -> str:
    """Draw the lines of a terminal, which is as high as they are."""
    body = "\n".join(_texts(line, row) for row, line in enumerate(lines) if line)
    return _window(body, "", columns, len(lines), look)


def animated(paper: Paper, look: Look, *, longest: float, pause: float) -> str:
    """Draw a recording that runs in a loop.

    Times in which no line is added are cut to `longest` seconds, and the end is shown for `pause` seconds. Where less
    motion is preferred, it shows the end.
    """
    clock = _clock(paper, longest)
    total = clock(paper.end) + pause
    body, rules = _spells(paper.spells, clock, total)
    frames = {clock(time): top for time, top in paper.scrolls}
    scrolls = "".join(
        f"{_share(time, total)}{{transform:translateY({-top * _LINE}px)}}" for time, top in frames.items()
    )
    last = max([0, *frames.values()])
    rules = (
        f".p,.p g{{animation-duration:{total:.1f}s;animation-timing-function:step-end;"
        "animation-iteration-count:infinite}"
        f".p{{transform:translateY({-last * _LINE}px);animation-name:p}}"
        f"@keyframes p{{0%{{transform:none}}{scrolls}}}"
        f".t{{visibility:hidden}}{rules}"
        "@media(prefers-reduced-motion:reduce){.p,.p g{animation-name:none!important}}"
    )
    return _window(f'<g class="p">\n{body}\n</g>', rules, paper.columns, paper.rows, look)


def _clock(paper: Paper, longest: float) -> Callable[[float], float]:
    """Return the time of the picture for a time of the recording, which begins with the first line, in whole frames."""
    marks = sorted({*paper.growth, paper.end})
    shown = [0.0]
    for before, mark in pairwise(marks):
        shown.append(shown[-1] + min(mark - before, longest))

    def clock(time: float) -> float:
        place = bisect_right(marks, time) - 1
        after = min(place + 1, len(marks) - 1)
        real = marks[after] - marks[place]
        share = (time - marks[place]) / real if real else 0.0
        return round((shown[place] + share * (shown[after] - shown[place])) * _FRAMES) / _FRAMES

    return clock


def _spells(spells: Iterable[Spell], clock: Callable[[float], float], total: float) -> tuple[str, str]:
    """Return the texts, grouped by the time in which they are visible, and the rules for that."""
    timed = [(clock(one.begin), None if one.end is None else clock(one.end), one) for one in spells if one.line]
    seen = [one for one in timed if one[1] is None or one[0] < one[1]]
    groups, rules = [], []
    order = sorted(seen, key=lambda one: (one[0], one[1] or total, one[2].row))
    for number, ((begin, end), group) in enumerate(groupby(order, key=lambda one: one[:2])):
        texts = "".join(_texts(spell.line, spell.row) for _, _, spell in group)
        name = f"k{number}"
        groups.append(f'<g class="{name}{"" if end is None else " t"}">{texts}</g>')
        over = "" if end is None else f"{_share(end, total)}{{visibility:hidden}}"
        rules.append(
            f".{name}{{animation-name:{name}}}@keyframes {name}"
            f"{{0%{{visibility:hidden}}{_share(begin, total)}{{visibility:visible}}{over}}}"
        )
    return "\n".join(groups), "".join(rules)


def _share(time: float, total: float) -> str:
    return f"{100 * time / total:.2f}".rstrip("0").rstrip(".") + "%"


def _texts(line: Line, row: int) -> str:
    return "".join(_text(run, row) for run in line)


def _text(run: Run, row: int) -> str:
    colour = (
        "muted" if run.is_dim and run.colour == "default" else _COLOURS.get(run.colour.replace("bright", "", 1), "")
    )
    classes = " ".join([*([_CLASSES[colour]] if colour else []), *(["b"] if run.is_bold else [])])
    # Fonts have other widths, and blocks must not have gaps.
    length = f'textLength="{len(run.text) * _CELL:.1f}"' + (
        "" if run.text.isascii() else ' lengthAdjust="spacingAndGlyphs"'
    )
    named = f' class="{classes}"' if classes else ""
    return f'<text x="{run.column * _CELL:.1f}" y="{row * _LINE + _SIZE}" {length}{named}>{escape(run.text)}</text>'


def _window(body: str, rules: str, columns: int, rows: int, look: Look) -> str:
    inner, deep, palette = columns * _CELL, rows * _LINE, look.palette
    width, height = round(inner + 2 * _PAD), deep + _BAR + _PAD
    colours = "".join(f".{name}{{fill:{palette[colour]}}}" for colour, name in _CLASSES.items())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img">\n<title>{escape(look.alt)}</title>\n'
        f"<style>text{{font:{_SIZE}px {_FONT};fill:{palette['text']};white-space:pre}}"
        f".b{{font-weight:bold}}{colours}{rules}</style>\n"
        f'<rect x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="8" '
        f'fill="{palette["panel"]}" stroke="{palette["line"]}"/>\n'
        f'<text x="{_PAD}" y="21" class="d">{escape(look.title)}</text>\n'
        f'<path d="M1 {_BAR - 3.5}H{width - 1}" stroke="{palette["line"]}"/>\n'
        f'<svg x="{_PAD}" y="{_BAR}" width="{inner:.1f}" height="{deep + 4}">\n{body}\n</svg>\n</svg>\n'
    )
