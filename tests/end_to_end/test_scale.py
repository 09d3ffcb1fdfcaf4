"""Many updates at once, with the request rate limits of AWS."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from aws_cdk import App, Stack

from cdk_iot_ota import OtaTarget, OtaUpdate, OtaUpdateProvider
from cdk_iot_ota_local import Fleet, LocalAws, leftovers
from tests.end_to_end.support.declarations import firmware
from tests.end_to_end.support.deployment import Deployment, synthesizer

# The role of one provider has room for the policies of about six stacks.
PROVIDERS = ["many-provider-0", "many-provider-1"]
# The emulator deploys the resources of a stack one by one, but stacks in parallel.
STACKS = [f"many-{number}" for number in range(10)]
UPDATES = 10


@pytest.mark.usefixtures("deployment")
def test_a_hundred_updates(aws: LocalAws, fleet: Fleet, tmp_path: Path) -> None:
    """A hundred updates are created, replaced and deleted, ten at a time, while AWS throttles calls."""
    first = synth(aws, tmp_path, fleet, "one")
    providers = [Deployment(aws, name, tmp_path) for name in PROVIDERS]
    for provider in providers:
        provider.apply(first)
    stacks = [Deployment(aws, name, tmp_path) for name in STACKS]
    aws.settings.update(rate_limits=True)
    with ThreadPoolExecutor(len(STACKS)) as pool:
        deploys = pool.map(lambda stack: stack.apply(first), stacks)
        second = synth(aws, tmp_path, fleet, "two")
        list(deploys)
        before = leftovers(aws)
        list(pool.map(lambda stack: stack.apply(second), stacks))
        after = leftovers(aws)
        list(pool.map(Deployment.delete, stacks))
    for provider in providers:
        provider.delete()
    for left in (before, after):
        assert [len(left.ota_updates), len(left.jobs), len(left.streams)] == [100, 100, 100]
    assert not leftovers(aws)
    assert sorted(answered(aws, "CreateOTAUpdate", 200)) == sorted(before.ota_updates + after.ota_updates)
    assert sorted(set(answered(aws, "DeleteOTAUpdate", 200))) == sorted(before.ota_updates + after.ota_updates)
    # Without throttled calls the test would prove nothing.
    assert answered(aws, "GetOTAUpdate", 429)
    assert answered(aws, "DeleteOTAUpdate", 429)


def answered(aws: LocalAws, operation: str, status: int) -> list[str]:
    """List the updates for which calls of an operation returned this status code."""
    calls = [call for call in aws.calls.log() if (call.operation, call.status) == (operation, status)]
    return [str(call.ota_update_id) for call in calls]


def synth(aws: LocalAws, folder: Path, fleet: Fleet, content: str) -> Path:
    """Synthesize an app in which many stacks share the providers of two others, and return its folder."""
    out = folder / content
    app = App(outdir=str(out), analytics_reporting=False)
    providers = [OtaUpdateProvider(Stack(app, name, synthesizer=synthesizer(aws)), "Provider") for name in PROVIDERS]
    file, target = firmware(folder, content), OtaTarget.thing_group(fleet.name)
    for index, name in enumerate(STACKS):
        provider = providers[index % len(providers)]
        stack = Stack(app, name, synthesizer=synthesizer(aws))
        for number in range(UPDATES):
            OtaUpdate(stack, f"Blinky{number}", targets=[target], files=[file], provider=provider)
    app.synth()
    return out
