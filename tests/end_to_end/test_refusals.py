"""Every permission is needed and none is missing: the lifecycle works with what is granted, and fails without it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from cdk_iot_ota_local import LocalAws, leftovers
from tests.end_to_end.support.deployment import Deployment
from tests.end_to_end.support.permissions import Permission
from tests.end_to_end.support.redeployed_stack import Stage, World

pytestmark = pytest.mark.local_only("takes permissions away, needs signing profiles, and a handler that gives up soon")

READS = ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketVersions")
OBJECTS = ("s3:GetObject", "s3:GetObjectVersion")
JOBS = ("iot:CreateJob", "iot:DeleteJob", "iot:DescribeJob")
# With a generated id, firmware in buckets with and without versions, and each way to have AWS Signer sign.
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
    ("handler", "Objects"): ("s3:GetObject",),
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
# With an id of the user's own, without the stack's prefix.
EXPLICIT = {
    ("handler", "AnyUpdates"): ("iot:GetOTAUpdate", "iot:ListTagsForResource"),
    ("handler", "OwnUpdates"): ("iot:DeleteOTAUpdate", "iot:UntagResource"),
    ("handler", "DeclaredUpdates"): ("iot:CreateOTAUpdate", "iot:TagResource"),
    ("handler", "AnyJobs"): ("iot:CancelJob", "iot:DeleteJob"),
    ("service", "AnyJobs"): JOBS,
}


def listed(of: dict[tuple[str, str], tuple[str, ...]]) -> list[Permission]:
    """The permissions one by one."""
    return [Permission(role, sid, action) for (role, sid), actions in of.items() for action in actions]


@pytest.fixture(scope="module")
def world(aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> World:
    """What the updates are made of."""
    return World(aws, tmp_path_factory.mktemp("refusals"))


def stages(world: World, kind: str, count: int) -> list[Stage]:
    """Stacks with all permissions, so that as many deploys can wait at the same time."""
    names = [f"refusals-{kind}-{index}" for index in range(count)]
    return [Stage(Deployment(world.aws, name, world.folder / name, 0.4), getattr(world, kind)) for name in names]


def refusal(stage: Stage, missing: Permission) -> str | None:
    """What is wrong, if a deploy without a permission does not fail for want of it, or the next with other tags."""
    reasons = stage.replace(missing=missing) or stage.tag(missing=missing)
    # S3 answers HeadObject without words.
    silent = missing.role == "handler" and missing.action in ("s3:GetObject", "kms:Decrypt")
    words = "403: Forbidden" if silent else f"not authorized to perform: {missing.action}"
    after = stage.recover()
    wrong = after if after or not any(words in reason for reason in reasons) else None
    return None if wrong is None else f"{missing}: {reasons}, then {after}"


@pytest.mark.parametrize(("kind", "granted", "at_once"), [("generated", GENERATED, 5), ("explicit", EXPLICIT, 3)])
def test_each_permission_is_needed_and_none_is_missing(
    world: World, kind: str, granted: dict[tuple[str, str], tuple[str, ...]], at_once: int
) -> None:
    """A stack is created, replaced, tagged and deleted with what is granted; without any one action that fails."""
    left, wrong = listed(granted), []

    def play(stage: Stage) -> None:
        assert stage.replace() == []
        while left:
            wrong.append(refusal(stage, left.pop(0)))
        assert stage.tag() == []
        stage.deployment.delete()

    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(play, stages(world, kind, at_once)))
    assert [one for one in wrong if one is not None] == []
    assert not leftovers(world.aws)


def test_all_that_is_granted_is_known_here(world: World) -> None:
    """What the templates grant is what the test above takes away, action by action."""
    found = {one for kind in ("generated", "explicit") for stage in stages(world, kind, 1) for one in stage.granted}
    assert found == {*listed(GENERATED), *listed(EXPLICIT)}
