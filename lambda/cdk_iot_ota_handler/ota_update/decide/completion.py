"""What is decided after Create and Update."""

from dataclasses import dataclass

from ..contract import limits, names, timeouts
from ..desired import Desired
from ..identity import Owner
from ..observed import FORWARD, Observed, Stack
from . import Action, Decision
from .ownership import owner_of, refusal

_NOT_AGAIN = "this is the way back to an update that was removed: it is not pushed again"


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a Create or an Update is decided on, beside what is declared and seen.

    ``is_update``: not a Create. ``stays``: the resource had this id before. ``waited``: for how many seconds the event
    goes on. ``there_for``: for how many seconds this invocation knows the update to be there (None: it does not).
    """

    stack: Stack = FORWARD
    is_update: bool = False
    stays: bool = False
    waited: float = 0
    there_for: float | None = None


def taken(wanted: Desired, seen: Observed | None) -> Decision:
    """In on_event, for an explicit id that the resource does not have yet: whether it can have it."""
    if seen is None or seen.status == "DELETE_IN_PROGRESS":
        return Decision(Action.GO_ON, "the id is free, or will be")
    if owner_of(wanted, seen) is Owner.UNKNOWN:
        return Decision(Action.WAIT, "its tags are not visible yet")
    return refusal(wanted, seen) or Decision(Action.GO_ON, "it has this content already")


def completion(wanted: Desired, seen: Observed | None, at: Context) -> Decision:
    """In is_complete after Create and Update: bring the update about, and see it settle."""
    if seen is None:
        return _absent(wanted, at)
    if seen.status == "DELETE_IN_PROGRESS":
        return _leaving(wanted, at)  # judged first: its tags may be gone before it is
    if refused := refusal(wanted, seen):
        lost = owner_of(wanted, seen) is Owner.OTHER and at.is_update and at.stack.is_rolling_back
        return Decision(Action.DONE, _NOT_AGAIN) if lost else refused
    if owner_of(wanted, seen) is Owner.UNKNOWN:
        return Decision(Action.WAIT, "its tags are not visible yet")
    return _present(wanted, seen, at)


def _present(wanted: Desired, seen: Observed, at: Context) -> Decision:
    name, reason = f"OTA update {wanted.ota_update_id}", seen.error or "AWS IoT gives no reason"
    deployed = names.DEPLOYED_TAG in seen.tags
    own = seen.age <= at.waited + timeouts.CLOCK_SKEW
    # A failure removes what was not live before this event, and nothing else.
    failing = Action.DELETE_AND_FAIL if not deployed and (own or not at.stays) else Action.FAIL
    iam_may_be_late = at.waited < timeouts.IAM_PATIENCE
    in_time = at.waited <= timeouts.CREATION_DEADLINE
    watched = at.waited <= deadline(wanted)
    match seen.status:
        case "CREATE_COMPLETE" if deployed:
            return Decision(Action.DONE, "it has been deployed")
        case "CREATE_COMPLETE" | "CREATE_FAILED" | "DELETE_FAILED" if watched and own and _overtaken(at):
            return _take_back(at)
        case "CREATE_COMPLETE" if watched and not at.is_update and _overtaken(at):
            # Another delivery of the event has made it. Nothing that lives is without its mark for so long.
            old = seen.age > timeouts.MARK_LAG
            return _take_back(at) if old else Decision(Action.WAIT, "its creator may see to it")
        case "CREATE_COMPLETE" if wanted.gate is not None and at.stays and seen.age <= timeouts.MARK_LAG:
            return Decision(Action.DONE, "the mark of its deploy may not show yet")
        case "CREATE_COMPLETE" if wanted.gate is not None and not at.stack.is_rolling_back:
            return Decision(Action.ASK_DEVICES, "its devices have to prove it")
        case "CREATE_COMPLETE":
            return Decision(Action.MARK, "it is created")
        case "CREATE_FAILED" if at.stack.is_deploying and own and iam_may_be_late and seen.failed_for_want_of_access:
            return Decision(Action.DELETE, "its role may not be known everywhere yet, so it is created again")
        case "CREATE_FAILED":
            return Decision(failing, f"{name} was not created: {reason}")
        case "DELETE_FAILED" if at.stays or (at.is_update and at.stack.is_rolling_back):
            return Decision(Action.DONE, "somebody has tried to delete it, and it is there")
        case "DELETE_FAILED" if in_time and at.stack.is_deploying:
            return Decision(Action.DELETE, "it is what a deletion that failed has left")
        case "DELETE_FAILED":
            return Decision(Action.FAIL, f"{name} is DELETE_FAILED: {reason}")
    if in_time:
        return Decision(Action.WAIT, f"it is {seen.status}")
    return Decision(failing, f"{name} is still {seen.status} after {at.waited:.0f} s")


def deadline(wanted: Desired) -> float:
    """For how many seconds a Create or an Update may go on: a gate has its time after the creation."""
    return timeouts.CREATION_DEADLINE if wanted.gate is None else timeouts.HANDLER_DEADLINE


def _overtaken(at: Context) -> bool:
    """Whether the stack has turned back while this event was creating: nobody else may delete what it has made."""
    return not at.stays and (at.stack.is_rolling_back or at.stack.has_rolled_back)


def _take_back(at: Context) -> Decision:
    if at.stack.has_rolled_back and at.waited < timeouts.STACK_LAG:
        return Decision(Action.WAIT, "what CloudFormation shows of the stack may be of the operation before")
    return Decision(Action.DELETE, "it was created when its stack had turned back")


def _leaving(wanted: Desired, at: Context) -> Decision:
    if at.is_update and at.stack.is_rolling_back:
        return Decision(Action.DONE, _NOT_AGAIN)
    if at.waited <= timeouts.CREATION_DEADLINE:
        return Decision(Action.WAIT, "an update of this id is still being deleted")
    return Decision(
        Action.FAIL, f"OTA update {wanted.ota_update_id} is still DELETE_IN_PROGRESS after {at.waited:.0f} s"
    )


def _absent(wanted: Desired, at: Context) -> Decision:
    name = f"OTA update {wanted.ota_update_id}"
    if at.there_for is not None and at.there_for < timeouts.SETTLE_PATIENCE and at.waited <= timeouts.CREATION_DEADLINE:
        return Decision(Action.WAIT, "it is not visible yet")
    if at.stack.is_rolling_back and at.is_update:
        return Decision(Action.DONE, _NOT_AGAIN)
    if at.stack.is_rolling_back:
        return Decision(Action.FAIL, f"{name} was not created: the stack has turned back")
    if at.waited > timeouts.CREATION_DEADLINE:
        return Decision(Action.FAIL, f"{name} does not exist after {at.waited:.0f} s")
    if at.stack.is_idle and at.waited > timeouts.STACK_LAG:
        return Decision(Action.FAIL, f"{name} was not created: its stack is {at.stack.status}, this is an old event")
    if not at.stack.is_deploying:
        return Decision(Action.WAIT, f"its stack is {at.stack.status}, which may be older than this event")
    if at.stays:
        return Decision(
            Action.FAIL,
            f"{name} no longer exists: it was removed outside of this stack, or by its gate; change the content of the "
            "update (its version, for example) to create a new one, and its ota_update_id with it if it has one of its "
            "own",
        )
    if wanted.gate is not None and at.waited > timeouts.GATED_CREATION:
        return Decision(Action.FAIL, f"{name} does not exist after {at.waited:.0f} s: somebody has removed it")
    return _unfit(wanted) or Decision(Action.CREATE, "it does not exist")


def _unfit(wanted: Desired) -> Decision | None:
    """Why an explicit id can not be given to a new update. One that exists can be kept, and deleted."""
    try:
        if wanted.is_explicit:
            limits.explicit_id("OtaUpdateId", wanted.ota_update_id)
    except ValueError as error:
        return Decision(Action.FAIL, str(error))
    return None
