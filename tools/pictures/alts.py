"""Each picture in words; the documents have the same words as alternative text."""

ALTS = {
    "architecture": (
        "Your CDK app declares an OtaUpdate or a PhasedRollout. cdk deploy hands it to CloudFormation, whose events "
        "reach the handler, a Lambda function that comes with OtaUpdate. The handler creates, watches and deletes the "
        "update in AWS IoT, whose job brings the firmware to devices, which report. AWS IoT assumes the service role "
        "of the update, which comes with OtaUpdate too and may read the firmware in S3."
    ),
    "lifecycle": (
        "cdk deploy with changed firmware: AWS IoT creates the new update, and the old one stays as it is until the "
        "end. If that fails, or too few devices succeed, the new update is deleted, the deploy fails, the old update "
        "stays, and the rollback pushes nothing. Otherwise the new update is tagged as deployed, and the old one is "
        "deleted. When it is removed from the stack, update, job and stream are deleted."
    ),
    "rollout": (
        "A deploy of firmware 1.4 in three phases, each of which is an OtaUpdate. The gate of the canary passes: 20 of "
        "20 devices succeed. The gate of the phase early fails: 3 devices fail, and at most 2 may. Its job is "
        "canceled, its new update is deleted, and the stack rolls back. The phase fleet with 10,000 devices never "
        "begins, and keeps firmware 1.3."
    ),
    "demo": (
        "A recording of make demo. It deploys firmware 1.0.0 and 1.1.0 to 20 simulated devices, then 2.0.0 in phases. "
        "A canary stops 2.1.0, whose signature is wrong, and an alarm stops 2.2.0, which crashes; both deploys roll "
        "back."
    ),
    "status-waits": (
        "cdk-iot-ota status --watch while the gate of the canary waits: how many devices have succeeded, and how many "
        "more must until when."
    ),
    "status-bakes": (
        "cdk-iot-ota status --watch in the bake time of the canary: all of its devices have succeeded, and an alarm is "
        "watched until the time is over."
    ),
    "status-failed": (
        "cdk-iot-ota status --watch when the gate of the fleet has failed: which devices have failed, and why."
    ),
}
#: What is in the bar of a terminal.
TITLES = {"demo": "make demo", "status": "cdk-iot-ota status --stack PhasedFirmware --watch"}
