"""Output of the demo: styled in a terminal, plain lines everywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

_INDENT = "  "
# The maximum number of lines for the progress of one job without a bar.
_PLAIN_STEPS = 4


class Screen:
    """Prints steps with their times, without colours and animations unless in a terminal."""

    def __init__(self) -> None:
        if isinstance(sys.stdout, TextIOWrapper):
            # The CDK CLI prints characters that some terminals cannot encode.
            sys.stdout.reconfigure(errors="replace")
        self._console = Console(highlight=False)
        self._started = time.monotonic()
        self._times: list[tuple[str, float]] = []

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Print the title of a step, and at its end how long it took."""
        self._print(Text(title, style="bold"))
        started, word = time.monotonic(), "stopped"
        try:
            yield
            word = "done"
        finally:
            seconds = time.monotonic() - started
            self._times.append((title, seconds))
            self.line(f"{word} after {seconds:.1f} s", style="green" if word == "done" else "red")
            self._print(Text())

    def line(self, text: str, style: str = "") -> None:
        """Print an indented line; the terminal wraps long ones."""
        self._print(Text(_INDENT + text, style=style))

    def verbatim(self, lines: Iterable[str]) -> None:
        """Print lines without indentation, for copying."""
        for line in lines:
            self._print(Text(line))

    def facts(self, facts: Sequence[tuple[str, str]]) -> None:
        """Print names and values as two aligned columns."""
        width = max(len(name) for name, _ in facts)
        for name, value in facts:
            lines = self._folded(value, 2 * len(_INDENT) + width)
            hanging = f"\n{' ' * width}{2 * _INDENT}"
            self._print(Text.assemble(_INDENT, (name.ljust(width), "cyan"), _INDENT, hanging.join(lines)))

    def _folded(self, text: str, used: int) -> list[str]:
        """Split a text into lines that fit next to a column, if in a terminal."""
        room = max(self._console.width - used, 20) if self._console.is_terminal else len(text)
        return [text[start : start + room] for start in range(0, len(text), room)]

    def block(self, title: str, lines: Iterable[str]) -> None:
        """Print the output of another program, dimmed."""
        self._print(Text(title, style="bold"))
        for line in lines:
            self.line(line, style="dim")
        self._print(Text())

    def failure(self, text: str) -> None:
        """Print why the demo failed."""
        self._print(Text(text, style="bold red"))

    @contextmanager
    def activity(self, name: str) -> Iterator[Callable[[str], None]]:
        """Show a command's latest output as one line that disappears; nothing without a terminal."""
        with self._console.status(self._cropped(name)) as status:
            yield lambda output: status.update(self._cropped(f"{name}: {output}"))

    def _cropped(self, text: str) -> Text:
        cropped = Text(" ".join(text.split()), style="dim")
        cropped.truncate(max(self._console.width - 4, 20), overflow="ellipsis")
        return cropped

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a progress bar in a terminal, else a few lines."""
        if not self._console.is_interactive:
            yield self._plain_bar(what, total)
            return
        columns = (TextColumn(_INDENT + "{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task(what, total=total)
            yield lambda done: progress.update(task, completed=done)

    def _plain_bar(self, what: str, total: int) -> Callable[[int], None]:
        shown = -1

        def show(done: int) -> None:
            nonlocal shown
            part = done * _PLAIN_STEPS // total
            if part > shown:
                shown = part
                self.line(f"{what} {done} of {total}")

        return show

    def summary(self) -> None:
        """Print the steps with their seconds, and the total."""
        table = Table("step", box=None, pad_edge=False, padding=(0, 4, 0, 0), show_footer=True)
        table.columns[0].footer = "total"
        table.add_column("seconds", f"{time.monotonic() - self._started:.1f}", justify="right")
        for title, seconds in self._times:
            table.add_row(title, f"{seconds:.1f}")
        self._console.print(table)

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)
