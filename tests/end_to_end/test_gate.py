"""Deploys that wait for devices, with IAM enforced and a fleet that takes its jobs meanwhile."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from aws_cdk import CfnOutput, Stack

from cdk_iot_ota import AbortCriterion, FailureType, OtaTarget, OtaUpdate, RolloutGate, RolloutRate
from cdk_iot_ota_local import Behaviour, Fleet, LocalAws, leftovers
from tests.end_to_end.support.declarations import firmware
from tests.end_to_end.support.deployment import Declaration, Deployment, DeploymentError
from tests.end_to_end.support.permissions import Permission, shorten_timeouts, without_permission

DEVICES = 6


@pytest.fixture
def devices(aws: LocalAws, request: pytest.FixtureRequest) -> Iterator[Fleet]:
    """Devices that take each job in the background; the test's parameter says what some of them do."""
    behaviours = getattr(request, "param", {})
    with Fleet(aws, f"gate-{time.monotonic_ns()}", DEVICES, behaviours=behaviours) as fleet:
        fleet.register()
        fleet.start()
        yield fleet


def gated(deployment: Deployment, fleet: Fleet, content: str, gate: RolloutGate | None, **options: Any) -> Declaration:
    """An update for a fleet with a gate, and what the gate has seen as outputs."""

    def declare(stack: Stack) -> None:
        given: dict[str, Any] = {"targets": [OtaTarget.thing_group(fleet.name)], "gate": gate, **options}
        update = OtaUpdate(stack, "Blinky", files=[firmware(deployment.folder, content)], **given)
        for name, value in {
            "Id": update.ota_update_id,
            "Succeeded": update.devices_succeeded,
            "Failed": update.devices_failed,
            "Waited": update.seconds_waited,
        }.items():
            CfnOutput(stack, name, value=value)

    return declare


def test_a_deploy_waits_until_all_devices_have_succeeded(aws: LocalAws, deployment: Deployment, devices: Fleet) -> None:
    """It ends when the last one has, with the counts as attributes, and they stay what they were."""
    outputs = deployment.deploy(gated(deployment, devices, "one", RolloutGate()))
    assert (outputs["Succeeded"], outputs["Failed"]) == (str(DEVICES), "0")
    assert devices.progress(f"AFR_OTA-{outputs['Id']}").succeeded == DEVICES
    again = deployment.deploy(gated(deployment, devices, "one", RolloutGate(minimum_devices=DEVICES + 1)))
    assert again == outputs


@pytest.mark.parametrize("devices", [{2: Behaviour.FAIL}], indirect=True)
def test_a_device_that_fails_ends_the_deploy(aws: LocalAws, deployment: Deployment, devices: Fleet) -> None:
    """The failure says the counts, the update is removed at once, and the stack is what it was."""
    first = deployment.deploy(gated(deployment, devices, "one", None))
    with pytest.raises(DeploymentError, match=r"the gate has failed: 1 failure, and at most 0 are allowed") as failed:
        deployment.deploy(gated(deployment, devices, "two", RolloutGate()))
    assert f"of {DEVICES} devices succeeded, 1 failed" in str(failed.value)
    assert deployment.outputs()["Id"] == first["Id"]
    assert leftovers(aws).ota_updates == (first["Id"],)


@pytest.mark.parametrize("devices", [dict.fromkeys(range(3), Behaviour.FAIL)], indirect=True)
def test_an_aborted_job_ends_the_deploy(aws: LocalAws, deployment: Deployment, devices: Fleet) -> None:
    """AWS IoT has canceled it, and the gate allows more failures than there are devices: it fails all the same."""
    criterion = AbortCriterion(failure=FailureType.FAILED, threshold_percentage=10, minimum_executed=1)
    gate = RolloutGate(success_percentage=50, maximum_failures=DEVICES)
    with pytest.raises(DeploymentError, match=r"the gate has failed: its job is CANCELED, "):
        deployment.deploy(
            gated(
                deployment,
                devices,
                "one",
                gate,
                abort_criteria=[criterion],
                rollout=RolloutRate.constant(maximum_per_minute=1),
            )
        )


@pytest.mark.local_only("takes a permission away")
@pytest.mark.parametrize(("sid", "ota_update_id"), [("Rollouts", None), ("AnyRollouts", "gated-by-name")])
def test_the_gate_needs_its_permission(
    aws: LocalAws, deployment: Deployment, devices: Fleet, sid: str, ota_update_id: str | None
) -> None:
    """Without iot:DescribeJob the deploy fails for want of it, and nothing is left."""
    folder = deployment.synth(gated(deployment, devices, "one", RolloutGate(), ota_update_id=ota_update_id))
    shorten_timeouts(folder)
    path = folder / f"{deployment.name}.template.json"
    missing = Permission("handler", sid, "iot:DescribeJob")
    path.write_text(json.dumps(without_permission(json.loads(path.read_text()), missing)))
    with pytest.raises(DeploymentError, match="not authorized to perform: iot:DescribeJob on resource: "):
        deployment.apply(folder)
    assert not leftovers(aws).ota_updates


def wait_for(aws: LocalAws, stack: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command that a pipeline runs between two stacks."""
    command = [sys.executable, "-m", "cdk_iot_ota_cli", "wait", "--stack", stack, "--interval", "0.2", *arguments]
    environment = {**os.environ, **aws.environment()}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.local_only("hands its own environment to the command")
@pytest.mark.parametrize("devices", [{0: Behaviour.FAIL}], indirect=True)
def test_a_pipeline_waits_between_two_stacks(aws: LocalAws, deployment: Deployment, devices: Fleet) -> None:
    """The command's exit code is the gate's rule, and it says what it sees; nothing is changed by it."""
    outputs = deployment.deploy(gated(deployment, devices, "one", None))
    failed = wait_for(aws, deployment.name)
    assert (failed.returncode, failed.stderr) == (1, "")
    assert "the gate has failed: 1 failure, and at most 0 are allowed" in failed.stdout
    passed = wait_for(
        aws, deployment.name, "--update", "Blinky", "--maximum-failures", "1", "--success-percentage", "80"
    )
    assert passed.returncode == 0, passed.stdout
    assert (
        f"AFR_OTA-{outputs['Id']}: the gate has passed: {DEVICES - 1} of {DEVICES} devices succeeded" in passed.stdout
    )
    missing = wait_for(aws, deployment.name, "--update", "Other")
    assert missing.returncode == 2
    assert "got 'Other': it has Blinky" in missing.stderr
    assert leftovers(aws).ota_updates == (outputs["Id"],)
