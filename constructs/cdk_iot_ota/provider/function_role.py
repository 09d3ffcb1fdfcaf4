"""The roles of the Lambda functions, without AWS managed policies."""

from collections.abc import Sequence
from typing import cast

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from .._iam.sized_role import SizedRole
from .._synth import suppressions
from .._synth.casts import as_principal

_NETWORK = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)


def function_role(
    scope: Construct, id: str, log_group: logs.LogGroup, *, in_vpc: bool, key: kms.IKey | None
) -> SizedRole:
    """A role for a function that writes to one log group: the managed policy would open all of them."""
    write = iam.PolicyStatement(
        actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group.log_group_arn]
    )
    policies = {"WriteLogs": iam.PolicyDocument(statements=[write])}
    if in_vpc:
        policies["JoinVpc"] = _for_lambda_itself(_NETWORK, "*")
    if key is not None:
        # Whether the grant is enough that Lambda makes for itself is not documented.
        policies["ReadEnvironment"] = _for_lambda_itself(["kms:Decrypt"], key.key_arn)
    role = SizedRole(
        scope,
        id,
        assumed_by=as_principal(iam.ServicePrincipal("lambda.amazonaws.com")),
        inline_policies=policies,
    )
    if in_vpc:
        suppressions.acknowledge_wildcards(
            cast(Construct, role.node.default_child),
            ["*"],
            "EC2 names network interfaces at random, and only Lambda itself can use this statement",
        )
    return role


def _for_lambda_itself(actions: Sequence[str], resource: str) -> iam.PolicyDocument:
    """What Lambda does with the function's role before and beside its code, and not what the code does."""
    statement = iam.PolicyStatement(
        actions=list(actions), resources=[resource], conditions={"Null": {"lambda:SourceFunctionArn": "true"}}
    )
    return iam.PolicyDocument(statements=[statement])
