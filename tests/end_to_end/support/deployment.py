"""Deploys synthesized templates through boto3: what `cdk deploy` does, without its seconds of polling."""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aws_cdk import App, DefaultStackSynthesizer, Stack
from botocore.exceptions import ClientError, WaiterError

from cdk_iot_ota_local import Account

_STACK_NAME_LENGTH = 128
# What CloudFormation takes in the request itself.
_TEMPLATE_BYTES = 51_200
# Six minutes on local AWS, and an hour on AWS.
_LOOKS = 3600

Declaration = Callable[[Stack], None]


class DeploymentError(Exception):
    """A stack did not get where it should; the text has the reasons of its failed resources."""


@dataclass
class Deployment:
    """A stack of this name, as far as the account lets it have it.

    poll_seconds: how often it is asked whether it has got there; as often as the account can bear when it is left out.
    """

    aws: Account
    name: str
    folder: Path
    poll_seconds: float | None = None
    _synths: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.name = self.aws.named(self.name)[:_STACK_NAME_LENGTH]

    def deploy(self, declare: Declaration, **options: Any) -> dict[str, str]:
        """Create or update the stack with what `declare` puts into it, and return its outputs.

        `options` go to CreateStack or UpdateStack.
        """
        return self.apply(self.synth(declare), **options)

    def synth(self, declare: Declaration) -> Path:
        """The folder of an app with the stack in it. Only one thread at a time can synthesize, unlike `apply`."""
        self._synths += 1
        folder = self.folder / f"cdk.out-{self._synths}"
        app = App(outdir=str(folder), analytics_reporting=False)
        declare(Stack(app, self.name, synthesizer=synthesizer(self.aws)))
        app.synth()
        return folder

    def apply(self, folder: Path, **options: Any) -> dict[str, str]:
        """Create or update the stack with its template in the folder of an app, and return its outputs."""
        self._upload(folder)
        template = self._template(folder / f"{self.name}.template.json")
        cloudformation = self.aws.client("cloudformation")
        exists = self.exists()
        change = cloudformation.update_stack if exists else cloudformation.create_stack
        try:
            change(StackName=self.name, Capabilities=["CAPABILITY_NAMED_IAM"], **template, **options)
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
        return self._stack() is not None

    def status(self) -> str:
        """The stack's status."""
        return str(self._existing()["StackStatus"])

    def outputs(self) -> dict[str, str]:
        """The stack's outputs by name."""
        return {output["OutputKey"]: output["OutputValue"] for output in self._existing().get("Outputs", [])}

    def reasons(self) -> list[str]:
        """Why resources of the stack have failed, newest first."""
        pages = self.aws.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=self.name)
        return [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
            for page in pages
            for event in page["StackEvents"]
            if event["ResourceStatus"].endswith("_FAILED")
        ]

    def _stack(self) -> dict[str, Any] | None:
        try:
            (stack,) = self.aws.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return dict(stack)

    def _existing(self) -> dict[str, Any]:
        stack = self._stack()
        assert stack is not None, f"there is no stack {self.name}"
        return stack

    def _wait(self, waiter: str) -> None:
        patience = {"Delay": self.poll_seconds or self.aws.poll_seconds, "MaxAttempts": _LOOKS}
        try:
            self.aws.client("cloudformation").get_waiter(waiter).wait(StackName=self.name, WaiterConfig=patience)
        except WaiterError as error:
            raise DeploymentError("\n".join(self.reasons())) from error

    def _template(self, path: Path) -> dict[str, str]:
        """The template as it is, or where it lies when it is too large to be handed over."""
        if path.stat().st_size <= _TEMPLATE_BYTES:
            return {"TemplateBody": path.read_text()}
        s3, bucket = self.aws.client("s3"), self.aws.assets_bucket
        s3.put_object(Bucket=bucket, Key=path.name, Body=path.read_bytes())
        return {"TemplateURL": f"{s3.meta.endpoint_url}/{bucket}/{path.name}"}

    def _upload(self, folder: Path) -> None:
        assets = json.loads((folder / f"{self.name}.assets.json").read_text())["files"].values()
        for asset in assets:
            source = folder / asset["source"]["path"]
            body = _zipped(source) if asset["source"]["packaging"] == "zip" else source.read_bytes()
            for destination in asset["destinations"].values():
                bucket = destination["bucketName"].replace("${AWS::AccountId}", self.aws.account)
                bucket = bucket.replace("${AWS::Region}", self.aws.region)
                self.aws.client("s3").put_object(Bucket=bucket, Key=destination["objectKey"], Body=body)


def synthesizer(aws: Account) -> DefaultStackSynthesizer:
    """CDK's own, for the account's bucket, without the rule that asks for the version of a bootstrap stack."""
    return DefaultStackSynthesizer(generate_bootstrap_version_rule=False, file_assets_bucket_name=aws.assets_bucket)


def tags(aws: Account, arn: str) -> dict[str, str]:
    """The tags of an update."""
    found = aws.client("iot").list_tags_for_resource(resourceArn=arn)["tags"]
    return {tag["Key"]: tag["Value"] for tag in found}


def _zipped(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return buffer.getvalue()
