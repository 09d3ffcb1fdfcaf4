"""Tests of ``cdk-iot-ota stop``: which job it cancels, and its exit codes."""

import pytest

from cdk_iot_ota_cli.__main__ import main
from cdk_iot_ota_handler.ota_update.contract import names
from cdk_iot_ota_handler.ota_update.decide import Action
from cdk_iot_ota_handler.ota_update.decide.gate import verdict
from cdk_iot_ota_handler.ota_update.desired import Gate
from cdk_iot_ota_handler.ota_update.observed import JobProgress

from .account import Account, counts
from .moments import CANARY, EARLY, NEW, OLD, first_create, phases, second_phase_waits


def run(account: Account, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command on this account."""
    account.connect(monkeypatch)
    return main(["stop", "--stack=Prod", "--comment=heaters turn off", *arguments])


def test_the_new_update_of_a_deploy_is_canceled(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """While a deploy creates an update, its job is canceled and not that of the one that is live, without force."""
    account = second_phase_waits()
    assert run(account, monkeypatch, "--update=Rolloutearly") == 0
    job = names.job_id(NEW[EARLY])
    assert account.canceled == [{"jobId": job, "reasonCode": "STOPPED", "comment": "heaters turn off"}]
    told = "14 queued devices do not get it, 12 in progress may finish, and 171 that have succeeded keep it"
    assert capsys.readouterr().out == f"canceled {job}: {told}\n"


def test_the_gate_fails_with_the_comment() -> None:
    """A gate takes a job that was stopped for one that was canceled by hand, and fails with the comment."""
    stopped = JobProgress(status="CANCELED", comment="heaters turn off", is_verdict=False, canceled=14)
    gate = Gate(success_percentage="100", maximum_failures=0, minimum_devices=1, timeout=60)
    decision = verdict(gate, stopped, waited=90, left=90)
    assert decision.action is Action.STOP
    assert decision.reason.startswith("the gate has failed: its job is CANCELED, heaters turn off (")


def test_at_rest_the_live_update_is_canceled(monkeypatch: pytest.MonkeyPatch) -> None:
    """At rest the job of the live update is canceled, for which `wait` fails then."""
    account = phases()
    account.jobs[names.job_id(OLD[CANARY])] = counts(succeeded=1, queued=19)
    assert run(account, monkeypatch, "--update=Rolloutcanary") == 0
    assert account.canceled[0]["jobId"] == names.job_id(OLD[CANARY])


def test_the_live_update_is_left_alone_while_a_new_one_is_expected(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before the deploy has created the new update there is nothing to cancel: the old one is not taken for it."""
    account = second_phase_waits()
    del account.updates[NEW[EARLY]]
    assert run(account, monkeypatch, "--update=Rolloutearly") == 2
    assert "the deploy has not created a new update of Rollout/early yet" in capsys.readouterr().err
    assert run(account, monkeypatch, "--update=Rolloutfleet") == 2
    assert run(first_create(), monkeypatch, "--update=Buzzer") == 2
    assert not account.canceled


def test_nothing_is_canceled_while_the_stack_rolls_back(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a rollback no update is rolling out, and those that are live are left alone."""
    account = phases("UPDATE_ROLLBACK_IN_PROGRESS")
    assert run(account, monkeypatch, "--update=Rolloutcanary") == 2
    assert "stack Prod is UPDATE_ROLLBACK_IN_PROGRESS: no update of it is rolling out" in capsys.readouterr().err
    assert not account.canceled


@pytest.mark.parametrize("status", ["COMPLETED", "CANCELED"])
def test_a_job_that_has_ended_is_left_alone(
    status: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A job that is over cannot be stopped, and the exit code is 1."""
    account = phases()
    account.jobs[names.job_id(OLD[CANARY])] = counts(status, succeeded=20)
    assert run(account, monkeypatch, "--update=Rolloutcanary") == 1
    assert f"is {status}: there is nothing to stop" in capsys.readouterr().out
    assert not account.canceled


@pytest.mark.parametrize("action", ["cloudformation:DescribeStacks", "iot:DescribeJob", "iot:CancelJob"])
def test_what_is_denied_is_an_error(action: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a permission that it needs, the command exits with 2."""
    account = second_phase_waits()
    account.refused = {action: "denied"}
    assert run(account, monkeypatch, "--update=Rolloutearly") == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--update=Rollout"], "--update must be the logical id of one OTA update of stack Prod, got 'Rollout'"),
        (["--update=Rolloutearly", "--comment= "], "must have 1 to 200 characters, got 0"),
        (["--update=Rolloutearly", f"--comment={'x' * 201}"], "must have 1 to 200 characters, got 201"),
    ],
)
def test_wrong_arguments_stop_nothing(
    arguments: list[str], told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An ambiguous update, or a comment that the gate would cut, is refused with exit code 2."""
    account = second_phase_waits()
    assert run(account, monkeypatch, *arguments) == 2
    assert told in " ".join(capsys.readouterr().err.split())
    assert not account.canceled
