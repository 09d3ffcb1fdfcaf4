"""``cdk-iot-ota wait``: hold a pipeline between two stacks until the devices of the first have updated."""

import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Protocol

import click
from rich.console import Console
from rich.text import Text

from cdk_iot_ota_handler.ota_update.contract import limits, names
from cdk_iot_ota_handler.ota_update.decide import Action, Decision
from cdk_iot_ota_handler.ota_update.decide.devices import statuses_to_list, summary
from cdk_iot_ota_handler.ota_update.decide.gate import failed, verdict
from cdk_iot_ota_handler.ota_update.desired import Gate
from cdk_iot_ota_handler.ota_update.errors import LIMIT, AccessDeniedError, FatalError, RetryableError, shorten
from cdk_iot_ota_handler.ota_update.observed import JobProgress
from cdk_iot_ota_handler.ota_update.retry import Clock

from . import lookup, words
from .aws import Aws
from .gates import Alarm, GateSettings
from .options import EXIT_FAILED, EXIT_OK, NotFoundError, number_option, region_option, stack_option
from .reader import NOT_ALLOWED, failed_devices, firmware
from .reading import Resource, Stack

_MINUTES = limits.Number(low=1, high=365 * 24 * 60)
_BAKE_MINUTES = limits.Number(low=0, high=365 * 24 * 60)
_SECONDS = limits.Number(low=0.1, high=3600, decimals=1)
_STYLES = {Action.MARK: "green", Action.STOP: "red"}
_BAKE_WITH_ALARMS = 10
_MOST_ALARMS = 100
_ALARM_REASON = 150


class Calls(Protocol):
    """The calls that judge an update."""

    def progress(self) -> JobProgress | None:
        """Return the progress of the job, or None if it does not exist."""
        ...

    def alarms(self) -> dict[str, Alarm]:
        """Return the alarms by name, without those that do not exist."""
        ...

    def failed_devices(self, statuses: list[str]) -> str:
        """Return the devices with these statuses in words, grouped by what they reported."""
        ...


class _Job:
    """The calls for one job."""

    def __init__(self, aws: Aws, job_id: str, alarms: Sequence[str]) -> None:
        self._aws, self._job_id, self._alarms = aws, job_id, alarms

    def progress(self) -> JobProgress | None:
        return self._aws.service.job_progress(self._job_id)

    def alarms(self) -> dict[str, Alarm]:
        return self._aws.alarms(self._alarms)

    def failed_devices(self, statuses: list[str]) -> str:
        found = failed_devices(self._aws, Clock(), self._job_id, statuses)
        denied = f" ({found.denied}: {NOT_ALLOWED})" if found.denied else ""
        return f"{summary(found.executions, room=LIMIT)}{denied}".strip()


@click.command(short_help="Wait for the devices of a deployed update.")
@stack_option
@click.option("--update", default="", help="Logical id of the update, or a prefix of it.  [default: the only one]")
@number_option(
    "--success-percentage",
    limits.SUCCESS_PERCENTAGE,
    None,
    "Percentage of devices that must succeed.  [default: 100, or what --maximum-failure-percentage leaves]",
)
@number_option(
    "--maximum-failures",
    limits.MAXIMUM_FAILURES,
    None,
    "Number of devices that may fail.  [default: 0, or no limit with --maximum-failure-percentage]",
)
@number_option(
    "--maximum-failure-percentage",
    limits.MAXIMUM_FAILURE_PERCENTAGE,
    None,
    "Percentage of devices that may fail.  [default: no limit]",
)
@number_option("--minimum-devices", limits.MINIMUM_DEVICES, "1", "Number of devices that the job must have.")
@click.option("--alarm", "alarms", multiple=True, help="Name of an alarm that must not ring; may be repeated.")
@number_option(
    "--bake-time",
    _BAKE_MINUTES,
    None,
    "Minutes to watch alarms and devices after enough have succeeded.  [default: 10 with --alarm, else 0]",
)
@number_option("--timeout", _MINUTES, "1440", "Minutes to wait for the stack and the devices.")
@number_option("--interval", _SECONDS, "15", "Seconds between two queries.")
@region_option
def wait(
    stack: str,
    update: str,
    region: str | None,
    interval: Decimal,
    alarms: tuple[str, ...],
    bake_time: Decimal | None,
    **criteria: Decimal | None,
) -> int:
    """Wait until the devices of a deployed update have passed or failed a gate.

    It evaluates the same rule as a RolloutGate, without CloudFormation's time limit, and changes nothing. It waits for
    a deploy in progress first, and refuses a stack whose last deploy has failed: the update that is live there is not
    the one that was asked for.

    It needs cloudformation:DescribeStacks, cloudformation:ListStackResources and iot:DescribeJob, and
    cloudwatch:DescribeAlarms for --alarm. With iot:GetOTAUpdate, iot:ListJobExecutionsForJob and
    iot:DescribeJobExecution it tells version, age, and the devices that have failed.

    Exit codes: 0 if the gate has passed, 1 if it has failed, 2 if the arguments are invalid, the stack's last deploy
    has failed or does not end in time, or the update or an alarm cannot be found or read.
    """
    if len(alarms) > _MOST_ALARMS:
        raise click.UsageError(f"--alarm can be repeated {_MOST_ALARMS} times, got {len(alarms)}: use composite alarms")
    bake = bake_time if bake_time is not None else Decimal(_BAKE_WITH_ALARMS if alarms else 0)
    settings = GateSettings(gate=gate_of(**criteria), alarms=alarms, bake=int(60 * bake))
    aws, printer, begun = Aws.connect(region), Printer(), time.monotonic()
    pause = float(interval)
    found = settled(lambda: aws.stack(stack), printer, timeout=settings.gate.timeout, interval=pause)
    updates = {one.logical_id: one for one in _resources(aws, found) if one.kind == names.RESOURCE_TYPE}
    resource = updates[lookup.match(found.name, updates, update)]
    if resource.physical_id is None or resource.status.startswith("DELETE_"):
        raise NotFoundError(f"stack {found.name} has not deployed {resource.logical_id}: it is {resource.status}")
    _introduce(aws, resource.physical_id, printer)
    job_id = names.job_id(resource.physical_id)
    return wait_for(_Job(aws, job_id, alarms), job_id, settings, interval=pause, printer=printer, begun=begun)


