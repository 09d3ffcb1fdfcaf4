"""Deploy synthesized templates through boto3: as `cdk deploy` does, but without seconds of polling."""

import contextlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any

from aws_cdk import App, DefaultStackSynthesizer, Stack
from botocore.exceptions import ClientError, WaiterError

from cdk_iot_ota_local import Account

_STACK_NAME_LENGTH = 128
# The largest template that CloudFormation accepts in the request itself.
_TEMPLATE_BYTES = 51_200
_QUICK_POLLS = 10
# Six minutes on local AWS, an hour on AWS.
_MAXIMUM_POLLS = 3600

Declaration = Callable[[Stack], None]


class DeploymentError(Exception):
    """A stack operation failed; the message lists the reasons of the failed resources."""


class _StillRunningError(Exception):
    """A stack operation has not ended."""


@dataclass
class Deployment:
    """A stack of this name; the account may add a prefix, and long names are cut.

    slower: how much less often it polls the stack after ten polls, since each takes processor time; 1 to measure.
    """

    aws: Account
    name: str
    folder: Path
    slower: float = 5
    _synths: int = field(default=0, init=False)
    _uploaded: set[str] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self.name = self.aws.named(self.name)[:_STACK_NAME_LENGTH]

    def deploy(self, declare: Declaration, **options: Any) -> dict[str, str]:
        """Create or update the stack with what `declare` adds to it, and return its outputs.

        `options` go to CreateStack or UpdateStack.
        """
        return self.apply(self.synth(declare), **options)

    def synth(self, declare: Declaration) -> Path:
        """Synthesize an app with the stack, and return its folder. Unlike `apply` this is not thread-safe."""
        self._synths += 1
        folder = self.folder / f"cdk.out-{self._synths}"
        app = App(outdir=str(folder), analytics_reporting=False)
        declare(Stack(app, self.name, synthesizer=synthesizer(self.aws)))
        app.synth()
        return folder

    def apply(self, folder: Path, **options: Any) -> dict[str, str]:
        """Create or update the stack from the folder of a synthesized app, and return its outputs."""
        self._upload(folder)
        template = self._template(folder / f"{self.name}.template.json")
        exists = self.exists()
        change = self._cloudformation.update_stack if exists else self._cloudformation.create_stack
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
        self._cloudformation.delete_stack(StackName=self.name)
        self._wait("stack_delete_complete")

    def exists(self) -> bool:
        """Return True if the stack exists."""
        return self._stack() is not None

    def status(self) -> str:
        """Return the status of the stack."""
        return str(self._existing()["StackStatus"])

    def outputs(self) -> dict[str, str]:
        """Return the outputs of the stack by name."""
        return {output["OutputKey"]: output["OutputValue"] for output in self._existing().get("Outputs", [])}

    def reasons(self) -> list[str]:
        """List why resources of the stack failed in its last creation, update or deletion, newest first."""
        pages = self._cloudformation.get_paginator("describe_stack_events").paginate(StackName=self.name)
        events = (event for page in pages for event in page["StackEvents"])
        return [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
            for event in takewhile(lambda event: not _starts_operation(event), events)
            if event["ResourceStatus"].endswith("_FAILED")
        ]

    @cached_property
    def _cloudformation(self) -> Any:
        return self.aws.client("cloudformation")

    @cached_property
    def _s3(self) -> Any:
        return self.aws.client("s3")

    def _stack(self) -> dict[str, Any] | None:
        try:
            (stack,) = self._cloudformation.describe_stacks(StackName=self.name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return dict(stack)

    def _existing(self) -> dict[str, Any]:
        stack = self._stack()
        assert stack is not None, f"stack {self.name} does not exist"
        return stack

    def _wait(self, waiter: str) -> None:
        pause, wait = self.aws.poll_seconds, self._cloudformation.get_waiter(waiter).wait
        with contextlib.suppress(_StillRunningError):
            self._poll(wait, pause, _QUICK_POLLS)
            return
        self._poll(wait, pause * self.slower, int(_MAXIMUM_POLLS / self.slower))

    def _poll(self, wait: Any, pause: float, polls: int) -> None:
        try:
            wait(StackName=self.name, WaiterConfig={"Delay": pause, "MaxAttempts": polls})
        except WaiterError as error:
            if "Max attempts exceeded" in str(error):
                raise _StillRunningError(f"{self.name} after {polls} polls") from error
            raise DeploymentError("\n".join(self.reasons())) from error

    def _template(self, path: Path) -> dict[str, str]:
        """Return the template, or upload it and return its URL if it is too large for the request."""
        if path.stat().st_size <= _TEMPLATE_BYTES:
            return {"TemplateBody": path.read_text()}
        bucket = self.aws.assets_bucket
        self._s3.put_object(Bucket=bucket, Key=path.name, Body=path.read_bytes())
        return {"TemplateURL": f"{self._s3.meta.endpoint_url}/{bucket}/{path.name}"}

    def _upload(self, folder: Path) -> None:
        """Upload the assets that this deployment has not uploaded yet; their names are digests."""
        assets = json.loads((folder / f"{self.name}.assets.json").read_text())["files"]
        for asset in (assets[name] for name in assets.keys() - self._uploaded):
            source = folder / asset["source"]["path"]
            body = _zipped(source) if asset["source"]["packaging"] == "zip" else source.read_bytes()
            for destination in asset["destinations"].values():
                bucket = destination["bucketName"].replace("${AWS::AccountId}", self.aws.account)
                bucket = bucket.replace("${AWS::Region}", self.aws.region)
                self._s3.put_object(Bucket=bucket, Key=destination["objectKey"], Body=body)
        self._uploaded.update(assets)


def _starts_operation(event: dict[str, Any]) -> bool:
    """Return True for the event of the stack itself with which a creation, an update or a deletion begins."""
    statuses = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")
    return event.get("PhysicalResourceId") == event["StackId"] and event["ResourceStatus"] in statuses


def synthesizer(aws: Account) -> DefaultStackSynthesizer:
    """Return CDK's synthesizer for the account's bucket, without the rule that checks for a bootstrap stack."""
    return DefaultStackSynthesizer(generate_bootstrap_version_rule=False, file_assets_bucket_name=aws.assets_bucket)


def tags(aws: Account, arn: str) -> dict[str, str]:
    """Return the tags of an OTA update."""
    found = aws.client("iot").list_tags_for_resource(resourceArn=arn)["tags"]
    return {tag["Key"]: tag["Value"] for tag in found}


def _zipped(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return buffer.getvalue()
