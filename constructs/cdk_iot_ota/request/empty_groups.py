"""A warning at synth about gates that wait for the devices of a thing group that the same deploy creates."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

from aws_cdk import Annotations, Reference, Stack, Tokenization
from constructs import Construct

from cdk_iot_ota_handler.ota_update.contract import limits

from .._synth import checks, once, tokens

if TYPE_CHECKING:
    from aws_cdk import aws_iot as iot

_NAMED = ":thinggroup/"


def warn(update: Construct, properties: Mapping[str, Any]) -> None:
    """Add a warning to an update with a gate that targets a thing group of its stack, or of one nested with it.

    Call it at the end of synth: the group may be declared after the update. A dynamic group gets its things by itself.

    :param properties: the rendered properties of the update.
    """
    gate = properties.get("Gate")
    if gate is None or (checks.known(gate["MinimumDevices"]) and gate["MinimumDevices"] == 0):
        return
    top = _top(once.stack_of(update))
    if not _groups(top):
        return
    found = [group for target in properties["Request"]["targets"] for group in _targeted(top, target)]
    if created := [group for group in found if group.query_string is None]:
        names = [group.thing_group_name for group in created]
        shown = ", ".join(
            limits.shown(name) if name is not None and checks.known(name) else group.node.path
            for name, group in zip(names, created, strict=True)
        )
        Annotations.of(update).add_warning_v2(
            "cdk-iot-ota:empty-group",
            f"the stack creates a thing group that its update targets, got {shown}: CloudFormation adds no things to "
            "groups, so that the gate fails in the deploy that creates the group; create it in a stack that is "
            "deployed before, or let an empty group pass with minimum_devices=0",
        )


def _targeted(top: Stack, target: str) -> Iterator["iot.CfnThingGroup"]:
    """Yield the thing group that a target refers to or names, if it belongs to the deploy of a stack."""
    if tokens.is_dummy(target):
        return
    references = [
        token.target
        for token in (Tokenization.reverse_string(target).tokens if tokens.is_token(target) else [])
        if isinstance(token, Reference)
    ]
    referred = [found for found in references if _is_group(found)]
    if referred:
        yield from (group for group in referred if _top(Stack.of(group)) is top)
    elif _NAMED in target:
        name = target.rpartition(_NAMED)[2]
        yield from (group for group in _groups(top) if group.thing_group_name == name)


def _groups(top: Stack) -> Sequence["iot.CfnThingGroup"]:
    """Return the thing groups in a stack and in those nested in it: searched once, since a stack may be large."""
    return once.asked(top, _is_group, lambda: [found for found in top.node.find_all() if _is_group(found)])


def _is_group(construct: object) -> TypeGuard["iot.CfnThingGroup"]:
    # Loading it takes a twentieth of a small synth, and only updates with a gate need it.
    from aws_cdk import aws_iot as iot

    return isinstance(construct, iot.CfnThingGroup)


def _top(stack: Stack) -> Stack:
    """Return the outermost stack around a nested one: they are deployed together."""
    while (parent := once.get(stack, "nested_stack_parent")) is not None:
        stack = parent
    return stack
