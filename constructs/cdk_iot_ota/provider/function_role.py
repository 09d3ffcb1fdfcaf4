"""The roles of the Lambda functions, without AWS managed policies."""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from .. import acknowledged
from ..interfaces import as_principal

_NETWORK = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)


def function_role(scope: Construct, id: str, log_group: logs.LogGroup, *, in_vpc: bool) -> iam.Role:
    """A role for a function that writes to one log group: the managed policy would open all of them."""
    write = iam.PolicyStatement(
        actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group.log_group_arn]
    )
    policies = {"WriteLogs": iam.PolicyDocument(statements=[write])}
    if in_vpc:
        policies["JoinVpc"] = iam.PolicyDocument(statements=[_join_vpc()])
    role = iam.Role(
        scope,
        id,
        assumed_by=as_principal(iam.ServicePrincipal("lambda.amazonaws.com")),
        inline_policies=policies,
    )
    if in_vpc:
        acknowledged.acknowledge_wildcards(
            role, ["*"], "EC2 names network interfaces at random, and only Lambda itself can use this statement"
        )
    return role


def _join_vpc() -> iam.PolicyStatement:
    """Lambda makes the network interfaces with the function's role; the function itself has no business there."""
    return iam.PolicyStatement(
        actions=list(_NETWORK), resources=["*"], conditions={"Null": {"lambda:SourceFunctionArn": "true"}}
    )
