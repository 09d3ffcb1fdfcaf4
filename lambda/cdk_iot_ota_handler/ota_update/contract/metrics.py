"""The metrics of a gate, which the handler writes and constructs refer to. Their names are an external contract."""

NAMESPACE = "cdk-iot-ota"
# The name of the stack and the logical id of the update: the same for each firmware.
STACK, UPDATE = "Stack", "Update"

SUCCEEDED = "Succeeded"
FAILURES = "Failures"
NEEDED = "Needed"

# A variable of the function's environment, which is set to this value to write none.
SWITCH, OFF = "GATE_METRICS", "off"
