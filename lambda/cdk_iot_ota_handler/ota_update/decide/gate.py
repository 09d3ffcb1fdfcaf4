"""The verdict of a gate on the progress of a job."""

from dataclasses import replace
from fractions import Fraction

from ..contract import names, timeouts
from ..desired import Gate
from ..observed import JobProgress
from . import Action, Decision

# The counts follow the comment of a job, which may be longer than what CloudFormation shows.
_COMMENT_LENGTH = 200
# The fastest rollout of AWS IoT.
_DEVICES_PER_MINUTE = 1000
_EMPTY = "; if this deploy has created their thing group, that is empty: CloudFormation adds no things to groups"


def verdict(
    gate: Gate, progress: JobProgress | None, *, waited: float, left: float, is_proven: bool = False
) -> Decision:
    """Decide MARK when the gate has passed, STOP when it has failed or cannot pass, else WAIT.

    A gate that only reports decides MARK in place of STOP.

    ``progress``: that of the job, or None if there is no job. ``waited``: seconds since the creation of the update.
    ``left``: seconds that the deploy has left. ``is_proven``: whether devices have passed it before, which ends its
    timeout.
    """
    if progress is None and waited <= timeouts.JOB_LAG:
        return Decision(Action.WAIT, "the gate waits: its job is not visible yet")
    if progress is None:
        return failed(gate, "its job does not exist, it was deleted outside of the stack")
    if progress.is_verdict and not gate.reports_only:
        # An earlier look has canceled it, and its tag with the reason is not visible yet.
        return Decision(Action.STOP, progress.comment)
    if problem := _stopped(progress) or _problem(gate, progress, waited=waited):
        return failed(gate, problem, progress)
    is_enough = progress.succeeded >= required(gate, progress)
    if _is_settled(progress, waited) and progress.is_rolled_out and is_enough:
        return Decision(Action.MARK, f"the gate has passed: {progress}")
    if (waited > gate.timeout and not is_proven) or left <= 0:
        return replace(failed(gate, f"timed out after {waited:.0f} s", progress), timed_out=True)
    return Decision(Action.WAIT, f"the gate waits: {progress}")


def may_end_soon(gate: Gate, progress: JobProgress | None) -> bool:
    """Return whether a gate that waits may pass or fail within seconds.

    While a job still reaches more devices, only more failures than ``maximum_failures`` decide: nothing does so soon if
    even all devices that it has reached, and will have reached by then, are too few for that.
    """
    if progress is None or progress.is_rolled_out:
        return True
    reached = progress.open + timeouts.QUIET * _DEVICES_PER_MINUTE / 60
    return gate.maximum_failures is not None and progress.failures + reached > gate.maximum_failures


def _stopped(progress: JobProgress) -> str | None:
    """Return how the job was stopped: a canceled or deleted job fails the gate."""
    if progress.status == "CANCELED":
        comment = progress.comment[:_COMMENT_LENGTH] or "by its abort criteria or outside of the stack"
        return f"its job is CANCELED, {comment}"
    return "its job is being deleted" if progress.status == "DELETION_IN_PROGRESS" else None


def _problem(gate: Gate, progress: JobProgress, *, waited: float) -> str | None:
    """Return why the gate can no longer pass, whatever follows."""
    failures = "1 failure" if progress.failures == 1 else f"{progress.failures} failures"
    if gate.maximum_failures is not None and progress.failures > gate.maximum_failures:
        return f"{failures}, and at most {gate.maximum_failures} are allowed"
    if not progress.is_rolled_out:
        return None  # the job may still reach more devices
    if not _is_settled(progress, waited):
        return None
    if progress.devices < gate.minimum_devices:
        too_few = f"the job has {progress.devices} devices, and at least {gate.minimum_devices} are required"
        return too_few if progress.devices else f"{too_few}{_EMPTY}"
    share = gate.maximum_failure_percentage
    if share is not None and progress.failures > Fraction(share) * progress.devices / 100:
        return f"{failures} of {progress.devices} devices, and at most {share} % are allowed"
    if progress.devices and progress.succeeded + progress.open < required(gate, progress):
        return f"{gate.success_percentage} % of the devices can no longer succeed"
    return None


def _is_settled(progress: JobProgress, waited: float) -> bool:
    """Return whether a job shows all of its devices: a new one may show none or few of them, until it is over."""
    return waited > timeouts.JOB_LAG or (progress.status == "COMPLETED" and progress.devices > 0)


def required(gate: Gate, progress: JobProgress) -> Fraction:
    """Return how many devices must succeed; exact, because a percentage may fall between two devices."""
    return Fraction(gate.success_percentage) * progress.devices / 100


def failed(gate: Gate, problem: str, progress: JobProgress | None = None) -> Decision:
    """Return the decision of a gate that has failed because of a problem, with the counts of the job."""
    counts = "" if progress is None else f" ({progress})"
    if gate.reports_only:
        return Decision(Action.MARK, f"the gate would have failed: {problem}{counts}", problem=problem)
    return Decision(Action.STOP, f"{names.GATE_FAILED}: {problem}{counts}")
