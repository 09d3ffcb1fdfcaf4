"""``cdk-iot-ota wait``: hold a pipeline between two stacks until the devices of the first have updated."""

import time
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

import boto3
import click
from botocore.exceptions import BotoCoreError, NoRegionError
from rich.console import Console
from rich.text import Text

from cdk_iot_ota_handler.ota_update.contract import limits, names
from cdk_iot_ota_handler.ota_update.decide import Action
from cdk_iot_ota_handler.ota_update.decide.gate import verdict
from cdk_iot_ota_handler.ota_update.desired import Gate
from cdk_iot_ota_handler.ota_update.errors import AccessDeniedError, FatalError, RetryableError
from cdk_iot_ota_handler.ota_update.observed import JobProgress
from cdk_iot_ota_handler.ota_update.service import OtaService

_EXIT_PASSED, _EXIT_FAILED, _EXIT_NOT_FOUND = 0, 1, 2
_MINUTES = limits.Number(low=1, high=365 * 24 * 60)
_SECONDS = limits.Number(low=0.1, high=3600, decimals=1)
_STYLES = {Action.MARK: "green", Action.STOP: "red"}


class Jobs(Protocol):
    """The one call that the loop makes."""

    def job_progress(self, job_id: str) -> JobProgress | None:
        """Return the progress of a job, or None if it does not exist."""


class UpdateNotFoundError(click.ClickException):
    """The update does not exist, or its job cannot be read."""

    exit_code = _EXIT_NOT_FOUND


def _number(limit: limits.Number) -> Callable[[click.Context, click.Parameter, str], Decimal]:
    """Return a callback that parses an option's value exactly and checks it against a limit."""

    def parse(_context: click.Context, _option: click.Parameter, text: str) -> Decimal:
        try:
            number = Decimal(text)
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite():
            raise click.BadParameter(f"must be a number, got {text!r}")
        try:
            limit.check("the value", int(number) if number == int(number) else float(number))
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
        return number

    return parse


def _number_option(name: str, limit: limits.Number, default: str, help: str) -> Callable[[Any], Any]:
    return click.option(name, metavar="NUMBER", default=default, show_default=True, help=help, callback=_number(limit))


@click.command(short_help="Wait for the devices of a deployed update.")
@click.option("--stack", required=True, help="Name of the stack.")
@click.option("--update", default="", help="Logical id of the update, or a prefix of it.  [default: the only one]")
@_number_option("--success-percentage", limits.SUCCESS_PERCENTAGE, "100", "Percentage of devices that must succeed.")
@_number_option("--maximum-failures", limits.MAXIMUM_FAILURES, "0", "Number of devices that may fail.")
@_number_option("--minimum-devices", limits.MINIMUM_DEVICES, "1", "Number of devices that the job must have.")
@_number_option("--timeout", _MINUTES, "1440", "Minutes to wait.")
@_number_option("--interval", _SECONDS, "15", "Seconds between two queries.")
@click.option("--region", help="AWS Region.  [default: the one of the environment]")
def wait(stack: str, update: str, region: str | None, interval: Decimal, **criteria: Decimal) -> int:
    """Wait until the devices of a deployed update have passed or failed a gate.

    It evaluates the same rule as a RolloutGate, without CloudFormation's time limit, and changes nothing. It needs
    cloudformation:ListStackResources and iot:DescribeJob.

    Exit codes: 0 if the gate has passed, 1 if it has failed, 2 if the arguments are invalid or the update cannot be
    found or read.
    """
    try:
        ota_update_id = find_update(boto3.client("cloudformation", region_name=region), stack, update)
        service = OtaService.connect(region)
    except NoRegionError as error:
        remedy = "give --region, or set AWS_REGION"
        raise UpdateNotFoundError(f"{str(error).rstrip('.')}: {remedy}") from None
    except BotoCoreError as error:
        raise UpdateNotFoundError(str(error)) from error
    return wait_for(service, names.job_id(ota_update_id), gate_of(**criteria), interval=float(interval))


def gate_of(
    *, success_percentage: Decimal, maximum_failures: Decimal, minimum_devices: Decimal, timeout: Decimal
) -> Gate:
    """Return the gate that the options describe."""
    return Gate(
        success_percentage=str(success_percentage),
        maximum_failures=int(maximum_failures),
        minimum_devices=int(minimum_devices),
        timeout=60 * int(timeout),
    )


def find_update(cloudformation: Any, stack: str, prefix: str) -> str:
    """Return the id of the one update of a stack whose logical id is or begins with ``prefix``."""
    try:
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        resources = [resource for page in pages for resource in page["StackResourceSummaries"]]
    except Exception as error:
        raise UpdateNotFoundError(f"stack {stack}: {error}") from error
    updates = {one["LogicalResourceId"]: one for one in resources if one["ResourceType"] == names.RESOURCE_TYPE}
    matches = [prefix] if prefix in updates else [name for name in updates if name.startswith(prefix)]
    if len(matches) != 1:
        raise UpdateNotFoundError(
            f"--update must be the logical id of one OTA update of stack {stack}, got {prefix!r}: it has "
            f"{', '.join(updates) or 'none'}"
        )
    return str(updates[matches[0]]["PhysicalResourceId"])


def wait_for(jobs: Jobs, job_id: str, gate: Gate, *, interval: float, now: Callable[[], float] = time.monotonic) -> int:
    """Poll a job until the gate has passed or failed, print a line for each change, and return the exit code."""
    console, begun, printed = Console(highlight=False, soft_wrap=True), now(), ""
    with console.status(f"waiting for {job_id}"):
        while True:
            action, reason = _poll(jobs, job_id, gate, waited=now() - begun)
            if reason != printed:
                line = Text.assemble(
                    (time.strftime("%H:%M:%S "), "dim"), (f"{job_id}: {reason}", _STYLES.get(action, ""))
                )
                console.print(line)
                printed = reason
            if action is not Action.WAIT:
                return _EXIT_PASSED if action is Action.MARK else _EXIT_FAILED
            time.sleep(interval)


def _poll(jobs: Jobs, job_id: str, gate: Gate, *, waited: float) -> tuple[Action, str]:
    try:
        decision = verdict(gate, jobs.job_progress(job_id), waited=waited, left=gate.timeout - waited)
    except (AccessDeniedError, FatalError) as error:
        raise UpdateNotFoundError(str(error)) from error
    except RetryableError as error:
        if waited > gate.timeout:
            raise UpdateNotFoundError(str(error)) from error
        return Action.WAIT, str(error)
    return decision.action, decision.reason
