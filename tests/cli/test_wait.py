"""The command that a pipeline waits with: what it asks, and how it ends."""

from typing import Any

import pytest

from cdk_iot_ota_cli import wait
from cdk_iot_ota_handler.ota_update.errors import AccessDeniedError, FatalError, RetryableError
from cdk_iot_ota_handler.ota_update.observed import JobProgress


class Jobs:
    """A job that is seen like this, one time after the other; the last for good."""

    def __init__(self, *seen: Any) -> None:
        self._seen = list(seen)

    def job_progress(self, job_id: str) -> JobProgress | None:
        """How far its devices are, or an error."""
        found = self._seen.pop(0) if len(self._seen) > 1 else self._seen[0]
        if isinstance(found, Exception):
            raise found
        return found if found is None else JobProgress(**found)


class Stacks:
    """CloudFormation with one stack."""

    def __init__(self, *logical_ids: str) -> None:
        self._ids = logical_ids

    def get_paginator(self, name: str) -> "Stacks":
        """Only one operation is asked for."""
        assert name == "list_stack_resources"
        return self

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        """One page."""
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


def ended(*seen: Any, arguments: str = "") -> int:
    """The exit code for a job that is seen like this; each look takes ten seconds."""
    given = wait.parser().parse_args(["wait", "--stack=Prod", "--interval=0.1", "--timeout=1", *arguments.split()])
    times = iter(range(0, 10_000, 10))
    return wait.wait_for(Jobs(*seen), "AFR_OTA-1", given, lambda: next(times))


IN_PROGRESS = {"status": "IN_PROGRESS", "succeeded": 1, "in_progress": 1}
DONE = {"status": "COMPLETED", "succeeded": 2}
FAILED = {"status": "COMPLETED", "succeeded": 1, "failed": 1}


@pytest.mark.parametrize(
    ("seen", "arguments", "code"),
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
def test_the_exit_code_is_the_rule_of_a_gate(seen: list[Any], arguments: str, code: int) -> None:
    """0 when the devices have proven the firmware, 1 when not, also for want of time; what passes is waited for."""
    assert ended(*seen, arguments=arguments) == code


def test_each_change_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody wants to read the same counts every few seconds."""
    ended(IN_PROGRESS, IN_PROGRESS, IN_PROGRESS, DONE)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].endswith("0 were canceled, 1 in progress, 0 queued")
    assert "AFR_OTA-1: the gate has passed: 2 of 2 devices succeeded" in lines[1]


@pytest.mark.parametrize(
    ("seen", "message"),
    [
        (AccessDeniedError("AccessDenied"), "AccessDenied"),
        (RetryableError("no answer"), "no answer"),
        (FatalError("InvalidRequest"), "InvalidRequest"),
    ],
)
def test_what_can_not_be_asked_is_said(seen: Exception, message: str) -> None:
    """It is no verdict on the firmware."""
    with pytest.raises(wait.NothingToAskError, match=message):
        ended(seen)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--success-percentage=0", "the value must be between 0.01 and 100, got 0.0"),
        ("--success-percentage=all", "could not convert string to float: 'all'"),
        ("--maximum-failures=-1", "the value must be at least 0, got -1.0"),
        ("--maximum-failures=0.5", "the value must be a whole number, got 0.5"),
        ("--minimum-devices=0", "the value must be at least 1, got 0.0"),
        ("--timeout=0", "the value must be between 1 and 525600, got 0.0"),
        ("--interval=nan", "the value must be a number with 1 decimals at most, got nan"),
    ],
)
def test_an_argument_beyond_its_limits_is_refused(
    argument: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its name and the limit, and the exit code of what can not be asked."""
    with pytest.raises(SystemExit) as ended:
        wait.main(["wait", "--stack", "Prod", argument])
    assert ended.value.code == 2
    assert f"argument {argument.partition('=')[0]}: {message}" in capsys.readouterr().err


def test_a_region_is_asked_for(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where neither the command nor the environment has one."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    assert wait.main(["wait", "--stack", "Prod"]) == 2
    assert "You must specify a region" in capsys.readouterr().err


def test_an_update_is_found_by_the_beginning_of_its_logical_id() -> None:
    """And without one where there is only one."""
    assert wait.update_id(Stacks("Blinky1A2B", "Buzzer3C4D"), "Prod", "Blinky") == "prod_Blinky1A2B-1"
    assert wait.update_id(Stacks("Blinky1A2B"), "Prod", "") == "prod_Blinky1A2B-1"
    assert wait.update_id(Stacks("Blinky", "Blinky2"), "Prod", "Blinky") == "prod_Blinky-1"


@pytest.mark.parametrize(("ids", "shown"), [(("Blinky1", "Blinky2"), "Blinky1, Blinky2"), ((), "none")])
def test_an_update_that_is_not_one_is_refused(ids: tuple[str, ...], shown: str) -> None:
    """The error has those that there are."""
    with pytest.raises(wait.NothingToAskError, match=f"OTA update of stack Prod, got '': it has {shown}"):
        wait.update_id(Stacks(*ids), "Prod", "")
