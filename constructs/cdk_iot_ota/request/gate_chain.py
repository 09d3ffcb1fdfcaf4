"""The resources that watch a gate which waits for longer than CloudFormation waits for one resource."""

from collections.abc import Mapping
from typing import Any, cast

from aws_cdk import Annotations, CfnResource, CustomResource, Duration
from constructs import Construct

from cdk_iot_ota_handler.ota_update.contract import names, timeouts


def links(
    update: Construct, service_token: str, resource: CustomResource, properties: Mapping[str, Any]
) -> list[CustomResource]:
    """Declare the links of an update's gate below it, each after the one before; none if the update's own is enough.

    What depends on the update as a construct depends on all of them, so that it begins once the gate has passed.

    :param resource: that of the update.
    :param properties: its properties.
    """
    gate = properties.get("Gate", {})
    found = [resource]
    for number in range(1, gate.get("Links", 0) + 1):
        link = CustomResource(
            update,
            # A contract: another id would be another resource, although that would harm nothing.
            f"Gate{number}",
            service_token=service_token,
            resource_type=names.LINK_TYPE,
            service_timeout=Duration.seconds(timeouts.SERVICE_TIMEOUT),
            properties={
                "Update": cast(CfnResource, resource.node.default_child).logical_id,
                "OtaUpdateId": resource.ref,
                "Number": number,
                # The dependency on the one before, too.
                names.GATE_STATE: found[-1].get_att_string(names.GATE_STATE),
                "Gate": gate,
            },
        )
        found.append(link)
    if len(found) > 1:
        minutes = sum(gate.get(name, 0) for name in ("TimeoutInMinutes", "BakeTimeInMinutes", "DrainInMinutes"))
        Annotations.of(update).add_info_v2(
            "cdk-iot-ota:long-gate",
            f"the gate may take {minutes / 60:g} hours, in which {len(found)} resources watch it one after the other: "
            "the stack takes no other change until then, and cdk deploy may outlast its credentials",
        )
    return found[1:]
