"""Whole runs as in a real account, against an emulator of which they know only the endpoint."""

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
PASSING = "test_deploy.py::test_create"
SKIPPED = "test_deploy.py::test_throttling_and_lost_answers_are_survived"
WITH_STACKS = "test_permissions.py::test_stacks_can_share_a_provider_and_a_role"


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    """Start an account that is not bootstrapped and has resources of other users."""
    with LocalAws(auth=True) as started:
        iot = started.client("iot")
        iot.create_thing(thingName="theirs", attributePayload={"attributes": MARK})
        iot.create_thing_group(thingGroupName="theirs")
        iot.create_thing_group(thingGroupName=f"{PREFIX}fleet")
        configuration = {"LocationConstraint": started.region}
        started.client("s3").create_bucket(Bucket="theirs", CreateBucketConfiguration=configuration)
        yield started


def start(aws: LocalAws, *command: str) -> subprocess.Popen[str]:
    """Start a module in the environment that a user would set, plus the endpoint of the emulator."""
    environment = {**aws.environment(), ACCOUNT_VARIABLE: aws.account}
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run_tests(aws: LocalAws, *tests: str) -> subprocess.Popen[str]:
    """Start some of the end-to-end tests in a separate pytest."""
    return start(aws, "pytest", "-p", "no:cacheprovider", *(f"tests/end_to_end/{test}" for test in tests))


def signal_run(aws: LocalAws, number: int, *statuses: str) -> int:
    """Send a signal to a run when its stacks, newest first, have these statuses; return its exit code."""
    run = run_tests(aws, WITH_STACKS)
    while stack_statuses(aws)[: len(statuses)] != list(statuses):
        assert run.poll() is None, run.communicate()
        time.sleep(0.02)
    run.send_signal(number)
    run.communicate()
    return run.returncode


def stack_statuses(aws: LocalAws) -> list[str]:
    """List the statuses of all stacks, newest first."""
    stacks = aws.client("cloudformation").describe_stacks()["Stacks"]
    stacks.sort(key=lambda stack: stack["CreationTime"], reverse=True)
    return [stack["StackStatus"] for stack in stacks]


def create_role(aws: LocalAws, name: str) -> None:
    """Create a role with an inline policy."""
    trust = {"Effect": "Allow", "Principal": {"Service": "iot.amazonaws.com"}, "Action": "sts:AssumeRole"}
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*"}
    documents = [json.dumps({"Version": "2012-10-17", "Statement": [statement]}) for statement in (trust, deny)]
    aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=documents[0])
    aws.client("iam").put_role_policy(RoleName=name, PolicyName="deny", PolicyDocument=documents[1])


def resource_names(aws: LocalAws) -> dict[str, list[str]]:
    """List the resources in the account by kind."""
    iot, left = aws.client("iot"), leftovers(aws)
    return {
        "updates": [*left.ota_updates, *left.jobs, *left.streams],
        "stacks": [stack["StackName"] for stack in aws.client("cloudformation").describe_stacks()["Stacks"]],
        "things": [thing["thingName"] for thing in iot.list_things()["things"]],
        "groups": [group["groupName"] for group in iot.list_thing_groups()["thingGroups"]],
        "buckets": [bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]],
        "log groups": [group["logGroupName"] for group in aws.client("logs").describe_log_groups()["logGroups"]],
        "roles": [role["RoleName"] for role in aws.client("iam").list_roles()["Roles"]],
    }


def test_a_run_passes_and_leaves_nothing(aws: LocalAws) -> None:
    """A run passes, skips tests that need local AWS with the reason, and leaves nothing in the account."""
    before = resource_names(aws)
    run = run_tests(aws, PASSING, SKIPPED)
    output, _ = run.communicate()
    assert run.returncode == 0, output
    assert "1 passed, 1 skipped" in output
    assert "only on local AWS: uses aws.faults" in output
    assert resource_names(aws) == before


def test_a_terminated_run_leaves_nothing(aws: LocalAws) -> None:
    """A signal during a deploy ends the run after its clean-up."""
    before = resource_names(aws)
    assert signal_run(aws, signal.SIGTERM, "CREATE_IN_PROGRESS") == pytest.ExitCode.INTERRUPTED
    assert resource_names(aws) == before


def test_clean_aws_removes_what_a_killed_run_left(aws: LocalAws) -> None:
    """Clean-up removes everything with the prefix of the tests, jobs in progress included, and nothing else."""
    create_role(aws, f"{PREFIX}role")
    # The newer stack has an update, and imports what the older one exports.
    assert signal_run(aws, signal.SIGKILL, "CREATE_COMPLETE", "CREATE_COMPLETE") == -signal.SIGKILL
    assert resource_names(aws)["updates"]
    cleaner = start(aws, "tests.end_to_end.support.clean_up")
    output, _ = cleaner.communicate()
    assert cleaner.returncode == 0, output
    assert "canceling job AFR_OTA-" in output
    assert f"removing stack {PREFIX}" in output
    nothing: dict[str, list[str]] = {kind: [] for kind in ("updates", "stacks", "roles", "log groups")}
    assert resource_names(aws) == {**nothing, "things": ["theirs"], "groups": ["theirs"], "buckets": ["theirs"]}
