"""The mistakes that ``WaitForDevices`` refuses at synth."""

from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Duration, NestedStack, Stack, Token

from cdk_iot_ota import WaitForDevices

from .pipeline import PACKAGE, CanaryStage, tools
from .stacks import firmware, new_app, ota_update

TOKEN = Token.as_number({"Ref": "Number"})
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "percentage": ({"success_percentage": 0}, "Wait: success_percentage must be between 0.01 and 100, got 0"),
    "failures": ({"maximum_failures": -1}, "Wait: maximum_failures must be at least 0, got -1"),
    "share": ({"maximum_failure_percentage": 101}, "maximum_failure_percentage must be between 0.01 and 100, got 101"),
    "devices": ({"minimum_devices": 1.5}, "minimum_devices must be a whole number, got 1.5"),
    "token": ({"maximum_failures": TOKEN}, "maximum_failures must be known at synth, got a token"),
    "timeout": ({"timeout": Duration.hours(8)}, "timeout in minutes must be between 1 and 470, got 480"),
    "late": ({"timeout": Duration.minutes(TOKEN)}, "timeout must be known at synth, got a token"),
    "times": (
        {"timeout": Duration.hours(7), "bake_time": Duration.minutes(51)},
        "timeout and bake_time must be at most 470 minutes together, got 420 and 51",
    ),
    "package": ({"package": ""}, "package must have at least 1 characters, got 0"),
    "update": ({"update": "Blinky"}, "update must be an OtaUpdate, got 'Blinky'"),
    "alarms": ({"alarms": []}, "alarms must have 1 to 10 members, got 0"),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_argument_is_refused(canary: CanaryStage, arguments: dict[str, Any], message: str) -> None:
    """The error names the step, the argument, the value and the limit, and no role is declared."""
    before = len(canary.update.node.children)
    with pytest.raises((TypeError, ValueError), match=message):
        WaitForDevices("Wait", **{"update": canary.update, "package": PACKAGE, **arguments})
    assert len(canary.update.node.children) == before


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> CanaryStage:
    """Return a stage that no test synthesizes."""
    return CanaryStage(tools(), "Canary", firmware(tmp_path_factory.mktemp("canary")))


def test_an_alarm_without_a_known_name_is_refused(canary: CanaryStage) -> None:
    """CloudFormation generates the name of such an alarm, which no stack outside of the stage can refer to."""
    with pytest.raises(
        ValueError, match=r"alarms\[0\] must have a name that synth knows, got Alarm .*: give it alarm_name"
    ):
        WaitForDevices("Wait", update=canary.update, alarms=[canary.unnamed], package=PACKAGE)


def test_an_update_outside_of_a_stage_of_the_pipeline_is_refused(tmp_path: Path) -> None:
    """The step has to know the account of the pipeline, and the name of the stack."""
    path, app = firmware(tmp_path), new_app()
    alone = ota_update(Stack(app, "Alone"), "Blinky", path)
    with pytest.raises(ValueError, match="declared in the stack of the pipeline, got OtaUpdate 'Alone/Blinky'"):
        WaitForDevices("Wait", update=alone, package=PACKAGE)
    of_app = CanaryStage(app, "Canary", path)
    with pytest.raises(ValueError, match="declare the stage as CanaryStage"):
        WaitForDevices("Wait", update=of_app.update, package=PACKAGE)
    stage = CanaryStage(tools(app), "Nested", path)
    nested = ota_update(NestedStack(stage.stack, "Inner"), "Blinky", path)
    with pytest.raises(ValueError, match="in one that is nested"):
        WaitForDevices("Wait", update=nested, package=PACKAGE)


def test_a_step_after_the_synthesis_of_the_stage_is_refused(tmp_path: Path) -> None:
    """`add_stage` synthesizes the stage: a role that is declared after that would not be deployed."""
    stage = CanaryStage(tools(), "Canary", firmware(tmp_path))
    stage.synth()
    with pytest.raises(ValueError, match="create the step before add_stage, or as one of its post steps"):
        WaitForDevices("Wait", update=stage.update, package=PACKAGE)


def test_a_logical_id_that_changes_after_the_step_is_refused(tmp_path: Path) -> None:
    """The command line of the step has the logical id already."""
    stage = CanaryStage(tools(), "Canary", firmware(tmp_path))
    WaitForDevices("Wait", update=stage.update, package=PACKAGE)
    stage.update._rendered.override_logical_id("Other")
    with pytest.raises(RuntimeError, match="for a WaitForDevices, got Other: override it before the step"):
        stage.synth()
