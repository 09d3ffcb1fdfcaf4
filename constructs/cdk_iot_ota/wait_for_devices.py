"""The step of CDK Pipelines that waits for the devices of an update, while no stack is held."""

import hashlib
import json
import re
import shlex
from collections.abc import Sequence
from importlib import metadata
from typing import cast

from aws_cdk import Aws, Duration, Stack, Stage, pipelines
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk_iot_ota_handler.ota_update.contract import limits, names

from ._synth import checks, once, suppressions, tokens, validation
from ._synth.naming import id_pattern
from .ota_update import OtaUpdate
from .request import gate_alarms
from .request.rollout_gate import DEFAULT_BAKE

_DISTRIBUTION = "cdk-iot-ota"
# CodeBuild stops after eight hours; ten minutes of them are for its start and the installation.
_LONGEST = 470
_MINUTES = limits.Number(low=1, high=_LONGEST)
_BAKE_MINUTES = limits.Number(low=0, high=_LONGEST - 1)
_DEFAULT_TIMEOUT = Duration.hours(7)
_STACK = ("cloudformation:DescribeStacks", "cloudformation:ListStackResources")
_JOB = ("iot:DescribeJob", "iot:DescribeJobExecution", "iot:ListJobExecutionsForJob")
_UPDATE = ("iot:GetOTAUpdate",)
_THING = ("iot:DescribeJobExecution",)
_ALARMS = ("cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms")
ACTIONS = frozenset((*_STACK, *_JOB, *_UPDATE, *_THING, *_ALARMS))
_REASON = (
    "it only reads: a stack's id and the ids of its updates end with what the deploy generates, and any device may be "
    "in a group"
)
# With AWS_PROFILE the SDK renews the credentials of the role, which last an hour.
_CONFIG = "/tmp/cdk-iot-ota.ini"  # noqa: S108 - in CodeBuild's container, which has one user
_PROFILE = "devices"
_PROFILE_TEXT = rf"[profile {_PROFILE}]\nrole_arn = %s\ncredential_source = EcsContainer\n"


class WaitForDevices(pipelines.CodeBuildStep):
    """A step of CDK Pipelines that waits until enough devices have installed an update of a stage.

    It runs ``cdk-iot-ota wait`` after the stage, up to eight hours, and the stack is free meanwhile, which a
    ``RolloutGate`` holds. It evaluates the rule of a ``RolloutGate``, from its own start on. If it fails, the pipeline
    stops: the stages after it do not get the firmware, and the devices of this one keep it.

    The stack of the update gets a role for the step, which may only read this update, its job and stack, and the
    alarms, and which the account of the pipeline may assume. So it works for stages in other accounts and Regions.

    Create it before ``add_stage`` has synthesized the stage, as one of its ``post`` steps::

        canary = CanaryStage(self, "Canary")
        pipeline.add_stage(canary, post=[WaitForDevices("WaitForCanary", update=canary.update, maximum_failures=5)])
        pipeline.add_stage(FleetStage(self, "Fleet"))

    :param id: the id of the step.
    :param update: the update, in a stack of a ``Stage`` that is declared in the stack of the pipeline. It usually has
        no ``gate``, for which the deploy would wait too.
    :param success_percentage: the share of the job's devices that must succeed: 0.01 to 100, with two decimals.
        Default: 100, or what ``maximum_failure_percentage`` leaves.
    :param maximum_failures: how many devices may fail: at least 0. Default: 0, or no such limit with
        ``maximum_failure_percentage``.
    :param maximum_failure_percentage: the share of the job's devices that may fail: 0.01 to 100, with two decimals.
        Default: none.
    :param minimum_devices: how many devices the job must have: at least 0. Default: 1.
    :param alarms: 1 to 10 different alarms of the update's account and Region that must not ring, with names that synth
        knows: give ``alarm_name`` to those of the app. Default: none.
    :param bake_time: how long to watch alarms and devices after enough devices have succeeded. Default: 10 minutes with
        ``alarms``, otherwise none.
    :param timeout: how long to wait for the devices: at least a minute, with ``bake_time`` at most 470 minutes, which
        fits into CodeBuild's eight hours. Default: 7 hours.
    :param package: what ``pip`` installs in CodeBuild, without the CDK. Default: what synth itself was installed from,
        ``cdk-iot-ota`` in its version or the commit of a repository.
    :raises ValueError: if an argument exceeds its limits or is a token, the update is not in a stage of a pipeline's
        stack or in a nested stack, the stage was synthesized before, or ``package`` is needed.
    :raises TypeError: if an argument is of another type.
    """

    def __init__(
        self,
        id: str,
        *,
        update: OtaUpdate,
        success_percentage: float | None = None,
        maximum_failures: int | None = None,
        maximum_failure_percentage: float | None = None,
        minimum_devices: int = 1,
        alarms: gate_alarms.Alarms | None = None,
        bake_time: Duration | None = None,
        timeout: Duration | None = None,
        package: str | None = None,
    ) -> None:
        with checks.prefix_errors(id):
            stack = _stack_of(update)
            alarm_names = [] if alarms is None else _names(update, alarms)
            criteria = {
                "--success-percentage": _number(limits.SUCCESS_PERCENTAGE, "success_percentage", success_percentage),
                "--maximum-failures": _number(limits.MAXIMUM_FAILURES, "maximum_failures", maximum_failures),
                "--maximum-failure-percentage": _number(
                    limits.MAXIMUM_FAILURE_PERCENTAGE, "maximum_failure_percentage", maximum_failure_percentage
                ),
                "--minimum-devices": _number(limits.MINIMUM_DEVICES, "minimum_devices", minimum_devices),
                **_times(timeout, bake_time, has_alarms=bool(alarm_names)),
            }
            region = once.get(stack, "region")
            options = [
                *("--stack", stack.stack_name, "--update", _logical_id(update)),
                *(["--region", region] if checks.known(region) else []),
                *(part for name, value in criteria.items() if value is not None for part in (name, str(value))),
                *(part for name in alarm_names for part in ("--alarm", name)),
            ]
            install = _install(package)
            role_arn = _reader(update, id, alarms)
        super().__init__(
            id,
            install_commands=install,
            commands=[
                f"printf '{_PROFILE_TEXT}' {role_arn} > {_CONFIG}",
                f"AWS_CONFIG_FILE={_CONFIG} AWS_PROFILE={_PROFILE} cdk-iot-ota wait {shlex.join(options)}",
            ],
            role_policy_statements=[iam.PolicyStatement(actions=["sts:AssumeRole"], resources=[role_arn])],
            timeout=Duration.hours(8),
        )


