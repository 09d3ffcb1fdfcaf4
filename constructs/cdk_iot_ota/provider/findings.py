"""What rule packs find about the functions and the state machine that waits, and why it is so."""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from ..acknowledged import acknowledge as note
from ..acknowledged import acknowledge_dependency, acknowledge_wildcards, in_packs


def acknowledge(provider: Construct, *, in_vpc: bool, encrypted: bool) -> None:
    """Acknowledge what could not be otherwise in a provider, or is its user's to choose."""
    note(
        provider,
        in_packs("LambdaConcurrency", but=["PCI.DSS.321"]),
        "only CloudFormation and the state machine call the functions, a few times in a deploy; a reservation would "
        "take its share from the other functions of the account at all times",
    )
    note(
        provider,
        in_packs("LambdaDLQ", but=["PCI.DSS.321"]),
        "an event that fails is answered to CloudFormation, which shows why and rolls back; served later from a queue "
        "it could only do harm",
    )
    if not in_vpc:
        note(
            provider,
            in_packs("LambdaInsideVPC"),
            "the functions call APIs of AWS only, and nobody reaches them over a network; vpc= puts them into one",
        )
    if not encrypted:
        note(
            provider,
            in_packs("CloudWatchLogGroupEncrypted"),
            "CloudWatch Logs encrypts with a key of its own, and no secret is logged; encryption_key= takes another",
        )
    _acknowledge_inline_policies(provider)
    _acknowledge_dependencies(provider)
    _acknowledge_invocations(provider)


def _acknowledge_inline_policies(provider: Construct) -> None:
    """Those that are there now: what somebody gives the roles later is not ours to acknowledge."""
    for resource in provider.node.find_all():
        if isinstance(resource, (iam.CfnPolicy, iam.CfnRole)):
            note(resource, in_packs("IAMNoInlinePolicy"), "it belongs to the one role of a function and leaves with it")


def _acknowledge_dependencies(provider: Construct) -> None:
    for resource in provider.node.find_all():
        if isinstance(resource, (lambda_.CfnFunction, stepfunctions.CfnStateMachine)):
            acknowledge_dependency(resource)


def _acknowledge_invocations(provider: Construct) -> None:
    for function in provider.node.find_all():
        if isinstance(function, lambda_.CfnFunction):
            acknowledge_wildcards(
                provider,
                [f"{function.attr_arn}:*"],
                "CDK's Provider framework may call all versions of a function, and there is one",
            )
