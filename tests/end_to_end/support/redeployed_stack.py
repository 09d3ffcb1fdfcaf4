"""Stacks whose updates need every permission, redeployed with one permission missing at a time."""

import contextlib
import json
from pathlib import Path
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from cdk_iot_ota import CodeSigning, FileLocation, OtaFile, OtaTarget, OtaUpdate, SigningPlatform, SigningProfile
from cdk_iot_ota_local import Fleet, LocalAws, leftovers
from tests.end_to_end.support.declarations import firmware, signed_file
from tests.end_to_end.support.deployment import Declaration, Deployment, DeploymentError
from tests.end_to_end.support.permissions import Permission, permissions, shorten_timeouts, without_permission
from tests.end_to_end.support.resources import create_bucket, delete_update

# Placeholders for the content and the tag, which change from deploy to deploy.
CONTENT, TAG = "content-placeholder", "tag-placeholder"
_BUCKETS = ("kept", "plain", "signed", "signed-plain")


class Prerequisites:
    """Buckets with and without versioning and encryption, a signing profile, a completed signing job, and a thing."""

    def __init__(self, aws: LocalAws, folder: Path) -> None:
        self.aws, self.folder = aws, folder
        with Fleet(aws, "refusals", 1) as fleet:
            fleet.register()
        self.target = OtaTarget.thing(fleet.things[0])
        self.keys = {name: self._create_encrypted_bucket(name) for name in ("kept", "signed")}
        for name in ("plain", "signed-plain"):
            create_bucket(aws, self.name(name), versioned=False)
        self.version = self._put("kept")
        self._put("plain")
        self.certificate = aws.client("acm").request_certificate(DomainName="example.com")["CertificateArn"]
        self.signing_job = self._sign()

    def name(self, bucket: str) -> str:
        """Return the name of a bucket in the account."""
        return self.aws.named(f"refusals-{bucket}")

    def _put(self, bucket: str) -> str:
        """Put the firmware into a bucket, and return its version, if any."""
        answer = self.aws.client("s3").put_object(Bucket=self.name(bucket), Key="blinky.bin", Body=b"firmware")
        return str(answer.get("VersionId"))

    def _create_encrypted_bucket(self, name: str) -> str:
        """Create a versioned and encrypted bucket, and return the ARN of its key."""
        create_bucket(self.aws, self.name(name))
        key: str = self.aws.client("kms").create_key()["KeyMetadata"]["Arn"]
        rule: Any = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
        self.aws.client("s3").put_bucket_encryption(
            Bucket=self.name(name), ServerSideEncryptionConfiguration={"Rules": [rule]}
        )
        return key

    def _sign(self) -> str:
        """Run a signing job of AWS Signer, and return its id."""
        signer = self.aws.client("signer")
        signer.put_signing_profile(
            profileName="refusals",
            platformId="AmazonFreeRTOS-Default",
            signingMaterial={"certificateArn": self.certificate},
            signingParameters={"certname": "/signer.pem"},
        )
        started = signer.start_signing_job(
            profileName="refusals",
            source={"s3": {"bucketName": self.name("plain"), "key": "blinky.bin", "version": "null"}},
            destination={"s3": {"bucketName": self.name("signed-plain"), "prefix": "new/"}},
            clientRequestToken="refusals",
        )
        return str(started["jobId"])

    def generated(self, stack: Stack) -> None:
        """Declare an update with a generated id that needs every permission such an update can need."""
        kept, plain, signed, signed_plain = (self._bucket(stack, name) for name in _BUCKETS)
        profile = SigningProfile(
            certificate_arn=self.certificate,
            platform=SigningPlatform.AMAZON_FREERTOS_DEFAULT,
            certificate_path_on_device="/signer.pem",
        )
        existing_profile = CodeSigning.signer(destination_bucket=signed, profile_name="refusals")
        new_profile = CodeSigning.signer(destination_bucket=signed_plain, profile=profile, destination_prefix="new/")
        location = FileLocation.from_bucket(kept, "blinky.bin")
        declared = FileLocation.from_bucket(kept, "blinky.bin", version=self.version)
        files = [
            signed_file(FileLocation.from_bucket(plain, "blinky.bin"), b"firmware"),
            OtaFile(name="/b", location=location, signing=existing_profile),
            OtaFile(name="/c", location=location, signing=new_profile),
            OtaFile(name="/d", signing=CodeSigning.signer_job(self.signing_job)),
            OtaFile(name="/e", location=declared, signing=CodeSigning.unsigned()),
        ]
        OtaUpdate(stack, "Blinky", targets=[self.target], files=files, description=CONTENT, tags={TAG: "x"})

    def explicit(self, stack: Stack) -> None:
        """Declare an update with an explicit id."""
        OtaUpdate(
            stack,
            "Blinky",
            targets=[self.target],
            files=[firmware(self.folder, "firmware")],
            ota_update_id=CONTENT,
            description=CONTENT,
            tags={TAG: "x"},
        )

    def _bucket(self, stack: Stack, name: str) -> s3.IBucket:
        key = kms.Key.from_key_arn(stack, f"Key{name}", self.keys[name]) if name in self.keys else None
        return s3.Bucket.from_bucket_attributes(stack, name, bucket_name=self.name(name), encryption_key=key)


