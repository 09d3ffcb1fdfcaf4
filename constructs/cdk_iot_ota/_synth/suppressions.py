"""Findings of linters and rule packs that are as they have to be, each with its reason, where the tools look for it."""

from collections.abc import Sequence
from typing import Any

import aws_cdk
from aws_cdk import CfnResource, Stack
from constructs import Construct

from .intrinsics import flat

_PACKS = ("HIPAA.Security", "NIST.800.53.R5", "PCI.DSS.321")


def acknowledge(construct: Construct, rules: Sequence[str], reason: str) -> None:
    """Say why rules do not hold in a construct and what is in it."""
    # Releases of CDK without this have no cdk-nag that reads it either.
    if (validations := getattr(aws_cdk, "Validations", None)) is not None:
        notes = [aws_cdk.Acknowledgment(id=rule, reason=reason) for rule in rules]
        validations.of(construct).acknowledge(*notes)


def in_packs(rule: str, but: Sequence[str] = ()) -> list[str]:
    """A rule that the packs have under the same name."""
    return [f"{pack}-{rule}" for pack in _PACKS if pack not in but]


def acknowledge_dependency(resource: CfnResource) -> None:
    """Keep cfn-lint quiet about a dependency that is said twice.

    CDK makes what depends on a role depend on the role and on its policies, and cannot leave the role out that a
    property names anyway.
    """
    resource.add_metadata("cfn-lint", {"config": {"ignore_checks": ["W3005"]}})


def acknowledge_wildcards(construct: Construct, resources: Sequence[Any], reason: str) -> None:
    """Say why statements in a construct are for more than one resource; those without a wildcard need no reason."""
    shown = [flat(Stack.of(construct).resolve(resource)) for resource in resources]
    rules = [f"AwsSolutions-IAM5[Resource::{resource}]" for resource in shown if "*" in resource]
    if rules:
        acknowledge(construct, rules, reason)
