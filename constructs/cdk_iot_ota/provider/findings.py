"""Suppressions for what rule packs find in a provider's functions and state machine."""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct, IConstruct

from .._synth import suppressions
from .._synth.suppressions import in_packs


def acknowledge(provider: Construct, *, in_vpc: bool, encrypted: bool) -> None:
    """Acknowledge the findings in a provider that cannot be avoided, or that are its user's choice."""
    reasons = {
        **in_packs(
            "LambdaConcurrency",
            "only CloudFormation and the state machine call the functions, a few times per deploy; reserved "
            "concurrency would permanently reduce what the account's other functions can use",
            but=["PCI.DSS.321"],
        ),
        **in_packs(
            "LambdaDLQ",
            "a failed event is reported to CloudFormation, which shows the reason and rolls back; processing it later "
            "from a queue would only do harm",
            but=["PCI.DSS.321"],
        ),
    }
    if not in_vpc:
        reasons |= in_packs(
            "LambdaInsideVPC",
            "the functions only call AWS APIs and accept no network connections; vpc= runs them in a VPC",
        )
    if not encrypted:
        reasons |= in_packs(
            "CloudWatchLogGroupEncrypted",
            "CloudWatch Logs encrypts with its own key, and no secret is logged; encryption_key= sets another",
        )
    suppressions.acknowledge(provider, reasons)
    # Only what exists now: what is added to the roles later is for its author to acknowledge.
    resources = provider.node.find_all()
    for resource in resources:
        _acknowledge_resource(resource)
    functions = [resource for resource in resources if isinstance(resource, lambda_.CfnFunction)]
    suppressions.acknowledge_wildcards(
        provider,
        [f"{function.attr_arn}:*" for function in functions],
        "CDK's Provider framework may call all versions of a function, and there is only one",
    )


def _acknowledge_resource(resource: IConstruct) -> None:
    if isinstance(resource, (iam.CfnPolicy, iam.CfnRole)):
        suppressions.acknowledge(
            resource, in_packs("IAMNoInlinePolicy", "it belongs to the one role of a function and is deleted with it")
        )
    if isinstance(resource, (lambda_.CfnFunction, stepfunctions.CfnStateMachine)):
        suppressions.acknowledge_dependency(resource)
