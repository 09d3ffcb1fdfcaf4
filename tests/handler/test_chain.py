"""Decisions on the links of a gate, exactly at their limits."""

import dataclasses
from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update.chain import Link
from cdk_iot_ota_handler.ota_update.contract import names, timeouts
from cdk_iot_ota_handler.ota_update.decide import Action
from cdk_iot_ota_handler.ota_update.decide.chain import hands_over, link_hands_over, to_judge, to_watch
from cdk_iot_ota_handler.ota_update.desired import Gate
from cdk_iot_ota_handler.ota_update.observed import Stack

from .scenarios import id_of, with_update
from .test_gate_link import LONG, link

LINK = Link.from_event(link())
DRAIN = 900


def gate(drain: int = 0) -> Gate:
    """Return a gate with links."""
    found = Gate.from_properties({"Gate": LONG})
    assert found is not None
    return dataclasses.replace(found, drain=drain)


@pytest.mark.parametrize("drain", [0, DRAIN])
def test_an_update_leaves_its_gate_after_the_last_moment_and_not_at_it(drain: int) -> None:
    """The age of the update and the time of its event end its turn, each less the time for devices to finish."""
    of_age, of_event = timeouts.WATCH - drain, timeouts.LAST_HAND_OVER - drain
    assert not hands_over(gate(drain), age=of_age, waited=of_event)
    assert hands_over(gate(drain), age=of_age + 0.1, waited=0)
    assert hands_over(gate(drain), age=0, waited=of_event + 0.1)


@pytest.mark.parametrize("drain", [0, DRAIN])
def test_a_link_leaves_the_gate_after_the_last_moment_and_not_at_it(drain: int) -> None:
    """Its own time ends its turn."""
    found = dataclasses.replace(LINK, gate=gate(drain))
    assert not link_hands_over(found, waited=timeouts.WATCH - drain)
    assert link_hands_over(found, waited=timeouts.WATCH - drain + 0.1)


@pytest.mark.parametrize(("started", "expected"), [(930, Action.CONTINUE), (929.9, Action.FAIL)])
def test_an_event_is_older_than_the_operation_if_no_difference_of_clocks_explains_it(
    started: float, expected: Action
) -> None:
    """The operation began at 1,000 by the clock of CloudFormation, which may be 70 s ahead."""
    decision = to_watch(Stack("UPDATE_IN_PROGRESS", 1000), started=started, waited=60)
    assert decision.action is expected


@pytest.mark.parametrize(("waited", "expected"), [(9.9, Action.WAIT), (10, Action.DONE)])
def test_a_stack_at_rest_is_believed_after_ten_seconds(waited: float, expected: Action) -> None:
    """The status may be that of the operation before for as long."""
    assert to_watch(Stack("UPDATE_COMPLETE", None), started=0, waited=waited).action is expected


@pytest.mark.parametrize(("waited", "expected"), [(9.9, Action.WAIT), (10, Action.FAIL)])
def test_an_update_that_is_gone_fails_the_gate_after_ten_seconds(waited: float, expected: Action) -> None:
    """Its stack may have deleted it in a rollback whose status is not visible yet."""
    assert to_judge(LINK, None, waited=waited).action is expected


def observed(**state: Any) -> Any:
    """Return the update of the link as AWS IoT shows it."""
    service = with_update(**state)
    return service.connect().get_update(id_of("one"), service.time.now)


def test_a_young_update_without_tags_is_waited_for() -> None:
    """Tags may become visible minutes after the update, and no other stack can have created it so recently."""
    young = dataclasses.replace(observed(), tags={}, age=1)
    decision = to_judge(LINK, young, waited=60)
    assert (decision.action, decision.reason) == (Action.WAIT, "its tags are not visible yet")


@pytest.mark.parametrize(("mark", "timed_out"), [("", False), ("timed-out ", True)])
def test_a_verdict_that_is_kept_tells_whether_the_gate_waited_too_long(mark: str, *, timed_out: bool) -> None:
    """The evidence of a gate that has timed out is about other devices than that of one with failures."""
    failed = observed(deployed="waiting", tags={names.FAILED_TAG: f"{mark}the gate has failed: so"})
    decision = to_judge(LINK, failed, waited=60)
    assert (decision.action, decision.timed_out) == (Action.STOP, timed_out)
