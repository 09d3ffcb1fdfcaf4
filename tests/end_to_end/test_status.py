"""`cdk-iot-ota status` and `stop` during a deploy whose gate waits, with what a provider grants, and IAM enforced."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_iam as iam

from cdk_iot_ota import OtaTarget, OtaUpdateProvider, RolloutGate
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

    def run(self, *arguments: str, own: bool = False) -> subprocess.CompletedProcess[str]:
        """Run the command with the role's credentials, or with those of the account."""
        environment = {**os.environ, **self._aws.environment(), **({} if own else self._keys)}
        command = [sys.executable, "-m", "cdk_iot_ota_cli", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)

    def status(self, stack: str, code: int) -> dict[str, Any]:
        """Return what the command prints as JSON."""
        done = self.run("status", "--stack", stack, "--output", "json")
        assert done.returncode == code, done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
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
        wait_until(lambda: len(leftovers(aws).jobs) == 2)
        print("two jobs", flush=True)
        found = reader.status(deployment.name, 3)
        (update,) = found["updates"]
        (new,) = set(leftovers(aws).ota_updates) - {first["Id"]}
        assert (update["state"], update["ota_update_id"]) == ("waiting", new)
        assert update["replaces"]["ota_update_id"] == first["Id"]
        assert found["left_out"] == []
        needed = set(found["calls"]) - {"cloudformation:DescribeStacks"}
        print(found, flush=True)
        for action in sorted(needed & reader.actions):
            reader.forbid(action)
            print(action, flush=True)
            left_out = reader.status(deployment.name, 3)["left_out"]
            assert any(action in one for one in left_out), (action, left_out)
        reader.forbid("cloudformation:DescribeStacks")
        assert reader.run("status", "--stack", deployment.name).returncode == 2
        reader.forbid(None)
        assert reader.run("stop", "--stack", deployment.name, "--comment", "not allowed").returncode == 2
        stopped = reader.run("stop", "--stack", deployment.name, "--comment", "heaters turn off", own=True)
        assert stopped.returncode == 0, stopped.stderr
        with pytest.raises(DeploymentError, match="its job is CANCELED, heaters turn off"):
            deployed.result()
    rolled_back = reader.status(deployment.name, 1)
    assert rolled_back["at_rest"]
    assert "the gate has failed: its job is CANCELED, heaters turn off" in rolled_back["headline"]
    print(rolled_back["headline"])
