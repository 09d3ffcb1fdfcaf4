"""One local AWS for all end-to-end tests; each test has a stack and a thing group of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Stack

from cdk_iot_ota import OtaTarget
from local_aws import Fleet, LocalAws, leftovers
from tests.end_to_end.declarations import Make, blinky, firmware
from tests.end_to_end.deployment import Declare, Deployment


@pytest.fixture(scope="session")
def aws() -> Iterator[LocalAws]:
    """Local AWS with IAM enforced, and with a bootstrap bucket as `cdk bootstrap` makes it."""
    with LocalAws(auth=True) as started:
        bootstrap(started)
        yield started


def bootstrap(aws: LocalAws) -> None:
    """Make the versioned bucket that assets go to."""
    s3, bucket = aws.client("s3"), f"cdk-hnb659fds-assets-{aws.account}-{aws.region}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": aws.region})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


@pytest.fixture
def deployment(aws: LocalAws, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Deployment]:
    """A stack named after the test. Whatever the test does: in the end nothing may be left of its updates."""
    made = Deployment(aws, request.node.name.replace("_", "-").replace("[", "-").replace("]", ""), tmp_path)
    aws.faults.clear()
    aws.settings.reset()
    aws.calls.reset()
    yield made
    aws.faults.clear()
    if made.exists():
        made.delete()
    assert not leftovers(aws)


@pytest.fixture(scope="session")
def fleet(aws: LocalAws) -> Iterator[Fleet]:
    """Five devices in a thing group."""
    with Fleet(aws, "end-to-end", 5) as devices:
        devices.register()
        yield devices


@pytest.fixture
def declare(tmp_path: Path, fleet: Fleet) -> Make:
    """Makes what puts one update of this firmware into a stack, and whatever else is given."""

    def make(content: str, *more: Declare, **options: Any) -> Declare:
        options.setdefault("targets", [OtaTarget.thing_group(fleet.name)])
        if "files" not in options:
            options["files"] = [firmware(tmp_path, content)]

        def put(stack: Stack) -> None:
            blinky(stack, **options)
            for declare_more in more:
                declare_more(stack)

        return put

    return make
