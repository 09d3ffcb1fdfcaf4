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
    """Create a role for a function that writes to one log group; AWS's managed policy would allow all of them."""
    write = iam.PolicyStatement(
        actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group.log_group_arn]
    )
    policies = {"WriteLogs": iam.PolicyDocument(statements=[write])}
    if in_vpc:
        policies["JoinVpc"] = _for_lambda_service(_NETWORK, "*")
    if key is not None:
        # It is not documented whether the grant that Lambda creates for itself is sufficient.
        policies["ReadEnvironment"] = _for_lambda_service(["kms:Decrypt"], key.key_arn)
    role = SizedRole(
        scope,
        id,
        assumed_by=as_principal(iam.ServicePrincipal("lambda.amazonaws.com")),
        inline_policies=policies,
    )
    if in_vpc:
        suppressions.acknowledge_wildcards(
            cast(Construct, role.node.default_child or role),
            ["*"],
            "EC2 names network interfaces at random, and only the Lambda service can use this statement",
        )
    return role


def _for_lambda_service(actions: Sequence[str], resource: str) -> iam.PolicyDocument:
    """Allow actions to the Lambda service that assumes the function's role, but not to the function's code."""
    statement = iam.PolicyStatement(
        actions=list(actions), resources=[resource], conditions={"Null": {"lambda:SourceFunctionArn": "true"}}
    )
    return iam.PolicyDocument(statements=[statement])
