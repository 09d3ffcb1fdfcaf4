"""Tests of ``cdk-iot-ota wait``: its queries, its verdict and its exit codes."""

from typing import Any

import pytest

from cdk_iot_ota_cli import wait
from cdk_iot_ota_cli.__main__ import main
from cdk_iot_ota_handler.ota_update.errors import AccessDeniedError, FatalError, RetryableError
from cdk_iot_ota_handler.ota_update.observed import JobProgress


class Jobs:
    """A job that shows the given answers one after the other, and repeats the last one."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)

    def job_progress(self, job_id: str) -> JobProgress | None:
        """Return the next answer, or raise it if it is an error."""
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if answer is None else JobProgress(**answer)


class Stacks:
    """CloudFormation with one stack."""

    def __init__(self, *logical_ids: str) -> None:
        self._ids = logical_ids

    def get_paginator(self, name: str) -> "Stacks":
        """Accept the one operation that the command calls."""
        assert name == "list_stack_resources"
        return self

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        """Return one page."""
        updates = [
            {"LogicalResourceId": name, "ResourceType": "Custom::IoTOTAUpdate", "PhysicalResourceId": f"prod_{name}-1"}
            for name in self._ids
        ]
        return [
            {
                "StackResourceSummaries": [
                    *updates,
                    {"LogicalResourceId": "BlinkyRole", "ResourceType": "AWS::IAM::Role"},
                ]
            }
        ]


def exit_code(*answers: Any, arguments: str = "") -> int:
    """Run the command's loop on a job that shows these answers; each query takes ten seconds."""
    options = ["--stack=Prod", "--interval=0.1", "--timeout=1", *arguments.split()]
    given = wait.wait.make_context("wait", options).params
    interval = float(given["interval"])
    gate = wait.gate_of(**{name: given[name] for name in CRITERIA})
    times = iter(range(0, 10_000, 10))
    return wait.wait_for(Jobs(*answers), "AFR_OTA-1", gate, interval=interval, now=lambda: next(times))


CRITERIA = ("success_percentage", "maximum_failures", "minimum_devices", "timeout")
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
    with pytest.raises(wait.UpdateNotFoundError, match=message) as raised:
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
    assert wait.find_update(Stacks("Blinky1A2B", "Buzzer3C4D"), "Prod", "Blinky") == "prod_Blinky1A2B-1"
    assert wait.find_update(Stacks("Blinky1A2B"), "Prod", "") == "prod_Blinky1A2B-1"
    assert wait.find_update(Stacks("Blinky", "Blinky2"), "Prod", "Blinky") == "prod_Blinky-1"


@pytest.mark.parametrize(("ids", "shown"), [(("Blinky1", "Blinky2"), "Blinky1, Blinky2"), ((), "none")])
def test_an_ambiguous_or_missing_update_is_refused(ids: tuple[str, ...], shown: str) -> None:
    """The error lists the updates of the stack."""
    with pytest.raises(wait.UpdateNotFoundError, match=f"OTA update of stack Prod, got '': it has {shown}"):
        wait.find_update(Stacks(*ids), "Prod", "")