class RedeployedStack:
    """A stack that is deployed repeatedly, with new content or new tags."""

    def __init__(self, deployment: Deployment, declare: Declaration) -> None:
        self.deployment = deployment
        self._folder = deployment.synth(declare)
        shorten_timeouts(self._folder)
        self._template = self._folder / f"{deployment.name}.template.json"
        self._text = self._template.read_text()
        self._content = 0

    @property
    def granted_permissions(self) -> list[Permission]:
        """The permissions that the policies of the stack grant."""
        return permissions(json.loads(self._text))

    def replace(self, *, missing: Permission | None = None) -> list[str]:
        """Deploy new content, and return the reasons of failed resources."""
        self._content += 1
        return self._deploy("a", missing)

    def tag(self, *, missing: Permission | None = None) -> list[str]:
        """Deploy the same content with other tags, and return the reasons of failed resources."""
        return self._deploy("b", missing)

    def recover(self) -> list[str]:
        """Deploy with all permissions, and delete updates that could not be deleted without one."""
        if self.deployment.status() == "UPDATE_ROLLBACK_FAILED":
            self._continue_rollback()
        reasons = self._deploy("a", None)
        for update in leftovers(self.deployment.aws).ota_updates:
            if self.deployment.name in update and update != self._update()["PhysicalResourceId"]:
                delete_update(self.deployment.aws, update)
        return reasons

    def _deploy(self, tag: str, missing: Permission | None) -> list[str]:
        text = self._text.replace(CONTENT, f"{self.deployment.name}-{self._content}").replace(TAG, tag)
        template = json.loads(text)
        self._template.write_text(json.dumps(template if missing is None else without_permission(template, missing)))
        with contextlib.suppress(DeploymentError):
            self.deployment.apply(self._folder)
        return self.deployment.reasons()

    def _update(self) -> dict[str, Any]:
        pages = self.deployment.aws.client("cloudformation").get_paginator("list_stack_resources")
        (found,) = [
            dict(resource)
            for page in pages.paginate(StackName=self.deployment.name)
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] == "Custom::IoTOTAUpdate"
        ]
        return found

    def _continue_rollback(self) -> None:
        """Finish a failed rollback: it needed the missing permission as well, to restore the tags."""
        cloudformation, name = self.deployment.aws.client("cloudformation"), self.deployment.name
        cloudformation.continue_update_rollback(StackName=name, ResourcesToSkip=[self._update()["LogicalResourceId"]])
        cloudformation.get_waiter("stack_rollback_complete").wait(StackName=name)
