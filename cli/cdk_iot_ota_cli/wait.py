"""A command for pipelines: it waits between two stacks until devices have proven the firmware of the first.

The rule is that of a gate, and so are the words. It needs boto3, which the library's extra ``wait`` brings along.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from cdk_iot_ota_handler.ota_update.contract import limits
from cdk_iot_ota_handler.ota_update.contract.names import RESOURCE_TYPE
from cdk_iot_ota_handler.ota_update.decide import Action
from cdk_iot_ota_handler.ota_update.decide.gate import verdict
from cdk_iot_ota_handler.ota_update.desired import Gate
from cdk_iot_ota_handler.ota_update.errors import AccessDeniedError, FatalError, RetryableError

_PASSED, _FAILED, _NOT_ASKED = 0, 1, 2
_MINUTES = limits.Number(low=1, high=365 * 24 * 60)
_SECONDS = limits.Number(low=0.1, high=3600, decimals=1)


class NothingToAskError(Exception):
    """The update can not be found, or not be asked."""


def main(arguments: Sequence[str], now: Callable[[], float] = time.monotonic) -> int:
    """Run the command: 0 when the devices have proven the firmware, 1 when not, 2 when there is nothing to ask."""
    given = parser().parse_args(arguments)
    try:
        import boto3
        from botocore.exceptions import BotoCoreError

        from cdk_iot_ota_handler.ota_update.service import OtaService
    except ImportError:
        print("boto3 is missing: pip install 'cdk-iot-ota[wait]'", file=sys.stderr)
        return _NOT_ASKED
    try:
        update = update_id(boto3.client("cloudformation", region_name=given.region), given.stack, given.update)
        return wait_for(OtaService.connect(given.region), f"AFR_OTA-{update}", given, now)
    except (NothingToAskError, BotoCoreError) as error:
        print(error, file=sys.stderr)
        return _NOT_ASKED


def parser() -> argparse.ArgumentParser:
    """The command's arguments; what is beyond its limits is refused."""
    made = argparse.ArgumentParser(prog="python -m cdk_iot_ota_cli", description=__doc__)
    wait = made.add_subparsers(required=True).add_parser("wait", help="wait for the devices of a deployed update")
    wait.add_argument("--stack", required=True, help="the stack's name")
    wait.add_argument("--update", default="", help="the update's logical id, or its beginning; default: the only one")
    for name, limit, default, words in (
        ("--success-percentage", limits.SUCCESS_PERCENTAGE, "100", "how many percent of the devices must succeed"),
        ("--maximum-failures", limits.MAXIMUM_FAILURES, "0", "how many devices may fail"),
        ("--minimum-devices", limits.NUMBER_OF_THINGS, "1", "how many devices must be in the job"),
        ("--timeout", _MINUTES, "1440", "how many minutes to wait"),
        ("--interval", _SECONDS, "15", "how many seconds between two looks"),
    ):
        wait.add_argument(
            name, type=_within(limit), default=default, metavar="NUMBER", help=f"{words}; default: {default}"
        )
    wait.add_argument("--region", help="the Region; default: that of the environment")
    return made


def _within(limit: limits.Number) -> Callable[[str], str]:
    """Text, so that a percentage stays exact."""

    def checked(text: str) -> str:
        try:
            limit.check("the value", float(text))
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return text

    return checked


def _gate(given: argparse.Namespace) -> Gate:
    return Gate(
        success_percentage=given.success_percentage,
        maximum_failures=int(float(given.maximum_failures)),
        minimum_devices=int(float(given.minimum_devices)),
        timeout=60 * int(float(given.timeout)),
    )


def update_id(cloudformation: Any, stack: str, beginning: str) -> str:
    """The id of the one update of a stack whose logical id begins like this."""
    try:
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        resources = [resource for page in pages for resource in page["StackResourceSummaries"]]
    except Exception as error:
        raise NothingToAskError(f"stack {stack}: {error}") from error
    updates = {one["LogicalResourceId"]: one for one in resources if one["ResourceType"] == RESOURCE_TYPE}
    found = [name for name in updates if name.startswith(beginning)]
    exact = [name for name in found if name == beginning]
    if len(exact or found) != 1:
        raise NothingToAskError(
            f"--update must be the logical id of one OTA update of stack {stack}, got {beginning!r}: it has "
            f"{', '.join(updates) or 'none'}"
        )
    return str(updates[(exact or found)[0]]["PhysicalResourceId"])


def wait_for(service: Any, job_id: str, given: argparse.Namespace, now: Callable[[], float]) -> int:
    """Look again and again, and say each time that something has changed."""
    gate, begun, said = _gate(given), now(), ""
    while True:
        waited = now() - begun
        try:
            decision = verdict(gate, service.job_progress(job_id), waited=waited, left=gate.timeout - waited)
        except (FatalError, RetryableError) as error:
            # What has no answer now may have one later, until the time is over.
            if not isinstance(error, RetryableError) or isinstance(error, AccessDeniedError) or waited > gate.timeout:
                raise NothingToAskError(str(error)) from error
            said = _say(job_id, str(error), said)
        else:
            said = _say(job_id, decision.reason, said)
            if decision.action is not Action.WAIT:
                return _PASSED if decision.action is Action.MARK else _FAILED
        time.sleep(float(given.interval))


def _say(job_id: str, words: str, said: str) -> str:
    if words != said:
        print(f"{time.strftime('%H:%M:%S')} {job_id}: {words}", flush=True)
    return words
