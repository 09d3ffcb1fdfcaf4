"""Tokens in strings, without resolving them.

A token can be resolved at any time if it stands for what CloudFormation fills in. Any other, such as a ``Lazy``, may
have no value before the end of synth, and may keep one that is read too early.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from aws_cdk import Intrinsic, Tokenization

# As CDK encodes tokens; the latter is the number of one as text, which CDK cannot render.
_TOKEN = re.compile(r"\$\{Token\[[a-zA-Z0-9:._-]+\]\}|-1\.[0-9]{10,16}e\+289")


def literal_parts(text: str) -> list[str]:
    """Return the text before, between and after the tokens of a string: a single part if it has none."""
    return _TOKEN.split(text)


def is_settled(text: str) -> bool:
    """Return whether a string can be resolved before the end of synth."""
    return not any(_is_late(token) for token in _TOKEN.findall(text))


def settled(value: Any) -> Any:
    """Return a value for a template with ``<late>`` in place of each token that only the end of synth can resolve."""
    match value:
        case str():
            return _TOKEN.sub(lambda found: "<late>" if _is_late(found.group()) else found.group(), value)
        case Mapping():
            return {name: settled(item) for name, item in value.items()}
        case Sequence():
            return [settled(item) for item in value]
    return value


@cache
def _is_late(token: str) -> bool:
    return not all(isinstance(found, Intrinsic) for found in Tokenization.reverse_string(token).tokens)
