#!/usr/bin/env python3
"""Example app: a pipeline that ships to a canary, waits for its devices for up to seven hours, and ships to the fleet.

`cdk deploy --app "python examples/pipeline.py"` creates the pipeline; a push to the repository runs it. The context
sets the repository and its connection. Everything is in one account and Region: `env=` moves a stage into another one,
for which the pipeline needs an `env=` too, and `cross_account_keys=True`.
"""

from pathlib import Path

from aws_cdk import App, Duration, Environment, Stack, Stage, pipelines
from aws_cdk import aws_codepipeline as codepipeline
from constructs import Construct

from cdk_iot_ota import (
    CodeSigning,
    FileLocation,
    HashAlgorithm,
    OtaFile,
    OtaTarget,
    OtaUpdate,
    SignatureAlgorithm,
    WaitForDevices,
)

_FIRMWARE = Path(__file__).resolve().parents[1] / "firmware" / "blinky.bin"


class FirmwareStage(Stage):
    """A stage with the OTA update of one thing group, without a gate: its deploy ends when the job exists."""

    def __init__(self, scope: Construct, id: str, *, group: str, env: Environment | None = None) -> None:
        super().__init__(scope, id, env=env)
        self.update = OtaUpdate(
            Stack(self, "Firmware"),
            "Blinky",
            targets=[OtaTarget.thing_group(group)],
            files=[
                OtaFile(
                    name="/firmware/blinky.bin",
                    location=FileLocation.from_asset(_FIRMWARE),
                    signing=CodeSigning.custom(
                        signature=_FIRMWARE.with_suffix(".sig"),
                        hash_algorithm=HashAlgorithm.SHA256,
                        signature_algorithm=SignatureAlgorithm.ECDSA,
                        certificate_name="/certificates/signer.pem",
                        certificate=_FIRMWARE.with_name("signer.pem"),
                    ),
                )
            ],
        )


class Delivery(Stack):
    """The pipeline.

    :param connection_arn: the connection to the repository, of AWS CodeConnections.
    :param package: what installs this library in the pipeline; leave `package` out of your own app.
    """

    def __init__(self, scope: Construct, id: str, *, repository: str, connection_arn: str, package: str) -> None:
        super().__init__(scope, id)
        source = pipelines.CodePipelineSource.connection(repository, "main", connection_arn=connection_arn)
        synth = pipelines.ShellStep(
            "Synth",
            input=source,
            install_commands=["pip install --requirement requirements.txt", "npm install --global aws-cdk"],
            commands=["cdk synth"],
        )
        pipeline = pipelines.CodePipeline(self, "Pipeline", synth=synth, pipeline_type=codepipeline.PipelineType.V2)

        canary = FirmwareStage(self, "Canary", group="blinky-canary")
        wait = WaitForDevices(
            "WaitForCanary",
            update=canary.update,
            success_percentage=98,
            maximum_failures=5,
            timeout=Duration.hours(7),
            package=package,
        )
        pipeline.add_stage(canary, post=[wait])
        pipeline.add_stage(FirmwareStage(self, "Fleet", group="blinky-fleet"))


app = App()
Delivery(
    app,
    "Delivery",
    repository=app.node.try_get_context("repository") or "me/blinky",
    connection_arn=app.node.try_get_context("connection")
    or "arn:aws:codeconnections:eu-central-1:111122223333:connection/1",
    package=app.node.try_get_context("package") or "cdk-iot-ota @ git+https://git.example/cdk-iot-ota",
)
app.synth()
