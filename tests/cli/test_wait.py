"""Tests of ``cdk-iot-ota wait``: its queries, its verdict and its exit codes."""

from typing import Any

import pytest

from cdk_iot_ota_cli import wait
from cdk_iot_ota_cli.__main__ import main
from cdk_iot_ota_cli.gates import Alarm, GateSettings
from cdk_iot_ota_cli.lookup import match
from cdk_iot_ota_cli.options import NotFoundError
from cdk_iot_ota_cli.reading import Stack
from cdk_iot_ota_handler.ota_update.errors import AccessDeniedError, FatalError, RetryableError
from cdk_iot_ota_handler.ota_update.observed import JobProgress

from .account import NOW, Account, alarm, counts, execution
from .moments import phases

MINUTE = 60


class Jobs:
    """A job that shows the given answers one after the other, and repeats the last one; so do its alarms."""

    def __init__(self, *answers: Any, alarms: Any = ({},)) -> None:
        self._answers, self._alarms = list(answers), list(alarms)

    def progress(self) -> JobProgress | None:
        """Return the next answer, or raise it if it is an error."""
        answer = _next(self._answers)
        return answer if answer is None else JobProgress(**answer)

    def alarms(self) -> dict[str, Alarm]:
        """Return the next states of the alarms, or raise an error."""
        return {name: Alarm(name=name, state=state, reason="crashes") for name, state in _next(self._alarms).items()}

    def failed_devices(self, statuses: list[str]) -> str:
        """Return the statuses that are asked for."""
        return f"devices that are {statuses}"


def _next(answers: list[Any]) -> Any:
    answer = answers.pop(0) if len(answers) > 1 else answers[0]
    if isinstance(answer, Exception):
        raise answer
    return answer


def exit_code(*answers: Any, arguments: str = "", alarms: Any = ({},), step: int = 10) -> int:
    """Run the command's loop on a job that shows these answers; each query takes ten seconds, or ``step``."""
    options = ["--stack=Prod", "--interval=0.1", "--timeout=1", *arguments.split()]
    given = wait.wait.make_context("wait", options).params
    gate = wait.gate_of(**{name: given[name] for name in CRITERIA})
    bake = given["bake_time"]
    settings = GateSettings(gate=gate, alarms=given["alarms"], bake=0 if bake is None else int(60 * bake))
    times = iter(range(0, 100_000, step))
    return wait.wait_for(Jobs(*answers, alarms=alarms), "AFR_OTA-1", settings, interval=0.001, now=lambda: next(times))


CRITERIA = (
    "success_percentage",
    "maximum_failures",
    "maximum_failure_percentage",
    "minimum_devices",
    "timeout",
)
IN_PROGRESS = {"status": "IN_PROGRESS", "succeeded": 1, "in_progress": 1}
DONE = {"status": "COMPLETED", "succeeded": 2}
FAILED = {"status": "COMPLETED", "succeeded": 1, "failed": 1}


@pytest.mark.parametrize(
    ("answers", "arguments", "code"),
    [
        ([IN_PROGRESS, IN_PROGRESS, DONE], "", 0),
        ([IN_PROGRESS, FAILED], "", 1),
        ([FAILED], "--maximum-failures=1 --success-percentage=50", 0),
        ([FAILED], "--maximum-failures=1 --success-percentage=50.01", 1),
        ([FAILED], "--maximum-failure-percentage=50", 0),
        ([FAILED], "--maximum-failure-percentage=49.99", 1),
        ([FAILED], "--maximum-failure-percentage=50 --maximum-failures=0", 1),
        ([FAILED], "--maximum-failure-percentage=50 --success-percentage=51", 1),
        ([DONE], "--minimum-devices=3", 1),
        ([IN_PROGRESS], "", 1),
        ([None], "", 1),
        ([RetryableError("throttled"), RetryableError("no connection"), DONE], "", 0),
    ],
)
def test_the_exit_code_is_the_rule_of_a_gate(answers: list[Any], arguments: str, code: int) -> None:
    """The exit code is 0 when the gate passes and 1 when it fails or times out; retryable errors are retried."""
    assert exit_code(*answers, arguments=arguments) == code


