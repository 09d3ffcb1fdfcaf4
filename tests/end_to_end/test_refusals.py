"""The granted permissions are necessary and sufficient for the lifecycle of an update."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from cdk_iot_ota_local import LocalAws, leftovers
from tests.end_to_end.support.deployment import Deployment
from tests.end_to_end.support.permissions import Permission
from tests.end_to_end.support.redeployed_stack import Prerequisites, RedeployedStack

pytestmark = pytest.mark.local_only("removes permissions, and needs signing profiles and a handler with short timeouts")

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


@pytest.fixture(scope="module")
def prerequisites(aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Prerequisites:
    """Create the resources that the updates use."""
    return Prerequisites(aws, tmp_path_factory.mktemp("refusals"))


def stacks(prerequisites: Prerequisites, kind: str, count: int) -> list[RedeployedStack]:
    """Synthesize equal stacks, so that this many deploys can run in parallel."""
    names = [f"refusals-{kind}-{index}" for index in range(count)]
    return [
        RedeployedStack(
            Deployment(prerequisites.aws, name, prerequisites.folder / name, 0.4), getattr(prerequisites, kind)
        )
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


@pytest.mark.parametrize(
    ("kind", "granted", "parallel"),
    [("generated", GENERATED, 5), ("explicit", EXPLICIT, 3)],
    ids=["generated-id", "explicit-id"],
)
def test_each_permission_is_needed_and_none_is_missing(
    prerequisites: Prerequisites, kind: str, granted: dict[tuple[str, str], tuple[str, ...]], parallel: int
) -> None:
    """The lifecycle of a stack succeeds with all granted permissions and fails without any one of them."""
    left, problems = listed(granted), []

    def run(stack: RedeployedStack) -> None:
        assert stack.replace() == []
        while left:
            problems.append(problem(stack, left.pop(0)))
        assert stack.tag() == []
        stack.deployment.delete()

    with ThreadPoolExecutor(parallel) as pool:
        list(pool.map(run, stacks(prerequisites, kind, parallel)))
    assert [one for one in problems if one is not None] == []
    assert not leftovers(prerequisites.aws)


def test_every_granted_permission_is_listed(prerequisites: Prerequisites) -> None:
    """The templates grant exactly the permissions that this module lists, and tests one by one."""
    kinds = ("generated", "explicit")
    found = {one for kind in kinds for stack in stacks(prerequisites, kind, 1) for one in stack.granted_permissions}
    assert found == {*listed(GENERATED), *listed(EXPLICIT)}
