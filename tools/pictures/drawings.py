"""Draw the D2 sources of this folder as SVG, on a light and on a dark page."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from html import escape
from pathlib import Path

from .palettes import PALETTES

FOLDER = Path(__file__).resolve().parent
_STYLE = FOLDER / "style.d2"
SOURCES = sorted(path for path in FOLDER.glob("*.d2") if path != _STYLE)


def digest(source: Path) -> str:
    """Return the digest of everything that a drawing is made from."""
    files = [source, _STYLE, FOLDER / "palettes.py", FOLDER / "draw.mjs", FOLDER / "package-lock.json"]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:16]


def draw(alts: dict[str, str]) -> dict[str, str]:
    """Return the drawings by the names of their files. `alts`: what each shows, by the name of its source."""
    wanted = [(source, theme) for source in SOURCES for theme in PALETTES]
    texts = json.dumps([_complete(source, PALETTES[theme]) for source, theme in wanted])
    done = subprocess.run(
        ["node", FOLDER / "draw.mjs"], input=texts, stdout=subprocess.PIPE, text=True, check=True, cwd=FOLDER
    )
    return {
        f"{source.stem}-{theme}.svg": _labelled(svg, alts[source.stem], digest(source))
        for (source, theme), svg in zip(wanted, json.loads(done.stdout), strict=True)
    }


def _complete(source: Path, palette: dict[str, str]) -> str:
    # Quoted, or D2 takes the number sign for a comment.
    colours = "\n".join(f'  {name}: "{value}"' for name, value in palette.items())
    return f"vars: {{\n{colours}\n}}\n{_STYLE.read_text()}\n{source.read_text()}"


def _labelled(svg: str, alt: str, made_from: str) -> str:
    """Add to a drawing its size, what it shows and what it was made from."""
    found = re.search(r'viewBox="0 0 (\d+) (\d+)">', svg)
    if found is None:
        raise ValueError(f"a drawing without a size: {svg[:200]}")
    size = f'width="{found[1]}" height="{found[2]}" role="img"'
    head = f"{svg[: found.end() - 1]} {size}><title>{escape(alt)}</title><!-- made from {made_from} -->"
    # For those who let no picture load a font, not even its own.
    body = re.sub(r'(font-family: "[^"]+");', r"\1, sans-serif;", svg[found.end() :])
    return f"{head}{body}\n"