def _stack_of(update: OtaUpdate) -> Stack:
    """Return the stack of an update after checking that a step of a pipeline can name it, and extend it."""
    checks.instance_of("update", update, OtaUpdate)
    stack = once.stack_of(update)
    if stack.nested_stack_parent is not None or not checks.known(stack.stack_name):
        raise ValueError(
            f"update must be in a stack whose name synth knows, got {checks.shown(update)} in one that is nested or "
            "named by a token: declare it in a stack of the stage"
        )
    if _pipeline_of(stack) is None:
        raise ValueError(
            f"update must be in a stage that is declared in the stack of the pipeline, got {checks.shown(update)}: "
            "declare the stage as CanaryStage(self, …) there"
        )
    if validation.has_ended(stack):
        raise ValueError(
            f"update must be in a stage that is not synthesized yet, got {checks.shown(update)}: create the step "
            "before add_stage, or as one of its post steps"
        )
    return stack


def _logical_id(update: OtaUpdate) -> str:
    """Return the logical id of an update, which must not change after that."""
    found: str = once.stack_of(update).resolve(update._rendered.logical_id)

    def check(later: str) -> None:
        if later != found:
            raise ValueError(
                f"its logical id was {found} for a WaitForDevices, got {later}: override it before the step"
            )

    validation.at_end(update, check, lambda: update._rendered.logical_id)
    return found


def _pipeline_of(stack: Stack) -> Stack | None:
    """Return the stack in which the stage of a stack is declared."""
    stage = Stage.of(stack)
    scopes = [] if stage is None else stage.node.scopes
    return next((scope for scope in reversed(scopes) if isinstance(scope, Stack)), None)


def _number(limit: limits.Number, name: str, value: float | None) -> float | None:
    return None if value is None else _known(name, checks.number(limit, name, value))


def _known(name: str, value: float) -> float:
    if not checks.known(value):
        raise ValueError(f"{name} must be known at synth, got a token: the template of the pipeline has it")
    return value


def _times(timeout: Duration | None, bake_time: Duration | None, *, has_alarms: bool) -> dict[str, float | None]:
    waits = _known("timeout", checks.minutes(_MINUTES, "timeout", _DEFAULT_TIMEOUT if timeout is None else timeout))
    bakes: float | None = DEFAULT_BAKE if has_alarms else None
    if bake_time is not None:
        bakes = _known("bake_time", checks.minutes(_BAKE_MINUTES, "bake_time", bake_time))
    if waits + (bakes or 0) > _LONGEST:
        raise ValueError(
            f"timeout and bake_time must be at most {_LONGEST} minutes together, got {waits} and {bakes}: "
            "CodeBuild stops after eight hours"
        )
    return {"--timeout": waits, "--bake-time": bakes}


def _names(update: OtaUpdate, alarms: gate_alarms.Alarms) -> list[str]:
    """Return the names of alarms as they are in the account."""
    found = [_name(index, alarm) for index, alarm in enumerate(gate_alarms.checked(alarms))]
    limits.distinct("alarms", found)
    gate_alarms.check_environment(update, alarms)
    return found


