"""Files that AWS Signer signs or has signed, in the account with IAM."""

from __future__ import annotations

from typing import Any

_PLATFORM = "AmazonFreeRTOS-TI-CC3220SF"


class Signing:
    """A certificate, a profile `blinky`, and a job that has signed an object of the account's bucket."""

    def __init__(self, account: Any) -> None:
        signer = account.aws.client("signer")
        acm = account.aws.client("acm")
        self.certificate: str = acm.request_certificate(DomainName="example.com")["CertificateArn"]
        signer.put_signing_profile(
            profileName="blinky",
            platformId=_PLATFORM,
            signingMaterial={"certificateArn": self.certificate},
            signingParameters={"certname": "/certs/blinky.pem"},
        )
        # For a profile that AWS IoT creates.
        self.profile_parameter = {
            "certificateArn": self.certificate,
            "platform": _PLATFORM,
            "certificatePathOnDevice": "/certs/blinky.pem",
        }
        self.job_id: str = signer.start_signing_job(
            profileName="blinky",
            source={"s3": {"bucketName": account.bucket, "key": "blinky.bin", "version": "null"}},
            destination={"s3": {"bucketName": account.bucket, "prefix": "before/"}},
            clientRequestToken="before",
        )["jobId"]


def signed_into(bucket: str, file: dict[str, Any], **profile: Any) -> dict[str, Any]:
    """Return a file that AWS Signer signs into a bucket."""
    destination = {"s3Destination": {"bucket": bucket, "prefix": "signed/"}}
    return {**file, "codeSigning": {"startSigningJobParameter": {**profile, "destination": destination}}}
