"""How a stack's OTA updates are named, as far as it is known at synth."""

import hashlib
import re

from aws_cdk import Stack

_STACK_NAME_LENGTH = 20


def id_prefix(stack: Stack) -> str:
    """What the generated ids of all updates of a stack begin with, at most 21 characters.

    It is the same for as long as the stack lives, since permissions are scoped by it, and no other stack's begins with
    it: a stack's name has no underscore, so that one in the end keeps ``prod`` apart from ``prod-eu``. A nested stack
    gets its name in the deploy only; its place in the app stands in for it, with a digest as in a name that is cut.
    """
    if stack.nested_stack_parent is None:
        name = stack.stack_name
        # A name that looks as if it had been cut could be that of another stack, cut.
        looks_cut = re.fullmatch("[A-Za-z0-9-]*-[0-9a-f]{8}", name) is not None
        return _cut(name) if len(name) > _STACK_NAME_LENGTH or looks_cut else f"{name}_"
    return _cut(_place(stack))


def _place(stack: Stack) -> str:
    """The way to a stack from the outermost one, by names that are unique in the account and Region."""
    parent = stack.nested_stack_parent
    return stack.stack_name if parent is None else f"{_place(parent)}/{stack.node.path.removeprefix(parent.node.path)}"


def _cut(name: str) -> str:
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{re.sub('[^A-Za-z0-9-]', '', name)[: _STACK_NAME_LENGTH - 9]}-{digest}_"
