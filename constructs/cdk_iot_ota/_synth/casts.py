"""CDK's classes as the interfaces that they implement.

The parameters of CDK's Python classes and interfaces have different names, so that strict type checkers do not take
the one for the other. It is said here once that they are.
"""

from typing import cast

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_


def as_role(role: iam.Role) -> iam.IRole:
    """A role where CDK wants an ``IRole``."""
    return cast(iam.IRole, role)


def as_principal(principal: iam.ServicePrincipal) -> iam.IPrincipal:
    """A principal where CDK wants an ``IPrincipal``."""
    return cast(iam.IPrincipal, principal)


def as_function(function: lambda_.Function) -> lambda_.IFunction:
    """A Lambda function where CDK wants an ``IFunction``."""
    return cast(lambda_.IFunction, function)
