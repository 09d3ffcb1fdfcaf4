"""Limits that only synth checks. The handler does not use them, so changing one does not redeploy its function."""

from cdk_iot_ota_handler.ota_update.contract.limits import ARN, Count, Number, Text

OTA_UPDATE_ARN = Text(
    pattern=f"{ARN.format(service='iot')}:otaupdate/[a-zA-Z0-9_-]{{1,128}}", form="the ARN of an OTA update"
)
THING_NAME = Text(at_most=128, pattern=r"[a-zA-Z0-9:_-]+", form="of a-z, A-Z, 0-9, :, _ and -")
FILE_BYTES = Number(low=1, high=16 * 1024 * 1024)
PHASES = Count(low=1, high=20)
PHASE_NAME = Text(at_most=64, pattern=r"[a-zA-Z0-9_-]+", form="of a-z, A-Z, 0-9, _ and -")
