"""The permissions of the command, which a provider grants."""

import json
from pathlib import Path
from typing import Any, cast

import pytest
from aws_cdk import App, NestedStack, Stack
from aws_cdk import aws_iam as iam

from cdk_iot_ota import OtaUpdateProvider
from cdk_iot_ota.provider import status_grants
from cdk_iot_ota_cli.reader import Reader
from cdk_iot_ota_handler.ota_update.retry import Clock
from tests.cli.account import NOW
from tests.cli.moments import MOMENTS
from tests.security.simulated import ACCOUNT, REGION, STACK_ID, Simulated

from ..construct.stacks import firmware, new_app, ota_update, stack, template

IOT = f"arn:aws:iot:{REGION}:{ACCOUNT}"
EXPLICIT_JOB, EXPLICIT = f"{IOT}:job/AFR_OTA-mine-1", f"{IOT}:otaupdate/mine-1"
ALLOWED = [
    ("cloudformation:DescribeStacks", STACK_ID),
    ("cloudformation:DescribeStackEvents", STACK_ID),
    ("cloudformation:GetTemplate", STACK_ID),
    ("cloudformation:ListStackResources", STACK_ID),
    ("cloudwatch:DescribeAlarms", "*"),
    ("iot:DescribeJob", f"{IOT}:job/AFR_OTA-Prod_Blinky-0"),
    ("iot:DescribeJob", EXPLICIT_JOB),
    ("iot:DescribeJobExecution", f"{IOT}:job/AFR_OTA-Prod_Blinky-0"),
    ("iot:DescribeJobExecution", f"{IOT}:thing/pump-1"),
    ("iot:GetOTAUpdate", f"{IOT}:otaupdate/Prod_Blinky-0"),
    ("iot:GetOTAUpdate", EXPLICIT),
    ("iot:ListJobExecutionsForJob", EXPLICIT_JOB),
    ("iot:ListOTAUpdates", "*"),
    ("iot:ListTagsForResource", EXPLICIT),
]


def reader(scope: Stack) -> iam.Role:
    """Declare the role of someone who may look."""
    return iam.Role(scope, "Reader", assumed_by=cast(iam.IPrincipal, iam.AccountRootPrincipal()))


def statements(made: Stack) -> list[dict[str, Any]]:
    """Return the statements of the reader's policy."""
    (policy,) = (
        one
        for name, one in template(made).find_resources("AWS::IAM::Policy").items()
        if name.startswith("ReaderDefaultPolicy")
    )
    return list(policy["Properties"]["PolicyDocument"]["Statement"])


@pytest.fixture(scope="module", params=["granted first", "granted last"])
def granted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """Return a stack with a generated and an explicit id, and a role that may ask for their status."""
    made = stack()
    provider = OtaUpdateProvider(made, "Provider")
    path = firmware(tmp_path_factory.mktemp("status"))
    if request.param == "granted first":
        provider.grant_status(reader(made))
    ota_update(made, "Blinky", path, provider=provider)
    ota_update(made, "Explicit", path, provider=provider, ota_update_id="mine-1")
    if request.param == "granted last":
        provider.grant_status(reader(made))
    return Simulated(dict(template(made).to_json()))


@pytest.mark.parametrize(("action", "resource"), ALLOWED)
def test_the_grantee_may_look(granted: Simulated, action: str, resource: str) -> None:
    """The grantee may read the stack, its updates and jobs, and alarms, whichever was declared first."""
    assert granted.allows(granted.find("AWS::IAM::Role", "Reader"), action, resource)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("cloudformation:DescribeStacks", STACK_ID.replace("Prod", "Other")),
        ("cloudformation:DescribeStacks", STACK_ID.replace("Prod", "Prod2")),
        ("cloudformation:UpdateStack", STACK_ID),
        ("cloudwatch:PutMetricAlarm", "*"),
        ("iot:GetOTAUpdate", f"{IOT}:otaupdate/Prod-eu_Blinky-0"),
        ("iot:GetOTAUpdate", f"{IOT}:otaupdate/mine-2"),
        ("iot:DescribeJob", f"{IOT}:job/AFR_OTA-Other_Blinky-0"),
        ("iot:CancelJob", EXPLICIT_JOB),
        ("iot:TagResource", EXPLICIT),
        ("iot:DescribeThing", f"{IOT}:thing/pump-1"),
    ],
)
def test_the_grantee_may_do_nothing_else(granted: Simulated, action: str, resource: str) -> None:
    """The grantee may not change anything, nor read what belongs to another stack."""
    assert not granted.allows(granted.find("AWS::IAM::Role", "Reader"), action, resource)


def test_the_command_makes_the_calls_that_are_granted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command's calls at all moments of a deploy are the granted actions: each of them, and nothing else."""
    asked: set[str] = set()
    for make, _ in MOMENTS.values():
        account = make()
        Reader(account.connect(monkeypatch), "Prod", devices=True, clock=Clock(now=lambda: NOW)).look()
        asked |= set(account.calls)
    assert asked == {action for action, _ in ALLOWED} == status_grants.ACTIONS


def test_a_grantee_of_another_stack_needs_no_export(tmp_path: Path) -> None:
    """The policy in another stack names the first one, and imports nothing."""
    app = new_app()
    firmware_stack, there = Stack(app, "Firmware"), Stack(app, "There")
    provider = OtaUpdateProvider(firmware_stack, "Provider")
    ota_update(firmware_stack, "Blinky", firmware(tmp_path), provider=provider)
    ota_update(there, "Buzzer", firmware(tmp_path), provider=provider)
    granted_here = Stack(app, "Reader")
    provider.grant_status(reader(granted_here))
    text = json.dumps(statements(granted_here))
    assert ":stack/Firmware/*" in text
    assert ":stack/There/*" in text
    assert "otaupdate/There_*" in text
    assert "Fn::ImportValue" not in json.dumps(template(granted_here).to_json())


def test_a_nested_stack_is_named_by_its_parent(tmp_path: Path) -> None:
    """CloudFormation generates the name of a nested stack from that of its parent, with which the pattern begins."""
    app = App(analytics_reporting=False)
    parent = Stack(app, "Parent")
    nested = NestedStack(parent, "Nested")
    provider = OtaUpdateProvider.get_or_create(nested)
    ota_update(nested, "Blinky", firmware(tmp_path))
    provider.grant_status(reader(parent))
    assert ":stack/Parent-*/*" in json.dumps(statements(parent))