def gate_of(
    *,
    success_percentage: Decimal | None,
    maximum_failures: Decimal | None,
    maximum_failure_percentage: Decimal | None,
    minimum_devices: Decimal | None,
    timeout: Decimal | None,
) -> Gate:
    """Return the gate that the options describe, with the defaults of a RolloutGate."""
    share = maximum_failure_percentage
    success = success_percentage
    if success is None:
        success = Decimal(100) if share is None else max(Decimal("0.01"), 100 - share)
    failures = maximum_failures
    if failures is None and share is None:
        failures = Decimal(0)
    return Gate(
        success_percentage=str(success),
        maximum_failures=None if failures is None else int(failures),
        maximum_failure_percentage=None if share is None else str(share),
        minimum_devices=int(minimum_devices or 0),
        timeout=60 * int(timeout or 0),
    )


class Printer:
    """Prints a line for each change, with the time."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._printed = ""

    def line(self, text: str, style: str = "") -> None:
        """Print a line unless it is the last one."""
        if text != self._printed:
            self._console.print(Text.assemble((time.strftime("%H:%M:%S "), "dim"), (text, style)))
            self._printed = text

    def status(self, text: str) -> Any:
        """Show that something is waited for; nothing without a terminal."""
        return self._console.status(text)


def settled(
    read: Callable[[], Stack],
    printer: Printer,
    *,
    timeout: float,
    interval: float,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Stack:
    """Return the stack once its deploy is over. Raises NotFoundError if that has failed or does not end in time."""
    begun, found, problem = now(), None, ""
    with printer.status("waiting for the stack"):
        while True:
            try:
                found, problem = read(), ""
            except (AccessDeniedError, FatalError) as error:
                raise NotFoundError(str(error)) from error
            except RetryableError as error:
                if found is None:
                    raise NotFoundError(str(error)) from error
                problem = f", and the last answer was: {error}"
            if not problem and _is_deployed(found):
                return found
            if now() - begun > timeout:
                raise NotFoundError(f"stack {found.name} is still {found.status}{problem}")
            printer.line(f"stack {found.name} is {found.status}: waiting until its deploy is over{problem}")
            sleep(interval)


def _is_deployed(stack: Stack) -> bool:
    """Return whether a deploy has succeeded, or False while it runs.

    Raises NotFoundError if there is none to wait for.
    """
    if stack.is_new or stack.status.startswith("DELETE_"):
        raise NotFoundError(f"stack {stack.name} is {stack.status}: it has no update to wait for")
    if stack.has_failed:
        reason = f" ({stack.reason})" if stack.reason else ""
        raise NotFoundError(
            f"stack {stack.name} is {stack.status}{reason}: its last deploy has failed, so the update that is live is "
            "not the one that was asked for"
        )
    return not stack.state.is_deploying


def _resources(aws: Aws, stack: Stack) -> list[Resource]:
    try:
        return aws.resources(stack.stack_id)
    except (FatalError, RetryableError) as error:
        raise NotFoundError(str(error)) from error


def _introduce(aws: Aws, ota_update_id: str, printer: Printer) -> None:
    """Print which firmware is judged, as far as that may be asked."""
    try:
        info = aws.update_info(ota_update_id)
    except RetryableError as error:
        why = f"{NOT_ALLOWED}, iot:GetOTAUpdate" if isinstance(error, AccessDeniedError) else "no answer"
        printer.line(f"evaluating {ota_update_id} (version and age: {why})")
        return
    except FatalError as error:
        raise NotFoundError(str(error)) from error
    if info is None:
        raise NotFoundError(f"OTA update {ota_update_id} does not exist: it was deleted outside of the stack")
    created, now = info["creationDate"].timestamp(), time.time()
    age = f"created {words.duration(now - created)} ago, at {words.clock(created, now)}"
    printer.line(f"evaluating {ota_update_id}: {firmware(info)}, {age}")


def wait_for(
    calls: Calls,
    job_id: str,
    settings: GateSettings,
    *,
    interval: float,
    printer: Printer | None = None,
    now: Callable[[], float] = time.monotonic,
    begun: float | None = None,
) -> int:
    """Poll a job until the gate has passed or failed, print a line for each change, and return the exit code."""
    printer = printer or Printer()
    watch = _Watch(calls, settings, begun=now() if begun is None else begun)
    with printer.status(f"waiting for {job_id}"):
        while True:
            decision = watch.poll(now())
            printer.line(f"{job_id}: {decision.reason}", _STYLES.get(decision.action, ""))
            if decision.action is not Action.WAIT:
                break
            time.sleep(interval)
    if told := watch.failed_devices(decision):
        printer.line(f"{job_id}: {told}")
    return EXIT_OK if decision.action is Action.MARK else EXIT_FAILED


class _Watch:
    """The rule of a gate, with alarms and a bake time: it remembers when the counts have passed.

    ``begun``: when the command began, from which its timeout counts. The devices of a job have their time to become
    visible from the first poll on.
    """

    def __init__(self, calls: Calls, settings: GateSettings, *, begun: float) -> None:
        self._calls, self._settings, self._begun = calls, settings, begun
        self._first: float | None = None
        self._proven: float | None = None
        self._progress: JobProgress | None = None

    def poll(self, now: float) -> Decision:
        """Return MARK, STOP or WAIT. Raises NotFoundError for what cannot be read, which is not a verdict."""
        first = self._first = now if self._first is None else self._first
        left = self._settings.gate.timeout - (now - self._begun)
        try:
            alarms = self._calls.alarms()
            self._progress = self._calls.progress()
        except (AccessDeniedError, FatalError) as error:
            raise NotFoundError(str(error)) from error
        except RetryableError as error:
            if left < 0:
                raise NotFoundError(str(error)) from error
            return Decision(Action.WAIT, str(error))
        missing = [name for name in self._settings.alarms if name not in alarms]
        if missing:
            raise NotFoundError(f"alarm {missing[0]} does not exist in this account and Region")
        return self._judged(now, first, left, alarms)

    def _judged(self, now: float, first: float, left: float, alarms: dict[str, Alarm]) -> Decision:
        gate, waited = self._settings.gate, now - first
        ringing = self._settings.ringing(alarms.values(), created=0)
        if ringing is not None:
            reason = shorten(ringing.reason, _ALARM_REASON)
            return failed(gate, f"alarm {ringing.name} is in ALARM: {reason}", self._progress)
        decision = verdict(gate, self._progress, waited=waited, left=left)
        if decision.action is Action.MARK and self._proven is None:
            self._proven = now
        silent = [one.name for one in alarms.values() if one.lacks_data]
        no_data = f" (no data of {', '.join(silent)})" if silent else ""
        is_stopped = decision.action is Action.STOP and not decision.timed_out
        if self._proven is None or is_stopped:
            return decision
        if now - self._proven < self._settings.bake:
            return Decision(
                Action.WAIT, f"bake time of {words.duration(self._settings.bake)}: {self._progress}{no_data}"
            )
        return Decision(decision.action, f"{decision.reason}{no_data}", timed_out=decision.timed_out)

    def failed_devices(self, decision: Decision) -> str:
        """Return the devices that have failed, in the words of a gate's reason; empty if there are none."""
        if self._progress is None:
            return ""
        statuses = statuses_to_list(self._progress, timed_out=decision.timed_out, is_canceled=False)
        return self._calls.failed_devices(statuses) if statuses else ""
