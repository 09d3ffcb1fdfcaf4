"""The KMS key of the functions' logs and environment."""

from typing import cast

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from .._iam.statements import exact_key
from .._synth import checks
from .._synth.casts import as_principal


def for_logs(scope: Construct, key: kms.IKey | kms.Key | None) -> kms.IKey | None:
    """Return the key after letting CloudWatch Logs use it, if its policy is declared in this app.

    Raises TypeError for anything but a key.
    """
    if key is None:
        return None
    if not hasattr(key, "key_arn"):
        raise TypeError(
            f"{scope.node.path}: encryption_key must be a kms.IKey, got {checks.shown(key)}: Key.from_key_arn takes an "
            "ARN"
        )
    checked = cast(kms.IKey, key)
    with checks.prefix_errors(scope):
        checks.key_in_region(scope, "encryption_key", checked)
        exact_key(scope, "encryption_key", checked)
    stack = Stack.of(scope)
    groups = stack.format_arn(service="logs", resource="log-group:*")
    checked.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[as_principal(iam.ServicePrincipal(f"logs.{stack.region}.{stack.url_suffix}"))],
            actions=["kms:Decrypt", "kms:Describe*", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
            resources=["*"],
            conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
        )
    )
    return checked
