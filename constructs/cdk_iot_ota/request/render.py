"""The CreateOTAUpdate request in the template, using the API's own names; arguments left at their default are omitted.

The rendering is an external contract: generated ids contain its digest, so rendering the same input differently would
push the firmware to every fleet again.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk_iot_ota_handler.ota_update.contract import environment, limits

from .._synth import checks, once, tokens
from .._synth.intrinsics import flat
from .._synth.validation import at_end
from . import gate_alarms
from .ota_file import BoundFile
from .ota_target import OtaTarget, TargetSelection
from .rollout import AbortCriterion, Protocol, RolloutRate
from .rollout_gate import RolloutGate

DEFAULT_IN_PROGRESS_MINUTES = 24 * 60


def omit_none(**members: Any) -> dict[str, Any]:
    """Drop members that are None."""
    return {name: value for name, value in members.items() if value is not None}


def description(value: str | None) -> str | None:
    """Render ``description``."""
    return None if value is None else checks.text(limits.DESCRIPTION, "description", value)


def targets(scope: Construct, value: Sequence[OtaTarget]) -> list[str]:
    """Render ``targets``."""
    arns = [target.bind(scope) for target in checks.list_of(limits.TARGETS, "targets", value, OtaTarget)]
    for arn in arns:
        checks.in_environment(scope, "targets", arn, environment.OF_TARGETS)
    distinct(scope, "targets", arns)
    return arns


def distinct(scope: Construct, name: str, values: Sequence[str]) -> None:
    """Raise ValueError if one of the texts occurs twice, at the end of synth if a token may be one of them.

    Two tokens are the same if they render the same, which a lazy one may not do before. Dummies are like no other text.
    """

    def check(resolved: Sequence[Any]) -> None:
        shown = [text if isinstance(text, str) else flat(text) for text in resolved]
        limits.distinct(name, [text for text in shown if not tokens.is_dummy(text)])

    judged = [text for text in values if not tokens.is_dummy(text)]
    if len(set(judged)) < len(judged):
        check([once.resolved(scope, text) for text in judged if once.is_settled(scope, text)])
    if len(judged) > 1 and any(map(tokens.is_token, judged)):
        at_end(scope, check, lambda: judged)


def role_arn(scope: Construct, value: iam.IRole | iam.Role) -> str:
    """Render ``roleArn``."""
    arn = checks.text(limits.ROLE_ARN, "ARN of role", once.get(value, "role_arn"))
    checks.in_environment(scope, "role", arn, environment.OF_ROLE)
    return arn


def files(scope: Construct, value: Sequence[BoundFile]) -> list[Mapping[str, Any]]:
    """Render ``files``."""
    distinct(scope, "names of files", [bound.file.name for bound in value])
    return [_file(bound) for bound in value]


def _file(bound: BoundFile) -> Mapping[str, Any]:
    file = bound.file
    return omit_none(
        fileName=file.name,
        fileType=file.type,
        fileVersion=file.version,
        fileLocation=None if bound.location is None else bound.location.render(),
        codeSigning=file.signing.render(),
        attributes=None if file.attributes is None else dict(file.attributes),
    )


def bucket_owners(value: Sequence[BoundFile]) -> Mapping[str, list[str]]:
    """Render the resource's ``BucketOwners``: one for each file and empty where unknown, if any is known."""
    owners = ["" if bound.object is None else bound.object.owner or "" for bound in value]
    return {"BucketOwners": owners} if any(owners) else {}


def additional_parameters(value: Mapping[str, str] | None) -> Mapping[str, str] | None:
    """Render ``additionalParameters``."""
    return None if value is None else checks.text_map("additional_parameters", value, fixed_keys=True)


def protocols(value: Sequence[Protocol] | None) -> list[str] | None:
    """Render ``protocols``."""
    if value is None:
        return None
    words = [protocol.value for protocol in checks.list_of(limits.PROTOCOLS, "protocols", value, Protocol)]
    limits.distinct("protocols", words)
    return words


def rollout(value: RolloutRate | None) -> Mapping[str, Any] | None:
    """Render ``awsJobExecutionsRolloutConfig``."""
    return None if value is None else checks.instance_of("rollout", value, RolloutRate).render()


def presigned_url(value: Duration | None, used: Sequence[Protocol] | None) -> Mapping[str, Any] | None:
    """Render ``awsJobPresignedUrlConfig``, which only matters to devices that use HTTP."""
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
    """Render ``awsJobAbortConfig``."""
    if value is None:
        return None
    criteria = checks.list_of(limits.ABORT_CRITERIA, "abort_criteria", value, AbortCriterion)
    return {"abortCriteriaList": [dict(criterion.render()) for criterion in criteria]}


def timeout(value: Duration | None) -> Mapping[str, Any]:
    """Render ``awsJobTimeoutConfig``; without one, a device that stops responding keeps the job open forever."""
    if value is None:
        return {"inProgressTimeoutInMinutes": DEFAULT_IN_PROGRESS_MINUTES}
    return {"inProgressTimeoutInMinutes": checks.minutes(limits.TIMEOUT_IN_MINUTES, "in_progress_timeout", value)}


def selection(value: TargetSelection | None, *, force_delete_job: bool) -> str | None:
    """Render ``targetSelection``."""
    if value is None:
        return None
    checks.enum_member("target_selection", value, TargetSelection)
    if value is TargetSelection.CONTINUOUS and not force_delete_job:
        raise ValueError(
            "force_delete_job must be True with TargetSelection.CONTINUOUS, got False: the job of a continuous update "
            "never completes, so that the update could never be deleted"
        )
    return value.value


def gate(
    scope: Construct, value: RolloutGate | None, selection: TargetSelection | None, *, force_delete_job: bool
) -> Mapping[str, Any]:
    """Render the resource's ``Gate``, if there is one."""
    if value is None:
        return {}
    checks.instance_of("gate", value, RolloutGate)
    if selection is TargetSelection.CONTINUOUS:
        raise ValueError(
            "gate must be left out with TargetSelection.CONTINUOUS: new devices may join forever, so that it is "
            "never known whether all have succeeded"
        )
    if not force_delete_job:
        raise ValueError(
            "force_delete_job must be True with a gate, got False: an update that fails is removed while devices are "
            "executing its job"
        )
    gate_alarms.check_environment(scope, value.alarms or [])
    return {"Gate": value.render()}
