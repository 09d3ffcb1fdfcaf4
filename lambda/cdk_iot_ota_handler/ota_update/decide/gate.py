"""What a gate makes of a rollout: whether devices have proven the firmware. No calls here."""

from fractions import Fraction

from ..contract import timeouts
from ..gate import Gate
from ..observed import JobProgress
from . import Action, Decision

# The counts come after the comment of a job, which may be longer than all that CloudFormation shows.
_COMMENT = 200


def verdict(gate: Gate, seen: JobProgress | None, *, waited: float, left: float) -> Decision:
    """MARK when the devices have proven the firmware, STOP when they have not or can not, else WAIT.

    ``seen``: the rollout, or None if its job is not there. ``waited``: for how many seconds it goes on. ``left``: how
    many seconds the deploy has left.
    """
    if seen is None and waited <= timeouts.ROLLOUT_LAG:
        return Decision(Action.WAIT, "the gate waits: its job does not show yet")
    if seen is None:
        return Decision(Action.STOP, "the gate has failed: its job is not there, somebody has deleted it")
    if problem := _ended(seen) or _problem(gate, seen, waited=waited):
        return _failed(problem, seen)
    # What is seen of a new job may not be all of it, unless it is over.
    settled = waited > timeouts.ROLLOUT_LAG or seen.status == "COMPLETED"
    enough = seen.devices >= gate.minimum_devices and seen.succeeded >= _required(gate, seen)
    if settled and seen.rolled_out and enough:
        return Decision(Action.MARK, f"the gate has passed: {seen}")
    if waited > gate.timeout or left <= 0:
        return _failed(f"the devices were not through after {waited:.0f} s", seen)
    return Decision(Action.WAIT, f"the gate waits: {seen}")


def _ended(seen: JobProgress) -> str | None:
    """Whether the job was ended: whoever has done it did not want more devices to take the firmware."""
    if seen.status == "CANCELED":
        return f"its job is CANCELED, {seen.comment[:_COMMENT] or 'through its abort criteria or by hand'}"
    return "its job is being deleted" if seen.status == "DELETION_IN_PROGRESS" else None


def _problem(gate: Gate, seen: JobProgress, *, waited: float) -> str | None:
    """Why the gate can not pass any more, whatever comes, if it can not."""
    if seen.failures > gate.maximum_failures:
        failures = "1 failure" if seen.failures == 1 else f"{seen.failures} failures"
        return f"{failures}, and at most {gate.maximum_failures} are allowed"
    if not seen.rolled_out:
        return None  # more devices may come
    # A new job may show none of its devices yet.
    settled = waited > timeouts.ROLLOUT_LAG or (seen.status == "COMPLETED" and seen.devices > 0)
    if seen.devices < gate.minimum_devices and settled:
        return f"the job has {seen.devices} devices, and at least {gate.minimum_devices} must take it"
    if seen.devices and seen.succeeded + seen.open < _required(gate, seen):
        return f"{gate.success_percentage} % of the devices can no longer succeed"
    return None


def _required(gate: Gate, seen: JobProgress) -> Fraction:
    """How many devices must succeed: exact, for a share of many devices may end between two of them."""
    return Fraction(gate.success_percentage) * seen.devices / 100


def _failed(problem: str, seen: JobProgress) -> Decision:
    return Decision(Action.STOP, f"the gate has failed: {problem} ({seen})")
