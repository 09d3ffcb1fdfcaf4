"""How a stack's OTA updates are named, as far as it is known at synth."""

import hashlib

from aws_cdk import Stack, Token

_STACK_NAME_LENGTH = 20


def id_prefix(stack: Stack) -> str:
    """What the generated ids of all updates of a stack begin with, at most 21 characters.

    It is the same for as long as the stack lives, since permissions are scoped by it. A stack's name has no
    underscore, so that one in the end keeps the updates of ``prod`` apart from those of ``prod-eu``.
    """
    name = _name(stack)
    if len(name) <= _STACK_NAME_LENGTH:
        return f"{name}_"
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: _STACK_NAME_LENGTH - 9]}-{digest}_"


def _name(stack: Stack) -> str:
    """The name of the stack; a nested stack gets its own in the deploy, so the way to it stands in for it."""
    parent = stack.nested_stack_parent
    if parent is None or not Token.is_unresolved(stack.stack_name):
        return stack.stack_name
    way = stack.node.path.removeprefix(parent.node.path).replace("/", "-")
    return f"{_name(parent)}{way}"
