"""The permissions of an ``OtaServiceRole``, which AWS IoT assumes for the updates."""

from collections.abc import Mapping, Sequence

from aws_cdk import Stack
from aws_cdk import aws_s3 as s3

from .._iam.role_policy import RolePolicy
from .._iam.statements import (
    ANY_JOB_REASON,
    READ_BUCKET,
    READ_OBJECTS,
    STREAMS_REASON,
    Statement,
    exact,
    exact_key,
    owned_by,
    via_s3,
)
from .._synth import bucket_owner, once
from ..request.code_signing import SigningJob
from .needs import Needs
from .objects import prefix_pattern
from .policies import Policies
from .service_role import OtaServiceRole

_PREFIX_REASON = "jobs are named after their updates, whose ids all start with this stack's prefix"
_TARGETS_REASON = "CreateJob is authorized for the job and for its targets; the job's name is what limits it"
_SIGNING_JOBS_REASON = "AWS Signer names its jobs at random"
_PROFILES_REASON = "AWS IoT chooses the name of a profile that it creates without a given name"
_SIGNED_REASON = "AWS Signer appends a random name to the declared prefix, of which synth may know the beginning only"


class ServicePermissions:
    """The policies of ``OtaServiceRole``s for the updates of one stack."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies
        self._signing: dict[str, _Signing] = {}

    def needed_for(self, needs: Needs, role: OtaServiceRole) -> list[RolePolicy]:
        """Return the policies that the service needs for one update with this role."""
        suffix = once.address(role)
        found = [self._policies.constant(f"Service{suffix}", role, lambda: self._jobs_and_streams(role))]
        if needs.explicit_id is not None:
            found.append(self._policies.constant(f"ServiceExplicitIds{suffix}", role, self._any_jobs))
        found += self._policies.reads(
            f"ServiceReads{suffix}",
            role,
            needs.objects,
            on_objects=READ_OBJECTS,
            on_bucket=READ_BUCKET,
            outlives_declaration=lambda: needs.outlives_declaration,
        )
        return [*found, *self._signs(f"ServiceSigns{suffix}", role, needs)]

    def _any_jobs(self) -> Mapping[str, Statement]:
        return {"AnyJobs": self._jobs("*", ANY_JOB_REASON)}

    def _jobs_and_streams(self, role: OtaServiceRole) -> Mapping[str, Statement]:
        targets = [self._policies.arn("thing", "*"), self._policies.arn("thinggroup", "*")]
        return {
            "Jobs": self._jobs(f"{self._policies.prefix}*", _PREFIX_REASON),
            "Targets": Statement(["iot:CreateJob"], targets, wildcard_reason=_TARGETS_REASON),
            "Streams": Statement(
                ["iot:CreateStream", "iot:DeleteStream"], [self._policies.any_stream], wildcard_reason=STREAMS_REASON
            ),
            # The service passes the role on to the streams and jobs that it creates.
            "Self": Statement(["iam:GetRole", "iam:PassRole"], [once.get(role, "role_arn")]),
        }

    def _jobs(self, ids: str, wildcard_reason: str) -> Statement:
        actions = ["iot:CreateJob", "iot:DeleteJob", "iot:DescribeJob"]
        return Statement(actions, [self._policies.job_arn(ids)], wildcard_reason=wildcard_reason)

    def _signs(self, id: str, role: OtaServiceRole, needs: Needs) -> list[RolePolicy]:
        """Return a policy for each bucket that AWS Signer writes to, and one for finished signing jobs."""
        policies: dict[str, RolePolicy] = {}
        for job in [file.signing_job for file in needs.files if file.signing_job is not None]:
            if job.destination is None:
                policies["Jobs"] = self._policies.constant(f"{id}Jobs", role, self._signing_jobs)
                continue
            where = self._policies.bucket_digest(job.destination)
            signing = self._signing.setdefault(f"{id}{where}", _Signing(self._policies.stack))
            signing.add(job, job.destination)
            policies[where] = policy = self._policies.replaced(f"{id}{where}", role)
            policy.put_all({**self._signing_jobs(), **signing.statements(job.destination)})
        return list(policies.values())

    def _signing_jobs(self) -> Mapping[str, Statement]:
        jobs = _signer_arns(self._policies.stack, "jobs", ["*"])
        return {"SigningJobs": Statement(["signer:DescribeSigningJob"], jobs, wildcard_reason=_SIGNING_JOBS_REASON)}


class _Signing:
    """The signing jobs that share one policy, and the statements for them."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._used_profiles: set[str] = set()
        self._created_profiles: set[str] = set()
        self._prefixes: set[str] = set()
        self._owners: set[str] = set()

    def add(self, job: SigningJob, destination: s3.IBucket) -> None:
        """Add the signing job of one file."""
        profile = "*" if job.profile_name is None else exact(self._stack, "profile_name", job.profile_name)
        self._used_profiles.add(profile)
        exact(self._stack, "destination_prefix", job.prefix)
        self._prefixes.add(prefix_pattern(job))
        owner = bucket_owner.of_bucket(self._stack, destination)
        self._owners.update([] if owner is None else [owner])
        if job.certificate_arn is not None:
            self._created_profiles.add(profile)

    def statements(self, destination: s3.IBucket) -> Mapping[str, Statement]:
        """Return the statements by name, for jobs that write to a bucket."""
        actions = ["signer:GetSigningProfile", "signer:StartSigningJob"]
        found = {"SigningProfiles": self._profiles(actions, self._used_profiles)}
        if self._created_profiles:
            found["NewSigningProfiles"] = self._profiles(["signer:PutSigningProfile"], self._created_profiles)
        return {**found, **self._signed(destination)}

    def _profiles(self, actions: list[str], names: set[str]) -> Statement:
        arns = _signer_arns(self._stack, "profiles", sorted(names))
        return Statement(actions, arns, wildcard_reason=_PROFILES_REASON)

    def _signed(self, bucket: s3.IBucket) -> Mapping[str, Statement]:
        """Return the statements for the bucket: AWS Signer writes the object, AWS IoT reads it for its stream."""
        owned = owned_by(self._owners)
        arn = exact(self._stack, "the ARN of destination_bucket", once.get(bucket, "bucket_arn"))
        objects = [f"{arn}/{prefix}" for prefix in sorted(self._prefixes)]
        found = {
            "Signed": Statement([*READ_OBJECTS, "s3:PutObject"], objects, owned, _SIGNED_REASON),
            "SignedBucket": Statement(READ_BUCKET, [arn], owned),
        }
        if (encryption_key := once.get(bucket, "encryption_key")) is not None:
            actions = ["kms:Decrypt", "kms:GenerateDataKey"]
            key = exact_key(self._stack, "the key of destination_bucket", encryption_key)
            found["SignedKey"] = Statement(actions, [key], via_s3(self._stack))
        return found


def _signer_arns(stack: Stack, kind: str, names: Sequence[str]) -> list[str]:
    return [once.arn(stack, "signer", f"/signing-{kind}/{name}") for name in names]
