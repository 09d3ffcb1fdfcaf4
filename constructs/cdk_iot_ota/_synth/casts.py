"""Casts from CDK's classes to the interfaces that they implement.

CDK's Python classes and interfaces name their parameters differently, so strict type checkers do not accept one for the
other. The casts live here so that the rest of the package needs none.
"""

from typing import cast

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_


def as_role(role: iam.Role) -> iam.IRole:
    """Cast a role to ``IRole``."""
    return cast(iam.IRole, role)


def as_principal(principal: iam.ServicePrincipal) -> iam.IPrincipal:
    """Cast a principal to ``IPrincipal``."""
    return cast(iam.IPrincipal, principal)


def as_function(function: lambda_.Function) -> lambda_.IFunction:
    """Cast a Lambda function to ``IFunction``."""
    return cast(lambda_.IFunction, function)
