"""The prefix of a stack's generated OTA update ids."""

import hashlib
import re
from typing import cast

import jsii
from aws_cdk import CfnResource, IResolveContext, IStringProducer, Lazy, Stack

from cdk_iot_ota_handler.ota_update.contract import names

from . import once

_STACK_NAME_LENGTH = 20


def id_prefix(stack: Stack) -> str:
    """Return the prefix of all generated ids of a stack, at most 21 characters.

    Permissions are scoped by it, so it never changes while the stack exists, and no other stack's prefix starts with
    it: stack names contain no underscore, so the final one keeps ``prod`` apart from ``prod-eu``. The name of a nested
    stack is not known before the deploy; its path in the app is used instead, with a digest like a shortened name.
    """
    return once.asked(stack, id_prefix, lambda: _id_prefix(stack))


def _id_prefix(stack: Stack) -> str:
    if stack.nested_stack_parent is None:
        name = stack.stack_name
        # A name that looks shortened could equal the shortened name of another stack.
        looks_shortened = re.fullmatch("[A-Za-z0-9-]*-[0-9a-f]{8}", name) is not None
        return _shortened(name) if len(name) > _STACK_NAME_LENGTH or looks_shortened else f"{name}_"
    return _shortened(_path(stack))


def id_pattern(resource: CfnResource) -> str:
    """Return a pattern of the ids that are generated for a resource, as a token: its logical id can still change."""
    return Lazy.uncached_string(cast(IStringProducer, _IdPattern(resource)))


@jsii.implements(IStringProducer)
class _IdPattern:
    def __init__(self, resource: CfnResource) -> None:
        self._resource = resource

    def produce(self, context: IResolveContext) -> str:
        """Return the prefix and the logical id, cut like that of a generated id."""
        stack = self._resource.stack
        prefix = id_prefix(stack)
        room = names.MAX_ID_LENGTH - len(prefix) - names.DIGEST_LENGTH - 1
        return f"{prefix}{stack.resolve(self._resource.logical_id)[:room]}-*"


def _path(stack: Stack) -> str:
    """Return the stack's path, starting at its outermost parent's (unique) stack name."""
    parent = stack.nested_stack_parent
    return stack.stack_name if parent is None else f"{_path(parent)}/{stack.node.path.removeprefix(parent.node.path)}"


def _shortened(name: str) -> str:
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{re.sub('[^A-Za-z0-9-]', '', name)[: _STACK_NAME_LENGTH - 9]}-{digest}_"
