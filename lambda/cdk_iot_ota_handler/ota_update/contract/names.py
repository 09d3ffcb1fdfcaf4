"""Names that the template and the handler share: the resource type, tag keys, and the form of ids.

They are an external contract: another tag key or id would take an update that is deployed for a stranger's.
"""

import re

RESOURCE_TYPE = "Custom::IoTOTAUpdate"
# One of the resources that watch a gate for longer than the resource of its update can.
LINK_TYPE = "Custom::IoTOTAGate"

# A job is named AFR_OTA-<id>, and a job id has 64 characters at most.
JOB_PREFIX = "AFR_OTA-"
MAX_ID_LENGTH = 56
DIGEST_LENGTH = 16
# The group is the logical id, or its beginning.
GENERATED_ID = re.compile(rf"[A-Za-z0-9-]+_([A-Za-z0-9]+)-[0-9a-f]{{{DIGEST_LENGTH}}}")

TAG_PREFIX = "cdk-iot-ota:"
STACK_TAG = TAG_PREFIX + "stack-id"
RESOURCE_TAG = TAG_PREFIX + "logical-id"
CONTENT_TAG = TAG_PREFIX + "content"
DEPLOYED_TAG = TAG_PREFIX + "deployed"
FAILED_TAG = TAG_PREFIX + "failed"
PROVEN_TAG = TAG_PREFIX + "proven"

# The reason of a gate that has failed, or that an alarm has refused to begin, begins with one of these. Rules of
# EventBridge look for them in the events of the stack.
GATE_FAILED = "the gate has failed"
GATE_REFUSED = "the update was not created: alarm"
# The attribute with which an update and each link tell the next link what is known of the gate: the deployed tag
# without the operations, or this, while it waits.
GATE_STATE = "GateState"
GATE_WAITS = "waiting"


def is_generated(ota_update_id: str) -> bool:
    """Return whether an id has the form of a generated one, of whichever resource."""
    return GENERATED_ID.fullmatch(ota_update_id) is not None


def is_invented(physical_id: str, stack_name: str, logical_id: str) -> bool:
    """Return whether CloudFormation invented an id, as it does for a resource whose Create was never answered."""
    return re.fullmatch(rf"{re.escape(f'{stack_name}-{logical_id}')}-[0-9A-Za-z]+", physical_id) is not None


def job_id(ota_update_id: str) -> str:
    """Return the id of the job that AWS IoT creates for an update."""
    return JOB_PREFIX + ota_update_id
