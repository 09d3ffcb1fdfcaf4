"""Deploys that wait for devices, with IAM enforced and a fleet that takes jobs in the background."""

import os
import subprocess
import sys
import time
from functools import partial
from typing import Any

import pytest
from aws_cdk import Duration

from cdk_iot_ota import AbortCriterion, FailureType, GateFailure, RolloutGate, RolloutRate
from cdk_iot_ota_local import Behaviour, Fleet, LocalAws, leftovers
from tests.end_to_end.support.concurrency import in_background, wait_until
from tests.end_to_end.support.deployment import Deployment, DeploymentError
from tests.end_to_end.support.gated import DEVICES, gated


def test_a_deploy_waits_until_all_devices_have_succeeded(aws: LocalAws, deployment: Deployment, devices: Fleet) -> None:
    """A gate waits for the last device, returns the counts as attributes, and is not evaluated again later."""
    outputs = deployment.deploy(gated(deployment, devices, "one", RolloutGate()))
    assert (outputs["Succeeded"], outputs["Failed"]) == (str(DEVICES), "0")
    assert devices.progress(f"AFR_OTA-{outputs['Id']}").succeeded == DEVICES
    again = deployment.deploy(gated(deployment, devices, "one", RolloutGate(minimum_devices=DEVICES + 1)))
    assert again == outputs


@pytest.mark.parametrize("devices", [{2: Behaviour.FAIL}], indirect=True, ids=["one-fails"])
def test_a_device_that_fails_ends_the_deploy(aws: LocalAws, deployment: Deployment, devices: Fleet) -> None:
    """One failed device fails the deploy with the counts, and the stack rolls back to the old update."""
    first = deployment.deploy(gated(deployment, devices, "one", None))
    with pytest.raises(DeploymentError, match=r"the gate has failed: 1 failure, and at most 0 are allowed") as failed:
        deployment.deploy(gated(deployment, devices, "two", RolloutGate()))
    assert f"of {DEVICES} devices succeeded, 1 failed" in str(failed.value)
    assert f'queued): 1 failed with "configured to fail" ({devices.things[2]})' in str(failed.value)
    assert deployment.outputs()["Id"] == first["Id"]
    assert leftovers(aws).ota_updates == (first["Id"],)


@pytest.mark.parametrize("devices", [{2: Behaviour.FAIL}], indirect=True, ids=["one-fails"])
def test_a_gate_that_only_reports_lets_the_deploy_continue(
    aws: LocalAws, deployment: Deployment, devices: Fleet
) -> None:
    """A gate that only reports has its verdict and the failed device as attributes, now and in the next deploy."""
    gate = RolloutGate(on_failure=GateFailure.REPORT)
    outputs = deployment.deploy(gated(deployment, devices, "one", gate))
    assert outputs["Result"] == "would have failed: 1 failure and at most 0 are allowed"
    assert outputs["FailedDevices"] == devices.things[2]
    assert leftovers(aws).ota_updates == (outputs["Id"],)
    assert deployment.deploy(gated(deployment, devices, "one", gate, tags={"a": "b"})) == outputs


def started_job(jobs: Any, thing: str) -> str:
    """Start the next job of a device unless it is started already, and return its id, or an empty text."""
    return str(jobs.start_next_pending_job_execution(thingName=thing).get("execution", {}).get("jobId", ""))


def test_a_device_in_the_middle_of_it_may_finish(aws: LocalAws, deployment: Deployment) -> None:
    """With a drain_time a failed gate cancels the job, and deletes the update once the other device has finished."""
    iot, jobs = aws.client("iot"), aws.client("iot-jobs-data")
    with Fleet(aws, "drain", 2) as fleet:
        fleet.register()
        gate = RolloutGate(drain_time=Duration.minutes(5), timeout=Duration.minutes(5))
        folder = deployment.synth(gated(deployment, fleet, "one", gate))
        with in_background(lambda: deployment.apply(folder)) as deploy:
            for thing in fleet.things:
                wait_until(partial(started_job, jobs, thing))
            failed, succeeded = fleet.things
            job = started_job(jobs, failed)
            jobs.update_job_execution(jobId=job, thingName=failed, status="FAILED", statusDetails={"reason": "0x1"})
            wait_until(lambda: iot.describe_job(jobId=job)["job"]["status"] == "CANCELED")
            time.sleep(1)  # a deletion would have followed by now
            jobs.update_job_execution(jobId=job, thingName=succeeded, status="SUCCEEDED")
            with pytest.raises(DeploymentError, match=rf'the gate has failed: 1 failure.*with "0x1" \({failed}\)'):
                deploy.result()
    assert not leftovers(aws).ota_updates


@pytest.mark.parametrize("devices", [dict.fromkeys(range(3), Behaviour.FAIL)], indirect=True, ids=["three-fail"])
def test_an_aborted_job_ends_the_deploy(aws: LocalAws, deployment: Deployment, devices: Fleet) -> None:
    """A job canceled by its abort criteria fails the gate even if the gate allows that many failures."""
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


def wait_for(aws: LocalAws, stack: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `cdk-iot-ota wait`, which a pipeline runs between two stacks."""
    command = [sys.executable, "-m", "cdk_iot_ota_cli", "wait", "--stack", stack, "--interval", "0.2", *arguments]
    environment = {**os.environ, **aws.environment()}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.local_only("passes the environment of local AWS to the command")
@pytest.mark.parametrize("devices", [{0: Behaviour.FAIL}], indirect=True, ids=["one-fails"])
def test_a_pipeline_waits_between_two_stacks(aws: LocalAws, deployment: Deployment, devices: Fleet) -> None:
    """The command exits with the outcome of the gate, prints the counts, and changes nothing."""
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
