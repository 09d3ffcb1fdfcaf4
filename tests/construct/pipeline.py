"""A pipeline of CDK Pipelines that waits for the devices of a stage in another account and Region."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from aws_cdk import App, Duration, Environment, Stack, Stage, assertions, pipelines
from aws_cdk import aws_cloudwatch as cloudwatch

from cdk_iot_ota import WaitForDevices

from .stacks import firmware, new_app, ota_update

TOOLS, FLEET = "999999999999", "111122223333"
PACKAGE = "cdk-iot-ota @ git+https://git.example/ota@1a2b3c"


@dataclass(frozen=True)
class Made:
    """A pipeline that waits for the canary of another account and Region."""

    step: WaitForDevices
    pipeline: Mapping[str, Any]
    canary: Mapping[str, Any]

    @property
    def project(self) -> Mapping[str, Any]:
        """The build specification of the step's project, with what CloudFormation fills in."""
        (project,) = (
            one["Properties"]
            for one in self.pipeline["Resources"].values()
            if one["Type"] == "AWS::CodeBuild::Project" and "cdk-iot-ota wait" in json.dumps(one)
        )
        return {**project, "spec": json.loads(filled_in(project["Source"]["BuildSpec"]))}

    @property
    def role(self) -> Mapping[str, Any]:
        """The role in the stack of the canary that the step assumes."""
        (role,) = (
            one["Properties"]
            for name, one in self.canary["Resources"].items()
            if one["Type"] == "AWS::IAM::Role" and "WaitForCanary" in name
        )
        return cast(Mapping[str, Any], role)


def filled_in(value: Any) -> Any:
    """Return a part of a template as text, with the partition that CloudFormation fills in."""
    match value:
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(filled_in(part) for part in parts)
        case {"Ref": "AWS::Partition"}:
            return "aws"
        case dict():
            return {name: filled_in(part) for name, part in value.items()}
        case list():
            return [filled_in(part) for part in value]
    return value


class CanaryStage(Stage):
    """A stage with one update, and an alarm of a given name."""

    def __init__(self, scope: Any, id: str, path: Path, *, region: str = "eu-central-1") -> None:
        super().__init__(scope, id, env=Environment(account=FLEET, region=region))
        self.stack = Stack(self, "Firmware")
        self.update = ota_update(self.stack, "Blinky", path)
        metric = cloudwatch.Metric(namespace="Fleet", metric_name="Crashes")
        self.alarm = cloudwatch.Alarm(
            self.stack, "Crashes", alarm_name="crash-rate", metric=metric, threshold=1, evaluation_periods=1
        )
        self.unnamed = cloudwatch.Alarm(self.stack, "Unnamed", metric=metric, threshold=1, evaluation_periods=1)


def tools(app: App | None = None) -> Stack:
    """Return the stack of a pipeline."""
    return Stack(app or new_app(), "Tools", env=Environment(account=TOOLS, region="us-east-1"))


def made(folder: Path) -> Made:
    """Return the templates of a pipeline with every argument of the step."""
    stack = tools()
    source = pipelines.CodePipelineSource.connection("a/b", "main", connection_arn="arn:aws:codestar-connections:::1")
    pipeline = pipelines.CodePipeline(
        stack,
        "Pipeline",
        cross_account_keys=True,
        synth=pipelines.ShellStep("Synth", input=source, commands=["cdk synth"]),
    )
    canary = CanaryStage(stack, "Canary", firmware(folder))
    step = WaitForDevices(
        "WaitForCanary",
        update=canary.update,
        success_percentage=98.5,
        maximum_failures=5,
        maximum_failure_percentage=1.25,
        minimum_devices=10,
        alarms=[canary.alarm],
        bake_time=Duration.minutes(30),
        timeout=Duration.hours(7),
        package=PACKAGE,
    )
    pipeline.add_stage(canary, post=[step])
    return Made(
        step=step,
        pipeline=dict(assertions.Template.from_stack(stack).to_json()),
        canary=dict(assertions.Template.from_stack(canary.stack).to_json()),
    )
