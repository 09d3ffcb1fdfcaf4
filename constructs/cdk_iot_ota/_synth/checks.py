"""Checks of arguments at synth: a clear error at the line that is wrong beats a stack that rolls back.

The limits are the handler's own, so that both sides say the same. What is not known at synth passes here.
"""

import enum
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from aws_cdk import Duration, Stack, Token, region_info
from constructs import IConstruct

from cdk_iot_ota_handler.ota_update.contract import limits
from cdk_iot_ota_handler.ota_update.contract.environment import Environment

_Member = TypeVar("_Member")
_Enum = TypeVar("_Enum", bound=enum.Enum)


@contextmanager
def prefix_errors(path: str) -> Iterator[None]:
    """Errors in the block begin with the path of the construct that they are about."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise type(error)(f"{path}: {error}") from None


def known(value: Any) -> bool:
    """Whether a value is known at synth; a token gets its value only in the deploy."""
    return not Token.is_unresolved(value)


def text(limit: limits.Text, name: str, value: str) -> str:
    """A text within its limit."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, got {limits.shown(value)}")
    if known(value):
        limit.check(name, value)
    return value


def in_place(scope: IConstruct, name: str, arn: str, why: str) -> None:
    """An ARN where the stack of ``scope`` is, as far as that is known at synth."""
    stack = Stack.of(scope)
    account, region = (value if known(value) else None for value in (stack.account, stack.region))
    partition = None if region is None else region_info.RegionInfo.get(region).partition
    if known(arn):
        Environment(partition=partition, account=account, region=region).check(name, arn, why)


def number(limit: limits.Number, name: str, value: float) -> float:
    """A number within its limit."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number, got {limits.shown(value)}")
    if not known(value):
        return value
    limit.check(name, value)
    return value if limit.decimals else int(value)


def boolean(name: str, value: bool) -> bool:
    """A bool; any other value would be taken for one in the template."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be a bool, got {limits.shown(value)}")
    return value


def seconds(limit: limits.Number, name: str, value: Duration) -> float:
    """A duration as seconds, within its limit."""
    return _duration(limit, name, value, 1, "seconds")


def minutes(limit: limits.Number, name: str, value: Duration) -> float:
    """A duration as whole minutes, within its limit."""
    return _duration(limit, name, value, 60, "minutes")


def _duration(limit: limits.Number, name: str, value: Duration, unit: int, units: str) -> float:
    if not isinstance(value, Duration):
        raise TypeError(f"{name} must be a Duration, got {limits.shown(value)}: write Duration.{units}(…)")
    if value.is_unresolved():
        return value.to_seconds() if unit == 1 else value.to_minutes()
    amount = value.to_milliseconds() / 1000 / unit
    limit.check(f"{name} in {units}", int(amount) if amount == int(amount) else amount)
    return int(amount)


def member(name: str, value: _Enum, kind: type[_Enum]) -> _Enum:
    """A member of an enum, itself and not its value."""
    if not isinstance(value, kind):
        choices = ", ".join(f"{kind.__name__}.{choice.name}" for choice in kind)
        raise TypeError(f"{name} must be one of {choices}, got {limits.shown(value)}")
    return value


def text_map(name: str, value: Mapping[str, str]) -> dict[str, str]:
    """A mapping of texts to texts."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a mapping of str to str, got {limits.shown(value)}")
    return {
        text(limits.MAP_KEY, f"{name} key", key): text(limits.MAP_VALUE, f"{name}[{key!r}]", item)
        for key, item in value.items()
    }


def members(limit: limits.Count, name: str, value: Sequence[_Member], kind: type[Any]) -> list[_Member]:
    """A sequence of objects of a class of this library."""
    if isinstance(value, kind):
        raise TypeError(f"{name} must be a list of {kind.__name__}, got one alone: put it into a list")
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise TypeError(f"{name} must be a list of {kind.__name__}, got {limits.shown(value)}")
    for item in value:
        if not isinstance(item, kind):
            raise TypeError(f"{name} must be a list of {kind.__name__}, got {limits.shown(item)} in it")
    limit.check(name, value)
    return list(value)


def instance_of(name: str, value: _Member, kind: type[Any]) -> _Member:
    """An object that a factory of this library has made."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be made by {kind.__name__}, got {limits.shown(value)}")
    return value


def file(name: str, path: str | Path) -> Path:
    """A file that exists, as an absolute path."""
    if not isinstance(path, (str, Path)):
        raise TypeError(f"{name} must be a path, got {limits.shown(path)}")
    resolved = Path(path).resolve()
    if resolved.is_file():
        return resolved
    problem = "is a directory" if resolved.is_dir() else "does not exist"
    raise ValueError(f"{name} must be a file, but {str(resolved)!r} {problem}: build it before synth, or correct it")
