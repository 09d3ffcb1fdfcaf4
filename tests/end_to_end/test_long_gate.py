"""Deploys with a gate that takes longer than CloudFormation waits for one resource."""

from typing import Any

import pytest
from aws_cdk import Duration

from cdk_iot_ota import RolloutGate
from cdk_iot_ota_local import Behaviour, Fleet, LocalAws, leftovers
from tests.end_to_end.support.deployment import Deployment, DeploymentError
from tests.end_to_end.support.gated import DEVICES, gated
from tests.end_to_end.support.permissions import shorten_timeouts


@pytest.mark.local_only("replaces the handler's code")
@pytest.mark.parametrize("devices", [{2: Behaviour.FAIL}], indirect=True, ids=["one-fails"])
def test_links_watch_a_long_gate(aws: LocalAws, deployment: Deployment, devices: Fleet) -> None:
    """The last link of a gate lets a deploy pass, with the counts, and fails the next one, which is rolled back."""

    def deploy(content: str, **limits: Any) -> dict[str, str]:
        gate = RolloutGate(timeout=Duration.minutes(100), **limits)
        folder = deployment.synth(gated(deployment, devices, content, gate))
        # The update and the first link leave the gate to the next one at once.
        shorten_timeouts(folder, {"WATCH": -1})
        return deployment.apply(folder)

    first = deploy("one", maximum_failures=1, success_percentage=80)
    assert (first["Succeeded"], first["Failed"], first["Result"]) == (str(DEVICES - 1), "1", "passed")
    assert first["FailedDevices"] == devices.things[2]
    with pytest.raises(DeploymentError, match=r"BlinkyGate2.*the gate has failed: 1 failure, and at most 0 are"):
        deploy("two")
    assert deployment.outputs() == first
    assert leftovers(aws).ota_updates == (first["Id"],)
