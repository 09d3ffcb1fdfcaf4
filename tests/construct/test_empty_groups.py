"""The warning about a gate on a thing group that the same deploy creates."""

from collections.abc import Callable
from typing import cast

import pytest
from aws_cdk import Annotations, App, CfnParameter, NestedStack, Stack
from aws_cdk import aws_iot as iot

from cdk_iot_ota import FileLocation, OtaTarget, OtaUpdate, Phase, PhasedRollout, RolloutGate

from .stacks import ota_file, stack

GATE = RolloutGate()
Target = Callable[[iot.CfnThingGroup], OtaTarget]


def group(scope: Stack, name: str | None = "canary", query: str | None = None) -> iot.CfnThingGroup:
    """Declare a thing group."""
    return iot.CfnThingGroup(scope, "Group", thing_group_name=name, query_string=query)


def update(scope: Stack, *targets: OtaTarget, gate: RolloutGate | None = GATE) -> OtaUpdate:
    """Declare an update of these targets."""
    files = [ota_file(FileLocation.from_stream("stream-1", 0))]
    return OtaUpdate(scope, "Blinky", targets=targets, files=files, gate=gate)


def warnings(of: Stack) -> list[str]:
    """Return the warnings of an app about empty groups, as ``<path> <message>``."""
    app = cast(App, of.node.root)
    app.synth()
    return [
        f"{found.node.path} {entry.data}"
        for found in of.node.find_all()
        for entry in found.node.metadata
        if entry.type == "aws:cdk:warning" and "[ack: cdk-iot-ota:empty-group]" in str(entry.data)
    ]


TARGETS: dict[str, Target] = {
    "itself": OtaTarget.thing_group,
    "arn": lambda found: OtaTarget.from_arn(found.attr_arn),
    "ref": lambda found: OtaTarget.thing_group(found.ref),
    "name": lambda _: OtaTarget.thing_group("canary"),
    "literal-arn": lambda _: OtaTarget.from_arn("arn:aws:iot:eu-central-1:111122223333:thinggroup/canary"),
}


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_gate_on_a_group_of_the_same_stack_is_a_warning(target: Target) -> None:
    """The warning names the group, says why the gate fails and what to do, however the target refers to the group."""
    prod = stack()
    update(prod, OtaTarget.thing_group("fleet"), target(group(prod)))
    (found,) = warnings(prod)
    assert found.startswith("Prod/Blinky the stack creates a thing group that its update targets, got 'canary':")
    assert "create it in a stack that is deployed before, or let an empty group pass with minimum_devices=0" in found


def test_a_group_that_is_declared_after_the_update_counts() -> None:
    """The order of the declarations does not matter."""
    prod = stack()
    update(prod, OtaTarget.thing_group("canary"))
    group(prod)
    assert len(warnings(prod)) == 1


def test_a_group_without_a_known_name_is_shown_by_its_path() -> None:
    """A group that CloudFormation or a parameter names is found by its references, or by the same token."""
    prod = stack()
    update(prod, OtaTarget.from_arn(group(prod, None).attr_arn))
    assert "got Prod/Group:" in warnings(prod)[0]
    named = stack()
    name = CfnParameter(named, "Name").value_as_string
    group(named, name)
    update(named, OtaTarget.thing_group(name))
    assert "got Prod/Group:" in warnings(named)[0]


@pytest.mark.parametrize("by_name", [True, False])
def test_a_nested_stack_is_deployed_with_its_parent(*, by_name: bool) -> None:
    """A group in the parent of the update's nested stack is created in the same deploy."""
    prod = stack()
    canary = group(prod)
    target = OtaTarget.thing_group("canary") if by_name else OtaTarget.from_arn(canary.attr_arn)
    update(NestedStack(prod, "Nested"), target)
    assert len(warnings(prod)) == 1


def test_each_phase_with_a_gate_has_its_own_warning() -> None:
    """In a phased rollout the update of the phase has the warning, and a phase without a gate has none."""
    prod = stack()
    target = OtaTarget.from_arn(group(prod).attr_arn)
    fleet = OtaTarget.from_arn(iot.CfnThingGroup(prod, "Fleet").attr_arn)
    phases = [Phase("canary", targets=[target], gate=GATE), Phase("fleet", targets=[fleet])]
    PhasedRollout(prod, "Rollout", phases=phases, files=[ota_file(FileLocation.from_stream("stream-1", 0))])
    assert [found.split()[0] for found in warnings(prod)] == ["Prod/Rollout/canary"]


def test_a_group_of_another_stack_is_no_warning() -> None:
    """Two stacks are deployed one after the other, so that devices can join the group in between."""
    app = App(analytics_reporting=False)
    groups, prod = Stack(app, "Groups"), Stack(app, "Prod")
    update(prod, OtaTarget.from_arn(group(groups).attr_arn))
    assert warnings(prod) == []


def test_what_can_pass_is_no_warning() -> None:
    """Without a gate, with a minimum of 0, for a dynamic group and for other groups and things there is no warning."""
    without, empty, dynamic, other = stack(), stack(), stack(), stack()
    update(without, OtaTarget.from_arn(group(without).attr_arn), gate=None)
    update(empty, OtaTarget.from_arn(group(empty).attr_arn), gate=RolloutGate(minimum_devices=0))
    update(dynamic, OtaTarget.from_arn(group(dynamic, query="attributes.ring:canary").attr_arn))
    group(other)
    update(other, OtaTarget.thing_group("fleet"), OtaTarget.thing("canary"))
    assert [warnings(made) for made in (without, empty, dynamic, other)] == [[], [], [], []]


def test_the_warning_can_be_acknowledged() -> None:
    """The group of a stack that was deployed before may have devices by now: then the warning is acknowledged."""
    prod = stack()
    update(prod, OtaTarget.from_arn(group(prod).attr_arn))
    Annotations.of(prod).acknowledge_warning("cdk-iot-ota:empty-group", "it has devices")
    assert warnings(prod) == []
