#!/usr/bin/env python3
"""Example app: an OTA update that ships one firmware image to a thing group.

`cdk deploy` creates the update; changed firmware replaces it; `cdk destroy` deletes it. The context sets what is
shipped, so that a build can run `cdk deploy -c firmware=build/blinky.bin -c version=1.1.0`.
"""

from pathlib import Path

from aws_cdk import App, CfnOutput, Stack
from constructs import Construct

from cdk_iot_ota import (
    CodeSigning,
    FileLocation,
    HashAlgorithm,
    OtaFile,
    OtaServiceRole,
    OtaTarget,
    OtaUpdate,
    SignatureAlgorithm,
)


class BlinkyFirmware(Stack):
    """An OTA update of all devices of a thing group.

    :param firmware: the image. In the same folder are its raw signature, with the suffix ``.sig``, and the signer's
        certificate, ``signer.pem``.
    :param version: the image's version.
    :param thing_group: the name of the devices' thing group.
    """

    def __init__(self, scope: Construct, id: str, *, firmware: Path, version: str, thing_group: str) -> None:
        super().__init__(scope, id)
        update = OtaUpdate(
            self,
            "Blinky",
            targets=[OtaTarget.thing_group(thing_group)],
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
            role=OtaServiceRole(self, "ServiceRole"),
            description=f"blinky {version}",
            tags={"firmware": f"blinky-{version}"},
        )
        CfnOutput(self, "OtaUpdateId", value=update.ota_update_id)
        CfnOutput(self, "JobId", value=update.job_id)
        CfnOutput(self, "Status", value=update.status)


app = App()
BlinkyFirmware(
    app,
    "BlinkyFirmware",
    firmware=Path(app.node.try_get_context("firmware") or Path(__file__).parent / "firmware" / "blinky.bin"),
    version=app.node.try_get_context("version") or "1.0.0",
    thing_group=app.node.try_get_context("thing_group") or "blinky-fleet",
)
app.synth()
