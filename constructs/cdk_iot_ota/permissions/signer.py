"""What the service's role needs where AWS Signer signs, or has signed."""

from collections.abc import Mapping

from aws_cdk import Stack
from aws_cdk import aws_s3 as s3

from .._iam.statements import READ_BUCKET, READ_OBJECTS, Statement, allow, key_arn, single, through_s3
from ..request.code_signing import SignerJob

_WHY_ALL_JOBS = "AWS Signer names its jobs at random"
_WHY_ALL_PROFILES = "AWS IoT names a profile that it makes without being told a name"
_WHY_MANY_SIGNED = "AWS Signer puts a name of its own behind the declared prefix"


class Signing:
    """What AWS Signer does for the files of a stack's updates, as far as it is in one policy."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._jobs: set[str] = set()
        self._used: set[str] = set()
        self._made: set[str] = set()
        self._prefixes: set[str] = set()

    def add(self, work: SignerJob) -> None:
        """Add what is done for one file."""
        profile = "*" if work.profile_name is None else single(self._stack, "profile_name", work.profile_name)
        self._jobs.add("*" if work.job_id is None else single(self._stack, "job_id", work.job_id))
        if work.destination is not None:
            self._used.add(profile)
            self._prefixes.add(f"{single(self._stack, 'destination_prefix', work.prefix)}*")
        if work.makes_profile:
            self._made.add(profile)

    def statements(self, destination: s3.IBucket | None) -> Mapping[str, Statement]:
        """The statements by name, for jobs that write to a bucket or are over already."""
        jobs = self._arns("jobs", self._jobs)
        found = {"SigningJobs": allow(["signer:DescribeSigningJob"], jobs, why_many=_WHY_ALL_JOBS)}
        if self._used:
            found["SigningProfiles"] = self._profiles(
                ["signer:GetSigningProfile", "signer:StartSigningJob"], self._used
            )
        if self._made:
            found["NewSigningProfiles"] = self._profiles(["signer:PutSigningProfile"], self._made)
        return found if destination is None else {**found, **self._signed(destination)}

    def _profiles(self, actions: list[str], names: set[str]) -> Statement:
        return allow(actions, self._arns("profiles", names), why_many=_WHY_ALL_PROFILES)

    def _signed(self, bucket: s3.IBucket) -> Mapping[str, Statement]:
        """AWS Signer writes the signed object there, and AWS IoT reads it for its stream."""
        single(self._stack, "the ARN of destination_bucket", bucket.bucket_arn)
        objects = [bucket.arn_for_objects(prefix) for prefix in sorted(self._prefixes)]
        found = {
            "Signed": allow([*READ_OBJECTS, "s3:PutObject"], objects, why_many=_WHY_MANY_SIGNED),
            "SignedBucket": allow(READ_BUCKET, [bucket.bucket_arn]),
        }
        if bucket.encryption_key is not None:
            actions = ["kms:Decrypt", "kms:GenerateDataKey"]
            key = key_arn(self._stack, "the key of destination_bucket", bucket.encryption_key)
            found["SignedKey"] = allow(actions, [key], through_s3(self._stack))
        return found

    def _arns(self, kind: str, names: set[str]) -> list[str]:
        stack = self._stack
        beginning = f"arn:{stack.partition}:signer:{stack.region}:{stack.account}:/signing-{kind}/"
        return [beginning + name for name in sorted(names)]
