"""Suppressions for cfn-lint and cdk-nag findings, each with its justification."""

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk
from aws_cdk import CfnResource
from constructs import Construct

from . import once, resolving
from .intrinsics import flat

_PACKS = ("HIPAA.Security", "NIST.800.53.R5", "PCI.DSS.321")


def acknowledge(construct: Construct, reasons: Mapping[str, str]) -> None:
    """Acknowledge rules, by their ids and each for its reason, for a construct and everything in it."""
    # CDK releases without Validations have no cdk-nag release that reads it either.
    if reasons and (validations := getattr(aws_cdk, "Validations", None)) is not None:
        found = once.asked(construct, validations, lambda: validations.of(construct))
        found.acknowledge(*(aws_cdk.Acknowledgment(id=rule, reason=reason) for rule, reason in reasons.items()))


def in_packs(rule: str, reason: str, but: Sequence[str] = ()) -> dict[str, str]:
    """Return a reason by the ids of a rule that several packs share under one name."""
    return {f"{pack}-{rule}": reason for pack in _PACKS if pack not in but}


def wildcard_rules(construct: Construct, *statements: Sequence[Any]) -> list[list[str]]:
    """Return for the resources of each statement the ids of the findings about those that contain a wildcard."""
    resolved = resolving.resolved(once.stack_of(construct), [list(resources) for resources in statements])
    shown = [[flat(resource) for resource in resources] for resources in resolved]
    return [[f"AwsSolutions-IAM5[Resource::{one}]" for one in resources if "*" in one] for resources in shown]


def acknowledge_wildcards(construct: Construct, resources: Sequence[Any], reason: str) -> None:
    """Acknowledge that statements in a construct allow resources with a wildcard."""
    (rules,) = wildcard_rules(construct, resources)
    acknowledge(construct, dict.fromkeys(rules, reason))


def acknowledge_dependency(resource: CfnResource) -> None:
    """Suppress cfn-lint's finding about a dependency that a property implies anyway.

    What depends on a role in CDK depends on the role and on its policies; the role itself cannot be left out.
    """
    resource.add_metadata("cfn-lint", {"config": {"ignore_checks": ["W3005"]}})
