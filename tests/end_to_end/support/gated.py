"""Updates with a gate for a small fleet."""

from typing import Any

from aws_cdk import CfnOutput, Stack

from cdk_iot_ota import OtaTarget, OtaUpdate, RolloutGate
from cdk_iot_ota_local import Fleet
from tests.end_to_end.support.declarations import firmware
from tests.end_to_end.support.deployment import Declaration, Deployment

DEVICES = 6


def gated(deployment: Deployment, fleet: Fleet, content: str, gate: RolloutGate | None, **options: Any) -> Declaration:
    """Return a declaration of an update with a gate, and outputs of the counts that the gate observed."""

    def declare(stack: Stack) -> None:
        arguments: dict[str, Any] = {"targets": [OtaTarget.thing_group(fleet.name)], "gate": gate, **options}
        update = OtaUpdate(stack, "Blinky", files=[firmware(deployment.folder, content)], **arguments)
        for name, value in {
            "Id": update.ota_update_id,
            "Succeeded": update.devices_succeeded,
            "Failed": update.devices_failed,
            "Waited": update.seconds_waited,
            "Result": update.gate_result,
            "FailedDevices": update.failed_devices,
        }.items():
            CfnOutput(stack, name, value=value)

    return declare
