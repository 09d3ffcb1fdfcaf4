"""Phased rollouts, with fleets that take their jobs meanwhile."""

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

SIZES = {"canary": 2, "early": 3, "fleet": 4}
Fleets = dict[str, Fleet]


@pytest.fixture
def fleets(aws: LocalAws) -> Iterator[Fleets]:
    """The devices of each phase, which take each job in the background."""
    begun = time.monotonic_ns()
    with contextlib.ExitStack() as stack:
        made = {name: stack.enter_context(Fleet(aws, f"{name}-{begun}", size)) for name, size in SIZES.items()}
        for fleet in made.values():
            fleet.register()
            fleet.start()
        yield made


def phases(folder: Path, content: str, fleets: Fleets, *names: str) -> Declaration:
    """A rollout in these phases, each with a gate, and their updates as outputs."""

    def put(stack: Stack) -> None:
        made = PhasedRollout(
            stack,
            "Rollout",
            phases=[
                Phase(name, targets=[OtaTarget.thing_group(fleets[name].name)], gate=RolloutGate()) for name in names
            ],
            files=[firmware(folder, content)],
        )
        for name in names:
            CfnOutput(stack, name, value=made.update(name).ota_update_id)

    return put


def took(fleet: Fleet) -> list[str]:
    """The updates that any device of a fleet has begun with, in order."""
    jobs = [report.job_id.removeprefix("AFR_OTA-") for report in fleet.reports if report.status == "IN_PROGRESS"]
    return list(dict.fromkeys(jobs))


@pytest.mark.parametrize(("failing", "spared"), [("canary", ["early", "fleet"]), ("early", ["fleet"])])
def test_a_phase_that_fails_ends_the_rollout(
    aws: LocalAws, deployment: Deployment, fleets: Fleets, failing: str, spared: list[str]
) -> None:
    """The phases after it never see the firmware; those before it have taken it; all have their old updates."""
    first = deployment.deploy(phases(deployment.folder, "one", fleets, *SIZES))
    fleets[failing].set_behaviour(0, Behaviour.FAIL)
    with pytest.raises(DeploymentError) as failed:
        deployment.deploy(phases(deployment.folder, "two", fleets, *SIZES))
    decisive = next(report.time for report in fleets[failing].reports if report.status == "FAILED")
    print(f"{failing} fails: the deploy ended {time.time() - decisive:.1f} s after its device had failed")
    lines = str(failed.value).splitlines()
    assert any(f"Rollout{failing}" in line and "the gate has failed: 1 failure" in line for line in lines)
    assert deployment.outputs() == first
    assert set(leftovers(aws).ota_updates) == set(first.values())
    assert {name: len(took(fleet)) for name, fleet in fleets.items()} == {
        name: 1 if name in spared else 2 for name in SIZES
    }


def test_phases_come_and_go_in_a_deployed_stack(aws: LocalAws, deployment: Deployment, fleets: Fleets) -> None:
    """One that is added reaches its own devices only; a new order reaches none, and holds for the next firmware."""

    def deploy(content: str, *names: str) -> dict[str, str]:
        ids = deployment.deploy(phases(deployment.folder, content, fleets, *names))
        assert set(leftovers(aws).ota_updates) == set(ids.values())
        return ids

    first = deploy("one", "canary", "fleet")
    with_early = deploy("one", "canary", "early", "fleet")
    assert {**with_early, **first} == with_early
    assert deploy("one", "fleet", "early", "canary") == with_early
    assert deploy("one", "fleet", "canary") == first
    assert {name: took(fleet) for name, fleet in fleets.items()} == {name: [one] for name, one in with_early.items()}
    second = deploy("two", "fleet", "canary")
    assert fleets["fleet"].reports[-1].time < fleets["canary"].reports[-2 * SIZES["canary"]].time
    assert took(fleets["canary"]) == [first["canary"], second["canary"]]
