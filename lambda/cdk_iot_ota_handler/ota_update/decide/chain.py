"""Decisions about a gate that several resources of a stack watch, one after the other."""

from ..chain import Link
from ..contract import timeouts
from ..desired import Gate
from ..identity import Owner
from ..observed import Observed, Stack
from . import Action, Decision
from .ownership import owner_of


def hands_over(gate: Gate, *, age: float, waited: float) -> bool:
    """Return whether the resource of an update leaves its gate to the first link, if there is one.

    ``age``: seconds since the creation of the update. ``waited``: seconds since its event began.
    """
    if not gate.links:
        return False
    return age > timeouts.WATCH - gate.drain or waited > timeouts.LAST_HAND_OVER - gate.drain


def link_hands_over(link: Link, *, waited: float) -> bool:
    """Return whether a link leaves the gate to the next one. ``waited``: seconds since its event began."""
    return not link.is_last and waited > timeouts.WATCH - link.gate.drain


def to_watch(stack: Stack, *, started: float, waited: float) -> Decision:
    """Decide whether a link has anything to watch: CONTINUE, or DONE on a way back, which it never fails.

    ``started``: when its event began, in seconds since 1970. ``waited``: seconds since then.
    """
    if stack.operation is not None and started < stack.operation - timeouts.CLOCK_FAULT:
        return Decision(Action.FAIL, "nothing is watched: the event is older than the running operation on its stack")
    if stack.is_idle and waited < timeouts.STACK_LAG:
        return Decision(Action.WAIT, "the status of the stack may be that of the previous operation")
    if stack.has_turned_back:
        return Decision(Action.DONE, "a rollback watches nothing")
    if stack.is_at_rest or stack.is_cleaning_up:
        return Decision(Action.DONE, f"its stack is {stack.status}: the event is stale")
    return Decision(Action.CONTINUE, "the stack is deploying")


def to_judge(link: Link, observed: Observed | None, *, waited: float) -> Decision:
    """Decide whether a link evaluates the gate: ASK_DEVICES, DONE if that has passed, or FAIL without an update.

    The tag of an update that was deployed before the chain was declared tells that its gate no longer waits.
    """
    name = f"OTA update {link.update.ota_update_id}"
    if observed is None or observed.status == "DELETE_IN_PROGRESS":
        if waited < timeouts.STACK_LAG:
            return Decision(Action.WAIT, "it does not exist, and its stack may have started to roll back")
        return Decision(Action.FAIL, f"{name} no longer exists: it was deleted outside of this stack")
    match owner_of(link.update, observed):
        case Owner.UNKNOWN:
            return Decision(Action.WAIT, "its tags are not visible yet")
        case Owner.OTHER:
            return Decision(Action.FAIL, f"{name} does not belong to this stack: it is left alone")
    if observed.is_deployed and not observed.gate_waits:
        return Decision(Action.DONE, "its gate no longer waits")
    if observed.verdict is not None:
        return Decision(Action.STOP, observed.verdict, timed_out=observed.has_timed_out)
    return Decision(Action.ASK_DEVICES, "its gate decides")
