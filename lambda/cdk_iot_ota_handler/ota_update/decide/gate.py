"""What a gate makes of a rollout: whether devices have proven the firmware. No calls here."""

from fractions import Fraction

from .. import budgets
from ..gate import Gate
from ..seen import Rollout
from . import Action, Decision

# Whoever has ended the job, its abort criteria or a person, did not want more devices to take the firmware.
_ENDED = ("CANCELED", "DELETION_IN_PROGRESS")


def verdict(gate: Gate, seen: Rollout | None, *, waited: float, left: float) -> Decision:
    """MARK when the devices have proven the firmware, DELETE_AND_FAIL when they have not or can not, else WAIT.

    ``seen``: the rollout, or None if its job is not there. ``waited``: for how many seconds it goes on. ``left``: how
    many seconds the deploy has left.
    """
    if seen is None:
        return Decision(Action.DELETE_AND_FAIL, "the gate has failed: its job is gone, somebody has deleted it")
    if seen.status in _ENDED:
        return _failed(f"its job is {seen.status}, {seen.comment or 'through its abort criteria or by hand'}", seen)
    if problem := _problem(gate, seen, waited=waited):
        return _failed(problem, seen)
    if seen.rolled_out and seen.devices >= gate.minimum_devices and seen.succeeded >= _required(gate, seen):
        return Decision(Action.MARK, f"the gate has passed: {seen}")
    if waited > gate.timeout or left <= 0:
        return _failed(f"the devices were not through after {waited:.0f} s", seen)
    return Decision(Action.WAIT, f"the gate waits: {seen}")


def _problem(gate: Gate, seen: Rollout, *, waited: float) -> str | None:
    """Why the gate can not pass any more, whatever comes, if it can not."""
    if seen.failures > gate.maximum_failures:
        failures = "1 failure" if seen.failures == 1 else f"{seen.failures} failures"
        return f"{failures}, and at most {gate.maximum_failures} are allowed"
    if not seen.rolled_out:
        return None  # more devices may come
    # A new job may show none of its devices yet.
    settled = waited > budgets.ROLLOUT_LAG or seen.status == "COMPLETED"
    if seen.devices < gate.minimum_devices and settled:
        return f"the job has {seen.devices} devices, and at least {gate.minimum_devices} must take it"
    if seen.devices and seen.succeeded + seen.open < _required(gate, seen):
        return f"{gate.success_percentage} % of the devices can no longer succeed"
    return None


def _required(gate: Gate, seen: Rollout) -> Fraction:
    """How many devices must succeed: exact, for a share of many devices may end between two of them."""
    return Fraction(gate.success_percentage) * seen.devices / 100


def _failed(problem: str, seen: Rollout) -> Decision:
    return Decision(Action.DELETE_AND_FAIL, f"the gate has failed: {problem} ({seen})")
