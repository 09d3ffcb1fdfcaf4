"""Read a recording as a terminal does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

# `make types` does not install it.
import pyte  # pyright: ignore[reportMissingImports]

from .paper import Line, Paper, Run, Spell
from .record import Chunk

_DIM = 2
# pyte has no attribute for dim text, and nothing here blinks.
_INSTEAD = 5
_COLOURS = {38, 48}


def paper(chunks: Iterable[Chunk], *, columns: int, rows: int) -> Paper:
    """Return the paper of a recording."""
    found = Paper(columns=columns, rows=rows)
    screen = _Screen(found)
    stream = pyte.Stream(screen)
    for chunk in chunks:
        screen.now = found.end = chunk.at
        stream.feed(chunk.text)
        screen.look()
    return found


class _Screen(pyte.Screen):  # type: ignore[misc]
    """A terminal that notes what happens to its lines."""

    def __init__(self, paper: Paper) -> None:
        self._paper, self._top, self.now = paper, 0, 0.0
        self._shown: dict[int, Spell] = {}
        super().__init__(paper.columns, paper.rows)

    def index(self) -> None:
        """Move to the next line, and note the first one before it leaves the terminal."""
        if self.cursor.y == self.lines - 1:
            self._note(0)
            self._top += 1
            self._paper.scrolls.append((self.now, self._top))
        super().index()

    def select_graphic_rendition(self, *attributes: int, **more: Any) -> None:
        """Set the style of the text that follows."""
        if not _COLOURS.intersection(attributes):
            attributes = tuple(_INSTEAD if one == _DIM else one for one in attributes)
        super().select_graphic_rendition(*attributes, **more)

    def look(self) -> None:
        """Note the lines that have changed."""
        for row in sorted(self.dirty):
            self._note(row)
        self.dirty.clear()

    def _note(self, row: int) -> None:
        line, place = _line(self.buffer[row], self.columns), self._top + row
        before = self._shown.get(place)
        if before is None and not line:
            return
        if before is not None:
            if before.line == line:
                return
            before.end = self.now
        elif place > max(self._shown, default=-1):
            self._paper.growth.append(self.now)
        self._shown[place] = Spell(row=place, line=line, begin=self.now)
        self._paper.spells.append(self._shown[place])


def _line(cells: Any, columns: int) -> Line:
    runs: list[Run] = []
    for column in range(columns):
        cell, last = cells[column], runs[-1] if runs else None
        new = Run(column=column, text=cell.data, colour=cell.fg, is_bold=cell.bold, is_dim=cell.blink)
        is_blank = not cell.data.strip()
        # Spaces have no style, and continue a run.
        if last is not None and (is_blank or new == replace(last, column=column, text=cell.data)):
            runs[-1] = replace(last, text=last.text + cell.data)
        elif not is_blank:
            runs.append(new)
    return tuple(replace(run, text=run.text.rstrip()) for run in runs)
