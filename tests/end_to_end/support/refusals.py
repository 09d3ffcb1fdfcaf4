"""Deploys without one permission at a time, several stacks in parallel, and the permissions that updates need."""

from concurrent.futures import ThreadPoolExecutor

from cdk_iot_ota_local import leftovers
from tests.end_to_end.support.deployment import Deployment
from tests.end_to_end.support.permissions import Permission
from tests.end_to_end.support.redeployed_stack import Prerequisites, RedeployedStack

REASON = "removes permissions, and needs signing profiles and a handler with short timeouts"

READS = ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketVersions")
OBJECTS = ("s3:GetObject", "s3:GetObjectVersion")
JOBS = ("iot:CreateJob", "iot:DeleteJob", "iot:DescribeJob")
# For a generated id, firmware in versioned and unversioned buckets, and each use of AWS Signer.
GENERATED = {
    ("handler", "Stack"): ("cloudformation:DescribeStacks",),
    ("handler", "Updates"): (
        "iot:CreateOTAUpdate",
        "iot:DeleteOTAUpdate",
        "iot:GetOTAUpdate",
        "iot:ListTagsForResource",
        "iot:TagResource",
        "iot:UntagResource",
    ),
    ("handler", "Jobs"): ("iot:CancelJob", "iot:DeleteJob"),
    ("handler", "Streams"): ("iot:DeleteStream",),
    ("handler", "PassRole"): ("iam:PassRole",),
    ("handler", "Objects"): OBJECTS,
    ("handler", "Decrypt"): ("kms:Decrypt",),
    ("service", "Jobs"): JOBS,
    ("service", "Targets"): ("iot:CreateJob",),
    ("service", "Streams"): ("iot:CreateStream", "iot:DeleteStream"),
    ("service", "Self"): ("iam:GetRole", "iam:PassRole"),
    ("service", "Objects"): OBJECTS,
    ("service", "Bucket"): READS,
    ("service", "Decrypt"): ("kms:Decrypt",),
    ("service", "SigningJobs"): ("signer:DescribeSigningJob",),
    ("service", "SigningProfiles"): ("signer:GetSigningProfile", "signer:StartSigningJob"),
    ("service", "NewSigningProfiles"): ("signer:PutSigningProfile",),
    ("service", "Signed"): (*OBJECTS, "s3:PutObject"),
    ("service", "SignedBucket"): READS,
    ("service", "SignedKey"): ("kms:Decrypt", "kms:GenerateDataKey"),
}
# For an explicit id, which lacks the stack's prefix.
EXPLICIT = {
    ("handler", "AnyUpdates"): ("iot:GetOTAUpdate", "iot:ListTagsForResource"),
    ("handler", "OwnUpdates"): ("iot:DeleteOTAUpdate", "iot:UntagResource"),
    ("handler", "DeclaredUpdates"): ("iot:CreateOTAUpdate", "iot:TagResource"),
    ("handler", "AnyJobs"): ("iot:CancelJob", "iot:DeleteJob"),
    ("service", "AnyJobs"): JOBS,
}


def listed(of: dict[tuple[str, str], tuple[str, ...]]) -> list[Permission]:
    """List the permissions one by one."""
    return [Permission(role, sid, action) for (role, sid), actions in of.items() for action in actions]


def stacks(prerequisites: Prerequisites, kind: str, name: str, count: int) -> list[RedeployedStack]:
    """Synthesize equal stacks, so that this many deploys can run in parallel."""
    names = [f"refusals-{name}-{index}" for index in range(count)]
    return [
        RedeployedStack(Deployment(prerequisites.aws, name, prerequisites.folder / name), getattr(prerequisites, kind))
        for name in names
    ]


def problem(stack: RedeployedStack, missing: Permission) -> str | None:
    """Deploy without a permission; return a description unless new content or new tags fail for lack of it."""
    reasons = stack.replace(missing=missing) or stack.tag(missing=missing)
    # S3 sends no error message for HeadObject.
    without_message = missing.role == "handler" and missing.action in (*OBJECTS, "kms:Decrypt")
    expected = "403: Forbidden" if without_message else f"not authorized to perform: {missing.action}"
    after = stack.recover()
    if not after and any(expected in reason for reason in reasons):
        return None
    return f"{missing}: {reasons}, then {after}"


def check_each(
    prerequisites: Prerequisites, kind: str, name: str, permissions: list[Permission], *, parallel: int
) -> None:
    """Check that the lifecycle succeeds with all permissions, and fails without any one of these."""
    left, problems = list(permissions), []

    def run(stack: RedeployedStack) -> None:
        assert stack.replace() == []
        while left:
            problems.append(problem(stack, left.pop(0)))
        assert stack.tag() == []
        stack.deployment.delete()

    with ThreadPoolExecutor(parallel) as pool:
        list(pool.map(run, stacks(prerequisites, kind, name, parallel)))
    assert [one for one in problems if one is not None] == []
    assert not leftovers(prerequisites.aws)
