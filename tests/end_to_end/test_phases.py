"""Phased rollouts, with fleets that take jobs in the background."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aws_cdk import CfnOutput, Stack

from cdk_iot_ota import OtaTarget, Phase, PhasedRollout, RolloutGate
from cdk_iot_ota_local import Behaviour, Fleet, LocalAws, leftovers
from tests.end_to_end.support.declarations import firmware
from tests.end_to_end.support.deployment import Declaration, Deployment, DeploymentError
from tests.signing_key import certificate

SIZES = {"canary": 2, "early": 3, "fleet": 4}
Fleets = dict[str, Fleet]


@pytest.fixture
def fleets(aws: LocalAws) -> Iterator[Fleets]:
    """Start a fleet for each phase, which takes jobs in the background."""
    now = time.monotonic_ns()
    with contextlib.ExitStack() as stack:
        started = {
            name: stack.enter_context(Fleet(aws, f"{name}-{now}", size, certificate=certificate()))
            for name, size in SIZES.items()
        }
        for fleet in started.values():
            fleet.register()
            fleet.start()
        yield started


def phases(folder: Path, content: str, fleets: Fleets, *names: str) -> Declaration:
    """Return a declaration of a rollout in these phases, each with a gate, and outputs of their update ids."""

    def declaration(stack: Stack) -> None:
        rollout = PhasedRollout(
            stack,
            "Rollout",
            phases=[
                Phase(name, targets=[OtaTarget.thing_group(fleets[name].name)], gate=RolloutGate()) for name in names
            ],
            files=[firmware(folder, content)],
        )
        for name in names:
            CfnOutput(stack, name, value=rollout.update(name).ota_update_id)

    return declaration


def started_updates(fleet: Fleet) -> list[str]:
    """List the updates that any device of the fleet started, in order."""
    jobs = [report.job_id.removeprefix("AFR_OTA-") for report in fleet.reports if report.status == "IN_PROGRESS"]
    return list(dict.fromkeys(jobs))


@pytest.mark.parametrize(
    ("failing", "skipped"), [("canary", ["early", "fleet"]), ("early", ["fleet"])], ids=["first-phase", "second-phase"]
)
def test_a_phase_that_fails_ends_the_rollout(
    aws: LocalAws, deployment: Deployment, fleets: Fleets, failing: str, skipped: list[str]
) -> None:
    """A failed phase keeps the firmware from later phases, and all phases roll back to their old updates."""
    first = deployment.deploy(phases(deployment.folder, "one", fleets, *SIZES))
    fleets[failing].set_behaviour(0, Behaviour.FAIL)
    with pytest.raises(DeploymentError) as failed:
        deployment.deploy(phases(deployment.folder, "two", fleets, *SIZES))
    failed_at = next(report.time for report in fleets[failing].reports if report.status == "FAILED")
    print(f"{failing} fails: the deploy ended {time.time() - failed_at:.1f} s after its device had failed")
    lines = str(failed.value).splitlines()
    assert any(f"Rollout{failing}" in line and "the gate has failed: 1 failure" in line for line in lines)
    assert deployment.outputs() == first
    assert set(leftovers(aws).ota_updates) == set(first.values())
    assert {name: len(started_updates(fleet)) for name, fleet in fleets.items()} == {
        name: 1 if name in skipped else 2 for name in SIZES
    }


def test_phases_come_and_go_in_a_deployed_stack(aws: LocalAws, deployment: Deployment, fleets: Fleets) -> None:
    """A new phase updates only its own devices, a new order updates none, and the next firmware follows the order."""

    def deploy(content: str, *names: str) -> dict[str, str]:
        ids = deployment.deploy(phases(deployment.folder, content, fleets, *names))
        assert set(leftovers(aws).ota_updates) == set(ids.values())
        return ids

    first = deploy("one", "canary", "fleet")
    with_early = deploy("one", "canary", "early", "fleet")
    assert {**with_early, **first} == with_early
    assert deploy("one", "fleet", "early", "canary") == with_early
    assert deploy("one", "fleet", "canary") == first
    assert {name: started_updates(fleet) for name, fleet in fleets.items()} == {
        name: [one] for name, one in with_early.items()
    }
    second = deploy("two", "fleet", "canary")
    assert fleets["fleet"].reports[-1].time < fleets["canary"].reports[-2 * SIZES["canary"]].time
    assert started_updates(fleets["canary"]) == [first["canary"], second["canary"]]
