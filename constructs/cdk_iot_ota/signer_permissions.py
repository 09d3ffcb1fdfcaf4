"""What the service's role needs where AWS Signer signs, or has signed."""

from collections.abc import Mapping

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from .code_signing import SignerJob
from .statements import allow, through_s3


def statements(stack: Stack, work: SignerJob) -> Mapping[str, iam.PolicyStatement]:
    """The statements for one file, by name."""
    jobs = allow(["signer:DescribeSigningJob"], [_arn(stack, "jobs", work.job_id or "*")])
    if work.destination is None:
        return {"SigningJob": jobs}
    profile = ["signer:GetSigningProfile", "signer:StartSigningJob"]
    if work.makes_profile:
        profile.append("signer:PutSigningProfile")
    return {
        "SigningJob": jobs,
        # A profile that AWS IoT makes without being told a name has one that nobody knows before.
        "SigningProfile": allow(profile, [_arn(stack, "profiles", work.profile_name or "*")]),
        **_destination(stack, work.destination, work.prefix),
    }


def _destination(stack: Stack, bucket: s3.IBucket, prefix: str) -> Mapping[str, iam.PolicyStatement]:
    """AWS Signer writes the signed object there, and AWS IoT reads it for its stream."""
    objects = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
    found = {
        "Signed": allow(objects, [bucket.arn_for_objects(f"{prefix}*")]),
        "SignedBucket": allow(["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketVersions"], [bucket.bucket_arn]),
    }
    if bucket.encryption_key is not None:
        actions = ["kms:Decrypt", "kms:GenerateDataKey"]
        found["SignedKey"] = allow(actions, [bucket.encryption_key.key_arn], through_s3(stack))
    return found


def _arn(stack: Stack, kind: str, name: str) -> str:
    return f"arn:{stack.partition}:signer:{stack.region}:{stack.account}:/signing-{kind}/{name}"
