"""The alarms of a gate: where they may be, and what they may be about."""

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import CfnResource, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from cdk_iot_ota_handler.ota_update.contract import limits, names

from .._synth import checks, once, tokens
from .._synth.validation import at_end

Alarms = Sequence[cloudwatch.IAlarm | cloudwatch.AlarmBase]


def checked(value: Alarms) -> list[cloudwatch.IAlarm | cloudwatch.AlarmBase]:
    """Return alarms as a list after checking their number and what they are."""
    if not isinstance(value, (str, Sequence)) and once.has(value, "alarm_name"):
        raise TypeError("alarms must be a list of cloudwatch.IAlarm, got one alone: put it into a list")
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise TypeError(f"alarms must be a list of cloudwatch.IAlarm, got {checks.shown(value)}")
    for alarm in value:
        if not (once.has(alarm, "alarm_name") and once.has(alarm, "alarm_arn")):
            remedy = "Alarm.from_alarm_name takes a name, Alarm.from_alarm_arn an ARN"
            raise TypeError(f"alarms must be a list of cloudwatch.IAlarm, got {checks.shown(alarm)} in it: {remedy}")
    limits.ALARMS.check("alarms", value)
    given = [checks.text(limits.ALARM_NAME, "name of an alarm", name_of(alarm)) for alarm in value]
    for name in given:
        if name.startswith("arn:"):
            raise ValueError(f"name of an alarm must not be an ARN, got {limits.shown(name)}: use Alarm.from_alarm_arn")
    limits.distinct("alarms", given)
    return list(value)


def name_of(alarm: cloudwatch.IAlarm | cloudwatch.AlarmBase) -> str:
    """Return the name of an alarm, which is a token for one of the app."""
    name: str = once.get(alarm, "alarm_name")
    return name


def check_environment(scope: Construct, alarms: Alarms) -> None:
    """Raise ValueError for an alarm of another account or Region than the stack of ``scope``, as far as synth knows."""
    stack = once.stack_of(scope)
    for index, alarm in enumerate(alarms):
        account, region = once.asked(alarm, check_environment, functools.partial(_environment, alarm))
        _check_same(
            f"alarms[{index}] must be in the update's account {{}}, got one in {{}}: CloudWatch answers for its own "
            "account only; declare an alarm here on the metric of the other account (Metric(account=…))",
            once.get(stack, "account"),
            account,
        )
        _check_same(
            f"alarms[{index}] must be in the update's Region {{}}, got one in {{}}: CloudWatch answers for its own "
            "Region only; declare an alarm here",
            once.get(stack, "region"),
            region,
        )


def _environment(alarm: cloudwatch.IAlarm | cloudwatch.AlarmBase) -> tuple[str, str]:
    """Return the account and the Region of an alarm; the ARN of an imported one tells more than its stack."""
    arn = once.get(alarm, "alarm_arn")
    if tokens.known(arn):
        parts = [*arn.split(":"), "", "", "", "", ""]
        return parts[4], parts[3]
    stack: Stack = once.stack_of(alarm)
    return once.get(stack, "account"), once.get(stack, "region")


def _check_same(message: str, expected: str, got: str) -> None:
    if checks.known(expected) and checks.known(got) and expected != got:
        raise ValueError(message.format(expected, got))


def check_jobs(scope: Construct, alarms: Alarms, explicit_id: str | None, resource: CfnResource) -> None:
    """Refuse alarms on the job of the update ``scope``, which has this resource, at the end of synth."""
    stack = once.stack_of(scope)
    for alarm in alarms:
        if isinstance(alarm, cloudwatch.Alarm):
            watched = once.asked(stack, (check_jobs, alarm), functools.partial(_Watched, stack, alarm))
            watched.add(scope, explicit_id, resource)


class _Watched:
    """A metric alarm, and the updates of a stack that watch it."""

    def __init__(self, stack: Stack, alarm: cloudwatch.Alarm) -> None:
        self._updates: list[tuple[Construct, str | None, CfnResource]] = []
        self._stack, self._alarm = stack, alarm
        at_end(stack, self._check, self._metrics)

    def add(self, scope: Construct, explicit_id: str | None, resource: CfnResource) -> None:
        self._updates.append((scope, explicit_id, resource))

    def _metrics(self) -> Mapping[str, Any]:
        resource: Any = self._alarm.node.default_child
        return {"dimensions": resource.dimensions, "metrics": resource.metrics}

    def _check(self, resolved: Mapping[str, Any]) -> None:
        text = json.dumps(resolved)
        for scope, explicit_id, resource in self._updates:
            is_named = explicit_id is not None and f'"{names.job_id(explicit_id)}"' in text
            if is_named or self._refers_to(resource, text):
                raise ValueError(
                    f"{scope.node.path}: alarms must not be about the update's own job, got {self._alarm.node.path}: "
                    "each would wait for the other; maximum_failures is that limit. An alarm on the job of an earlier "
                    "phase is possible"
                )

    def _refers_to(self, resource: CfnResource, text: str) -> bool:
        if once.is_same(once.stack_of(self._alarm), self._stack):
            has_references = "Fn::GetAtt" in text or '"Ref"' in text
            return has_references and f'"{self._stack.resolve(resource.logical_id)}"' in text
        # Here the reference of another stack's alarm is rendered as one to the same logical id, whatever that is here.
        unresolved = json.dumps(self._metrics(), default=lambda value: getattr(value, "_values", None))
        return any(once.is_same(found.target, resource) for found in tokens.references(unresolved))
