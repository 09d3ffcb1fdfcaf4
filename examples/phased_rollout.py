#!/usr/bin/env python3
"""Example app: a phased rollout to a canary first, and to the fleet once the canary has succeeded and does not crash.

`cdk deploy --app "python examples/phased_rollout.py"` runs until the devices have finished. The context sets what is
shipped, as in `app.py`, and with `bake` for how many minutes the canary is watched.
"""

from pathlib import Path

from aws_cdk import App, CfnOutput, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from cdk_iot_ota import (
    CodeSigning,
    FileLocation,
    HashAlgorithm,
    OtaFile,
    OtaTarget,
    Phase,
    PhasedRollout,
    RolloutGate,
    SignatureAlgorithm,
)

_FIRMWARE = Path(__file__).resolve().parents[1] / "firmware" / "blinky.bin"


class PhasedFirmware(Stack):
    """OTA updates of two thing groups, one after the other.

    :param firmware: the image. In the same folder are its raw signature, with the suffix ``.sig``, and the signer's
        certificate, ``signer.pem``.
    :param version: the image's version.
    :param bake: for how long an alarm on crashes can still take the firmware back once the canary has it.
    """

    def __init__(self, scope: Construct, id: str, *, firmware: Path, version: str, bake: Duration) -> None:
        super().__init__(scope, id)
        # Devices of the canary report their restarts; the alarm stays without data if none does.
        crashes = cloudwatch.Metric(namespace="Blinky", metric_name="CanaryCrashes", statistic="Sum").create_alarm(
            self,
            "CanaryCrashes",
            threshold=3,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        timeout = Duration.minutes(15)
        watched = RolloutGate(timeout=timeout, alarms=[crashes], bake_time=bake)
        rollout = PhasedRollout(
            self,
            "Blinky",
            phases=[
                Phase("Canary", targets=[OtaTarget.thing_group("blinky-canary")], gate=watched),
                Phase("Fleet", targets=[OtaTarget.thing_group("blinky-fleet")], gate=RolloutGate(timeout=timeout)),
            ],
            files=[
                OtaFile(
                    name="/firmware/blinky.bin",
                    location=FileLocation.from_asset(firmware),
                    signing=CodeSigning.custom(
                        signature=firmware.with_suffix(".sig"),
                        hash_algorithm=HashAlgorithm.SHA256,
                        signature_algorithm=SignatureAlgorithm.ECDSA,
                        certificate_name="/certificates/signer.pem",
                        certificate=firmware.with_name("signer.pem"),
                    ),
                    version=version,
                )
            ],
            description=f"blinky {version}",
            # A device that stops responding counts as failed before the gate times out.
            in_progress_timeout=Duration.minutes(10),
        )
        CfnOutput(self, "CrashAlarm", value=crashes.alarm_name)
        for update in rollout.updates:
            CfnOutput(self, f"{update.node.id}OtaUpdateId", value=update.ota_update_id)
            CfnOutput(self, f"{update.node.id}Succeeded", value=update.devices_succeeded)
            CfnOutput(self, f"{update.node.id}Seconds", value=update.seconds_waited)


app = App()
PhasedFirmware(
    app,
    "PhasedFirmware",
    firmware=Path(app.node.try_get_context("firmware") or _FIRMWARE),
    version=app.node.try_get_context("version") or "1.0.0",
    bake=Duration.minutes(int(app.node.try_get_context("bake") or 10)),
)
app.synth()
