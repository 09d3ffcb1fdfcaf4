"""The command that a pipeline waits with: what it asks, and how it ends."""

import argparse
from typing import Any

import pytest

from cdk_iot_ota import wait
from cdk_iot_ota_handler.ota_update.errors import HandlerError, NotAuthorized, NotYet
from cdk_iot_ota_handler.ota_update.seen import Rollout


class Jobs:
    """A job that is seen like this, one time after the other; the last for good."""

    def __init__(self, *seen: Any) -> None:
        self._seen = list(seen)

    def rollout(self, job_id: str) -> Rollout | None:
        """How far its devices are, or an error."""
        found = self._seen.pop(0) if len(self._seen) > 1 else self._seen[0]
        if isinstance(found, Exception):
            raise found
        return found if found is None else Rollout(**found)


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


def given(**changes: Any) -> argparse.Namespace:
    """The command's arguments."""
    defaults = {"success_percentage": "100", "maximum_failures": 0, "minimum_devices": 1, "timeout": 1, "interval": 0}
    return argparse.Namespace(**{**defaults, **changes})


def ended(*seen: Any, **changes: Any) -> int:
    """The exit code for a job that is seen like this; each look takes ten seconds."""
    times = iter(range(0, 10_000, 10))
    return wait.wait_for(Jobs(*seen), "AFR_OTA-1", given(**changes), lambda: next(times))


IN_PROGRESS = {"status": "IN_PROGRESS", "succeeded": 1, "in_progress": 1}
DONE = {"status": "COMPLETED", "succeeded": 2}
FAILED = {"status": "COMPLETED", "succeeded": 1, "failed": 1}


@pytest.mark.parametrize(
    ("seen", "changes", "code"),
    [
        ([IN_PROGRESS, IN_PROGRESS, DONE], {}, 0),
        ([IN_PROGRESS, FAILED], {}, 1),
        ([FAILED], {"maximum_failures": 1, "success_percentage": "50"}, 0),
        ([IN_PROGRESS], {}, 1),
        ([None], {}, 1),
        ([NotYet("throttled"), HandlerError("InvalidRequest"), DONE], {}, 0),
    ],
)
def test_the_exit_code_is_the_rule_of_a_gate(seen: list[Any], changes: dict[str, Any], code: int) -> None:
    """0 when the devices have proven the firmware, 1 when not, also for want of time; what passes is waited for."""
    assert ended(*seen, **changes) == code


def test_each_change_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody wants to read the same counts every few seconds."""
    ended(IN_PROGRESS, IN_PROGRESS, IN_PROGRESS, DONE)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].endswith("0 were canceled, 1 in progress, 0 queued")
    assert "AFR_OTA-1: the gate has passed: 2 of 2 devices succeeded" in lines[1]


@pytest.mark.parametrize(
    ("seen", "changes", "message"),
    [
        ([NotAuthorized("AccessDenied")], {}, "AccessDenied"),
        ([NotYet("no answer")], {}, "no answer"),
        ([DONE], {"success_percentage": "0"}, "--success-percentage must be between 0.01 and 100, got 0.0"),
        ([DONE], {"success_percentage": "all"}, "--success-percentage must be a number, got 'all'"),
    ],
)
def test_what_can_not_be_asked_is_said(seen: list[Any], changes: dict[str, Any], message: str) -> None:
    """It is no verdict on the firmware."""
    with pytest.raises(wait.NothingToAskError, match=message):
        ended(*seen, **changes)


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
