"""The alarms of a gate: where they may be, and what they may be about."""

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aws_cdk import Stack
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
        if not once.has(alarm, "alarm_name"):
            remedy = "Alarm.from_alarm_name takes a name"
            raise TypeError(f"alarms must be a list of cloudwatch.IAlarm, got {checks.shown(alarm)} in it: {remedy}")
    limits.ALARMS.check("alarms", value)
    limits.distinct("alarms", [checks.text(limits.ALARM_NAME, "name of an alarm", name_of(alarm)) for alarm in value])
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


def check_jobs(scope: Construct, alarms: Alarms, explicit_id: str | None, logical_id: Callable[[], str]) -> None:
    """Refuse alarms on the job of the update ``scope``, at the end of synth.

    :param logical_id: returns that of the update; asked only if an alarm refers to a resource at all.
    """
    stack = once.stack_of(scope)
    for alarm in alarms:
        if isinstance(alarm, cloudwatch.Alarm):
            watched = once.asked(stack, (check_jobs, alarm), functools.partial(_Watched, stack, alarm))
            watched.add(scope, explicit_id, logical_id)


class _Watched:
    """A metric alarm, and the updates of a stack that watch it."""

    def __init__(self, stack: Stack, alarm: cloudwatch.Alarm) -> None:
        self._updates: list[tuple[Construct, str | None, Callable[[], str]]] = []
        self._stack, self._alarm = stack, alarm
        at_end(stack, self._check, self._metrics)

    def add(self, scope: Construct, explicit_id: str | None, logical_id: Callable[[], str]) -> None:
        self._updates.append((scope, explicit_id, logical_id))

    def _metrics(self) -> Mapping[str, Any]:
        resource: Any = self._alarm.node.default_child
        return {"dimensions": resource.dimensions, "metrics": resource.metrics}

    def _check(self, resolved: Mapping[str, Any]) -> None:
        text = json.dumps(resolved)
        has_references = "Fn::GetAtt" in text or '"Ref"' in text
        for scope, explicit_id, logical_id in self._updates:
            own = [] if explicit_id is None else [names.job_id(explicit_id)]
            own += [logical_id()] if has_references else []
            if any(f'"{one}"' in text for one in own):
                raise ValueError(
                    f"{scope.node.path}: alarms must not be about the update's own job, got {self._alarm.node.path}: "
                    "each would wait for the other; maximum_failures is that limit. An alarm on the job of an earlier "
                    "phase is possible"
                )
