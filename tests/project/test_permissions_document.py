"""Tests of docs/permissions.md against the policies of the templates."""

import re
from pathlib import Path

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch

from cdk_iot_ota import RolloutGate
from tests.construct.everything import declare_everything
from tests.construct.stacks import firmware, ota_update, stack, template

DOCUMENT = (Path(__file__).parents[2] / "docs" / "permissions.md").read_text()


def declare(stack: Stack, folder: Path) -> None:
    """Declare everything, and a gate with an alarm of the app."""
    declare_everything(stack, folder)
    metric = cloudwatch.Metric(namespace="Devices", metric_name="Offline")
    alarm = cloudwatch.Alarm(stack, "Offline", metric=metric, threshold=1, evaluation_periods=1)
    ota_update(stack, "Watched", firmware(folder), gate=RolloutGate(alarms=[alarm]))


def test_each_statement_is_in_the_document_and_no_other(tmp_path: Path) -> None:
    """The document lists exactly the statement ids of the templates."""
    prod = stack()
    declare(prod, tmp_path)
    found: set[str] = set()
    for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        for policy in template(prod).find_resources(kind).values():
            found |= {one["Sid"] for one in policy["Properties"]["PolicyDocument"]["Statement"] if "Sid" in one}
    assert found == set(re.findall(r"^\| `([A-Za-z]+)` \|", DOCUMENT, flags=re.MULTILINE))


def test_each_action_is_in_the_document(tmp_path: Path) -> None:
    """The document names every action that a statement allows."""
    prod = stack()
    declare(prod, tmp_path)
    for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        for policy in template(prod).find_resources(kind).values():
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                named = [action for action in actions if f"`{action}`" in DOCUMENT]
                assert "Sid" not in statement or named == actions, statement["Sid"]
