"""Fixtures of the end-to-end tests: one AWS account for all, and a stack for each test."""

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Stack

from cdk_iot_ota import OtaTarget
from cdk_iot_ota_local import Account, Fleet, LocalAws, leftovers
from tests.end_to_end.support import local_only
from tests.end_to_end.support.clean_up import clean_up
from tests.end_to_end.support.declarations import Declare, blinky, firmware
from tests.end_to_end.support.deployment import Declaration, Deployment
from tests.end_to_end.support.gated import DEVICES
from tests.end_to_end.support.opt_in import ACCOUNT_VARIABLE, OptInError
from tests.end_to_end.support.real_aws import RealAws, new_prefix, opted_in_account
from tests.end_to_end.support.redeployed_stack import Prerequisites
from tests.end_to_end.support.resources import create_bucket
from tests.signing_key import certificate


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In a real account, skip tests that depend on local AWS."""
    if ACCOUNT_VARIABLE in os.environ:
        local_only.skip([item for item in items if item.path.parent == Path(__file__).parent])


@pytest.fixture(scope="session")
def aws() -> Iterator[Account]:
    """Start local AWS with IAM enforced, or use the account set in the environment; create a bucket for assets."""
    try:
        account = opted_in_account(new_prefix())
    except OptInError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
    with LocalAws(auth=True) if account is None else cleaned_up(account) as started:
        create_bucket(started, started.assets_bucket)
        yield started


@contextmanager
def cleaned_up(aws: RealAws) -> Iterator[RealAws]:
    """Clean the account up at the end of the run, however the run ends."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        yield aws
    finally:
        left = "\n".join(clean_up(aws))
        assert not left, f"could not remove everything, run make clean-aws ACCOUNT={aws.account}:\n{left}"


@pytest.fixture
def deployment(aws: Account, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Deployment]:
    """Yield a stack named after the test; delete it afterwards, and check that none of its updates is left."""
    stack = Deployment(aws, re.sub("[^A-Za-z0-9]+", "-", request.node.name).strip("-"), tmp_path)
    if isinstance(aws, LocalAws):
        aws.faults.clear()
        aws.settings.reset()
        aws.calls.reset()
    yield stack
    if isinstance(aws, LocalAws):
        aws.faults.clear()
    if stack.exists():
        stack.delete()
    assert not leftovers(aws)


@pytest.fixture(scope="session")
def fleet(aws: Account) -> Iterator[Fleet]:
    """Register five devices in a thing group."""
    with Fleet(aws, "end-to-end", 5, certificate=certificate()) as devices:
        devices.register()
        yield devices


@pytest.fixture
def devices(aws: LocalAws, request: pytest.FixtureRequest) -> Iterator[Fleet]:
    """Start devices that take each job in the background; the test's parameter sets the behaviour of some."""
    behaviours = getattr(request, "param", {})
    with Fleet(aws, f"gate-{time.monotonic_ns()}", DEVICES, certificate=certificate(), behaviours=behaviours) as fleet:
        fleet.register()
        fleet.start()
        yield fleet


@pytest.fixture(scope="session")
def prerequisites(aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Prerequisites:
    """Create the resources that the updates of the tests of permissions use."""
    return Prerequisites(aws, tmp_path_factory.mktemp("refusals"))


@pytest.fixture
def declare(tmp_path: Path, fleet: Fleet) -> Declare:
    """Return a function that declares an update with this firmware, and whatever else is given."""

    def declare_update(content: str, *more: Declaration, **options: Any) -> Declaration:
        options.setdefault("targets", [OtaTarget.thing_group(fleet.name)])
        if "files" not in options:
            options["files"] = [firmware(tmp_path, content)]

        def declaration(stack: Stack) -> None:
            blinky(stack, **options)
            for declare_more in more:
                declare_more(stack)

        return declaration

    return declare_update
