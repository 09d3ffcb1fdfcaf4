"""An app with an update under three synthesizers, in a stage, in a nested stack and beside its own assets' bucket."""

from pathlib import Path
from typing import Any

from aws_cdk import App, CfnOutput, CliCredentialsStackSynthesizer, LegacyStackSynthesizer, NestedStack, Stack, Stage
from aws_cdk import app_staging_synthesizer_alpha as app_staging
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk_iot_ota import CodeSigning, FileLocation, HashAlgorithm, OtaFile, OtaTarget, OtaUpdate, SignatureAlgorithm

FIRMWARE = Path(__file__).resolve().parents[3] / "firmware" / "blinky.bin"
# The names of the stacks.
LEGACY, IN_STAGE, STAGED = "Legacy", "Prod-CliCredentials", "AppStaging"


def declare(scope: Construct) -> None:
    """Declare an update of the group that is named after the stack, and its job as an output of that stack."""
    stack = Stack.of(scope).nested_stack_parent or Stack.of(scope)
    update = OtaUpdate(
        scope,
        "Blinky",
        targets=[OtaTarget.thing_group(stack.stack_name)],
        files=[
            OtaFile(
                name="/blinky.bin",
                location=FileLocation.from_asset(FIRMWARE),
                signing=CodeSigning.custom(
                    signature=FIRMWARE.with_suffix(".sig"),
                    hash_algorithm=HashAlgorithm.SHA256,
                    signature_algorithm=SignatureAlgorithm.ECDSA,
                    certificate_name="/certificates/signer.pem",
                ),
            )
        ],
    )
    CfnOutput(stack, "JobId", value=update.job_id)


def main() -> None:
    """Synthesize the app."""
    app = App(analytics_reporting=False)
    declare(Stack(app, LEGACY, synthesizer=LegacyStackSynthesizer()))
    stage = Stage(app, "Prod")
    declare(NestedStack(Stack(stage, "CliCredentials", synthesizer=CliCredentialsStackSynthesizer()), "Nested"))
    own_bucket: Any = app_staging.AppStagingSynthesizer.default_resources(
        app_id="own",
        staging_bucket_encryption=s3.BucketEncryption.S3_MANAGED,
        # Emptying the bucket takes a function in JavaScript.
        auto_delete_staging_assets=False,
    )
    declare(Stack(app, STAGED, synthesizer=own_bucket))
    app.synth()


if __name__ == "__main__":
    main()
