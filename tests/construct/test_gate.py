"""Gates and phases: their templates, and the combinations that are rejected."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import CfnParameter, Duration, Stack

from cdk_iot_ota import (
    FileLocation,
    GateFailure,
    OtaTarget,
    Phase,
    PhasedRollout,
    RolloutGate,
    RolloutRate,
    TargetSelection,
)

from .stacks import firmware, only_update, ota_file, ota_update, stack, template, updates, wrong


def test_a_gate_is_a_property_and_not_content(tmp_path: Path) -> None:
    """A gate is a separate property and does not change the request, so the update keeps its id."""
    without, gated = stack(), stack()
    ota_update(without, "Blinky", firmware(tmp_path))
    gate = RolloutGate(success_percentage=99.5, maximum_failures=2, minimum_devices=10, timeout=Duration.minutes(45))
    ota_update(gated, "Blinky", firmware(tmp_path), gate=gate)
    properties = only_update(gated)["Properties"]
    assert properties["Gate"] == {
        "SuccessPercentage": 99.5,
        "MaximumFailures": 2,
        "MinimumDevices": 10,
        "TimeoutInMinutes": 45,
    }
    assert properties["Request"] == only_update(without)["Properties"]["Request"]
    assert "Gate" not in only_update(without)["Properties"]


def test_the_defaults_of_a_gate(tmp_path: Path) -> None:
    """By default a gate needs all devices, at least one, to succeed within 30 minutes."""
    prod = stack()
    ota_update(prod, "Blinky", firmware(tmp_path), gate=RolloutGate())
    assert list(only_update(prod)["Properties"]["Gate"].values()) == [100, 0, 1, 30]


def test_a_gate_that_only_reports_says_so_in_the_template() -> None:
    """The property is there only for a gate that lets the deploy continue."""
    assert RolloutGate(on_failure=GateFailure.REPORT).render()["OnFailure"] == "REPORT"
    assert "OnFailure" not in RolloutGate(on_failure=GateFailure.FAIL).render()


def test_the_time_to_drain_is_in_the_template_if_it_is_given() -> None:
    """A drain is rendered in minutes, and fits into the time of a gate together with its timeout."""
    gate = RolloutGate(timeout=Duration.minutes(40), drain_time=Duration.minutes(5))
    assert (gate.render()["TimeoutInMinutes"], gate.render()["DrainInMinutes"]) == (40, 5)
    assert "DrainInMinutes" not in RolloutGate().render()


@pytest.mark.parametrize(
    ("limits", "rendered"),
    [
        ({"maximum_failures": 0}, {"MaximumFailures": 0}),
        ({"maximum_failure_percentage": 2.5}, {"MaximumFailurePercentage": 2.5}),
        (
            {"maximum_failures": 3, "maximum_failure_percentage": 2.5},
            {"MaximumFailures": 3, "MaximumFailurePercentage": 2.5},
        ),
    ],
)
def test_the_limits_on_failures_are_those_that_are_given(limits: dict[str, Any], rendered: dict[str, Any]) -> None:
    """A share of failures alone is the only limit, and together with a number it is a second one."""
    found = dict(RolloutGate(**limits).render())
    assert {name: value for name, value in found.items() if name.startswith("Maximum")} == rendered


@pytest.mark.parametrize(
    ("options", "success"),
    [
        ({}, 100),
        ({"maximum_failures": 3}, 100),
        ({"maximum_failure_percentage": 2.5}, 97.5),
        ({"maximum_failure_percentage": 0.07}, 99.93),
        ({"maximum_failure_percentage": 100}, 0.01),
        ({"maximum_failure_percentage": 2.5, "success_percentage": 99}, 99),
    ],
)
def test_a_share_of_failures_leaves_the_rest_to_succeed(options: dict[str, Any], success: float) -> None:
    """Without another percentage, those that must succeed are all but those that may fail."""
    assert RolloutGate(**options).render()["SuccessPercentage"] == success


def test_what_a_token_leaves_is_not_known() -> None:
    """A share of failures that is a token needs the percentage of those that must succeed."""
    share = CfnParameter(stack(), "Share", type="Number").value_as_number
    with pytest.raises(ValueError, match="success_percentage must be given with a maximum_failure_percentage that is"):
        RolloutGate(maximum_failure_percentage=share)
    assert RolloutGate(maximum_failure_percentage=share, success_percentage=90).render()["SuccessPercentage"] == 90


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RolloutGate(success_percentage=0), "success_percentage must be between 0.01 and 100, got 0"),
        (lambda: RolloutGate(success_percentage=99.999), "success_percentage must be a number with 2 decimals at most"),
        (lambda: RolloutGate(maximum_failures=-1), "maximum_failures must be at least 0, got -1"),
        (
            lambda: RolloutGate(maximum_failure_percentage=0),
            "maximum_failure_percentage must be between 0.01 and 100, got 0",
        ),
        (lambda: RolloutGate(on_failure=wrong("REPORT")), "on_failure must be one of GateFailure.FAIL, "),
        (
            lambda: RolloutGate(drain_time=Duration.minutes(16)),
            "drain_time in minutes must be between 1 and 15, got 16",
        ),
        (
            lambda: RolloutGate(timeout=Duration.minutes(476), drain_time=Duration.minutes(5)),
            "timeout and drain_time must be at most 480 minutes together, got 476 and 5",
        ),
        (
            lambda: RolloutGate(drain_time=Duration.minutes(5), on_failure=GateFailure.REPORT),
            "drain_time must be left out with GateFailure.REPORT",
        ),
        (lambda: RolloutGate(minimum_devices=-1), "minimum_devices must be at least 0, got -1"),
        (lambda: RolloutGate(timeout=Duration.minutes(481)), "timeout in minutes must be between 1 and 480, got 481"),
        (lambda: RolloutGate(timeout=wrong(30)), "timeout must be a Duration, got 30: write Duration.minutes"),
        (lambda: Phase("a b", targets=[OtaTarget.thing("a")]), "name must be of a-z, A-Z, 0-9, _ and -, got 'a b'"),
        (lambda: Phase("a", targets=[]), "targets must have 1 to 100 members, got 0"),
    ],
)
def test_a_bad_value_is_named(make: Callable[[], Any], message: str) -> None:
    """A gate and a phase reject invalid values in their constructors."""
    with pytest.raises((TypeError, ValueError), match=message):
        make()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target_selection": TargetSelection.CONTINUOUS}, "gate must be left out with TargetSelection.CONTINUOUS"),
        ({"force_delete_job": False}, "force_delete_job must be True with a gate, got False"),
        ({"gate": 100}, "gate must be a RolloutGate, got 100"),
    ],
)
def test_what_a_gate_does_not_go_with(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    """A gate is rejected with a continuous update or without force_delete_job, and must be a RolloutGate."""
    with pytest.raises((TypeError, ValueError), match=f"Prod/Blinky: {message}"):
        ota_update(stack(), "Blinky", firmware(tmp_path), **{"gate": RolloutGate(), **options})


def phases(made: Stack, path: Path, *names: str, **options: Any) -> PhasedRollout:
    """Declare a rollout over thing groups with these names."""
    found = [Phase(name, targets=[OtaTarget.thing_group(name)], gate=RolloutGate()) for name in names]
    return PhasedRollout(made, "Rollout", phases=found, files=[ota_file(FileLocation.from_asset(path))], **options)


def logical_ids(made: Stack) -> dict[str, str]:
    """Return the logical ids of the updates, by the name of their thing group."""
    return {
        part["Properties"]["Request"]["targets"][0]["Fn::Join"][1][-1].rpartition("/")[2]: name
        for name, part in updates(made).items()
    }


def test_each_phase_comes_after_the_one_before(tmp_path: Path) -> None:
    """Each phase depends on the previous one, and all share files, role and policies."""
    prod = stack()
    rollout = phases(prod, firmware(tmp_path), "canary", "early", "fleet", description="blinky")
    found, ids = updates(prod), logical_ids(prod)
    assert [one.node.id for one in rollout.updates] == ["canary", "early", "fleet"]
    assert ids["canary"] in found[ids["early"]]["DependsOn"]
    assert ids["early"] in found[ids["fleet"]]["DependsOn"]
    assert ids["fleet"] not in found[ids["canary"]]["DependsOn"]
    assert len({str(part["Properties"]["Request"]["files"]) for part in found.values()}) == 1
    assert len(template(prod).find_resources("AWS::IAM::Role")) == 5
    assert rollout.update("early") is rollout.updates[1]


def test_phases_are_added_removed_and_reordered_without_a_change_of_the_others(tmp_path: Path) -> None:
    """A phase's logical id and request depend on its name and not on its position."""
    path, found = firmware(tmp_path), []
    for names in (("canary", "fleet"), ("canary", "early", "fleet"), ("fleet", "canary")):
        prod = stack()
        phases(prod, path, *names)
        found.append({name: part["Properties"]["Request"] for name, part in updates(prod).items()})
    assert all(found[0].items() <= later.items() for later in found[1:])


