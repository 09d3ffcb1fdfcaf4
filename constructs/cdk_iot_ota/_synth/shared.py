"""What the updates of a stack share: one construct of a stack, made when it is first needed."""

from collections.abc import Callable
from typing import TypeVar

from aws_cdk import Stack
from constructs import Construct

_Shared = TypeVar("_Shared", bound=Construct)


def get_or_create(scope: Construct, id: str, kind: type[_Shared], make: Callable[[Stack, str], _Shared]) -> _Shared:
    """The construct of this id in the stack of ``scope``. Raises ValueError if the id is taken by another kind."""
    stack = Stack.of(scope)
    existing = stack.node.try_find_child(id)
    if existing is None:
        return make(stack, id)
    if isinstance(existing, kind):
        return existing
    raise ValueError(f"{existing.node.path}: this id is taken, but {kind.__name__} needs it: rename the construct")
