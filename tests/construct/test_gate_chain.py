"""Gates of more than 45 minutes: the resources that watch them, and what depends on these."""

from pathlib import Path
from typing import Any

import pytest
from aws_cdk import CfnOutput, CfnParameter, Duration, Stack, assertions

from cdk_iot_ota import FileLocation, OtaTarget, Phase, PhasedRollout, RolloutGate

from .stacks import firmware, new_app, ota_file, ota_update, stack, template

MINUTES = Duration.minutes


def links(of: Stack) -> dict[str, Any]:
    """Return the links in a stack's template, by logical id."""
    return dict(template(of).find_resources("Custom::IoTOTAGate"))


@pytest.mark.parametrize(
    ("times", "count"),
    [
        ({"timeout": 45}, 0),
        ({"timeout": 30, "bake_time": 10, "drain_time": 5}, 0),
        ({"timeout": 46}, 1),
        ({"timeout": 30, "bake_time": 16}, 1),
        ({"timeout": 35, "drain_time": 15}, 1),
        ({"timeout": 90}, 1),
        ({"timeout": 91}, 2),
        ({"timeout": 75, "drain_time": 15}, 2),
        ({"timeout": 480}, 10),
        ({"timeout": 465, "drain_time": 15}, 15),
    ],
)
def test_as_many_links_as_the_times_of_a_gate_take(times: dict[str, int], count: int) -> None:
    """Each resource watches for 45 minutes less the drain time; a gate that fits into the update's has no links."""
    rendered = RolloutGate(**{name: MINUTES(minutes) for name, minutes in times.items()}).render()  # type: ignore[arg-type]
    assert rendered.get("Links", 0) == count
    assert ("Links" in rendered) == (count > 0)


@pytest.mark.parametrize("name", ["timeout", "bake_time", "drain_time"])
def test_a_time_that_is_a_token_has_to_fit_into_one_resource(name: str) -> None:
    """Synth cannot tell how many links a token needs, so the known times are 45 minutes at most besides."""
    token: Any = Duration.minutes(CfnParameter(stack(), "Minutes", type="Number").value_as_number)
    other = "bake_time" if name == "timeout" else "timeout"
    assert "Links" not in RolloutGate(**{name: token, other: MINUTES(44)}).render()
    with pytest.raises(ValueError, match=f"{other} must be at most 45 minutes together, got 46"):
        RolloutGate(**{name: token, other: MINUTES(46)})


def test_a_chain_of_links(tmp_path: Path) -> None:
    """Each link has the update's id, the gate, its number, and the state that the one before it has told."""
    prod = stack()
    ota_update(prod, "Blinky", firmware(tmp_path), gate=RolloutGate(timeout=MINUTES(120)))
    found = template(prod).to_json()["Resources"]
    (update_id,) = [name for name, one in found.items() if one["Type"] == "Custom::IoTOTAUpdate"]
    first, second = links(prod)
    # A contract, as every logical id.
    assert (first, second) == ("BlinkyGate1D5E6FC1A", "BlinkyGate2C059E23B")
    for number, (before, name) in enumerate([(update_id, first), (first, second)], start=1):
        properties = found[name]["Properties"]
        assert properties["GateState"] == {"Fn::GetAtt": [before, "GateState"]}
        assert properties["OtaUpdateId"] == {"Ref": update_id}
        assert (properties["Update"], properties["Number"]) == (update_id, number)
        assert properties["Gate"] == found[update_id]["Properties"]["Gate"]
        for shared in ("ServiceToken", "ServiceTimeout"):
            assert properties[shared] == found[update_id]["Properties"][shared]
        assert found[name]["DeletionPolicy"] == "Delete"


def test_counts_come_from_the_last_link_and_ids_from_the_update(tmp_path: Path) -> None:
    """The last link has the attributes that the gate has observed; the update has those of its job."""
    prod = stack()
    update = ota_update(prod, "Blinky", firmware(tmp_path), gate=RolloutGate(timeout=MINUTES(90)))
    names = ("devices_succeeded", "devices_failed", "failed_devices", "seconds_waited", "gate_result")
    for name in (*names, "alarms_without_data", "job_id", "ota_update_arn"):
        CfnOutput(prod, name.replace("_", ""), value=getattr(update, name))
    (link,) = links(prod)
    sources = {name: value["Value"]["Fn::GetAtt"][0] for name, value in template(prod).to_json()["Outputs"].items()}
    of_update = {name for name, source in sources.items() if source != link}
    assert of_update == {"jobid", "otaupdatearn"}


def test_what_depends_on_the_update_waits_for_its_links(tmp_path: Path) -> None:
    """The next phase of a rollout depends on every link of the phase before it."""
    prod = stack()
    phases = [
        Phase("canary", targets=[OtaTarget.thing_group("canary")], gate=RolloutGate(timeout=MINUTES(120))),
        Phase("fleet", targets=[OtaTarget.thing_group("fleet")]),
    ]
    PhasedRollout(prod, "Blinky", phases=phases, files=[ota_file(FileLocation.from_asset(firmware(tmp_path)))])
    found = template(prod).to_json()["Resources"]
    (fleet,) = [one for name, one in found.items() if name.startswith("Blinkyfleet")]
    assert set(links(prod)) < set(fleet["DependsOn"])


def test_links_need_no_permission_of_their_own(tmp_path: Path) -> None:
    """A longer timeout adds the links to a template and changes the update's gate, and nothing else."""
    resources = []
    for minutes in (45, 480):
        prod = stack()
        ota_update(prod, "Blinky", firmware(tmp_path), gate=RolloutGate(timeout=MINUTES(minutes)))
        resources.append(template(prod).to_json()["Resources"])
    short, long = resources
    for name, resource in short.items():
        if resource["Type"] == "Custom::IoTOTAUpdate":
            assert long[name]["Properties"].pop("Gate") != resource["Properties"].pop("Gate")
        assert long[name] == resource
    assert {long[name]["Type"] for name in long.keys() - short.keys()} == {"Custom::IoTOTAGate"}


def test_synth_tells_what_a_long_gate_costs(tmp_path: Path) -> None:
    """An information has the hours and the number of links; a gate of one resource has none."""
    prod = Stack(new_app(), "Prod")
    ota_update(prod, "Long", firmware(tmp_path), gate=RolloutGate(timeout=MINUTES(90)))
    ota_update(prod, "Short", firmware(tmp_path), gate=RolloutGate(), targets=[OtaTarget.thing("bench")])
    (found,) = assertions.Annotations.from_stack(prod).find_info("*", assertions.Match.any_value())
    assert found.id == "/Prod/Long"
    assert "1.5 hours, in which 2 resources watch it" in str(found.entry.data)


def test_an_export_of_the_counts_is_warned_of(tmp_path: Path) -> None:
    """Counts change with the firmware, and so must not be exported, from whichever resource they come."""
    prod = stack()
    update = ota_update(prod, "Blinky", firmware(tmp_path), gate=RolloutGate(timeout=MINUTES(90)))
    prod.export_value(update.devices_failed, name="failures")
    found = assertions.Annotations.from_stack(prod).find_warning("*", assertions.Match.any_value())
    assert any("devices_failed changes with the firmware" in str(one.entry.data) for one in found)
