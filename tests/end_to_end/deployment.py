"""Deploys synthesized templates to local AWS through boto3: what `cdk deploy` does, without its seconds of polling."""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aws_cdk import App, DefaultStackSynthesizer, Stack
from botocore.exceptions import ClientError, WaiterError

from local_aws import LocalAws

Declare = Callable[[Stack], None]


class DeployFailed(Exception):
    """A stack did not get where it should; the text has the reasons of its failed resources."""


@dataclass
class Deployment:
    """A stack of this name on local AWS; `poll_seconds` is how often it is asked whether it has got there."""

    aws: LocalAws
    name: str
    folder: Path
    poll_seconds: float = 0.1
    _synths: int = field(default=0, init=False)

    def deploy(self, declare: Declare, **options: Any) -> dict[str, str]:
        """Create or update the stack with what `declare` puts into it, and return its outputs.

        `options` go to CreateStack or UpdateStack.
        """
        return self.apply(self.synth(declare), **options)

    def synth(self, declare: Declare) -> Path:
        """The folder of an app with the stack in it. Only one thread at a time can synthesize, unlike `apply`."""
        self._synths += 1
        folder = self.folder / f"cdk.out-{self._synths}"
        app = App(outdir=str(folder), analytics_reporting=False)
        declare(Stack(app, self.name, synthesizer=synthesizer()))
        app.synth()
        return folder

    def apply(self, folder: Path, **options: Any) -> dict[str, str]:
        """Create or update the stack with its template in the folder of an app, and return its outputs."""
        self._upload(folder)
        template = (folder / f"{self.name}.template.json").read_text()
        cloudformation = self.aws.client("cloudformation")
        exists = self.exists()
        change = cloudformation.update_stack if exists else cloudformation.create_stack
        try:
            change(StackName=self.name, TemplateBody=template, Capabilities=["CAPABILITY_IAM"], **options)
        except ClientError as error:
            if "No updates are to be performed" in str(error):
                return self.outputs()
            raise
        self._wait("stack_update_complete" if exists else "stack_create_complete")
        return self.outputs()

    def delete(self) -> None:
        """Delete the stack and wait until it is gone."""
        self.aws.client("cloudformation").delete_stack(StackName=self.name)
        self._wait("stack_delete_complete")

    def exists(self) -> bool:
        """Whether the stack is there."""
        return any(stack["StackName"] == self.name for stack in self._stacks())

    def status(self) -> str:
        """The stack's status."""
        return next(str(stack["StackStatus"]) for stack in self._stacks() if stack["StackName"] == self.name)

    def outputs(self) -> dict[str, str]:
        """The stack's outputs by name."""
        stack = next(stack for stack in self._stacks() if stack["StackName"] == self.name)
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def reasons(self) -> list[str]:
        """Why resources of the stack have failed, newest first."""
        events = self.aws.client("cloudformation").describe_stack_events(StackName=self.name)["StackEvents"]
        return [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
            for event in events
            if event["ResourceStatus"].endswith("_FAILED")
        ]

    def _stacks(self) -> list[dict[str, Any]]:
        stacks = self.aws.client("cloudformation").describe_stacks()["Stacks"]
        return [stack for stack in stacks if stack["StackStatus"] != "DELETE_COMPLETE"]

    def _wait(self, waiter: str) -> None:
        try:
            self.aws.client("cloudformation").get_waiter(waiter).wait(
                StackName=self.name, WaiterConfig={"Delay": self.poll_seconds, "MaxAttempts": 1200}
            )
        except WaiterError as error:
            raise DeployFailed("\n".join(self.reasons())) from error

    def _upload(self, folder: Path) -> None:
        assets = json.loads((folder / f"{self.name}.assets.json").read_text())["files"].values()
        for asset in assets:
            source = folder / asset["source"]["path"]
            body = _zipped(source) if asset["source"]["packaging"] == "zip" else source.read_bytes()
            for destination in asset["destinations"].values():
                bucket = destination["bucketName"].replace("${AWS::AccountId}", self.aws.account)
                bucket = bucket.replace("${AWS::Region}", self.aws.region)
                self.aws.client("s3").put_object(Bucket=bucket, Key=destination["objectKey"], Body=body)


def synthesizer() -> DefaultStackSynthesizer:
    """CDK's own, without the rule that asks for the version of a bootstrap stack."""
    return DefaultStackSynthesizer(generate_bootstrap_version_rule=False)


def tags(aws: LocalAws, arn: str) -> dict[str, str]:
    """The tags of an update."""
    found = aws.client("iot").list_tags_for_resource(resourceArn=arn)["tags"]
    return {tag["Key"]: tag["Value"] for tag in found}


def _zipped(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return buffer.getvalue()
