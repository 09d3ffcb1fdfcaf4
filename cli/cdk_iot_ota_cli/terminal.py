"""A view in a terminal, at any width, dark or light: only the terminal's own colours, and never a colour alone."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cdk_iot_ota_handler.ota_update.observed import JobProgress

from . import words
from .gates import Alarm
from .reading import Slowest
from .view import Mood, State, UpdateView, View

_INDENT = 2
_BAR = 24
_LABEL = 7
_DEVICES = 10
# From this width on, the bar and the counts, and the firmware and its id, are in one line.
_WIDE = 100
_MOODS = {Mood.FINE: ("✔", "bold green"), Mood.FAILED: ("✖", "bold red"), Mood.GOING_ON: ("◌", "bold yellow")}
_STATES = {
    State.PASSED: ("✔", "green"),
    State.DEPLOYED: ("✔", "green"),
    State.REPORTED: ("!", "yellow"),
    State.MISSING: ("!", "yellow"),
    State.FAILED: ("✖", "red"),
    State.NOT_BEGUN: ("•", "dim"),
    State.REMOVED: ("•", "dim"),
    State.UNKNOWN: ("?", "dim"),
}
_BUSY = ("◌", "yellow")
_WARNING = ("!", "yellow")
_ALARMS = {"OK": ("✔", "green"), "ALARM": ("✖", "red")}
# Each has a glyph of its kind, so that the bar can be read without colours.
_CELLS = (("succeeded", "█", "green"), ("failures", "▓", "red"), ("in_progress", "▒", "yellow"), ("queued", "░", "dim"))
_ASCII = str.maketrans(
    {
        "✔": "+",
        "✖": "x",
        "◌": "o",
        "•": "-",
        "█": "#",
        "▓": "X",
        "▒": "=",
        "░": ".",
        "…": "~",
        "\N{NO-BREAK SPACE}": " ",
    }
)


class Screen:
    """A view that fits itself to the console it is printed on.

    ``compact``: without the ids of updates that nothing happens to. ``devices``: with each device that has failed.
    """

    def __init__(self, view: View, *, compact: bool = False, devices: bool = False) -> None:
        self._view, self._compact, self._devices = view, compact, devices

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render for the width and the encoding of the console."""
        parts = list(self._parts(options.max_width >= _WIDE))
        if options.ascii_only:
            parts = [_ascii(part) for part in parts]
        yield Group(*parts)

    def _parts(self, is_wide: bool) -> Iterator[Any]:
        view = self._view
        symbol, style = _MOODS[view.mood]
        word = "for" if not view.is_at_rest else "since"
        age = words.duration(view.now - view.since) if not view.is_at_rest else words.clock(view.since, view.now)
        yield Text.assemble((view.stack.name, "bold"), f"  {view.stack.status} {word} {age}")
        yield _hanging(symbol, Text(view.headline, style), style)
        yield Text()
        for update in view.updates:
            yield from self._update(update, is_wide)
        if view.left_out:
            yield Text()
            yield from (_hanging("?", Text(f"left out: {one}", "dim"), "dim") for one in view.left_out)
        yield Text()
        yield Text(words.total(sum(view.calls.values())), "dim")

    def _update(self, update: UpdateView, is_wide: bool) -> Iterator[Any]:
        symbol, style = _STATES.get(update.state, _BUSY)
        title = Text.assemble((update.name, "bold"), "  ", (_title(update, self._view.now), style))
        is_settled = not update.is_busy and update.state is not State.FAILED
        if update.counts is not None and is_settled and update.state is not State.NOT_BEGUN:
            title.append(f"  {', '.join(words.counts(update.counts))}")
        yield _hanging(symbol, title, style)
        if not (self._compact and is_settled):
            rows = [] if is_settled else self._rows(update, is_wide)
            rows = [*_identity(update, is_wide), *rows]
            if is_settled and update.failed:
                rows.append(("failed", Text(update.failed)))
            if self._devices:
                rows += _device_rows(update, self._view.now)
            if rows:
                yield Padding(_grid(rows), (0, 0, 0, _INDENT))

    def _rows(self, update: UpdateView, is_wide: bool) -> list[tuple[str, Text]]:
        now, rows = self._view.now, list[tuple[str, Text]]()
        # Those of a live update are not those of the deploy.
        if update.is_new and update.counts is not None and update.counts.devices:
            rows += _count_rows(update.counts, update.limits, is_wide)
        if update.needed is not None and update.by is not None:
            left = words.duration(update.by - now)
            more = f"{update.needed:,} more to succeed" if update.needed else "nothing more"
            rows.append(("needs", Text(f"{more} by {words.clock(update.by, now)} (in {left})")))
        if update.until is not None:
            left = words.duration(update.until - now)
            rows.append(("bake", Text(f"until {words.clock(update.until, now)} (in {left})")))
        if update.alarms:
            rows.append(("alarms", Text("   ").join(_alarm(one) for one in update.alarms)))
        if update.failed:
            rows.append(("failed", Text(update.failed)))
        if update.slowest and not self._devices:
            rows.append(("slowest", Text(_slow(update.slowest[0], now))))
        return rows


