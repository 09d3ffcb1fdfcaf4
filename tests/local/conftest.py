"""One running emulator for the tests of this folder, and an account in it that is ready for OTA updates."""

from __future__ import annotations

import base64
import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cdk_iot_ota_local import LocalAws
from tests.local.roles import Roles
from tests.local.secret_bucket import SecretBucket
from tests.signing_key import sign

IMAGE = b"x" * 1000
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "iot.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


class Account:
    """Clients and everything that an OTA update needs: a bucket, an object, a role and a thing."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.iot, self.s3, self.iam = aws.client("iot"), aws.client("s3"), aws.client("iam")
        self.bucket = "firmware-bucket"
        self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": aws.region})
        self.s3.put_object(Bucket=self.bucket, Key="blinky.bin", Body=IMAGE)
        self.role = self.iam.create_role(RoleName="ota", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        self.thing = self.iot.create_thing(thingName="bench-1")["thingArn"]

    def file(self, *, key: str = "blinky.bin", **location: Any) -> dict[str, Any]:
        """Return a signed file in S3."""
        signing = {
            "signature": {"inlineDocument": base64.b64encode(sign(IMAGE))},
            "certificateChain": {"certificateName": "/certs/signer.pem"},
            "hashAlgorithm": "SHA256",
            "signatureAlgorithm": "ECDSA",
        }
        return {
            "fileName": "/firmware/blinky.bin",
            "fileType": 2,
            "fileLocation": {"s3Location": {"bucket": self.bucket, "key": key, **location}},
            "codeSigning": {"customCodeSigning": signing},
        }

    def create(self, ota_update_id: str, **changes: Any) -> dict[str, Any]:
        """Call CreateOTAUpdate, by default for the thing and the file."""
        request = {"targets": [self.thing], "roleArn": self.role, "files": [self.file()], **changes}
        answer: dict[str, Any] = self.iot.create_ota_update(otaUpdateId=ota_update_id, **request)
        return answer

    def created(self, ota_update_id: str, **changes: Any) -> dict[str, Any]:
        """Create an update and wait until its creation has ended."""
        self.create(ota_update_id, **changes)
        return self.settled(ota_update_id)

    def info(self, ota_update_id: str) -> dict[str, Any]:
        """Call GetOTAUpdate."""
        found: dict[str, Any] = self.iot.get_ota_update(otaUpdateId=ota_update_id)["otaUpdateInfo"]
        return found

    def settled(self, ota_update_id: str) -> dict[str, Any]:
        """Wait until nothing is in progress, and return the update."""
        deadline = time.monotonic() + 10
        while True:
            found = self.info(ota_update_id)
            if not found["otaUpdateStatus"].endswith(("_PENDING", "_IN_PROGRESS")):
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.01)

    def delete(self, ota_update_id: str, *, force: bool = True, stream: bool = True) -> None:
        """Call DeleteOTAUpdate."""
        self.iot.delete_ota_update(otaUpdateId=ota_update_id, forceDeleteAWSJob=force, deleteStream=stream)

    def gone(self, ota_update_id: str) -> None:
        """Wait until the update is deleted."""
        deadline = time.monotonic() + 10
        while ota_update_id in self.ids():
            assert time.monotonic() < deadline, self.info(ota_update_id)
            time.sleep(0.01)

    def remove(self, ota_update_id: str) -> None:
        """Delete an update with job and stream, if it exists."""
        with contextlib.suppress(self.iot.exceptions.ResourceNotFoundException):
            self.delete(ota_update_id)
        self.gone(ota_update_id)

    def ids(self, **options: Any) -> list[str]:
        """Return the ids in ListOTAUpdates."""
        return [update["otaUpdateId"] for update in self.iot.list_ota_updates(**options)["otaUpdates"]]

    def document(self, ota_update_id: str) -> dict[str, Any]:
        """Return the job document of an update."""
        text = self.iot.get_job_document(jobId=f"AFR_OTA-{ota_update_id}")["document"]
        found: dict[str, Any] = json.loads(text)["afr_ota"]
        return found


@pytest.fixture(scope="session")
def aws() -> Iterator[LocalAws]:
    """Start an emulator without IAM."""
    with LocalAws() as running:
        yield running


@pytest.fixture(scope="session")
def shared(aws: LocalAws) -> Account:
    """Set up the account of the running emulator."""
    return Account(aws)


@pytest.fixture
def account(shared: Account) -> Iterator[Account]:
    """Give a test the account with short steps, and remove its faults, settings and updates afterwards."""
    shared.aws.settings.update(step_seconds=0.02)
    yield shared
    shared.aws.faults.clear()
    shared.aws.settings.reset()
    shared.aws.settings.update(step_seconds=0.0)
    deadline = time.monotonic() + 20
    while left := shared.ids():
        assert time.monotonic() < deadline, left
        for ota_update_id in left:
            # Still being created, or deleted in the meantime: the next round handles it.
            with contextlib.suppress(ClientError):
                shared.delete(ota_update_id)
    for stream in shared.iot.list_streams()["streams"]:
        shared.iot.delete_stream(streamId=stream["streamId"])


@pytest.fixture(scope="session")
def secured() -> Iterator[Account]:
    """Set up an account in an emulator that enforces IAM."""
    with LocalAws(auth=True) as running:
        yield Account(running)


@pytest.fixture(scope="session")
def _roles(secured: Account) -> Roles:
    return Roles(secured)


@pytest.fixture
def roles(_roles: Roles) -> Iterator[Roles]:
    """Give a test roles and their clients in the account with IAM, with short steps."""
    _roles.account.aws.settings.update(step_seconds=0.01)
    yield _roles
    _roles.account.aws.settings.reset()


@pytest.fixture(scope="session")
def secret(secured: Account) -> SecretBucket:
    """Create a versioned and encrypted bucket in the account with IAM."""
    return SecretBucket(secured.aws, "secret-bucket")
