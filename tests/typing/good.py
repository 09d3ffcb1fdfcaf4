"""User code that must type-check under strict mypy and pyright, without a cast or an ignored line."""

from pathlib import Path

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_iot as iot
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk.interfaces import aws_iot as iot_interfaces
from constructs import Construct

from cdk_iot_ota import (
    AbortCriterion,
    CodeSigning,
    FailureType,
    FileLocation,
    HashAlgorithm,
    IOtaUpdate,
    OtaFile,
    OtaServiceRole,
    OtaTarget,
    OtaUpdate,
    OtaUpdateProvider,
    Protocol,
    RolloutRate,
    SignatureAlgorithm,
    SigningPlatform,
    SigningProfile,
    TargetSelection,
)


class Firmware(Stack):
    """A stack that uses the whole public API."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        bucket = s3.Bucket(self, "Bucket", versioned=True)
        existing = s3.Bucket.from_bucket_name(self, "Existing", "firmware")
        group = iot.CfnThingGroup(self, "Group")
        signing = CodeSigning.custom(
            signature=Path("blinky.sig"),
            hash_algorithm=HashAlgorithm.SHA256,
            signature_algorithm=SignatureAlgorithm.ECDSA,
            certificate_name="/signer.pem",
            certificate_chain=Path("chain.pem"),
            certificate=Path("signer.pem"),
        )
        profile = SigningProfile(
            certificate_arn="arn:aws:acm:eu-central-1:111122223333:certificate/1",
            platform=SigningPlatform.AMAZON_FREERTOS_DEFAULT,
            certificate_path_on_device="/signer.pem",
        )
        added: SigningPlatform = SigningPlatform.of("AWSIoTDeviceManagement-SHA384-ECDSA")
        another = SigningProfile(
            certificate_arn=profile.certificate_arn, platform=added, certificate_path_on_device=added.value
        )
        files = [
            OtaFile(name="/a", location=FileLocation.from_asset("a.bin"), signing=signing),
            OtaFile(name="/b", location=FileLocation.from_bucket(bucket, "b"), signing=CodeSigning.unsigned()),
            OtaFile(
                name="/c",
                location=FileLocation.from_bucket(existing, "c", version="v"),
                signing=CodeSigning.signer(destination_bucket=bucket, profile=profile),
                version="1",
                type=1,
                attributes={"k": "v"},
            ),
            OtaFile(
                name="/f",
                location=FileLocation.from_bucket(bucket, "f"),
                signing=CodeSigning.signer(destination_bucket=existing, profile=another),
            ),
            OtaFile(name="/d", signing=CodeSigning.signer_job("job-1")),
            OtaFile(name="/e", location=FileLocation.from_stream("s", 0), signing=signing),
        ]
        update = OtaUpdate(
            self,
            "Blinky",
            targets=(
                OtaTarget.thing_group("fleet"),
                OtaTarget.thing_group(group),
                OtaTarget.thing("a"),
                OtaTarget.thing(iot.CfnThing(self, "Thing")),
                OtaTarget.from_arn(group.attr_arn),
                *referenced(group, iot.CfnThing(self, "Another")),
            ),
            files=files,
            role=OtaServiceRole(self, "Role"),
            ota_update_id="blinky-1",
            description="blinky",
            protocols=[Protocol.HTTP],
            target_selection=TargetSelection.SNAPSHOT,
            rollout=RolloutRate.exponential(base_per_minute=1, increment_factor=1.5, after_succeeded=10),
            abort_criteria=[
                AbortCriterion(failure=FailureType.ALL, threshold_percentage=2.5, minimum_executed=10),
            ],
            in_progress_timeout=Duration.hours(1),
            presigned_url_expiry=Duration.minutes(10),
            additional_parameters={"k": "v"},
            tags={"team": "devices"},
            delete_stream=True,
            force_delete_job=True,
            removal_policy=RemovalPolicy.RETAIN,
            provider=OtaUpdateProvider(self, "Provider"),
        )
        plain = iam.Role(self, "Plain", assumed_by=OtaServiceRole(self, "Other").grant_principal)
        OtaUpdate(self, "Second", targets=[OtaTarget.thing("a")], files=files, role=plain)
        imported: IOtaUpdate = OtaUpdate.from_ota_update_id(self, "Imported", "blinky-0")
        read(plain, update, imported, OtaUpdate.from_ota_update_arn(self, "ByArn", update.ota_update_arn))
        observe(self, update, imported)


def referenced(group: iot_interfaces.IThingGroupRef, thing: iot_interfaces.IThingRef) -> list[OtaTarget]:
    """Use CDK's interfaces for references as targets."""
    return [OtaTarget.thing_group(group), OtaTarget.thing(thing)]


def observe(scope: Construct, update: OtaUpdate, imported: IOtaUpdate) -> None:
    """Attach metrics, widgets and rules to updates."""
    failed = update.metric_failed(period=Duration.minutes(5), label="failed")
    alarm = failed.create_alarm(scope, "Alarm", threshold=1, evaluation_periods=1)
    dashboard = cloudwatch.Dashboard(scope, "Dashboard")
    dashboard.add_widgets(cloudwatch.GraphWidget(left=[failed, imported.metric_succeeded()]))
    for row in update.dashboard_widgets(alarms=[alarm]):
        dashboard.add_widgets(*row)
    topic = sns.Topic.from_topic_arn(scope, "Topic", "arn:aws:sns:eu-central-1:111122223333:topic")
    update.on_deployed("Deployed", target=targets.SnsTopic(topic), description="of blinky")


def read(grantee: iam.IGrantable, *updates: IOtaUpdate) -> list[str]:
    """Use updates of any kind as an `IOtaUpdate`."""
    for update in updates:
        update.grant_read(grantee)
    return [part for update in updates for part in (update.ota_update_id, update.job_id, update.job_arn)]
