"""Findings of linters in the templates, and secrets that the templates must not show."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Environment, Stack
from cfnlint import lint

from tests.construct.everything import declare_everything
from tests.construct.stacks import stack, template
from tests.security.apps import Declare, everything, example

SYNTHESIZE = """
import sys
from pathlib import Path
from tests.security.apps import everything
everything(Path(sys.argv[1])).synth()
"""


def only_stack(app: Any) -> Stack:
    """Return the one stack of an app."""
    (found,) = [child for child in app.node.children if isinstance(child, Stack)]
    return found


@pytest.mark.parametrize("declare", [example, everything])
def test_cfn_lint_finds_nothing(declare: Declare, tmp_path: Path) -> None:
    """cfn-lint reports no error and no warning."""
    text = json.dumps(template(only_stack(declare(tmp_path))).to_json())
    assert [str(match) for match in lint(text)] == []


def test_cdk_finds_nothing_wrong_with_everything(tmp_path: Path) -> None:
    """CDK's own template validation, which other tests turn off, reports nothing."""
    done = subprocess.run(
        [sys.executable, "-c", SYNTHESIZE, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CDK_VALIDATION": "true", "CDK_OUTDIR": str(tmp_path / "out")},
    )
    assert done.returncode == 0, done.stderr
    assert "warning" not in (done.stdout + done.stderr).lower()


@pytest.mark.parametrize("declare", [example, everything])
def test_a_template_that_does_not_fix_them_has_no_account_region_or_partition(declare: Declare, tmp_path: Path) -> None:
    """A template of a stack without a fixed environment contains no account, Region or partition."""
    text = json.dumps(template(only_stack(declare(tmp_path))).to_json())
    assert not re.findall(r"arn:aws[a-z-]*:", text.replace(":iam::aws:policy", ""))
    assert not re.findall(r"\b\d{12}\b", text)
    assert not re.findall(r"\b(?:us|eu|ap|cn|me|af|sa|ca|il|mx)-(?:gov-)?[a-z]+-\d\b", text)


@pytest.mark.parametrize(
    ("region", "partition"),
    [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("ap-east-1", "aws"), ("me-central-1", "aws")],
)
def test_a_template_for_any_partition_stays_in_it(region: str, partition: str, tmp_path: Path) -> None:
    """Every ARN in a template for China, GovCloud or an opt-in Region is in its partition and Region."""
    environment = Environment(account="111122223333", region=region)
    prod = Stack(App(analytics_reporting=False), "Prod", env=environment)
    declare_everything(prod, tmp_path)
    text = json.dumps(template(prod).to_json())
    assert set(re.findall(r"arn:(aws[a-z-]*):", text)) <= {partition}
    assert set(re.findall(r":([a-z]{2}-(?:gov-)?[a-z]+-\d):", text)) == {region}


def test_nothing_in_a_template_can_be_for_every_resource_but_by_name(tmp_path: Path) -> None:
    """No statement of the library allows every resource, but for reading alarms, or every action of a service."""
    prod = stack()
    declare_everything(prod, tmp_path)
    policies = template(prod).find_resources("AWS::IAM::Policy")
    for name, policy in policies.items():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            assert "*" not in json.dumps(statement["Action"])
            # CloudWatch answers about composite alarms only then.
            reads_alarms = statement["Action"] == ["cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms"]
            assert statement["Resource"] != "*" or "waiterstatemachine" in name or reads_alarms
