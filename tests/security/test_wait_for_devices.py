"""The permissions of the step of ``WaitForDevices`` and of its role."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import assertions
from aws_cdk import aws_cloudwatch as cloudwatch
from cdk_nag import AwsSolutionsChecks, HIPAASecurityChecks

from cdk_iot_ota import WaitForDevices, wait_for_devices
from tests.cli.account import NOW, counts, execution
from tests.cli.account import alarm as alarm_answer
from tests.cli.moments import CANARY, phases
from tests.cli.test_wait import run
from tests.security.simulated import Simulated

from ..construct.pipeline import FLEET, PACKAGE, TOOLS, CanaryStage, Made, filled_in, tools
from ..construct.stacks import firmware

IOT = f"arn:aws:iot:eu-central-1:{FLEET}"


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> CanaryStage:
    """Return a stage that no test synthesizes."""
    return CanaryStage(tools(), "Canary", firmware(tmp_path_factory.mktemp("canary")))


def test_the_step_may_only_assume_its_role(whole: Made) -> None:
    """Besides what CDK gives each project, its role has one statement: to assume the one role in the other account."""
    found = [
        statement
        for name, one in whole.pipeline["Resources"].items()
        if one["Type"] == "AWS::IAM::Policy" and "WaitForCanary" in name
        for statement in one["Properties"]["PolicyDocument"]["Statement"]
        if "sts:AssumeRole" in statement["Action"]
    ]
    assert filled_in(found) == [
        {
            "Action": "sts:AssumeRole",
            "Effect": "Allow",
            "Resource": f"arn:aws:iam::{FLEET}:role/{whole.role['RoleName']}",
        }
    ]


def test_the_account_of_the_pipeline_may_assume_the_role(whole: Made) -> None:
    """The role trusts the account of the pipeline alone, and its name fits into IAM's 64 characters."""
    (trust,) = filled_in(whole.role["AssumeRolePolicyDocument"]["Statement"])
    assert trust == {
        "Action": "sts:AssumeRole",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{TOOLS}:root"},
    }
    assert len(whole.role["RoleName"]) <= 64


STACK = f"arn:aws:cloudformation:eu-central-1:{FLEET}:stack/Canary-Firmware/1"
ALLOWED = [
    ("cloudformation:DescribeStacks", STACK),
    ("cloudformation:ListStackResources", STACK),
    ("iot:GetOTAUpdate", f"{IOT}:otaupdate/Canary-Firmware_Blinky0-1"),
    ("iot:DescribeJob", f"{IOT}:job/AFR_OTA-Canary-Firmware_Blinky0-1"),
    ("iot:ListJobExecutionsForJob", f"{IOT}:job/AFR_OTA-Canary-Firmware_Blinky0-1"),
    ("iot:DescribeJobExecution", f"{IOT}:job/AFR_OTA-Canary-Firmware_Blinky0-1"),
    ("iot:DescribeJobExecution", f"{IOT}:thing/pump-1"),
    ("cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:eu-central-1:{FLEET}:alarm:Crashes0"),
]
DENIED = [
    ("cloudformation:DescribeStacks", STACK.replace("Canary-Firmware", "Canary-Firmware2")),
    ("iot:GetOTAUpdate", f"{IOT}:otaupdate/Prod_Blinky0-1"),
    ("iot:DescribeJob", f"{IOT}:job/AFR_OTA-Canary-Firmware_Other-1"),
    ("iot:CancelJob", f"{IOT}:job/AFR_OTA-Canary-Firmware_Blinky0-1"),
    ("cloudwatch:DescribeAlarms", "*"),
    ("s3:GetObject", "arn:aws:s3:::anything/else"),
]


@pytest.mark.parametrize(("action", "resource"), ALLOWED)
def test_the_role_may_read_what_the_command_asks(whole: Made, action: str, resource: str) -> None:
    """The role may read the update of the step, its job and its stack."""
    assert _allows(whole, action, resource)


@pytest.mark.parametrize(("action", "resource"), DENIED)
def test_the_role_may_do_nothing_else(whole: Made, action: str, resource: str) -> None:
    """The role may not read another update, stack or alarm, nor anything in S3, and change nothing."""
    assert not _allows(whole, action, resource)


def _allows(whole: Made, action: str, resource: str) -> bool:
    simulated = Simulated(dict(whole.canary))
    logical_id = simulated.find("Custom::IoTOTAUpdate", "Blinky")
    alarm = simulated.find("AWS::CloudWatch::Alarm", "Crashes")
    role = simulated.find("AWS::IAM::Role", "BlinkyWaitForCanary")
    return simulated.allows(role, action, resource.replace("Blinky0", logical_id).replace("Crashes0", alarm))


def test_the_alarms_of_the_step_are_readable(whole: Made) -> None:
    """The statement on alarms names the alarm; an imported one may be composite, which takes access to all."""
    *_, statement = whole.role["Policies"][0]["PolicyDocument"]["Statement"]
    assert json.dumps(statement["Resource"]).count("alarm:") == 1
    canary = CanaryStage(tools(), "Canary", Path(__file__))
    imported = cloudwatch.Alarm.from_alarm_name(canary.stack, "Imported", "any")
    WaitForDevices("Wait", update=canary.update, alarms=[imported], package=PACKAGE)
    found = assertions.Template.from_stack(canary.stack).find_resources("AWS::IAM::Role")
    (role,) = (one for one in found.values() if "Wait" in one["Properties"].get("RoleName", "-").title())
    *_, statement = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    assert statement["Resource"] == "*"


@pytest.mark.parametrize("pack", [AwsSolutionsChecks, HIPAASecurityChecks])
def test_findings_about_the_role_have_a_reason(canary: CanaryStage, pack: Any) -> None:
    """cdk-nag finds nothing about the role that is not acknowledged, whatever the alarms."""
    imported = cloudwatch.Alarm.from_alarm_name(canary.stack, f"Imported{pack.__name__}", "any")
    for index, alarm in enumerate((canary.alarm, imported)):
        WaitForDevices(f"{pack.__name__}{index}", update=canary.update, alarms=[alarm], package=PACKAGE)
    found = pack(canary).validate_scope(canary).violations
    paths = [str(resource.construct_path) for one in found for resource in one.violating_resources]
    assert [path for path in paths if pack.__name__ in path] == []


def test_the_command_makes_the_calls_that_are_granted(whole: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """The calls of `wait` with alarms and failed devices are the actions of the role: each, and nothing else."""
    account = phases()
    account.jobs = {name: counts("COMPLETED", succeeded=1, failed=1) for name in account.jobs}
    account.executions = {"FAILED": [execution("pump-17", began=NOW)]}
    account.alarms = [alarm_answer("crashes", "OK", since=time.time())]
    criteria = ["--maximum-failures=1", "--success-percentage=50", "--bake-time=0"]
    assert run(account, monkeypatch, f"--update={CANARY}", "--alarm=crashes", *criteria) == 0
    (policy,) = whole.role["Policies"]
    granted = [statement["Action"] for statement in policy["PolicyDocument"]["Statement"]]
    actions = {action for one in granted for action in ([one] if isinstance(one, str) else one)}
    assert set(account.calls) == actions == wait_for_devices.ACTIONS
