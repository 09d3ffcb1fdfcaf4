#!/usr/bin/env python3
"""Example app: a canary whose gate watches alarms, on devices that did not come back and on those that crash.

The fleet index must have the connectivity of things: ``aws iot update-indexing-configuration
--thing-indexing-configuration thingIndexingMode=REGISTRY,thingConnectivityIndexingMode=STATUS``, once in an account and
Region. The context sets what is shipped, as in `app.py`.
"""

from pathlib import Path

from aws_cdk import App, CfnOutput, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iot as iot
from constructs import Construct

from cdk_iot_ota import (
    CodeSigning,
    FileLocation,
    HashAlgorithm,
    OtaFile,
    OtaTarget,
    OtaUpdate,
    RolloutGate,
    SignatureAlgorithm,
)

_FIRMWARE = Path(__file__).resolve().parents[1] / "firmware" / "blinky.bin"
_MINUTE = Duration.minutes(1)


class WatchedFirmware(Stack):
    """An OTA update of a canary that bakes, and alarms on what its devices do after the installation.

    :param firmware: the image, beside its signature and certificate, as in `app.py`.
    :param group: the canary's thing group. A few of its devices may be offline.
    """

    def __init__(self, scope: Construct, id: str, *, firmware: Path, version: str, group: str) -> None:
        super().__init__(scope, id)
        update = OtaUpdate(
            self,
            "Blinky",
            targets=[OtaTarget.thing_group(group)],
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
            in_progress_timeout=Duration.minutes(10),
            gate=RolloutGate(
                success_percentage=95,
                maximum_failures=2,
                timeout=Duration.minutes(20),
                alarms=[self._offline(group, at_most=2), self._crashes()],
                bake_time=Duration.minutes(15),
            ),
        )
        CfnOutput(self, "Result", value=update.gate_result)
        CfnOutput(self, "AlarmsWithoutData", value=update.alarms_without_data)

    def _offline(self, group: str, *, at_most: int) -> cloudwatch.Alarm:
        """Declare an alarm on devices of the group that are not connected: it needs no code on them."""
        offline = iot.CfnFleetMetric(
            self,
            "Offline",
            metric_name=f"{group}-offline",
            query_string=f"thingGroupNames:{group} AND connectivity.connected:false",
            aggregation_field="registry.version",
            aggregation_type=iot.CfnFleetMetric.AggregationTypeProperty(name="Statistics", values=["count"]),
            period=60,
        )
        metric = cloudwatch.Metric(
            namespace="IoTFleetMetrics",
            metric_name=offline.metric_name,
            dimensions_map={"AggregationType": "count"},
            statistic="Maximum",
            period=_MINUTE,
        )
        # An update restarts devices, so that each of them is offline for a moment: three minutes in a row are not one.
        return cloudwatch.Alarm(
            self,
            "OfflineAlarm",
            metric=metric,
            threshold=at_most,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=3,
        )

    def _crashes(self) -> cloudwatch.Alarm:
        """Declare an alarm on a counter that devices publish, by a rule of AWS IoT or their own agent."""
        metric = cloudwatch.Metric(namespace="Blinky", metric_name="Crashes", statistic="Sum", period=_MINUTE)
        # Without a crash there is no data, which is not a failure.
        return cloudwatch.Alarm(
            self,
            "CrashAlarm",
            metric=metric,
            threshold=1,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )


app = App()
WatchedFirmware(
    app,
    "WatchedFirmware",
    firmware=Path(app.node.try_get_context("firmware") or _FIRMWARE),
    version=app.node.try_get_context("version") or "1.0.0",
    group=app.node.try_get_context("group") or "blinky-canary",
)
app.synth()
