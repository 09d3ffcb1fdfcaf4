"""Tests of the wording check that `make lint` runs."""

import pytest

from tools.wording import findings


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It can not\nfail.", "x.md:1: 'can not': write 'cannot'"),
        ("a\n# Nothing is kept for\n# ever here", "x.md:2: 'for # ever': write 'forever'"),
        ("Whom it means", "x.md:1: 'Whom': write 'which; an id or an event is not a person'"),
        ("which is no error", "x.md:1: 'is no': write 'is not a, is not an'"),
    ],
)
def test_a_phrase_is_found_with_its_line_and_a_better_one(text: str, found: str) -> None:
    """A phrase is reported in either case, and also when it continues on the next line."""
    assert findings("x.md", text) == [found]


@pytest.mark.parametrize(
    "text", ["cannot", "no longer", "forever", "there is no error", "it is no longer there", "manewer"]
)
def test_other_words_are_left_alone(text: str) -> None:
    """Better words, and words that contain a phrase, are not reported."""
    assert findings("x.md", text) == []


def test_docstrings_are_no_noun_clauses() -> None:
    """A Python docstring that begins with a question word is reported; the same text in Markdown is not."""
    text = 'def f():\n    """Whether it is so."""\n'
    assert findings("x.py", text) == ["x.py:2: '\"\"\"Whether': write 'an imperative verb or a noun phrase (PEP 257)'"]
    assert findings("x.md", text) == []
