"""Deploys with a gate, without one of the permissions that it needs.

A separate file, since failed gates take a minute each.
"""

import json

import pytest

from cdk_iot_ota import RolloutGate
from cdk_iot_ota_local import Behaviour, Fleet, LocalAws, leftovers
from tests.end_to_end.support.deployment import Deployment, DeploymentError
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
