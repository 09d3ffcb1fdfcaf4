"""Limits that only synth checks. The handler does not use them, so changing one does not redeploy its function."""

from cdk_iot_ota_handler.ota_update.contract.limits import ARN, Count, Text

OTA_UPDATE_ARN = Text(
    pattern=f"{ARN.format(service='iot')}:otaupdate/[a-zA-Z0-9_-]{{1,128}}", form="the ARN of an OTA update"
)
THING_NAME = Text(at_most=128, pattern=r"[a-zA-Z0-9:_-]+", form="of a-z, A-Z, 0-9, :, _ and -")
# CDK takes the ARN of an object or an access point for that of a bucket. Policies check the name for wildcards.
BUCKET_ARN = Text(pattern="arn:aws[a-z-]*:s3:::[^/:]+", form="the ARN of a bucket, arn:aws:s3:::<name>")
PHASES = Count(low=1, high=20)
PHASE_NAME = Text(at_most=64, pattern=r"[a-zA-Z0-9_-]+", form="of a-z, A-Z, 0-9, _ and -")
