"""AWS Signer signs for an update: signatures verify with its certificates, and devices get the image."""

from __future__ import annotations

import base64
import datetime
import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from cdk_iot_ota_local import LocalAwsError
from cdk_iot_ota_local.devices.document import read_document
from cdk_iot_ota_local.devices.problem import Problem
from cdk_iot_ota_local.devices.profile import TAKES_ALL
from tests.local.signing import Signing, signed_into

IMAGE = b"x" * 1000


@pytest.fixture(scope="session")
def signing(shared: Any) -> Signing:
    """Set up AWS Signer."""
    return Signing(shared)


def signed_object(account: Any, ota_update_id: str) -> dict[str, Any]:
    """Return the location of the one file in the stream of an update."""
    stream = account.document(ota_update_id)["streamname"]
    (file,) = account.iot.describe_stream(streamId=stream)["streamInfo"]["files"]
    return dict(file["s3Location"])


def body(account: Any, location: dict[str, Any]) -> bytes:
    """Return the object in a location of a stream."""
    version = {"VersionId": location["version"]} if "version" in location else {}
    found: bytes = account.s3.get_object(Bucket=location["bucket"], Key=location["key"], **version)["Body"].read()
    return found


def verify(certificate: str, member: str, signature: str, data: bytes) -> None:
    """Raise InvalidSignature unless a member of a job document verifies with a certificate in PEM."""
    key, text = x509.load_pem_x509_certificate(certificate.encode()).public_key(), base64.b64decode(signature)
    if member == "sig-sha1-rsa":
        assert isinstance(key, rsa.RSAPublicKey)
        key.verify(text, data, padding.PKCS1v15(), hashes.SHA1())
    else:
        assert (member, isinstance(key, ec.EllipticCurvePublicKey)) == ("sig-sha256-ecdsa", True)
        assert isinstance(key, ec.EllipticCurvePublicKey)
        key.verify(text, data, ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize("given", ["name", "parameter", "both"])
def test_an_object_is_signed(account: Any, signing: Signing, given: str) -> None:
    """The stream serves the image, and the document has certificate and algorithm of the profile."""
    profile: dict[str, Any] = {"signingProfileName": f"blinky{'' if given == 'name' else '_new'}"}
    profile["signingProfileParameter"] = signing.profile_parameter
    if given != "both":
        del profile["signingProfileParameter" if given == "name" else "signingProfileName"]
    account.created("signed", files=[signed_into(account.bucket, account.file(), **profile)])
    location = signed_object(account, "signed")
    assert location["key"].startswith("signed/")
    assert body(account, location) == IMAGE
    document = account.document("signed")
    (file,) = document["files"]
    assert not isinstance(read_document(json.dumps({"afr_ota": document}), TAKES_ALL), Problem)
    assert (file["certfile"], file["filesize"]) == ("/certs/blinky.pem", len(IMAGE))
    verify(account.aws.signing_certificate(signing.certificate), "sig-sha1-rsa", file["sig-sha1-rsa"], IMAGE)


@pytest.mark.parametrize("platform", ["AmazonFreeRTOS-Default", "AWSIoTDeviceManagement-SHA256-ECDSA"])
def test_two_versions_of_the_signed_object(account: Any, platform: str) -> None:
    """AWS Signer's JSON with payload and signature is the first version, and the pinned image the second."""
    name, bucket = platform.replace("-", "_"), f"signed-{platform.lower()}"
    account.aws.client("signer").put_signing_profile(profileName=name, platformId=platform)
    account.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": account.aws.region})
    account.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    account.created(name, files=[signed_into(bucket, account.file(), signingProfileName=name)])
    newest, first = account.s3.list_object_versions(Bucket=bucket)["Versions"]
    location = {"bucket": bucket, "key": newest["Key"], "version": newest["VersionId"]}
    assert signed_object(account, name) == location
    assert body(account, location) == IMAGE
    written = json.loads(body(account, {**location, "version": first["VersionId"]}))
    (file,) = account.document(name)["files"]
    assert written == {
        "rawPayloadSize": file["filesize"],
        "signature": file["sig-sha256-ecdsa"],
        "signatureAlgorithm": "SHA256withECDSA",
        "payload": base64.b64encode(IMAGE).decode(),
    }
    verify(account.aws.signing_certificate(name), "sig-sha256-ecdsa", written["signature"], IMAGE)


def test_object_of_an_earlier_signing_job(account: Any, signing: Signing) -> None:
    """The image takes the place of what an earlier job wrote, and further updates can use that job."""
    for number in range(2):
        file = {"fileName": "/a", "codeSigning": {"awsSignerJobId": signing.job_id}}
        account.created(f"before-{number}", files=[file])
        location = signed_object(account, f"before-{number}")
        assert (location["key"], body(account, location)) == (f"before/{signing.job_id}", IMAGE)
        (file,) = account.document(f"before-{number}")["files"]
        verify(account.aws.signing_certificate("blinky"), "sig-sha1-rsa", file["sig-sha1-rsa"], IMAGE)


def test_profiles_have_keys_of_their_own(account: Any, signing: Signing) -> None:
    """A certificate in ACM is the one of its profiles, a profile without one has another, and both stay as they are."""
    signer, acm = account.aws.client("signer"), account.aws.client("acm")
    signer.put_signing_profile(profileName="alone", platformId="AmazonFreeRTOS-Default")
    alone, blinky = (account.aws.signing_certificate(name) for name in ("alone", "blinky"))
    assert alone != blinky
    assert (alone, blinky) == tuple(account.aws.signing_certificate(name) for name in ("alone", signing.certificate))
    assert acm.get_certificate(CertificateArn=signing.certificate)["Certificate"] == blinky


def test_an_imported_certificate_signs(account: Any) -> None:
    """A profile signs with the key that its imported certificate has, and a key of another kind fails the job."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([]), datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(pem)
    arn = account.aws.client("acm").import_certificate(Certificate=certificate, PrivateKey=private)["CertificateArn"]
    for profile, platform in (("imported", "AmazonFreeRTOS-Default"), ("of_rsa", "AmazonFreeRTOS-TI-CC3220SF")):
        account.aws.client("signer").put_signing_profile(
            profileName=profile, platformId=platform, signingMaterial={"certificateArn": arn}
        )
    assert account.aws.signing_certificate("imported") == certificate.decode()
    account.created("imported", files=[signed_into(account.bucket, account.file(), signingProfileName="imported")])
    (file,) = account.document("imported")["files"]
    verify(certificate.decode(), "sig-sha256-ecdsa", file["sig-sha256-ecdsa"], IMAGE)
    info = account.created("wrong", files=[signed_into(account.bucket, account.file(), signingProfileName="of_rsa")])
    assert "has no signed object" in info["errorInfo"]["message"]


def test_a_platform_that_is_not_for_devices(account: Any) -> None:
    """A profile for Lambda has no certificate here, and an update that uses it fails."""
    account.aws.client("signer").put_signing_profile(profileName="code", platformId="AWSLambda-SHA384-ECDSA")
    with pytest.raises(LocalAwsError, match="there is no signing profile 'code' for devices"):
        account.aws.signing_certificate("code")
    info = account.created("code", files=[signed_into(account.bucket, account.file(), signingProfileName="code")])
    assert "has no signature for devices: AWSLambda-SHA384-ECDSA" in info["errorInfo"]["message"]


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