def _name(index: int, alarm: cloudwatch.IAlarm | cloudwatch.AlarmBase) -> str:
    name: object = gate_alarms.name_of(alarm)
    if not checks.known(name):
        # That of the resource, because the property is a reference, which no stack outside of the stage can have.
        declared = getattr(alarm.node.default_child, "alarm_name", None)
        name = once.stack_of(alarm).resolve(declared)
    if not isinstance(name, str) or not checks.known(name):
        raise ValueError(
            f"alarms[{index}] must have a name that synth knows, got {checks.shown(alarm)}: give it alarm_name"
        )
    return name


def _reader(update: OtaUpdate, step: str, alarms: gate_alarms.Alarms | None) -> str:
    """Declare the role that the step assumes, and return its ARN without tokens of its stack.

    Not the role for lookups of CDK's bootstrap: that may read nearly everything in the account, objects in S3 too.
    """
    stack = once.stack_of(update)
    where = f"{once.get(stack, 'region')}/{update.node.path}/{step}"
    # References do not cross stages, so it has a name that both know.
    name = f"{stack.stack_name[:40]}-wait-{hashlib.sha256(where.encode()).hexdigest()[:16]}"
    allowed = _allowed(update, alarms)
    role = iam.Role(
        cast(Construct, update),
        f"{step}Role",
        role_name=name,
        description=f"Assumed by the pipeline step {step} to wait for devices",
        assumed_by=cast(iam.IPrincipal, iam.AccountPrincipal(once.get(cast(Stack, _pipeline_of(stack)), "account"))),
        inline_policies={
            "Wait": iam.PolicyDocument(
                statements=[
                    iam.PolicyStatement(actions=list(actions), resources=resources) for actions, resources in allowed
                ]
            )
        },
    )
    resource = cast(Construct, role.node.default_child)
    suppressions.acknowledge_wildcards(resource, [arn for _, arns in allowed for arn in arns], _REASON)
    inline = "it belongs to this role alone and is deleted with it"
    suppressions.acknowledge(resource, suppressions.in_packs("IAMNoInlinePolicy", inline))
    return f"arn:{Aws.PARTITION}:iam::{once.get(stack, 'account')}:role/{name}"


def _allowed(update: OtaUpdate, alarms: gate_alarms.Alarms | None) -> list[tuple[Sequence[str], list[str]]]:
    stack, found = once.stack_of(update), update._explicit_id or id_pattern(update._rendered)
    allowed: list[tuple[Sequence[str], list[str]]] = [
        (_STACK, [once.arn(stack, "cloudformation", f"stack/{stack.stack_name}/*")]),
        (_JOB, [once.iot_arn(stack, "job", names.job_id(found))]),
        (_UPDATE, [once.iot_arn(stack, "otaupdate", found)]),
        (_THING, [once.iot_arn(stack, "thing", "*")]),
    ]
    if alarms is not None:
        # CloudWatch answers for composite alarms only who may read all alarms, and an imported one may be composite.
        is_metric = all(isinstance(alarm, cloudwatch.Alarm) for alarm in alarms)
        arns = [once.arn(stack, "cloudwatch", f"alarm:{gate_alarms.name_of(alarm)}") for alarm in alarms]
        allowed.append((_ALARMS, arns if is_metric else ["*"]))
    return allowed


def _install(package: str | None) -> list[str]:
    """Return the commands that install the command without the CDK, which it does not need."""
    needed = [
        one.partition(";")[0].strip()
        for one in metadata.requires(_DISTRIBUTION) or []
        if re.search(r"extra == ['\"]cli['\"]", one)
    ]
    pip = ["python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    source = _installed_from() if package is None else _given(package)
    return [shlex.join([*pip, "--no-deps", source]), shlex.join([*pip, *needed])]


def _given(package: str) -> str:
    if tokens.is_token(package):
        raise ValueError("package must be known at synth, as the template of the pipeline has it, got a token")
    return checks.text(limits.Text(printable=True), "package", package)


def _installed_from() -> str:
    """Return the requirement that installs what synth runs with, by what pip has recorded of it (PEP 610)."""
    found = metadata.distribution(_DISTRIBUTION)
    recorded = found.read_text("direct_url.json")
    if recorded is None:
        return f"{_DISTRIBUTION}=={found.version}"
    origin = json.loads(recorded)
    if "vcs_info" in origin:
        vcs = origin["vcs_info"]
        return f"{_DISTRIBUTION} @ {vcs['vcs']}+{origin['url']}@{vcs['commit_id']}"
    if str(origin["url"]).startswith("https://"):
        return f"{_DISTRIBUTION} @ {origin['url']}"
    raise ValueError(
        f"package must be given, because synth has {_DISTRIBUTION} from {origin['url']}, which CodeBuild does not "
        f"have: name what pip is to install, such as '{_DISTRIBUTION} @ git+https://…'"
    )
