"""The constructs under each way of CDK to synthesize: synthesizers, stages, pipelines, nested stacks, feature flags."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import (
    App,
    BootstraplessSynthesizer,
    CliCredentialsStackSynthesizer,
    DefaultStackSynthesizer,
    Environment,
    LegacyStackSynthesizer,
    NestedStack,
    PermissionsBoundary,
    Stack,
    Stage,
    pipelines,
)
from aws_cdk import app_staging_synthesizer_alpha as app_staging
from aws_cdk import aws_codecommit as codecommit
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk_iot_ota import FileLocation, OtaTarget, OtaUpdate, OtaUpdateProvider, Phase, PhasedRollout, RolloutGate

from .stacks import firmware, ota_file, ota_update

ENVIRONMENT = Environment(account="111122223333", region="eu-central-1")
FLAGS = json.loads((Path(__file__).parents[2] / "cdk.json").read_text())["context"]


def staged() -> Any:
    """Return the synthesizer that uploads the assets of an app to a bucket of the app."""
    return app_staging.AppStagingSynthesizer.default_resources(
        app_id="own", staging_bucket_encryption=s3.BucketEncryption.S3_MANAGED
    )


SYNTHESIZERS: dict[str, Callable[[], Any]] = {
    "CDK's default": lambda: None,
    "a qualifier and a prefix of assets": lambda: DefaultStackSynthesizer(qualifier="own", bucket_prefix="firmware/"),
    "a bucket for assets": lambda: DefaultStackSynthesizer(file_assets_bucket_name="assets-${AWS::Region}"),
    "the credentials of the CLI": CliCredentialsStackSynthesizer,
    "CDK 1's": LegacyStackSynthesizer,
    "a bucket of the app": staged,
}
CONTEXTS: dict[str, dict[str, Any]] = {
    "no flags": {},
    "the flags of a new app": FLAGS,
    "the synthesizer of CDK 1": {"@aws-cdk/core:newStyleStackSynthesis": False},
    "a qualifier": {"@aws-cdk/core:bootstrapQualifier": "own"},
    "a boundary of all roles": {"@aws-cdk/core:permissionsBoundary": {"name": "boundary-${Qualifier}"}},
}


def of_updates(app: App) -> list[dict[str, Any]]:
    """Return the properties of all updates that an app renders, after checking what each of them needs."""
    found = []
    for path in sorted(Path(app.synth().directory).rglob("*.template.json")):
        resources = json.loads(path.read_text())["Resources"]
        for resource in resources.values():
            if resource["Type"] == "Custom::IoTOTAUpdate":
                assert set(resource["DependsOn"]) <= set(resources)
                found.append(resource["Properties"])
    return found


@pytest.mark.parametrize("synthesizer", SYNTHESIZERS.values(), ids=SYNTHESIZERS)
@pytest.mark.parametrize("environment", [None, ENVIRONMENT], ids=["agnostic", "known"])
def test_each_synthesizer(synthesizer: Callable[[], Any], environment: Environment | None, tmp_path: Path) -> None:
    """An update of an asset is rendered under each synthesizer that takes assets, wherever the stack is."""
    app = App(analytics_reporting=False)
    prod = Stack(app, "Prod", synthesizer=synthesizer(), env=environment)
    ota_update(prod, "Blinky", firmware(tmp_path))
    ota_update(NestedStack(prod, "Nested"), "Blinky", firmware(tmp_path))
    assert len(of_updates(app)) == 2


@pytest.mark.parametrize("context", CONTEXTS.values(), ids=CONTEXTS)
def test_each_set_of_flags(context: dict[str, Any], tmp_path: Path) -> None:
    """An update and a gated rollout are rendered with the feature flags of new apps, and with none."""
    app = App(analytics_reporting=False, context=context)
    prod = Stack(app, "Prod", permissions_boundary=PermissionsBoundary.from_name("mine"))
    ota_update(prod, "Blinky", firmware(tmp_path), gate=RolloutGate())
    PhasedRollout(
        prod,
        "Rollout",
        phases=[
            Phase("Canary", targets=[OtaTarget.thing_group("canary")]),
            Phase("Fleet", targets=[OtaTarget.thing_group("fleet")]),
        ],
        files=[ota_file(FileLocation.from_asset(firmware(tmp_path)))],
    )
    assert len(of_updates(app)) == 3


def without_assets(scope: Construct, **options: Any) -> OtaUpdate:
    """Declare an update of an object in a bucket."""
    bucket = s3.Bucket.from_bucket_name(scope, "Bucket", "firmware")
    return ota_update(scope, "Blinky", Path(), files=[ota_file(FileLocation.from_bucket(bucket, "a.bin"))], **options)


def test_a_stack_without_bootstrap_resources(tmp_path: Path) -> None:
    """A stack that can upload no assets has updates of objects in buckets, with the provider of another stack."""
    app = App(analytics_reporting=False)
    provider = OtaUpdateProvider(Stack(app, "Shared"), "Provider")
    prod = Stack(app, "Prod", synthesizer=BootstraplessSynthesizer())
    without_assets(prod, provider=provider)
    assert len(of_updates(app)) == 1
    with pytest.raises(
        ValueError, match=r"^Prod/Asset: path .*BootstraplessSynthesizer: use FileLocation\.from_bucket"
    ):
        ota_update(prod, "Asset", firmware(tmp_path), provider=provider)


def test_a_provider_needs_assets() -> None:
    """The provider of a stack that can upload no assets is refused with the way out."""
    prod = Stack(App(analytics_reporting=False), "Prod", synthesizer=BootstraplessSynthesizer())
    with pytest.raises(ValueError, match=r"Prod/OtaUpdateProvider: .*BootstraplessSynthesizer.* provider="):
        without_assets(prod)


def test_stages_of_a_pipeline(tmp_path: Path) -> None:
    """The stages of a pipeline have separate updates, whose ids start with the name of the stage."""
    app = App(analytics_reporting=False)
    tools = Stack(app, "Tools", env=ENVIRONMENT)
    code: Any = codecommit.Repository(tools, "Code", repository_name="code")
    source = pipelines.CodePipelineSource.code_commit(code, "main")
    pipeline = pipelines.CodePipeline(
        tools, "Pipeline", synth=pipelines.ShellStep("Synth", input=source, commands=["npx cdk synth"])
    )
    for name in ("Beta", "Prod"):
        stage = Stage(app, name, env=ENVIRONMENT)
        ota_update(Stack(stage, "Firmware"), "Blinky", firmware(tmp_path))
        pipeline.add_stage(stage)
    assert [update["IdPrefix"] for update in of_updates(app)] == ["Beta-Firmware_", "Prod-Firmware_"]
