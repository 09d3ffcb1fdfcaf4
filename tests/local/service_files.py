"""Files of updates, and the permissions that a service role needs for each of them."""

from __future__ import annotations

from typing import Any

from tests.local.roles import ACCOUNT, JOB, READ, REGION, Permission
from tests.local.secret_bucket import SecretBucket
from tests.local.signing import Signing, signed_into

_SIGNER = f"arn:aws:signer:{REGION}:{ACCOUNT}:/signing-"


def _in_versions(bucket: str) -> list[Permission]:
    """Return the permissions to list a bucket and the versions in it."""
    return [
        ("s3:GetBucketLocation", f"arn:aws:s3:::{bucket}"),
        ("s3:ListBucket", f"arn:aws:s3:::{bucket}"),
        ("s3:ListBucketVersions", f"arn:aws:s3:::{bucket}"),
    ]


def _signed(bucket: str, key: str, profile: str = "blinky", get: str = "s3:GetObject") -> list[Permission]:
    """Return the permissions to let AWS Signer sign the account's file into a bucket with a key."""
    return [
        *READ,
        ("signer:GetSigningProfile", f"{_SIGNER}profiles/{profile}"),
        ("signer:StartSigningJob", f"{_SIGNER}profiles/{profile}"),
        ("signer:DescribeSigningJob", f"{_SIGNER}jobs/*"),
        *_in_versions(bucket),
        ("s3:PutObject", f"arn:aws:s3:::{bucket}/signed/*"),
        (get, f"arn:aws:s3:::{bucket}/signed/*"),
        ("kms:GenerateDataKey", key),
        ("kms:Decrypt", key),
    ]


# The names in curly brackets are those of `ServiceFiles` and of `Roles.statements`.
NEEDED: dict[str, list[Permission]] = {
    "plain": [*JOB, *READ],
    "of a version, with a key": [
        *JOB,
        *_in_versions("secret-bucket"),
        ("s3:GetObjectVersion", "arn:aws:s3:::secret-bucket/blinky.bin"),
        ("kms:Decrypt", "{secret_key}"),
    ],
    "signed": [*JOB, *_signed("signed-bucket", "{signed_key}")],
    "signed into versions": [*JOB, *_signed("secret-bucket", "{secret_key}", get="s3:GetObjectVersion")],
    "signed with a new profile": [
        *JOB,
        *_signed("signed-bucket", "{signed_key}", profile="*"),
        ("signer:PutSigningProfile", f"{_SIGNER}profiles/*"),
    ],
    "signed before": [
        *JOB,
        ("signer:DescribeSigningJob", f"{_SIGNER}jobs/{{job_id}}"),
        ("s3:GetObject", "arn:aws:s3:::{bucket}/before/*"),
    ],
    # No S3, because the stream has its own role. No iot:CreateStream, because it exists.
    "of a stream": [one for one in JOB if one[0] != "iot:CreateStream"],
}


class ServiceFiles:
    """The files of `NEEDED`, and the names in it."""

    def __init__(self, account: Any, secret: SecretBucket) -> None:
        signing, destination = Signing(account), SecretBucket(account.aws, "signed-bucket", versioned=False)
        self.names = {"secret_key": secret.key, "signed_key": destination.key, "job_id": signing.job_id}
        plain, location = account.file(), {"bucket": secret.name, "key": "blinky.bin"}
        account.iot.create_stream(streamId="mine", files=[{"fileId": 1, "s3Location": location}], roleArn=account.role)
        parameter = {"signingProfileParameter": signing.profile_parameter}
        self.files: dict[str, dict[str, Any]] = {
            "plain": plain,
            "of a version, with a key": {
                **plain,
                "fileLocation": {"s3Location": {**location, "version": secret.version}},
            },
            "signed": signed_into(destination.name, plain, signingProfileName="blinky"),
            "signed into versions": signed_into(secret.name, plain, signingProfileName="blinky"),
            "signed with a new profile": signed_into(destination.name, plain, **parameter),
            "signed before": {"fileName": "/a", "codeSigning": {"awsSignerJobId": signing.job_id}},
            "of a stream": {**plain, "fileLocation": {"stream": {"streamId": "mine", "fileId": 1}}},
        }
