"""Suppressions for cfn-lint and cdk-nag findings, each with its justification."""

from collections.abc import Sequence
from typing import Any

import aws_cdk
from aws_cdk import CfnResource
from constructs import Construct

from . import once
from .intrinsics import flat

_PACKS = ("HIPAA.Security", "NIST.800.53.R5", "PCI.DSS.321")


def acknowledge(construct: Construct, rules: Sequence[str], reason: str) -> None:
    """Acknowledge rules for a construct and everything in it."""
    # CDK releases without Validations have no cdk-nag release that reads it either.
    if (validations := getattr(aws_cdk, "Validations", None)) is not None:
        validations.of(construct).acknowledge(*(aws_cdk.Acknowledgment(id=rule, reason=reason) for rule in rules))


def in_packs(rule: str, but: Sequence[str] = ()) -> list[str]:
    """Return the ids of a rule that several packs share under one name."""
    return [f"{pack}-{rule}" for pack in _PACKS if pack not in but]


def wildcard_rules(construct: Construct, resources: Sequence[Any]) -> list[str]:
    """Return the ids of the findings about those resources of a statement that contain a wildcard."""
    shown = [flat(resource) for resource in once.stack_of(construct).resolve(list(resources))]
    return [f"AwsSolutions-IAM5[Resource::{resource}]" for resource in shown if "*" in resource]


def acknowledge_wildcards(construct: Construct, resources: Sequence[Any], reason: str) -> None:
    """Acknowledge that statements in a construct allow resources with a wildcard."""
    acknowledge(construct, wildcard_rules(construct, resources), reason)


def acknowledge_dependency(resource: CfnResource) -> None:
    """Suppress cfn-lint's finding about a dependency that a property implies anyway.

    What depends on a role in CDK depends on the role and on its policies; the role itself cannot be left out.
    """
    resource.add_metadata("cfn-lint", {"config": {"ignore_checks": ["W3005"]}})
