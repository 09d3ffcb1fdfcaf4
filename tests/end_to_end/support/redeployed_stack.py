"""Stacks that need every permission of ours, deployed again and again with one of them missing."""

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

# In place of what is another in each deploy.
CONTENT, TAG = "in-place-of-content", "in-place-of-a-tag"
_BUCKETS = ("kept", "plain", "signed", "signed-plain")


class World:
    """Buckets with and without versions and keys, a signing profile, a signing job that is over, and a thing."""

    def __init__(self, aws: LocalAws, folder: Path) -> None:
        self.aws, self.folder = aws, folder
        with Fleet(aws, "refusals", 1) as fleet:
            fleet.register()
        self.target = OtaTarget.thing(fleet.things[0])
        self.keys = {name: self._encrypted_bucket(name) for name in ("kept", "signed")}
        for name in ("plain", "signed-plain"):
            create_bucket(aws, self.name(name), versioned=False)
        for name in ("kept", "plain"):
            aws.client("s3").put_object(Bucket=self.name(name), Key="blinky.bin", Body=b"firmware")
        self.certificate = aws.client("acm").request_certificate(DomainName="example.com")["CertificateArn"]
        self.signing_job = self._signed()

    def name(self, bucket: str) -> str:
        """A bucket's name in the account."""
        return self.aws.named(f"refusals-{bucket}")

    def _encrypted_bucket(self, name: str) -> str:
        """A bucket that keeps versions, under a key; the key's ARN."""
        create_bucket(self.aws, self.name(name))
        key: str = self.aws.client("kms").create_key()["KeyMetadata"]["Arn"]
        rule: Any = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
        self.aws.client("s3").put_bucket_encryption(
            Bucket=self.name(name), ServerSideEncryptionConfiguration={"Rules": [rule]}
        )
        return key

    def _signed(self) -> str:
        """A job of AWS Signer that is over."""
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
        """An update that needs all that one with a generated id can need."""
        kept, plain, signed, signed_plain = (self._bucket(stack, name) for name in _BUCKETS)
        profile = SigningProfile(
            certificate_arn=self.certificate,
            platform=SigningPlatform.AMAZON_FREERTOS_DEFAULT,
            certificate_path_on_device="/signer.pem",
        )
        by_name = CodeSigning.signer(destination_bucket=signed, profile_name="refusals")
        by_new = CodeSigning.signer(destination_bucket=signed_plain, profile=profile, destination_prefix="new/")
        place = FileLocation.from_bucket(kept, "blinky.bin")
        files = [
            signed_file(FileLocation.from_bucket(plain, "blinky.bin")),
            OtaFile(name="/b", location=place, signing=by_name),
            OtaFile(name="/c", location=place, signing=by_new),
            OtaFile(name="/d", signing=CodeSigning.signer_job(self.signing_job)),
        ]
        OtaUpdate(stack, "Blinky", targets=[self.target], files=files, description=CONTENT, tags={TAG: "x"})

    def explicit(self, stack: Stack) -> None:
        """An update with an id of its own."""
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


class Stage:
    """A stack that is deployed again and again, each time with another content."""

    def __init__(self, deployment: Deployment, declare: Declaration) -> None:
        self.deployment = deployment
        self._folder = deployment.synth(declare)
        shorten_timeouts(self._folder)
        self._template = self._folder / f"{deployment.name}.template.json"
        self._text = self._template.read_text()
        self._content = 0

    @property
    def granted(self) -> list[Permission]:
        """All that the policies of the stack grant."""
        return permissions(json.loads(self._text))

    def replace(self, *, missing: Permission | None = None) -> list[str]:
        """Deploy the next content; what has failed, in the stack's words."""
        self._content += 1
        return self._deploy("a", missing)

    def tag(self, *, missing: Permission | None = None) -> list[str]:
        """Deploy the same content with other tags; what has failed, in the stack's words."""
        return self._deploy("b", missing)

    def recover(self) -> list[str]:
        """Deploy what should be there with all permissions, and delete what could not be deleted without one."""
        if self.deployment.status() == "UPDATE_ROLLBACK_FAILED":
            self._go_on()
        failed = self._deploy("a", None)
        for update in leftovers(self.deployment.aws).ota_updates:
            if self.deployment.name in update and update != self._update()["PhysicalResourceId"]:
                delete_update(self.deployment.aws, update)
        return failed

    def _deploy(self, tag: str, missing: Permission | None) -> list[str]:
        text = self._text.replace(CONTENT, f"{self.deployment.name}-{self._content}").replace(TAG, tag)
        template = json.loads(text)
        self._template.write_text(json.dumps(template if missing is None else without_permission(template, missing)))
        before = len(self.deployment.reasons()) if self.deployment.exists() else 0
        with contextlib.suppress(DeploymentError):
            self.deployment.apply(self._folder)
        reasons = self.deployment.reasons()
        return reasons[: len(reasons) - before]

    def _update(self) -> dict[str, Any]:
        pages = self.deployment.aws.client("cloudformation").get_paginator("list_stack_resources")
        (found,) = [
            dict(resource)
            for page in pages.paginate(StackName=self.deployment.name)
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] == "Custom::IoTOTAUpdate"
        ]
        return found

    def _go_on(self) -> None:
        """Leave a rollback that has failed: it needed the permission as well, to set the tags back."""
        cloudformation, name = self.deployment.aws.client("cloudformation"), self.deployment.name
        cloudformation.continue_update_rollback(StackName=name, ResourcesToSkip=[self._update()["LogicalResourceId"]])
        cloudformation.get_waiter("stack_rollback_complete").wait(StackName=name)
