"""Deploys with a gate, without one of the permissions that it needs.

A separate file, since failed gates take a minute each.
"""

import contextlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch

from cdk_iot_ota import RolloutGate
from cdk_iot_ota_local import Behaviour, Fleet, LocalAws, leftovers
from tests.end_to_end.support.deployment import Declaration, Deployment, DeploymentError
from tests.end_to_end.support.gated import gated
from tests.end_to_end.support.permissions import Permission, shorten_timeouts, without_permission


@pytest.mark.local_only("removes a permission")
@pytest.mark.parametrize(
    ("sid", "ota_update_id"),
    [("Rollouts", None), ("AnyRollouts", "gated-by-name")],
    ids=["generated-id", "explicit-id"],
)
def test_the_gate_needs_its_permission(
    aws: LocalAws, deployment: Deployment, devices: Fleet, sid: str, ota_update_id: str | None
) -> None:
    """Without iot:DescribeJob, a deploy with a gate fails, names the permission and leaves no update."""
    folder = deployment.synth(gated(deployment, devices, "one", RolloutGate(), ota_update_id=ota_update_id))
    shorten_timeouts(folder)
    path = folder / f"{deployment.name}.template.json"
    missing = Permission("handler", sid, "iot:DescribeJob")
    path.write_text(json.dumps(without_permission(json.loads(path.read_text()), missing)))
    with pytest.raises(DeploymentError, match="not authorized to perform: iot:DescribeJob on resource: "):
        deployment.apply(folder)
    assert not leftovers(aws).ota_updates


@pytest.mark.local_only("removes a permission")
@pytest.mark.parametrize("devices", [{2: Behaviour.FAIL}], indirect=True, ids=["one-fails"])
@pytest.mark.parametrize(
    ("sid", "action", "told"),
    [
        ("Rollouts", "iot:ListJobExecutionsForJob", r"queued\) \(which devices: not allowed to ask\)"),
        ("Devices", "iot:DescribeJobExecution", r"1 failed \(.*-0002\) \(what they reported: not allowed to ask\)"),
    ],
)
def test_a_gate_needs_a_permission_for_each_question(
    aws: LocalAws, deployment: Deployment, devices: Fleet, sid: str, action: str, told: str
) -> None:
    """Without iot:ListJobExecutionsForJob a failure names no devices, without iot:DescribeJobExecution no reasons."""
    folder = deployment.synth(gated(deployment, devices, "one", RolloutGate()))
    path = folder / f"{deployment.name}.template.json"
    missing = Permission("handler", sid, action)
    path.write_text(json.dumps(without_permission(json.loads(path.read_text()), missing)))
    with pytest.raises(DeploymentError, match=f"the gate has failed: 1 failure, and.*{told}"):
        deployment.apply(folder)
    assert not leftovers(aws).ota_updates


def alarmed(deployment: Deployment, fleet: Fleet, *, is_imported: bool) -> Declaration:
    """Return a declaration of an update that waits for a new alarm, which has no data."""

    def declare(stack: Stack) -> None:
        metric = cloudwatch.Metric(namespace="Devices", metric_name="Crashes")
        options: Any = {"metric": metric, "threshold": 1, "evaluation_periods": 1}
        alarm = cloudwatch.Alarm(stack, "Crashes", alarm_name=deployment.name, **options)
        # An imported alarm may be a composite one.
        known = cloudwatch.Alarm.from_alarm_arn(stack, "Known", alarm.alarm_arn) if is_imported else alarm
        gate = RolloutGate(alarms=[known], bake_time=Duration.minutes(0))
        gated(deployment, fleet, "one", gate)(stack)

    return declare


@pytest.mark.local_only("removes a permission")
def test_a_gate_with_alarms_needs_each_permission(aws: LocalAws, tmp_path: Path, devices: Fleet) -> None:
    """A deploy with a new alarm passes with its permissions, and without one of them fails and leaves no update."""
    actions = ("", "cloudwatch:DescribeAlarms", "cloudwatch:DescribeAlarmHistory")
    missing = [Permission("handler", sid, action) for sid in ("Alarms", "AnyAlarms") for action in actions]
    folders = dict[Permission, tuple[Deployment, Path]]()
    for number, one in enumerate(missing):
        stack = Deployment(aws, f"alarms-{number}", tmp_path / str(number), 0.4)
        stack.folder.mkdir()
        folder = stack.synth(alarmed(stack, devices, is_imported=one.sid == "AnyAlarms"))
        shorten_timeouts(folder)
        path = folder / f"{stack.name}.template.json"
        path.write_text(json.dumps(without_permission(json.loads(path.read_text()), one)))
        folders[one] = (stack, folder)

    client: Any = aws.client("cloudwatch")

    def change(states: Iterator[str]) -> None:
        """Change the alarms, so that their histories are asked for."""
        state = next(states)
        for stack, _ in folders.values():
            with contextlib.suppress(client.exceptions.ResourceNotFound):
                client.set_alarm_state(AlarmName=stack.name, StateValue=state, StateReason="set by hand")

    def result(of: Permission) -> str:
        stack, folder = folders[of]
        try:
            return stack.apply(folder)["Result"]
        except DeploymentError as error:
            return str(error)
        finally:
            stack.delete()

    with ThreadPoolExecutor(len(missing)) as pool:
        deploys, states = [pool.submit(result, one) for one in missing], cycle(("OK", "INSUFFICIENT_DATA"))
        while not all(one.done() for one in deploys):
            change(states)
            time.sleep(0.5)
    results = {one: deploy.result() for one, deploy in zip(missing, deploys, strict=True)}
    for one, found in results.items():
        assert (f"not authorized to perform: {one.action} " if one.action else "passed") in found
    assert not leftovers(aws).ota_updates