def _title(update: UpdateView, now: float) -> str:
    text = update.state.value
    if update.state is State.WAITING and update.gate is not None and update.created is not None:
        waited, timeout = words.duration(now - update.created), words.duration(update.gate.gate.timeout)
        text = f"{text}, {waited} of {timeout}"
    if update.done is not None:
        text = f"{text} {words.duration(now - update.done)} ago"
    return f"{text}: {update.message}" if update.message else text


def _identity(update: UpdateView, is_wide: bool) -> list[tuple[str, Text]]:
    rows = list[tuple[str, Text]]()
    if update.ota_update_id:
        rows += _named("new" if update.is_new else "live", update.firmware, update.ota_update_id, is_wide)
    if update.before is not None:
        rows += _named("before", update.before.firmware, update.before.ota_update_id, is_wide)
    return rows


def _named(label: str, firmware: str, ota_update_id: str, is_wide: bool) -> list[tuple[str, Text]]:
    if is_wide:
        return [(label, Text.assemble(firmware, "  ", (ota_update_id, "dim")))]
    return [(label, Text(firmware)), ("", Text(ota_update_id, "dim"))]


def _count_rows(progress: JobProgress, limits: str, is_wide: bool) -> list[tuple[str, Text]]:
    told = words.counts(progress, limits)
    if is_wide:
        return [("devices", Text.assemble(bar(progress), "  ", "  ".join(told)))]
    # A line breaks between two counts only.
    return [
        ("devices", bar(progress)),
        *(("", Text("  ".join(told[place : place + 2]))) for place in (0, 2) if told[place:]),
    ]


def bar(progress: JobProgress) -> Text:
    """Return the counts as a bar, in which whatever is not zero has a cell."""
    counts = [getattr(progress, name) for name, _, _ in _CELLS]
    shares = [_BAR * count / progress.devices for count in counts]
    cells = [max(1, int(share)) if count else 0 for count, share in zip(counts, shares, strict=True)]
    while sum(cells) != _BAR:
        step = 1 if sum(cells) < _BAR else -1
        fitting = [place for place, cell in enumerate(cells) if cell > 1 or (step > 0 and cell)]
        place = max(fitting, key=lambda one: step * (shares[one] - cells[one]))
        cells[place] += step
    parts = [(glyph * cell, style) for (_, glyph, style), cell in zip(_CELLS, cells, strict=True) if cell]
    return Text.assemble(*parts)


def _alarm(one: Alarm) -> Text:
    symbol, style = _WARNING if one.lacks_data and one.state != "ALARM" else _ALARMS.get(one.state, _WARNING)
    return Text(f"{symbol} {words.alarm(one)}", style)


def _slow(slowest: Slowest, now: float) -> str:
    return f"{slowest.thing} for {words.duration(now - slowest.since)}"


def _device_rows(update: UpdateView, now: float) -> list[tuple[str, Text]]:
    rows = []
    for one in update.failed_devices:
        reported = "" if not one.details else "  ".join(f"{key}={value}" for key, value in one.details.items())
        printable = "".join(letter if letter.isprintable() else " " for letter in reported)
        rows.append((one.status.lower().replace("_", " "), Text.assemble((one.thing, "bold"), "  ", printable)))
    rows += [("in progress", Text(_slow(one, now))) for one in update.slowest[:_DEVICES]]
    return rows


def _grid(rows: list[tuple[str, Text]]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True, min_width=_LABEL)
    grid.add_column(overflow="fold")
    for label, text in rows:
        grid.add_row(label, text)
    return grid


def _hanging(symbol: str, text: Text, style: str) -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(symbol, style), text)
    return grid


def _ascii(part: Any) -> Any:
    if isinstance(part, Text):
        part.plain = part.plain.translate(_ASCII)
    elif isinstance(part, Padding):
        _ascii(part.renderable)
    elif isinstance(part, Table):
        for column in part.columns:
            for cell in column.cells:
                _ascii(cell)
    return part
