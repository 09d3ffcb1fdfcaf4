"""The plots of the results, as SVG that is readable on light and dark pages."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

# `make types` does not install it.
import pygal  # pyright: ignore[reportMissingImports]
from pygal.style import Style  # pyright: ignore[reportMissingImports]

from .measure import Result
from .synth import NAMES

_GREY = "#808080"
_STYLE = Style(
    background="transparent",
    plot_background="transparent",
    foreground=_GREY,
    foreground_strong=_GREY,
    foreground_subtle=_GREY,
    guide_stroke_color="#80808066",
    major_guide_stroke_color="#80808066",
    colors=("#1b9e77", "#d95f02", "#7570b3", "#e7298a", "#c07f00"),
    font_family="sans-serif",
    opacity="1",
    stroke_width="2",
    label_font_size=12,
    major_label_font_size=12,
)
_SYNTH: dict[str, tuple[str, Callable[[Result], float]]] = {
    "seconds": ("Synth, median seconds", lambda case: case["seconds"]["median"]),
    "memory": (
        "Synth, peak MiB of Python and Node",
        lambda case: sum(case[name]["median"] for name in ("python_mib", "node_mib")),
    ),
    "bytes": ("Template, kB", lambda case: case["bytes"] / 1000),
    "calls": ("Calls over the border", lambda case: case["calls"]),
}


def draw(results: Result, folder: Path) -> None:
    """Write a plot for each number that grows with the updates, and one of the cold starts, into a folder."""
    if synth := results.get("synth"):
        for name, (title, value) in _SYNTH.items():
            chart = _chart(pygal.XY, title, x_title="updates", show_dots=True, dots_size=3)
            for app in NAMES:
                cases = [case for case in synth["cases"] if case["app"] == app]
                chart.add(app, sorted((case["updates"], round(value(case), 3)) for case in cases))
            _write(chart, folder / f"synth-{name}.svg")
    if deploy := results.get("deploy"):
        chart = _chart(pygal.XY, "Deploy on local AWS, median seconds", x_title="updates", dots_size=3)
        for app in dict.fromkeys(case["app"] for case in deploy["cases"]):
            for operation in ("create", "replace", "delete"):
                cases = [case for case in deploy["cases"] if case["app"] == app]
                points = sorted((case["updates"], round(case[operation]["median"], 2)) for case in cases)
                chart.add(f"{app}: {operation}", points)
        _write(chart, folder / "deploy.svg")
    if handler := results.get("handler"):
        chart = _chart(pygal.HorizontalBar, "Cold start, median seconds")
        for case in handler["cases"]:
            chart.add(case["name"], round(case["seconds"]["median"], 3))
        _write(chart, folder / "handler.svg")


def _chart(kind: Callable[..., Any], title: str, **options: object) -> Any:
    # Without the script for tooltips, which pages that embed the image do not run.
    look: dict[str, object] = {
        "style": _STYLE,
        "js": [],
        "legend_at_bottom": True,
        "legend_at_bottom_columns": 3,
        "truncate_legend": -1,
    }
    return kind(title=title, width=800, height=500, margin_bottom=50, include_x_axis=True, **look, **options)


def _write(chart: Any, path: Path) -> None:
    path.write_bytes(chart.render())
