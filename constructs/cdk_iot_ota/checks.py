"""Checks of arguments at synth: a clear error at the line that is wrong beats a stack that rolls back."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aws_cdk import Token
from constructs import IConstruct


def known(value: Any) -> bool:
    """Whether a value is known at synth; a token gets its value only in the deploy."""
    return not Token.is_unresolved(value)


def error(scope: IConstruct, message: str) -> ValueError:
    """An error that says which construct it is about."""
    return ValueError(f"{scope.node.path}: {message}")


def text(name: str, value: str, *, at_least: int = 1, at_most: int | None = None, pattern: str | None = None) -> str:
    """A text within its limits, or a token. Lengths are in characters, ``pattern`` describes the whole text."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, got {value!r}")
    if not known(value):
        return value
    if len(value) < at_least or (at_most is not None and len(value) > at_most):
        limit = f"{at_least} to {at_most}" if at_most else f"at least {at_least}"
        raise ValueError(f"{name} must have {limit} characters, got {len(value)}: {value!r}")
    if pattern is not None and not re.fullmatch(pattern, value):
        raise ValueError(f"{name} must match {pattern}, got {value!r}")
    return value


def text_map(name: str, value: Mapping[str, str]) -> dict[str, str]:
    """A mapping of texts to texts."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a mapping of str to str, got {value!r}")
    return {text(f"{name} key", key): text(f"{name}[{key!r}]", item, at_least=0) for key, item in value.items()}


def sequence(name: str, value: Sequence[Any], kind: type, *, at_most: int) -> list[Any]:
    """A sequence of 1 to ``at_most`` objects of a class of this library."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise TypeError(f"{name} must be a list of {kind.__name__}, got {value!r}")
    for item in value:
        if not isinstance(item, kind):
            raise TypeError(f"{name} must be a list of {kind.__name__}, got {item!r} in it")
    if not 1 <= len(value) <= at_most:
        raise ValueError(f"{name} must have 1 to {at_most} members, got {len(value)}")
    return list(value)


def file(name: str, path: str | Path) -> Path:
    """A file that exists, as an absolute path."""
    resolved = Path(path).resolve()
    if resolved.is_file():
        return resolved
    problem = "is a directory" if resolved.is_dir() else "does not exist"
    raise ValueError(f"{name} must be a file, but {str(path)!r} {problem}: build it before synth, or correct the path")
