"""Rules on the events that CloudFormation sends to EventBridge about updates."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypedDict, cast

from aws_cdk import CfnResource, Stack
from aws_cdk import aws_events as events
from constructs import Construct

from cdk_iot_ota_handler.ota_update.contract.names import GATE_FAILED, GATE_REFUSED

from .._synth import checks


class _Target(Protocol):
    """A target of a rule, ``events.IRuleTarget``, whose arguments CDK's targets name differently."""

    def bind(self, rule: Any, id: str | None = None, /) -> events.RuleTargetConfig:
        """Return how the rule calls it."""
        ...


class EventOptions(TypedDict, total=False):
    """The options of a rule. Any other name is a TypeError.

    ``target``: what gets the events, such as a topic of ``aws_events_targets``. It must not use attributes of the
    update, which depends on the rule. Default: none; ``add_target`` of the rule adds some, and ``add_event_pattern``
    narrows the events. ``description``, ``rule_name``: those of the rule. Default: none, and a name by CloudFormation.
    """

    target: _Target
    description: str
    rule_name: str


def on_event(scope: Construct, id: str, resources: Sequence[CfnResource], options: EventOptions) -> events.Rule:
    """Return a rule on every change of the status of updates in the stack of ``scope``."""
    return _rule(scope, id, resources, options)


def on_deployed(scope: Construct, id: str, resources: Sequence[CfnResource], options: EventOptions) -> events.Rule:
    """Return a rule on updates that CloudFormation has created, replaced, changed or restored."""
    return _rule(scope, id, resources, options, {"status": ["CREATE_COMPLETE", "UPDATE_COMPLETE"]})


def on_gate_failed(scope: Construct, id: str, resources: Sequence[CfnResource], options: EventOptions) -> events.Rule:
    """Return a rule on updates whose gates have failed, or have not begun because of an alarm."""
    # CloudFormation and CDK's framework put words before the reason.
    reason = [{"wildcard": f"*{text}*"} for text in (GATE_FAILED, GATE_REFUSED)]
    return _rule(scope, id, resources, options, {"status": ["CREATE_FAILED", "UPDATE_FAILED"], "status-reason": reason})


def _rule(
    scope: Construct,
    id: str,
    resources: Sequence[CfnResource],
    options: EventOptions,
    details: Mapping[str, Any] | None = None,
) -> events.Rule:
    """Return a rule that exists before the updates do, so that their first deploy is covered."""
    target, others = options.get("target"), {name: value for name, value in options.items() if name != "target"}
    known = EventOptions.__annotations__
    if unknown := others.keys() - known.keys():
        listed, got = ", ".join(known), ", ".join(sorted(unknown))
        raise TypeError(f"{scope.node.path}: options of a rule must be of {listed}, got {got}")
    if target is not None and not hasattr(target, "bind"):
        raise TypeError(
            f"{scope.node.path}: target must be an events.IRuleTarget, got {checks.shown(target)}: wrap it in a class "
            "of aws_events_targets, such as SnsTopic"
        )
    rule = events.Rule(
        scope,
        id,
        event_pattern=events.EventPattern(
            source=["aws.cloudformation"],
            detail_type=["CloudFormation Resource Status Change"],
            detail={
                "stack-id": [Stack.of(scope).stack_id],
                "logical-resource-id": [resource.logical_id for resource in resources],
                "resource-type": sorted({resource.cfn_resource_type for resource in resources}, reverse=True),
                **({} if details is None else {"status-details": details}),
            },
        ),
        targets=None if target is None else [cast(events.IRuleTarget, target)],
        **cast(Any, others),
    )
    for resource in resources:
        resource.node.add_dependency(cast(Construct, rule.node.default_child))
    return rule
