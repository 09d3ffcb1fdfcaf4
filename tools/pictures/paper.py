"""The paper of a terminal: every line that was ever on it, with the times at which it was there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Run:
    """Text in one style that begins in a column. `colour`: a name of pyte's."""

    column: int
    text: str
    colour: str = "default"
    is_bold: bool = False
    is_dim: bool = False


Line = tuple[Run, ...]


@dataclass(kw_only=True)
class Spell:
    """A line in a row of the paper, from one time to another; `end` is None if it stays."""

    row: int
    line: Line
    begin: float
    end: float | None = None


@dataclass(kw_only=True)
class Paper:
    """The lines of a terminal. `scrolls`: the times at which its first row became another row of the paper."""

    columns: int
    rows: int
    spells: list[Spell] = field(default_factory=list)
    scrolls: list[tuple[float, int]] = field(default_factory=list)
    #: the times at which the paper became longer
    growth: list[float] = field(default_factory=list)
    end: float = 0.0

    def screen(self, at: float) -> list[Line]:
        """Return the lines that the terminal showed at a time."""
        top = max([0, *(top for time, top in self.scrolls if time <= at)])
        shown = {spell.row: spell.line for spell in self.spells if spell.begin <= at and not _is_over(spell, at)}
        return [shown.get(row, ()) for row in range(top, top + self.rows)]


def _is_over(spell: Spell, at: float) -> bool:
    return spell.end is not None and spell.end <= at


def text_of(lines: Iterable[Line]) -> str:
    """Return lines as text."""
    return "\n".join(_plain(line) for line in lines)


def _plain(line: Line) -> str:
    text = ""
    for run in line:
        text = text.ljust(run.column) + run.text
    return text
