"""The colours of all pictures, on a light and on a dark page."""

from __future__ import annotations

PALETTES: dict[str, dict[str, str]] = {
    "light": {
        "page": "#ffffff",
        "panel": "#f6f8fa",
        "line": "#8c959f",
        "text": "#1f2328",
        "muted": "#59636e",
        "red": "#c21b2b",
        "green": "#11682c",
        "yellow": "#835700",
        "blue": "#0757b4",
        "magenta": "#7339c4",
        "cyan": "#10656c",
        "good": "#dafbe1",
        "bad": "#ffebe9",
        "ours": "#ddf4ff",
    },
    "dark": {
        "page": "#0d1117",
        "panel": "#151b23",
        "line": "#6e7681",
        "text": "#f0f6fc",
        "muted": "#9aa4ae",
        "red": "#ff7b72",
        "green": "#4fc861",
        "yellow": "#dca93a",
        "blue": "#6cb0ff",
        "magenta": "#c39bff",
        "cyan": "#4fcfdc",
        "good": "#12351d",
        "bad": "#471b1d",
        "ours": "#10294a",
    },
}
