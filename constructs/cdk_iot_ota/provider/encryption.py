"""The KMS key of the functions' logs and environment."""

from typing import cast

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct, IValidation

from .._iam.statements import exact_key
from .._synth import checks, late
from .._synth.casts import as_principal
from .._synth.validation import EndOfSynth


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
    with checks.prefix_errors(scope.node.path):
        checks.key_in_region(scope, "encryption_key", checked)
        _refuse_alias(scope, checked)
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


def _refuse_alias(scope: Construct, key: kms.IKey) -> None:
    def check() -> None:
        exact_key(scope, "encryption_key", key)

    if late.is_lazy(key.key_arn):
        scope.node.add_validation(cast(IValidation, EndOfSynth(check)))
    else:
        check()
