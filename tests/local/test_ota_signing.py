"""AWS Signer signs for an update: the signed object exists, and devices get a document that they can use."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cdk_iot_ota_local.devices.device import document_problem
from tests.local.signing import Signing, signed_into


@pytest.fixture(scope="session")
def signing(shared: Any) -> Signing:
    """Set up AWS Signer."""
    return Signing(shared)


def signed_object(account: Any, ota_update_id: str) -> dict[str, Any]:
    """Return the location of the one file in the stream of an update."""
    stream = account.document(ota_update_id)["streamname"]
    (file,) = account.iot.describe_stream(streamId=stream)["streamInfo"]["files"]
    return dict(file["s3Location"])


@pytest.mark.parametrize("given", ["name", "parameter", "both"])
def test_an_object_is_signed(account: Any, signing: Signing, given: str) -> None:
    """The stream serves the signed object, and the document has certificate and algorithm of the profile."""
    profile: dict[str, Any] = {"signingProfileName": f"blinky{'' if given == 'name' else '_new'}"}
    profile["signingProfileParameter"] = signing.profile_parameter
    if given != "both":
        del profile["signingProfileParameter" if given == "name" else "signingProfileName"]
    account.created("signed", files=[signed_into(account.bucket, account.file(), **profile)])
    location = signed_object(account, "signed")
    assert location["key"].startswith("signed/")
    body = account.s3.get_object(Bucket=location["bucket"], Key=location["key"])["Body"].read()
    assert json.loads(body)["source"]["key"] == "blinky.bin"
    document = account.document("signed")
    (file,) = document["files"]
    assert document_problem(json.dumps({"afr_ota": document})) is None
    assert "sig-sha1-rsa" in file
    assert (file["certfile"], file["filesize"]) == ("/certs/blinky.pem", len(body))


def test_object_of_an_earlier_signing_job(account: Any, signing: Signing) -> None:
    """The stream serves the object that an earlier signing job signed."""
    account.created("before", files=[{"fileName": "/a", "codeSigning": {"awsSignerJobId": signing.job_id}}])
    assert signed_object(account, "before")["key"] == f"before/{signing.job_id}"
    assert document_problem(json.dumps({"afr_ota": account.document("before")})) is None


@pytest.mark.parametrize(
    ("signing_of", "reason"),
    [
        ({"awsSignerJobId": "nothing"}, "Signing job nothing not found"),
        (signed_into("b", {}, signingProfileName="nothing")["codeSigning"], "Signing profile nothing not found"),
        (signed_into("no-bucket", {}, signingProfileName="blinky")["codeSigning"], "bucket no-bucket not found"),
    ],
)
def test_missing_signing_resources(account: Any, signing: Signing, signing_of: Any, reason: str) -> None:
    """A missing signing job, profile or destination ends in CREATE_FAILED with AWS Signer's message."""
    info = account.created("missing", files=[{**account.file(), "codeSigning": signing_of}])
    assert info["otaUpdateStatus"] == "CREATE_FAILED"
    assert info["errorInfo"]["code"] == "AWSSignerException"
    assert reason in info["errorInfo"]["message"]
    assert "Error Code: ResourceNotFoundException)" in info["errorInfo"]["message"]
