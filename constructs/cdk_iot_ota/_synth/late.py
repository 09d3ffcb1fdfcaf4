"""Checks of values that get known at the end of synth, such as those of ``Lazy``.

Value objects belong to no construct, so a check is noted for the token itself, and runs when an update that renders the
token is validated. What only the deploy knows is left to the handler.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from . import tokens

_Check = Callable[[Any], object]
# By the token and the argument's name. CDK keeps its tokens as long.
_checks: dict[str | float, dict[str, _Check]] = {}


def note(name: str, value: str | float, check: _Check) -> None:
    """Remember how to check a value that is not known yet. The check raises an error that begins with the name."""
    if tokens.is_token(value):
        _checks.setdefault(value, {})[name] = check


def check(declared: Any, resolved: Any) -> None:
    """Check what is known by now. Raises the first error of a check.

    :param declared: properties with tokens, as an update declares them.
    :param resolved: the same properties as CDK resolves them.
    """
    for token, value in _pairs(declared, resolved):
        kind = str if isinstance(token, str) else (int, float)
        if isinstance(value, kind) and tokens.known(value):
            for run in _checks.get(token, {}).values():
                run(value)


def _pairs(declared: Any, resolved: Any) -> Iterator[tuple[str | float, Any]]:
    """Yield each token among the declared values, and what has become of it."""
    if isinstance(declared, (str, int, float)):
        if tokens.is_token(declared):
            yield declared, resolved
    elif isinstance(declared, Mapping) and isinstance(resolved, Mapping):
        for key, value in declared.items():
            yield from _pairs(value, resolved.get(key))
    elif isinstance(declared, Sequence) and isinstance(resolved, Sequence) and len(declared) == len(resolved):
        for value, found in zip(declared, resolved, strict=True):
            yield from _pairs(value, found)
