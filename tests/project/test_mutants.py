"""Tests of the mutation testing that `make mutants` runs."""

import textwrap
from pathlib import Path

import pytest

from tools.mutant_worker import Job, Worker
from tools.mutants import MODULES, Module, import_name, read_listed, read_modules
from tools.mutations import Mutant, mutants

OWNERSHIP = "lambda/cdk_iot_ota_handler/ota_update/decide/ownership.py"


def changes(source: str, module: str = "cdk_iot_ota_handler.ota_update.example") -> list[str]:
    """Return what each mutant of a source changes."""
    return [mutant.change for mutant in mutants(textwrap.dedent(source), module)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = a < b", ["a < b → a <= b"]),
        ("x = a == b", ["a == b → a != b"]),
        ("x = a and b", ["a and b → a or b", "a and b → b", "a and b → a"]),
        ("x = not a", ["not a → a"]),
        ("x = a * 2", ["a * 2 → a / 2", "2 → 3", "2 → 4"]),
        ("x = True", ["True → False"]),
        ("x = 'iot:GetJob'", ["'iot:GetJob' → 'iot:GetJobX'"]),
        ("x = {'a': b}", ["without the entry 'a': b"]),
        ("x = [a]", ["without a in [a]"]),
        ("f(a=b)", ["without f(a=b)", "without a=b of f"]),
        ("x = any(y)", ["any(y) → all(y)"]),
        ("x = [y for y in z if y]", ["without if y in for y"]),
        ("x.y = z", ["without x.y = z"]),
        ("x = a if b else c", ["if b → if not"]),
        ("try:\n    pass\nexcept KeyError:\n    pass", ["without except KeyError"]),
    ],
)
def test_each_kind_of_slip_is_made(source: str, expected: list[str]) -> None:
    """Comparisons, conditions, constants, entries, arguments and statements are changed one by one."""
    assert changes(source) == [f"module: {change}" for change in expected]


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring."""',
        "x = 'a text with spaces'",
        "x = f'{a} is wrong'",
        "def f(x: 'int') -> 'int': ...",
        "from a import b",
        "A_REASON = 'wording'",
        "Types = dict[str, Any]",
        "_T = TypeVar('_T', bound=int)",
    ],
)
def test_wording_is_left_alone(source: str) -> None:
    """Documentation, messages, annotations and imports have no mutants."""
    assert changes(source) == []


def test_a_constant_is_swapped_with_its_neighbors() -> None:
    """A constant of the contract or a member of an enum is swapped with one of the same type and another value."""
    source = """
        from .contract import timeouts
        from .decide import Action
        x = timeouts.TAG_LAG
        y = Action.WAIT
    """
    assert changes(source) == [
        "module: timeouts.TAG_LAG → timeouts.STACK_LAG",
        "module: timeouts.TAG_LAG → timeouts.LAG",
        "module: Action.WAIT → Action.DONE",
    ]


def test_a_mutant_has_one_change_in_its_lines() -> None:
    """The source of a mutant differs in one place, and the lines are those of the statement, without its body."""
    source = "def f(a):\n    if (\n        a\n    ):\n        return 1\n"
    first, second = [mutant for mutant in mutants(source, "m") if "if" in mutant.change or "None" in mutant.change]
    assert (first.lines, first.source) == (range(2, 5), "def f(a):\n    if not a:\n        return 1")
    assert (second.lines, second.source) == (range(5, 6), "def f(a):\n    if a:\n        return None")
    assert not first.runs_at_import
    assert mutants("def f(a=1):\n    pass", "m")[0].runs_at_import


def test_a_mutant_dies_in_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A test fails with a mutant and passes without it, and the file on disk stays as it is."""
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path))
    (module,) = read_modules([OWNERSHIP])
    before = Path(OWNERSHIP).read_bytes()
    (mutant,) = [one for one in module.mutants if "timeouts.TAG_LAG → " in one.change and "<=" in one.change]
    worker, tests = Worker(), ["tests/handler/test_owner.py::test_the_owner_is_unknown_until_tags_must_be_visible"]
    assert worker.first_failure(Job(tests, import_name(OWNERSHIP), OWNERSHIP, mutant.source), 60) == tests[0]
    assert worker.first_failure(Job(tests), 60) == ""
    worker.close()
    assert Path(OWNERSHIP).read_bytes() == before


def test_new_survivors_and_old_entries_are_reported() -> None:
    """A survivor that is not listed fails, and one that is listed but dies or has gone is reported."""
    made = [Mutant(range(number, number + 1), f"f: {number}", "", runs_at_import=False) for number in range(20)]
    module = Module("x.py", "tests", made, {"f: 1", "f: 2", "f: 99"}, survivors=[made[1]])
    assert module.report() == (
        True,
        [
            "  95.0%   19 of   20  x.py",
            "  listed in mutants.md, but not a survivor: f: 2",
            "  listed in mutants.md, but not a survivor: f: 99",
        ],
    )
    module.survivors.append(made[3])
    is_good, lines = module.report()
    assert not is_good
    assert "  new survivor in line 3: f: 3" in lines


def test_each_listed_survivor_is_in_a_tested_module() -> None:
    """The document lists survivors below the paths of modules that are tested."""
    listed = read_listed(Path("docs/mutants.md").read_text())
    tested = {str(path) for patterns in MODULES.values() for pattern in patterns for path in Path().glob(pattern)}
    assert set(listed) <= tested
    assert read_listed("## `a.py`\n\nWhy:\n\n- `f: x → y`\n") == {"a.py": {"f: x → y"}}
