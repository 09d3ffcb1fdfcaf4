"""What rule packs find about the functions and the state machine that waits, and why it is so."""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct, IConstruct

from .._synth.suppressions import acknowledge as note
from .._synth.suppressions import acknowledge_dependency, acknowledge_wildcards, in_packs


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
    # Those that are there now: what somebody gives the roles later is not ours to acknowledge.
    for resource in provider.node.find_all():
        _acknowledge_resource(provider, resource)


def _acknowledge_resource(provider: Construct, resource: IConstruct) -> None:
    if isinstance(resource, (iam.CfnPolicy, iam.CfnRole)):
        note(resource, in_packs("IAMNoInlinePolicy"), "it belongs to the one role of a function and leaves with it")
    if isinstance(resource, (lambda_.CfnFunction, stepfunctions.CfnStateMachine)):
        acknowledge_dependency(resource)
    if isinstance(resource, lambda_.CfnFunction):
        reason = "CDK's Provider framework may call all versions of a function, and there is one"
        acknowledge_wildcards(provider, [f"{resource.attr_arn}:*"], reason)
