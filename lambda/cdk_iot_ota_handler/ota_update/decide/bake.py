"""The outcome of one look at a gate: what its devices and its alarms decide, and the bake time after the devices."""

from ..desired import Gate
from ..observed import JobProgress
from . import Action, Decision
from .gate import failed


def outcome(
    gate: Gate,
    devices: Decision,
    alarms: Decision,
    progress: JobProgress | None,
    *,
    proven: float | None,
    now: float,
    left: float,
) -> Decision:
    """Return the decision that follows from those on the devices and on the alarms of a gate.

    The first of them that fails the gate decides, in the bake time too. Then devices must have passed, alarms must have
    been read, and the bake time must be over.

    ``progress``: that of the job, for the reason, or None if it is not known. ``proven``: when the bake time has begun,
    or None, and ``now``: both in seconds since 1970. ``left``: seconds that the deploy has left.
    """
    for decision in (devices, alarms):
        if is_failure(decision):
            return decision
    if devices.action is not Action.MARK:
        return devices
    if gate.bake and proven is None:
        return Decision(Action.PROVE, f"{devices.reason}; its bake time begins")
    remaining = seconds_left(gate, proven, now)
    if remaining <= 0 and alarms.action is Action.CONTINUE:
        return Decision(Action.MARK, _joined(devices.reason, alarms.reason))
    held_by = f"its bake time ends in {remaining:.0f} s" if remaining > 0 else alarms.reason
    if left <= 0:
        return failed(gate, f"the deploy has no time left, and {held_by}", progress)
    return Decision(Action.WAIT, _joined(devices.reason, held_by, alarms.reason if remaining > 0 else ""))


def is_failure(decision: Decision) -> bool:
    """Return whether a decision fails a gate, or would, if that only reports."""
    return decision.action is Action.STOP or bool(decision.problem)


def seconds_left(gate: Gate, proven: float | None, now: float) -> float:
    """Return how many seconds of the bake time are left; a gate without one has none."""
    return gate.bake - (0 if proven is None else max(0, now - proven))


def _joined(*words: str) -> str:
    return "; ".join(filter(None, words))
