"""Find words and phrases that the project does not use, in all of its text files.

``python -m tools.wording`` prints each with a better one and exits with 1 if there are any; `make lint` runs it.
"""

import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_SUFFIXES = {".py", ".md", ".yml", ".yaml", ".toml", ".in"}
_NAMES = {"Makefile"}
_GENERATED = {"__pycache__", "build", "cdk.out", "dist", "node_modules"}
_EXCLUDED = {"tools/wording.py", "tests/project/test_wording.py"}

# Pattern -> what to write instead. A space matches any white space, a line break with its comment sign included.
TABLE = {
    r"can not": "cannot",
    r"for ever": "forever",
    r"any more(?! than)": "no longer",
    r"anew": "again",
    r"of (?:its|their) own": "a custom one, an explicit one, separate",
    r"nobody|somebody|anybody|everybody|whoever": "name the actor: another process, a user, AWS IoT",
    r"whom": "which; an id or an event is not a person",
    r"for want of": "because … is missing, without",
    r"in vain": "without success",
    r"(?:on|is) the way back": "in a rollback",
    r"(?:has|had|have) turned back|turns back": "rolls back",
    r"beside (?:that|this|the|those|what)": "besides",
    r"shall": "must, will",
    r"said": "set, given, printed, reported",
    r"(?<!there\s)(?:is|are) no(?! (?:longer|more|such|better|other))": "is not a, is not an",
    r"(?:takes?|taking|taken) along": "also delete, include",
    r"(?:brings?|comes?|came) along": "includes, is installed with",
    r"goes (?:forward|back)": "is deploying, is rolling back",
    r"(?:is|are|were) through(?! an?)": "has finished",
    r"have proven|has proven|prove the firmware": "have succeeded",
    r"(?:gate|rule) (?:judges|judged)": "evaluates",
}
_DOCSTRING = re.compile(r'"""(?:What|Whether|Who|Whom|Whose|Where|How (?:far|long|many|much|often)|That)\b')
_LINE_BREAK = r"(?:[ \t]+|[ \t]*\n[ \t]*(?:#+:?[ \t]*|>[ \t]*)?)"
_PATTERNS = [
    (re.compile(rf"(?<![\w-])(?:{pattern.replace(' ', _LINE_BREAK)})(?![\w-])", re.IGNORECASE), better)
    for pattern, better in TABLE.items()
]


def findings(name: str, text: str) -> list[str]:
    """Return a line for each phrase that is found in a file's text: its place, the phrase and a better one."""
    found = [(match, better) for pattern, better in _PATTERNS for match in pattern.finditer(text)]
    if name.endswith(".py"):
        found += [(match, "an imperative verb or a noun phrase (PEP 257)") for match in _DOCSTRING.finditer(text)]
    return [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {' '.join(match[0].split())!r}: write {better!r}"
        for match, better in sorted(found, key=lambda one: one[0].start())
    ]


def files() -> list[str]:
    """Return the project's text files, without what is installed or generated."""
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in _GENERATED and (name[0] != "." or name == ".github")]
        found += [(Path(folder) / name).relative_to(ROOT) for name in names]
    text = [path.as_posix() for path in found if path.suffix in _SUFFIXES or path.name in _NAMES]
    return sorted(set(text) - _EXCLUDED)


def main() -> int:
    """Print all findings and return 1 if there are any."""
    found = [line for name in files() for line in findings(name, (ROOT / name).read_text())]
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
