"""Suppressions for what rule packs find in a provider's functions and state machine."""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct, IConstruct

from .._synth import suppressions


def acknowledge(provider: Construct, *, in_vpc: bool, encrypted: bool) -> None:
    """Acknowledge the findings in a provider that cannot be avoided, or that are its user's choice."""
    suppressions.acknowledge(
        provider,
        suppressions.in_packs("LambdaConcurrency", but=["PCI.DSS.321"]),
        "only CloudFormation and the state machine call the functions, a few times per deploy; reserved concurrency "
        "would permanently reduce what the account's other functions can use",
    )
    suppressions.acknowledge(
        provider,
        suppressions.in_packs("LambdaDLQ", but=["PCI.DSS.321"]),
        "a failed event is reported to CloudFormation, which shows the reason and rolls back; processing it later from "
        "a queue would only do harm",
    )
    if not in_vpc:
        suppressions.acknowledge(
            provider,
            suppressions.in_packs("LambdaInsideVPC"),
            "the functions only call AWS APIs and accept no network connections; vpc= runs them in a VPC",
        )
    if not encrypted:
        suppressions.acknowledge(
            provider,
            suppressions.in_packs("CloudWatchLogGroupEncrypted"),
            "CloudWatch Logs encrypts with its own key, and no secret is logged; encryption_key= sets another",
        )
    # Only what exists now: what is added to the roles later is for its author to acknowledge.
    for resource in provider.node.find_all():
        _acknowledge_resource(provider, resource)


def _acknowledge_resource(provider: Construct, resource: IConstruct) -> None:
    if isinstance(resource, (iam.CfnPolicy, iam.CfnRole)):
        reason = "it belongs to the one role of a function and is deleted with it"
        suppressions.acknowledge(resource, suppressions.in_packs("IAMNoInlinePolicy"), reason)
    if isinstance(resource, (lambda_.CfnFunction, stepfunctions.CfnStateMachine)):
        suppressions.acknowledge_dependency(resource)
    if isinstance(resource, lambda_.CfnFunction):
        reason = "CDK's Provider framework may call all versions of a function, and there is only one"
        suppressions.acknowledge_wildcards(provider, [f"{resource.attr_arn}:*"], reason)