def test_each_change_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The command prints a line when the counts change, and nothing while they stay the same."""
    exit_code(IN_PROGRESS, IN_PROGRESS, IN_PROGRESS, DONE)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].endswith("0 were canceled, 1 in progress, 0 queued")
    assert "AFR_OTA-1: the gate has passed: 2 of 2 devices succeeded" in lines[1]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (AccessDeniedError("AccessDenied"), "AccessDenied"),
        (RetryableError("no answer"), "no answer"),
        (FatalError("InvalidRequest"), "InvalidRequest"),
    ],
)
def test_a_job_that_cannot_be_read_is_an_error(error: Exception, message: str) -> None:
    """Denied access, a fatal error and a retryable one that outlasts the timeout are not verdicts on the firmware."""
    with pytest.raises(NotFoundError, match=message) as raised:
        exit_code(error)
    assert raised.value.exit_code == 2


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--success-percentage=0", "the value must be between 0.01 and 100, got 0"),
        ("--success-percentage=all", "must be a number, got 'all'"),
        ("--maximum-failures=-1", "the value must be at least 0, got -1"),
        ("--maximum-failures=0.5", "the value must be a whole number, got 0.5"),
        ("--maximum-failures=inf", "must be a number, got 'inf'"),
        ("--minimum-devices=-1", "the value must be at least 0, got -1"),
        ("--timeout=0", "the value must be between 1 and 525600, got 0"),
        ("--interval=0.25", "the value must be a number with 1 decimals at most, got 0.25"),
        ("--interval=nan", "must be a number, got 'nan'"),
    ],
)
def test_an_argument_beyond_its_limits_is_refused(
    argument: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error names the option, the value and the limit, and the exit code is 2."""
    assert main(["wait", "--stack", "Prod", argument]) == 2
    shown = " ".join(capsys.readouterr().err.split())
    assert f"Invalid value for '{argument.partition('=')[0]}': {message}" in shown


