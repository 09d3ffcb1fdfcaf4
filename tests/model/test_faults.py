"""Every call of the handler fails in every way, once and for minutes; the handler dies between any two calls.

Each time the declared state results, or a failure with its reason and the previous state.
"""

from collections.abc import Callable

import pytest

from ..fakes.cloudformation import Plan
from ..fakes.ota_service import ALARM_OPERATIONS, OPERATIONS, Behaviour, Fault
from .story import ALARMS, Story, declaration

GATE = ("100", "10")

Step = Callable[[Story, Plan, list[Fault]], bool]


def create(story: Story, plan: Plan, faults: list[Fault]) -> bool:
    """Deploy for the first time."""
    return story.create(declaration("one"), plan, faults=faults)


def replace(story: Story, plan: Plan, faults: list[Fault]) -> bool:
    """Deploy other content."""
    story.create(declaration("one"))
    return story.update(declaration("two"), plan, faults=faults)


def change_tags(story: Story, plan: Plan, faults: list[Fault]) -> bool:
    """Deploy other tags."""
    story.create(declaration("one", tags=[{"Key": "team", "Value": "a"}, {"Key": "old", "Value": "x"}]))
    return story.update(declaration("one", tags=[{"Key": "team", "Value": "b"}]), plan, faults=faults)


def delete(story: Story, plan: Plan, faults: list[Fault]) -> bool:
    """Delete the stack."""
    story.create(declaration("one"))
    story.delete(plan, faults=faults)
    return not story.stack.reasons


def replace_with_gate(story: Story, plan: Plan, faults: list[Fault]) -> bool:
    """Deploy other content whose gate passes after half a minute."""
    story.create(declaration("one"))
    return story.update(declaration("two", gate=GATE), plan, Behaviour(devices=("succeed", 30)), faults)


def replace_with_alarms(story: Story, plan: Plan, faults: list[Fault]) -> bool:
    """Deploy other content whose gate bakes for a minute, and whose alarms have no data until it is created."""
    story.create(declaration("one"))
    story.change_alarms([(0, name, "INSUFFICIENT_DATA") for name in ALARMS] + [(9, name, "OK") for name in ALARMS])
    watched = declaration("two", gate=GATE, alarms=ALARMS, bake="1")
    return story.update(watched, plan, Behaviour(devices=("succeed", 30)), faults)


STEPS = [create, replace, change_tags, delete, replace_with_gate]
CALLS = [(step, operation) for step in STEPS for operation in OPERATIONS]
# Alarms add calls to those of any gate, and few can go wrong differently.
CALLS += [(replace_with_alarms, operation) for operation in (*ALARM_OPERATIONS, "DescribeJob", "TagResource")]


@pytest.mark.parametrize("lasts", [0, 180], ids=["once", "three minutes"])
@pytest.mark.parametrize("kind", ["throttled", "error", "cut before", "cut after", "slow"])
@pytest.mark.parametrize(("step", "operation"), CALLS)
def test_a_temporary_fault_only_delays(step: Step, operation: str, kind: str, lasts: float) -> None:
    """A call that fails for minutes makes a deploy slow, but does not fail it."""
    story = Story()
    assert step(story, Plan(), [Fault(kind=kind, operation=operation, lasts=lasts)])
    assert story.stack.reasons == []
    story.check_the_end()


@pytest.mark.parametrize("lasts", [0, 30, 150, 400])
@pytest.mark.parametrize(("step", "operation"), CALLS)
def test_a_permission_that_is_still_missing_after_minutes_is_a_failure(
    step: Step, operation: str, lasts: float
) -> None:
    """Access denied for minutes is waited for; after three minutes it fails the event and leaves nothing."""
    story = Story()
    step(story, Plan(), [Fault(kind="denied", operation=operation, lasts=lasts)])
    met = story.service.injected.get("denied", 0) > 0
    assert bool(story.stack.reasons) is (met and lasts == 400)
    assert all("not authorized" in reason for reason in story.stack.reasons)
    story.check_the_end()


@pytest.mark.parametrize("lasts", [0, 180], ids=["once", "three minutes"])
@pytest.mark.parametrize("kind", ["throttled", "error", "cut before", "cut after", "slow"])
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("devices", ["fail", "silent"])
def test_firmware_that_fails_its_gate_is_pushed_once_and_removed(
    devices: str, operation: str, kind: str, lasts: float
) -> None:
    """Whichever call fails, the reason is the failed gate, the update was created once, and the old update is live."""
    story = Story()
    story.create(declaration("one"))
    faults, fails = [Fault(kind=kind, operation=operation, lasts=lasts)], Behaviour(devices=(devices, 1))
    assert not story.update(declaration("two", gate=GATE), day=fails, faults=faults)
    assert story.stack.reasons[0].startswith("the gate has failed: ")
    assert len(story.service.created) == 2
    story.check_the_end()


@pytest.mark.parametrize("lasts", [0, 180], ids=["once", "three minutes"])
@pytest.mark.parametrize("kind", ["throttled", "error", "cut before", "cut after", "slow"])
@pytest.mark.parametrize("operation", ALARM_OPERATIONS)
def test_an_alarm_that_rings_once_stops_the_rollout(operation: str, kind: str, lasts: float) -> None:
    """Whichever call about alarms fails, an alarm that is quiet again fails the gate, and the old update is live."""
    story = Story()
    story.create(declaration("one"))
    story.change_alarms([(60, ALARMS[0], "ALARM"), (61, ALARMS[0], "OK")])
    faults = [Fault(kind=kind, operation=operation, begins=30, lasts=lasts)]
    assert not story.update(declaration("two", gate=GATE, alarms=ALARMS, bake="2"), faults=faults)
    assert story.stack.reasons[0].startswith(f"the gate has failed: alarm {ALARMS[0]} went to ALARM")
    story.check_the_end()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", [*STEPS, replace_with_alarms])
def test_the_handler_may_die_between_any_two_calls(step: Step, when: str) -> None:
    """A killed handler fails the event with a reason, and the previous or the declared state results."""
    kills = 0
    for invocation in range(1, 8):
        for call in range(1, 20):
            story = Story()
            worked = step(story, Plan(killed=(invocation, call, when)), [])
            if not story.stack.framework.kills:
                assert worked
                break
            kills += 1
            assert story.stack.reasons[0] == "Runtime exited"
            story.check_the_end()
    assert kills > 2
