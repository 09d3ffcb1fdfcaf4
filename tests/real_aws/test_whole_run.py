"""The way to a real account, walked with an emulator at its end, of which it knows nothing but the endpoint."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cdk_iot_ota_local import LocalAws, leftovers
from tests.end_to_end.support.opt_in import ACCOUNT_VARIABLE
from tests.end_to_end.support.real_aws import MARK, PREFIX

ROOT = Path(__file__).resolve().parents[2]
PASSES = "test_deploy.py::test_create"
IS_LEFT_OUT = "test_deploy.py::test_throttling_and_lost_answers_are_survived"
MAKES_STACKS = "test_permissions.py::test_stacks_that_share_a_provider_and_a_role_do_not_get_in_each_others_way"


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    """An account that nobody has bootstrapped, and in which others have things."""
    with LocalAws(auth=True) as started:
        iot = started.client("iot")
        iot.create_thing(thingName="theirs", attributePayload={"attributes": MARK})
        iot.create_thing_group(thingGroupName="theirs")
        iot.create_thing_group(thingGroupName=f"{PREFIX}fleet")
        place = {"LocationConstraint": started.region}
        started.client("s3").create_bucket(Bucket="theirs", CreateBucketConfiguration=place)
        yield started


def start(aws: LocalAws, *command: str) -> subprocess.Popen[str]:
    """A command in the environment that a user would set, and the endpoint of the emulator."""
    environment = {**aws.environment(), ACCOUNT_VARIABLE: aws.account}
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run_of(aws: LocalAws, *tests: str) -> subprocess.Popen[str]:
    """Some of the end-to-end tests in a pytest of their own."""
    return start(aws, "pytest", "-p", "no:cacheprovider", *(f"tests/end_to_end/{test}" for test in tests))


def signalled(aws: LocalAws, number: int, *statuses: str) -> int:
    """The exit code of a run that gets a signal when its stacks have these statuses, the newest stack first."""
    run = run_of(aws, MAKES_STACKS)
    while stack_statuses(aws)[: len(statuses)] != list(statuses):
        assert run.poll() is None, run.communicate()
        time.sleep(0.02)
    run.send_signal(number)
    run.communicate()
    return run.returncode


def stack_statuses(aws: LocalAws) -> list[str]:
    """The statuses of all stacks, the newest stack first."""
    stacks = aws.client("cloudformation").describe_stacks()["Stacks"]
    stacks.sort(key=lambda stack: stack["CreationTime"], reverse=True)
    return [stack["StackStatus"] for stack in stacks]


def make_role(aws: LocalAws, name: str) -> None:
    """A role with a policy of its own."""
    trust = {"Effect": "Allow", "Principal": {"Service": "iot.amazonaws.com"}, "Action": "sts:AssumeRole"}
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*"}
    documents = [json.dumps({"Version": "2012-10-17", "Statement": [statement]}) for statement in (trust, deny)]
    aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=documents[0])
    aws.client("iam").put_role_policy(RoleName=name, PolicyName="deny", PolicyDocument=documents[1])


def names(aws: LocalAws) -> dict[str, list[str]]:
    """What there is in the account."""
    iot, left = aws.client("iot"), leftovers(aws)
    return {
        "updates": [*left.ota_updates, *left.jobs, *left.streams],
        "stacks": [stack["StackName"] for stack in aws.client("cloudformation").describe_stacks()["Stacks"]],
        "things": [thing["thingName"] for thing in iot.list_things()["things"]],
        "groups": [group["groupName"] for group in iot.list_thing_groups()["thingGroups"]],
        "buckets": [bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]],
        "roles": [role["RoleName"] for role in aws.client("iam").list_roles()["Roles"]],
    }


def test_a_run_passes_and_leaves_nothing(aws: LocalAws) -> None:
    """Deploys and devices work, what needs local AWS is left out with the reason, and the account is as before."""
    before = names(aws)
    run = run_of(aws, PASSES, IS_LEFT_OUT)
    said, _ = run.communicate()
    assert run.returncode == 0, said
    assert "1 passed, 1 skipped" in said
    assert "only on local AWS: uses aws.faults" in said
    assert names(aws) == before


def test_a_run_that_is_ended_early_leaves_nothing(aws: LocalAws) -> None:
    """A signal in the middle of a deploy ends the run, and not the clean-up."""
    before = names(aws)
    assert signalled(aws, signal.SIGTERM, "CREATE_IN_PROGRESS") == pytest.ExitCode.INTERRUPTED
    assert names(aws) == before


def test_what_a_killed_run_leaves_is_removed_by_clean_aws(aws: LocalAws) -> None:
    """It removes what has the prefix of the tests, jobs in progress included, and nothing of others."""
    make_role(aws, f"{PREFIX}role")
    # The newer one has an update, and uses what the older one exports.
    assert signalled(aws, signal.SIGKILL, "CREATE_COMPLETE", "CREATE_COMPLETE") == -signal.SIGKILL
    assert names(aws)["updates"]
    cleaner = start(aws, "tests.end_to_end.support.clean_up")
    said, _ = cleaner.communicate()
    assert cleaner.returncode == 0, said
    assert "canceling job AFR_OTA-" in said
    assert f"removing stack {PREFIX}" in said
    nothing: dict[str, list[str]] = {kind: [] for kind in ("updates", "stacks", "roles")}
    assert names(aws) == {**nothing, "things": ["theirs"], "groups": ["theirs"], "buckets": ["theirs"]}
