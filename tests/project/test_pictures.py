"""Tests of the pictures: the documents show them all, and they show what is made and printed today."""

import ast
import html
import re
from pathlib import Path

import pytest

from cdk_iot_ota_cli.view import State
from tools.pictures.alts import ALTS
from tools.pictures.drawings import SOURCES, digest
from tools.pictures.palettes import PALETTES
from tools.pictures.paper import Paper, Run, Spell
from tools.pictures.terminal import Look, animated, still

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "pictures"
_PICTURE = re.compile(
    r'<picture>\s*<source media="\(prefers-color-scheme: dark\)" srcset="(?P<dark>\S+)-dark\.svg">\s*'
    r'<img src="(?P<light>\S+)-light\.svg"\s+alt="(?P<alt>[^"]+)"[^>]*>\s*</picture>'
)
# Addresses of other hosts, but for the names of SVG's own namespaces, and paths of the machine that made a picture.
_OUTSIDE = re.compile(r"""<script|<foreignObject|@import|(?:href|src)="(?!#|data:)|url\((?!["']?(?:#|data:))""")
_MACHINE = re.compile(rf"/(?:home|root|Users)/|{re.escape(str(ROOT))}|AKIA|@[\w-]+:")


def pictures() -> dict[str, str]:
    """Return the alternative text of each picture by its name, from all documents."""
    found: dict[str, str] = {}
    for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for one in _PICTURE.finditer(document.read_text()):
            assert one["dark"] == one["light"]
            place = document.parent / one["light"]
            assert place.parent.resolve() == FOLDER, f"{document.name} shows {place}"
            found[place.name] = " ".join(html.unescape(one["alt"]).split())
    return found


def drawn() -> list[Path]:
    """Return all pictures."""
    return sorted(FOLDER.glob("*.svg"))


def shown(name: str) -> str:
    """Return the text of a terminal without spaces: lines that the terminal has wrapped are then whole."""
    texts = re.findall(r"<text [^>]*>([^<]*)</text>", (FOLDER / f"{name}-light.svg").read_text())
    return "".join(html.unescape("".join(texts)).split())


def test_the_documents_show_every_picture() -> None:
    """Each picture is in a document with its words as alternative text, and has a light and a dark variant."""
    assert pictures() == ALTS
    assert {path.name for path in drawn()} == {f"{name}-{theme}.svg" for name in ALTS for theme in PALETTES}


@pytest.mark.parametrize("path", drawn(), ids=lambda path: path.name)
def test_a_picture_is_complete_in_itself(path: Path) -> None:
    """A picture tells what it shows, loads and runs nothing, and names no path of the machine that made it."""
    text = path.read_text()
    name = path.stem.rpartition("-")[0]
    assert f"<title>{html.escape(ALTS[name])}</title>" in text
    assert not _OUTSIDE.search(text)
    assert not _MACHINE.search(re.sub(r"base64,[^)\"]*", "", text))
    assert len(text) < 300_000


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_a_drawing_is_the_one_of_its_source(source: Path) -> None:
    """A drawing has the digest of its source; `make pictures ARGS="--only drawings"` remakes it."""
    for theme in PALETTES:
        assert f"made from {digest(source)}" in (FOLDER / f"{source.stem}-{theme}.svg").read_text()


def test_the_recording_has_every_step_of_the_demo() -> None:
    """The demo's recording has the title of each step in its code; `make pictures ARGS="--only demo"` remakes it."""
    titles = [title for path in (ROOT / "demo").glob("*.py") for title in step_titles(path)]
    assert len(titles) > 10
    text = shown("demo")
    assert [parts for parts in titles if not all("".join(part.split()) in text for part in parts)] == []


def test_the_recording_is_short_and_can_stand_still() -> None:
    """The demo's recording takes at most a minute, and stands still where less motion is preferred."""
    for theme in PALETTES:
        text = (FOLDER / f"demo-{theme}.svg").read_text()
        (seconds,) = re.findall(r"animation-duration:([\d.]+)s", text)
        assert 20 < float(seconds) < 60
        assert "@media(prefers-reduced-motion:reduce){.p,.p g{animation-name:none!important}}" in text


def step_titles(path: Path) -> list[list[str]]:
    """Return the constant parts of each title that is passed to `_step` in a file, less that of `--keep`."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    steps = [call.args[0] for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "_step"]
    titles = [
        [one.value for one in ast.walk(step) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        for step in steps
    ]
    return [title for title in titles if title != ["Keep the stack running"]]


@pytest.mark.parametrize(
    ("name", "words"), [("waits", State.WAITING), ("bakes", State.BAKING), ("failed", State.FAILED)]
)
def test_the_command_is_shown_as_it_prints(name: str, words: State) -> None:
    """The three moments have the words of the command; `make pictures ARGS="--only status"` remakes them."""
    assert "".join(words.value.split()) in shown(f"status-{name}")


def look() -> Look:
    """Return a frame for a terminal."""
    return Look(title="a & b", alt="what it shows", palette=PALETTES["light"])


def test_idle_times_of_a_recording_are_cut() -> None:
    """A line after a long wait is visible from the longest wait on, and one that disappears only in its time."""
    paper = Paper(columns=20, rows=2, growth=[0.0, 100.0, 101.0], end=101.0)
    first, busy, last = ((Run(column=0, text=text),) for text in ("first", "busy", "last"))
    paper.spells += [Spell(row=0, line=first, begin=0.0), Spell(row=1, line=busy, begin=50.0, end=100.0)]
    paper.spells += [Spell(row=1, line=last, begin=100.0)]
    svg = animated(paper, look(), longest=2.0, pause=7.0)
    assert "animation-duration:10.0s" in svg
    classes = {text: names for names, text in re.findall(r'<g class="([^"]+)"><text [^>]*>(\w+)<', svg)}
    assert classes == {"first": "k0", "busy": "k1 t", "last": "k2"}
    assert "@keyframes k1{0%{visibility:hidden}10%{visibility:visible}20%{visibility:hidden}}" in svg
    assert "@keyframes k2{0%{visibility:hidden}20%{visibility:visible}}" in svg


def test_a_recording_ends_where_it_has_scrolled_to() -> None:
    """The paper moves up by a line for each scroll, and rests at the last one where nothing moves."""
    paper = Paper(columns=20, rows=2, growth=[0.0, 1.0], scrolls=[(1.0, 1), (1.0, 2)], end=1.0)
    svg = animated(paper, look(), longest=2.0, pause=1.0)
    assert ".p{transform:translateY(-38px);animation-name:p}" in svg
    assert "@keyframes p{0%{transform:none}50%{transform:translateY(-38px)}}" in svg


def test_a_still_has_each_run_in_its_place() -> None:
    """A still picture has the colours, the columns and the escaped text of its lines, and is as high as they are."""
    line = (Run(column=2, text="<ok>", colour="green", is_bold=True), Run(column=8, text="█", is_dim=True))
    svg = still([(), line], 20, look())
    assert '<text x="16.8" y="33" textLength="33.6" class="g b">&lt;ok&gt;</text>' in svg
    assert '<text x="67.2" y="33" textLength="8.4" lengthAdjust="spacingAndGlyphs" class="d">█</text>' in svg
    assert 'height="84"' in svg
    assert ">a &amp; b<" in svg
