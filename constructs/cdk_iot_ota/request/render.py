"""The CreateOTAUpdate request as the template holds it, in the API's own names, without what is not said.

How it is rendered is an external contract: updates are named by it, so another rendering of the same input would push
firmware to every fleet again.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk_iot_ota_handler.ota_update.contract import environment, limits

from .._synth import checks
from .bound_file import BoundFile
from .ota_target import OtaTarget, TargetSelection
from .rollout import AbortCriterion, Protocol, RolloutRate
from .rollout_gate import RolloutGate

DEFAULT_IN_PROGRESS_MINUTES = 24 * 60


def render(**members: Any) -> dict[str, Any]:
    """The members that are said."""
    return {name: value for name, value in members.items() if value is not None}


def description(value: str | None) -> str | None:
    """``description``."""
    return None if value is None else checks.text(limits.DESCRIPTION, "description", value)


def targets(scope: Construct, value: Sequence[OtaTarget]) -> list[str]:
    """``targets``."""
    arns = [target.bind(scope) for target in checks.members(limits.TARGETS, "targets", value, OtaTarget)]
    for arn in arns:
        checks.in_place(scope, "targets", arn, environment.OF_TARGETS)
    # Tokens are the same when they become the same in the template.
    limits.distinct("targets", [Stack.of(scope).resolve(arn) for arn in arns])
    return arns


def role_arn(scope: Construct, value: iam.IRole | iam.Role) -> str:
    """``roleArn``."""
    arn = checks.text(limits.ROLE_ARN, "ARN of role", value.role_arn)
    checks.in_place(scope, "role", arn, environment.OF_ROLE)
    return arn


def files(value: Sequence[BoundFile]) -> list[Mapping[str, Any]]:
    """``files``."""
    limits.distinct("names of files", [bound.file.name for bound in value])
    return [bound.request() for bound in value]


def additional_parameters(value: Mapping[str, str] | None) -> Mapping[str, str] | None:
    """``additionalParameters``."""
    return None if value is None else checks.text_map("additional_parameters", value)


def protocols(value: Sequence[Protocol] | None) -> list[str] | None:
    """``protocols``."""
    if value is None:
        return None
    words = [protocol.value for protocol in checks.members(limits.PROTOCOLS, "protocols", value, Protocol)]
    limits.distinct("protocols", words)
    return words


def rollout(value: RolloutRate | None) -> Mapping[str, Any] | None:
    """``awsJobExecutionsRolloutConfig``."""
    return None if value is None else checks.instance_of("rollout", value, RolloutRate).bind()


def presigned_url(value: Duration | None, used: Sequence[Protocol] | None) -> Mapping[str, Any] | None:
    """``awsJobPresignedUrlConfig``, which only devices that load over HTTP have a use for."""
    if value is None:
        return None
    expiry = checks.seconds(limits.EXPIRES_IN_SEC, "presigned_url_expiry", value)
    if Protocol.HTTP not in (used or []):
        shown = [protocol.name for protocol in used or [Protocol.MQTT]]
        raise ValueError(
            f"presigned_url_expiry needs HTTP, got protocols {', '.join(shown)}: add Protocol.HTTP, or leave it out"
        )
    return {"expiresInSec": expiry}


def abort(value: Sequence[AbortCriterion] | None) -> Mapping[str, Any] | None:
    """``awsJobAbortConfig``."""
    if value is None:
        return None
    criteria = checks.members(limits.ABORT_CRITERIA, "abort_criteria", value, AbortCriterion)
    return {"abortCriteriaList": [dict(criterion.bind()) for criterion in criteria]}


def timeout(value: Duration | None) -> Mapping[str, Any]:
    """``awsJobTimeoutConfig``; without one a device that goes silent keeps the job open for ever."""
    if value is None:
        return {"inProgressTimeoutInMinutes": DEFAULT_IN_PROGRESS_MINUTES}
    return {"inProgressTimeoutInMinutes": checks.minutes(limits.TIMEOUT_IN_MINUTES, "in_progress_timeout", value)}


def selection(value: TargetSelection | None, *, force_delete_job: bool) -> str | None:
    """``targetSelection``."""
    if value is None:
        return None
    checks.member("target_selection", value, TargetSelection)
    if value is TargetSelection.CONTINUOUS and not force_delete_job:
        raise ValueError(
            "force_delete_job must be True with TargetSelection.CONTINUOUS, got False: the job of a continuous update "
            "is never over, so that the update could never be deleted"
        )
    return value.value


def gate(value: RolloutGate | None, selection: TargetSelection | None, *, force_delete_job: bool) -> Mapping[str, Any]:
    """The resource's ``Gate``, if there is one."""
    if value is None:
        return {}
    checks.instance_of("gate", value, RolloutGate)
    if selection is TargetSelection.CONTINUOUS:
        raise ValueError(
            "gate must be left out with TargetSelection.CONTINUOUS: new devices may join for ever, so that it never "
            "shows whether all have succeeded"
        )
    if not force_delete_job:
        raise ValueError(
            "force_delete_job must be True with a gate, got False: what fails is removed while devices are in the "
            "middle of it"
        )
    return {"Gate": value.bind()}