def test_a_region_is_asked_for(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a Region from the option or the environment, the command asks for one and exits with 2."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    assert main(["wait", "--stack", "Prod"]) == 2
    assert "You must specify a region: give --region, or set AWS_REGION" in capsys.readouterr().err


def test_an_update_is_found_by_the_beginning_of_its_logical_id() -> None:
    """A prefix of the logical id selects an update, an exact match wins, and a stack's only update needs neither."""
    assert match("Prod", ["Blinky1A2B", "Buzzer3C4D"], "Blinky") == "Blinky1A2B"
    assert match("Prod", ["Blinky1A2B"], "") == "Blinky1A2B"
    assert match("Prod", ["Blinky", "Blinky2"], "Blinky") == "Blinky"


@pytest.mark.parametrize(("ids", "shown"), [(("Blinky1", "Blinky2"), "Blinky1, Blinky2"), ((), "none")])
def test_an_ambiguous_or_missing_update_is_refused(ids: tuple[str, ...], shown: str) -> None:
    """The error lists the updates of the stack."""
    with pytest.raises(NotFoundError, match=f"OTA update of stack Prod, got '': it has {shown}"):
        match("Prod", ids, "")


QUIET, RINGS, SILENT = {"crashes": "OK"}, {"crashes": "ALARM"}, {"crashes": "INSUFFICIENT_DATA"}


@pytest.mark.parametrize(
    ("answers", "alarms", "code"),
    [
        ([DONE], [QUIET], 0),
        ([DONE], [SILENT], 0),
        ([DONE], [RINGS], 1),
        ([IN_PROGRESS, DONE], [QUIET, RINGS], 1),
        ([DONE], [RetryableError("throttled"), QUIET], 0),
        ([DONE], [*[QUIET] * 20, RINGS], 0),
        ([DONE], [*[QUIET] * 5, RINGS], 1),
        ([DONE, DONE, FAILED], [QUIET], 1),
    ],
)
def test_an_alarm_fails_the_gate_until_the_bake_time_is_over(answers: list[Any], alarms: list[Any], code: int) -> None:
    """An alarm or a device fails the gate until the bake time is over; an alarm without data does not hold it."""
    assert exit_code(*answers, arguments="--alarm=crashes --bake-time=2", alarms=alarms) == code


def test_the_bake_time_may_be_longer_than_the_timeout(capsys: pytest.CaptureFixture[str]) -> None:
    """The timeout is that of the devices: the bake time follows it, and the lines tell both."""
    assert exit_code(DONE, arguments="--alarm=crashes --bake-time=5", alarms=[SILENT]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "bake time of 5 min: 2 of 2 devices succeeded" in lines[0]
    assert lines[1].endswith("0 queued (no data of crashes)")


@pytest.mark.parametrize("alarms", [[{}], [AccessDeniedError("not allowed")], [FatalError("unknown")]])
def test_an_alarm_that_cannot_be_read_is_an_error(alarms: list[Any]) -> None:
    """An alarm that does not exist or may not be read is not a verdict: the gate never passes without its state."""
    with pytest.raises(NotFoundError):
        exit_code(DONE, arguments="--alarm=crashes", alarms=alarms)


@pytest.mark.parametrize(
    ("answer", "arguments", "told"),
    [
        (FAILED, "", "devices that are ['FAILED']"),
        (FAILED, "--maximum-failure-percentage=50", "devices that are ['FAILED']"),
        ({**IN_PROGRESS, "queued": 1}, "", "devices that are ['IN_PROGRESS', 'QUEUED']"),
        ({"status": "CANCELED", "canceled": 2}, "", "devices that are ['CANCELED']"),
    ],
)
def test_devices_that_have_failed_are_told(
    answer: Any, arguments: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last line has the devices because of which the gate has failed, or in spite of which it has passed."""
    exit_code(answer, arguments=arguments)
    assert capsys.readouterr().out.splitlines()[-1].endswith(told)


def run(account: Account, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command on this account."""
    account.connect(monkeypatch)
    return main(["wait", "--stack=Prod", "--interval=0.1", *arguments])


def test_wait_tells_which_firmware_it_evaluates(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command prints id, firmware, version and age of the update that it evaluates, and asks for little."""
    account = phases()
    assert run(account, monkeypatch, "--update=Rolloutcanary") == 0
    shown = capsys.readouterr().out
    assert "evaluating Prod_RolloutcanaryA1B2C3D4-1111111111111111: blinky.bin 1.3.2, created " in shown
    assert sum(account.calls.values()) == 4


def test_wait_names_failed_devices_as_the_gate_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Failed devices are grouped by what they reported; without the permission that is told instead."""
    account = phases()
    account.jobs = {name: counts("COMPLETED", succeeded=1, failed=1) for name in account.jobs}
    account.executions = {"FAILED": [execution("pump-17", began=NOW)]}
    account.details = {"pump-17": {"reason": "0x23000000: 0x0"}}
    assert run(account, monkeypatch, "--update=Rolloutcanary") == 1
    assert '1 failed with "0x23000000: 0x0" (pump-17)' in capsys.readouterr().out
    account.refused = {"iot:DescribeJobExecution": "denied", "iot:GetOTAUpdate": "denied"}
    assert run(account, monkeypatch, "--update=Rolloutcanary") == 1
    shown = capsys.readouterr().out
    assert "(version and age: not allowed to ask, iot:GetOTAUpdate)" in shown
    assert "1 failed (pump-17) (what they reported: not allowed to ask)" in shown


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("UPDATE_ROLLBACK_COMPLETE", "its last deploy has failed"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "its last deploy has failed"),
        ("UPDATE_FAILED", "its last deploy has failed"),
        ("ROLLBACK_COMPLETE", "its last deploy has failed"),
        ("DELETE_IN_PROGRESS", "it has no update to wait for"),
        ("REVIEW_IN_PROGRESS", "it has no update to wait for"),
    ],
)
def test_the_update_of_an_earlier_deploy_is_not_evaluated(
    status: str, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stack that has rolled back shows the old update, which proves nothing of the new one: the exit code is 2."""
    account = phases(status)
    assert run(account, monkeypatch, "--update=Rolloutcanary") == 2
    assert f"stack Prod is {status}" in (shown := capsys.readouterr().err)
    assert told in " ".join(shown.split())
    assert not [action for action in account.calls if action.startswith("iot:")]


def test_a_first_deploy_without_an_id_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An update that CloudFormation knows no id of is an error with exit code 2."""
    account = Account(status="CREATE_COMPLETE")
    account.resource("Blinky", "CREATE_FAILED", None, changed=NOW)
    assert run(account, monkeypatch) == 2
    assert "stack Prod has not deployed Blinky: it is CREATE_FAILED" in capsys.readouterr().err


@pytest.mark.parametrize(("action", "code"), [("cloudformation:DescribeStacks", 2), ("iot:DescribeJob", 2)])
@pytest.mark.parametrize("error", ["denied", "absent"])
def test_what_cannot_be_read_is_not_a_verdict(
    action: str, code: int, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the stack nothing is evaluated; a job that does not exist has failed, unlike one that is not readable."""
    account = phases()
    account.refused = {action: error}
    expected = 1 if (action, error) == ("iot:DescribeJob", "absent") else code
    monkeypatch.setattr("cdk_iot_ota_handler.ota_update.contract.timeouts.JOB_LAG", -1)
    assert run(account, monkeypatch, "--update=Rolloutcanary") == expected


def test_alarms_are_read_from_cloudwatch(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """An alarm that rings fails the gate with its reason, and one that does not exist is an error."""
    account = phases()
    account.alarms = [alarm("crash-rate", "ALARM", reason="Threshold Crossed: 3 datapoints")]
    assert run(account, monkeypatch, "--update=Rolloutcanary", "--alarm=crash-rate") == 1
    shown = capsys.readouterr().out
    assert "the gate has failed: alarm crash-rate is in ALARM: Threshold Crossed: 3 datapoints (20 of 20" in shown
    assert run(account, monkeypatch, "--update=Rolloutcanary", "--alarm=offline") == 2
    assert "alarm offline does not exist" in capsys.readouterr().err


def stacks(*statuses: Any) -> Any:
    """Return a function that returns a stack with one status after the other."""
    left = list(statuses)

    def read() -> Stack:
        status = _next(left)
        return Stack(name="Prod", stack_id="arn", status=status)

    return read


def wait_for_stack(*statuses: Any) -> str:
    """Wait for a stack with these statuses; each query takes a minute, and the timeout is five."""
    times = iter(range(0, 100_000, MINUTE))
    found = wait.settled(
        stacks(*statuses),
        wait.Printer(),
        timeout=5 * MINUTE,
        interval=1,
        now=lambda: next(times),
        sleep=lambda _: None,
    )
    return found.status


def test_a_deploy_in_progress_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    """The command waits until the deploy is over, through errors that pass, and prints a line for each change."""
    statuses = ("UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", RetryableError("throttled"), "UPDATE_COMPLETE")
    assert wait_for_stack(*statuses) == "UPDATE_COMPLETE"
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert "stack Prod is UPDATE_IN_PROGRESS: waiting until its deploy is over" in lines[0]
    assert wait_for_stack("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS") == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"


@pytest.mark.parametrize(
    ("statuses", "told"),
    [
        (["CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"], "its last deploy has failed"),
        (["CREATE_IN_PROGRESS"], "stack Prod is still CREATE_IN_PROGRESS"),
        (["CREATE_IN_PROGRESS", FatalError("does not exist")], "does not exist"),
        (["CREATE_IN_PROGRESS", RetryableError("no connection")], "CREATE_IN_PROGRESS, and the last answer was: no"),
        ([RetryableError("no credentials")], "no credentials"),
    ],
)
def test_a_deploy_that_does_not_end_well_is_an_error(statuses: list[Any], told: str) -> None:
    """A deploy that fails, does not end within the timeout, or cannot be read, is not a verdict on the firmware."""
    with pytest.raises(NotFoundError, match=told):
        wait_for_stack(*statuses)


def test_a_firmware_that_is_throttled_is_evaluated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Version and age are left out if AWS does not tell them now; an update that does not exist is an error."""
    account = phases()
    account.refused = {"iot:GetOTAUpdate": "throttled"}
    assert run(account, monkeypatch, "--update=Rolloutcanary") == 0
    assert "(version and age: no answer)" in capsys.readouterr().out
    account.refused = {"iot:GetOTAUpdate": "absent"}
    assert run(account, monkeypatch, "--update=Rolloutcanary") == 2
    assert "does not exist: it was deleted outside of the stack" in capsys.readouterr().err