def test_a_phase_can_have_its_own_rate(tmp_path: Path) -> None:
    """A phase's own rate overrides the rollout's, which applies to all other phases."""
    prod = stack()
    own, common = RolloutRate.constant(maximum_per_minute=1), RolloutRate.constant(maximum_per_minute=9)
    found = [
        Phase("canary", targets=[OtaTarget.thing("a")], rollout=own),
        Phase("fleet", targets=[OtaTarget.thing("b")]),
    ]
    files = [ota_file(FileLocation.from_asset(firmware(tmp_path)))]
    PhasedRollout(prod, "Rollout", phases=found, files=files, rollout=common)
    rates = [part["Properties"]["Request"]["awsJobExecutionsRolloutConfig"] for part in updates(prod).values()]
    assert rates == [{"maximumPerMinute": 1}, {"maximumPerMinute": 9}]


def test_a_target_and_a_name_are_in_one_phase_only(tmp_path: Path) -> None:
    """Two phases with the same name or a common target are rejected."""
    path, twice = firmware(tmp_path), Phase("b", targets=[OtaTarget.thing_group("a")])
    with pytest.raises(ValueError, match="Prod/Rollout: names of phases must be different from one another, got 'a'"):
        phases(stack(), path, "a", "a")
    files, first = [ota_file(FileLocation.from_asset(path))], Phase("a", targets=[OtaTarget.thing_group("a")])
    with pytest.raises(ValueError, match="Prod/Rollout: targets of phases must be different from one another"):
        PhasedRollout(stack(), "Rollout", phases=[first, twice], files=files)
