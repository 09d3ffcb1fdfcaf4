"""A KMS key for what the functions write and keep."""

from typing import cast

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from cdk_iot_ota_handler.ota_update.contract import limits

from .._iam.statements import key_arn


def for_logs(scope: Construct, key: kms.IKey | kms.Key | None) -> kms.IKey | None:
    """The key, with CloudWatch Logs of the stack's account and Region let in where its policy is declared in this app.

    Raises TypeError for what is no key.
    """
    if key is None:
        return None
    if not hasattr(key, "key_arn"):
        raise TypeError(
            f"{scope.node.path}: encryption_key must be a kms.IKey, got {limits.shown(key)}: Key.from_key_arn takes an "
            "ARN"
        )
    key_arn(scope, f"{scope.node.path}: encryption_key", cast(kms.IKey, key))
    stack = Stack.of(scope)
    groups = stack.format_arn(service="logs", resource="log-group:*")
    key.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[cast(iam.IPrincipal, iam.ServicePrincipal(f"logs.{stack.region}.{stack.url_suffix}"))],
            actions=["kms:Decrypt", "kms:Describe*", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
            resources=["*"],
            conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
        )
    )
    return cast(kms.IKey, key)
