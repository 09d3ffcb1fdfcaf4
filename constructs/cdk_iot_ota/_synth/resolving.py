"""Resolve large values by one question to CDK, which gets only what Python does not know.

A value crosses to CDK's process and back member by member, and that takes longer than all that is done with it.
"""

from collections.abc import Hashable, Mapping
from typing import Any

from aws_cdk import Stack

from . import tokens


def resolved(stack: Stack, value: Any) -> Any:
    """Return a value as CDK renders it in a stack: without the members of mappings and lists that have no value.

    :param value: mappings, lists, texts and numbers, with tokens and other objects of CDK in any place.
    """
    unknown: dict[Hashable, Any] = {}
    _gather(value, unknown)
    # Members of a mapping, because CDK leaves out members of a list without a value.
    answers = stack.resolve({str(number): one for number, one in enumerate(unknown.values())}) if unknown else {}
    return _filled(value, {name: answers.get(str(number)) for number, name in enumerate(unknown)})


def _gather(value: Any, unknown: dict[Hashable, Any]) -> None:
    """Collect what only CDK can resolve, equal tokens once."""
    if _is_unknown(value):
        unknown.setdefault(_name(value), value)
    elif isinstance(value, Mapping):
        for item in value.values():
            _gather(item, unknown)
    elif isinstance(value, list):
        for item in value:
            _gather(item, unknown)


def _is_unknown(value: Any) -> bool:
    match value:
        case None:
            return False
        case str() | int() | float() | list():
            return tokens.is_token(value)
        case Mapping():
            return tokens.is_token("\n".join(value))
    return True


def _name(value: Any) -> Hashable:
    return value if isinstance(value, (str, int, float)) else id(value)


def _filled(value: Any, answers: Mapping[Hashable, Any]) -> Any:
    if _is_unknown(value):
        return answers[_name(value)]
    match value:
        case Mapping():
            filled = {key: _filled(item, answers) for key, item in value.items()}
            return {key: item for key, item in filled.items() if item is not None}
        case list():
            return [item for item in (_filled(one, answers) for one in value) if item is not None]
        case float() if value.is_integer():
            # JSON of CDK has no other form of it.
            return int(value)
    return value
