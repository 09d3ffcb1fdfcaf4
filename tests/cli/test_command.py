"""Tests of the command ``cdk-iot-ota`` itself: help, version, interruption and missing dependencies."""

import subprocess
import sys
from importlib.metadata import version

import click
import pytest

from cdk_iot_ota_cli import status, stop, wait
from cdk_iot_ota_cli.__main__ import main


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """`cdk-iot-ota --help` names each command with its summary."""
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert "wait    Wait for the devices of a deployed update." in shown
    assert "status  Show what the updates of a stack are doing." in shown
    assert "stop    Cancel an update that is rolling out." in shown


def test_help_of_wait_has_options_defaults_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    """`cdk-iot-ota wait --help` describes each option with its default, the permissions and the exit codes."""
    shown = help_of(wait.wait, capsys)
    assert "--timeout NUMBER Minutes to wait for the stack and the devices. [default: 1440]" in shown
    assert "cloudformation:DescribeStacks, cloudformation:ListStackResources and iot:DescribeJob" in shown
    assert "Exit codes: 0 if the gate has passed, 1 if it has failed, 2 if" in shown


@pytest.mark.parametrize("command", [status.status, stop.stop])
def test_help_has_options_and_exit_codes(command: click.Command, capsys: pytest.CaptureFixture[str]) -> None:
    """The help of each command describes each option and the exit codes."""
    assert "Exit codes: 0 if " in help_of(command, capsys)


def help_of(command: click.Command, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the help of a command on one line, after checking that it has each option."""
    assert main([str(command.name), "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for name in (option for parameter in command.params for option in parameter.opts):
        assert name in shown
    return shown


def test_the_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    """`cdk-iot-ota --version` prints the version of the installed distribution."""
    assert main(["--version"]) == 0
    assert version("cdk-iot-ota") in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["wait"], ["watch"], ["wait", "--stack=Prod", "--no"]])
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A missing or unknown command or option prints usage to stderr and exits with 2."""
    assert main(arguments) == 2
    assert "Usage: cdk-iot-ota" in capsys.readouterr().err


def test_an_interruption_is_not_a_failed_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C exits with 130, since 1 would mean that the gate has failed."""

    def interrupt(_: click.Context) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(wait.wait, "invoke", interrupt)
    assert main(["wait", "--stack=Prod"]) == 130


@pytest.mark.parametrize("missing", ["boto3", "click", "rich"])
def test_a_missing_dependency_is_one_line(missing: str) -> None:
    """Without the dependencies of the extra `cli`, the command prints how to install them and exits with 2."""
    script = (
        f"import sys; sys.modules[{missing!r}] = None; from cdk_iot_ota_cli.__main__ import main; sys.exit(main([]))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == f"{missing} is not installed: pip install 'cdk-iot-ota[cli]'\n"
