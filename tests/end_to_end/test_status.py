"""`cdk-iot-ota status` and `stop` during a deploy whose gate waits, with what a provider grants, and IAM enforced."""

import io
import json
import os
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, cast
from unittest import mock

import pytest
from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_iam as iam

from cdk_iot_ota import OtaTarget, OtaUpdateProvider, RolloutGate
from cdk_iot_ota_cli.__main__ import main
from cdk_iot_ota_local import Fleet, LocalAws, leftovers
from tests.end_to_end.support.concurrency import in_background, wait_until
from tests.end_to_end.support.declarations import blinky, firmware
from tests.end_to_end.support.deployment import Deployment, DeploymentError
from tests.signing_key import certificate

pytestmark = pytest.mark.local_only("passes the environment of local AWS to the command")


class Reader:
    """A role that a provider grants the command's permissions, as the command uses it."""

    def __init__(self, aws: LocalAws, arn: str) -> None:
        self._aws, self._name = aws, arn.rpartition("/")[2]
        self._iam = aws.client("iam")
        (self._policy,) = self._iam.list_role_policies(RoleName=self._name)["PolicyNames"]
        self._document = self._iam.get_role_policy(RoleName=self._name, PolicyName=self._policy)["PolicyDocument"]
        keys = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="reader")["Credentials"]
        self._keys = {
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
        }

    @property
    def actions(self) -> set[str]:
        """The actions that the provider has granted."""
        return {action for one in self._document["Statement"] for action in _listed(one["Action"])}

    def forbid(self, action: str | None) -> None:
        """Take one action from the role, and give it all others back."""
        statements = [
            {**one, "Action": [name for name in _listed(one["Action"]) if name != action] or ["iot:Nothing"]}
            for one in self._document["Statement"]
        ]
        document = json.dumps({**self._document, "Statement": statements})
        self._iam.put_role_policy(RoleName=self._name, PolicyName=self._policy, PolicyDocument=document)

    def run(self, *arguments: str, own: bool = False) -> tuple[int, str]:
        """Run the command with the role's credentials, or with those of the account; return exit code and output."""
        environment = {**self._aws.environment(), **({} if own else self._keys)}
        output = io.StringIO()
        with mock.patch.dict(os.environ, environment), redirect_stdout(output), redirect_stderr(output):
            code = main(arguments)
        return code, output.getvalue()

    def status(self, stack: str, code: int) -> dict[str, Any]:
        """Return what the command prints as JSON."""
        exit_code, output = self.run("status", "--stack", stack, "--output", "json")
        assert exit_code == code, output
        found: dict[str, Any] = json.loads(output)
        return found


def _listed(actions: str | list[str]) -> list[str]:
    return [actions] if isinstance(actions, str) else actions


def test_status_and_stop_during_a_deploy(aws: LocalAws, deployment: Deployment, tmp_path: Path) -> None:
    """The new update is found while its gate waits; each action that is taken away is named; a stop fails the gate."""
    with Fleet(aws, "status", 2, certificate=certificate()) as fleet:
        fleet.register()

        def declare(content: str, gate: RolloutGate | None) -> Any:
            def declaration(stack: Stack) -> None:
                target = OtaTarget.thing_group(fleet.name)
                blinky(stack, targets=[target], files=[firmware(tmp_path, content)], gate=gate)
                role = iam.Role(stack, "Reader", assumed_by=cast(iam.IPrincipal, iam.AccountRootPrincipal()))
                OtaUpdateProvider.get_or_create(stack).grant_status(role)
                CfnOutput(stack, "ReaderArn", value=role.role_arn)

            return declaration

        first = deployment.deploy(declare("one", None))
        fleet.wait(first["Job"])
        reader = Reader(aws, first["ReaderArn"])
        at_rest = reader.status(deployment.name, 0)
        assert at_rest["updates"][0]["ota_update_id"] == first["Id"]
        assert at_rest["left_out"] == []
        # No device takes the second firmware.
        folder = deployment.synth(declare("two", RolloutGate(timeout=Duration.minutes(3))))
    with in_background(lambda: deployment.apply(folder)) as deployed:
        try:
            wait_until(lambda: len(leftovers(aws).jobs) == 2)
            look_while_the_gate_waits(aws, deployment.name, reader, first["Id"])
        finally:
            stopped = reader.run("stop", "--stack", deployment.name, "--comment", "heaters turn off", own=True)
        assert stopped[0] == 0, stopped[1]
        with pytest.raises(DeploymentError, match="its job is CANCELED, heaters turn off"):
            deployed.result()
    rolled_back = reader.status(deployment.name, 1)
    assert rolled_back["at_rest"]
    (name,) = (one["name"] for one in rolled_back["updates"])
    assert rolled_back["headline"].startswith(
        f"failed: {name}: the gate has failed: its job is CANCELED, heaters turn off"
    )


def look_while_the_gate_waits(aws: LocalAws, stack: str, reader: Reader, old: str) -> None:
    """Check that the new update is found, and that each action that the role does not have is named."""
    found = reader.status(stack, 3)
    (update,) = found["updates"]
    (new,) = set(leftovers(aws).ota_updates) - {old}
    assert (update["state"], update["ota_update_id"]) == ("waiting", new)
    assert update["replaces"]["ota_update_id"] == old
    assert found["left_out"] == []
    assert set(found["calls"]) <= reader.actions
    for action in sorted(set(found["calls"]) - {"cloudformation:DescribeStacks"}):
        reader.forbid(action)
        left_out = reader.status(stack, 3)["left_out"]
        assert any(action in one for one in left_out), (action, left_out)
    reader.forbid("cloudformation:DescribeStacks")
    assert reader.run("status", "--stack", stack)[0] == 2
    reader.forbid(None)
    assert reader.run("stop", "--stack", stack, "--comment", "not allowed")[0] == 2
