"""Constructs that the updates of a stack share, created on first use."""

from collections.abc import Callable
from typing import TypeVar

from aws_cdk import Stack
from constructs import Construct

from . import once

_Shared = TypeVar("_Shared", bound=Construct)


def get_or_create(scope: Construct, id: str, kind: type[_Shared], make: Callable[[Stack, str], _Shared]) -> _Shared:
    """Return the construct with this id in the stack of ``scope``. Raises ValueError if another kind has the id."""
    stack = once.stack_of(scope)
    return once.asked(stack, (get_or_create, id), lambda: _get_or_create(stack, id, kind, make))


def _get_or_create(stack: Stack, id: str, kind: type[_Shared], make: Callable[[Stack, str], _Shared]) -> _Shared:
    existing = stack.node.try_find_child(id)
    if existing is None:
        return make(stack, id)
    if isinstance(existing, kind):
        return existing
    raise ValueError(f"{existing.node.path}: this id is taken, but {kind.__name__} needs it: rename the construct")
