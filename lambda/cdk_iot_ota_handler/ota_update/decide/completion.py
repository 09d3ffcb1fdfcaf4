"""Decisions for Create and Update events."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..contract import limits, timeouts
from ..desired import Desired
from ..identity import Owner, is_invented, stack_name
from ..observed import Observed, Stack
from . import Action, Decision
from .ownership import moved, owner_of, refusal

_ASK_PREVIOUS = Decision(Action.ASK_PREVIOUS, "it does not exist, and this may be the retry of a failed deploy")
_ASK_STACK = Decision(Action.ASK_STACK, "what to do depends on whether the stack is rolling back")
_OLD_STATUS = Decision(Action.WAIT, "the status of the stack may be that of the previous operation")
_NOT_RECREATED = "rolling back to an update that no longer exists: it is not created again"


@dataclass(frozen=True, kw_only=True)
class Context:
    """Everything besides the desired and the observed update that a decision for a Create or an Update depends on.

    ``stack``: the stack, or None while it has not been asked for; then a decision that depends on it is ASK_STACK.
    ``is_prepared``: whether the request has been prepared. ``is_update``: whether the event is an Update. ``keeps_id``:
    whether the resource had this id before the event. ``is_retry``: whether a deploy that failed with rollback off gave
    it that id, so that the update may never have existed, or None while that is not known. ``started``: when the event
    began, in seconds since 1970. ``waited``: seconds since then. ``begun``: how many seconds after it this invocation
    began. ``known_for``: seconds since this invocation first saw or created the update, or None.
    """

    stack: Stack | None = None
    is_prepared: bool = False
    is_update: bool = False
    keeps_id: bool = False
    is_retry: bool | None = None
    started: float = math.inf
    waited: float = 0
    begun: float = 0
    known_for: float | None = None


def check_new(desired: Desired, observed: Observed | None, *, is_new_id: bool, too_large: str | None) -> Decision:
    """Decide in on_event whether what is declared can be deployed.

    ``is_new_id``: whether the resource is to get an explicit id that it does not have yet. ``too_large``: why the
    content does not fit, or None.
    """
    if observed is None and too_large:
        return Decision(Action.FAIL, too_large)
    if is_new_id:
        return check_id_available(desired, observed)
    return Decision(Action.CONTINUE, "it exists already")


def check_id_available(desired: Desired, observed: Observed | None) -> Decision:
    """Decide whether an explicit id that the resource does not have yet can be given to it."""
    # The Delete of an id that looks invented would be taken for one of a Create that was never answered.
    looks_invented = is_invented(desired.ota_update_id, desired.stack_id, desired.logical_id)
    if observed is None and looks_invented and (reserved := _reject_reserved_id(desired)):
        return reserved
    if observed is None or observed.status == "DELETE_IN_PROGRESS":
        return Decision(Action.CONTINUE, "the id is free, or will be")
    if owner_of(desired, observed) is Owner.UNKNOWN:
        return Decision(Action.WAIT, "its tags are not visible yet")
    return refusal(desired, observed) or Decision(Action.CONTINUE, "the update has this content already")


def completion(desired: Desired, observed: Observed | None, context: Context) -> Decision:
    """Decide in is_complete what a Create or an Update needs next, until the update is there as desired."""
    operation = None if context.stack is None else context.stack.operation
    if operation is not None and context.started < operation - timeouts.CLOCK_FAULT:
        # The framework goes on with an event whose answer cannot be delivered, for hours.
        reason = "is left alone: the event is older than the running operation on its stack"
        return Decision(Action.FAIL, f"OTA update {desired.ota_update_id} {reason}")
    if observed is None:
        return _when_absent(desired, context)
    # Before ownership: the tags of an update that is being deleted may be gone before it is.
    if observed.status == "DELETE_IN_PROGRESS":
        return _while_deleting(desired, context)
    if refused := refusal(desired, observed):
        return _when_refused(refused, desired, observed, context)
    if owner_of(desired, observed) is Owner.UNKNOWN:
        return Decision(Action.WAIT, "its tags are not visible yet")
    return _when_present(desired, observed, context)


def deadline(desired: Desired) -> float:
    """Return how many seconds a Create or an Update may take: a gate begins once the update is created."""
    return timeouts.CREATION_DEADLINE if desired.gate is None else timeouts.HANDLER_DEADLINE


def _when_absent(desired: Desired, context: Context) -> Decision:
    name = f"OTA update {desired.ota_update_id}"
    in_time = context.waited <= timeouts.CREATION_DEADLINE
    if context.known_for is not None and context.known_for < timeouts.SETTLE_PATIENCE and in_time:
        return Decision(Action.WAIT, "it is not visible yet")
    if context.keeps_id and context.is_retry is None:
        return _ASK_PREVIOUS
    refused = _creation_refusal(desired, context)
    if context.stack is None:
        may_create = in_time and refused is None and not context.is_prepared
        return Decision(Action.PREPARE, "it does not exist") if may_create else _ASK_STACK
    if context.stack.is_rolling_back:
        return _rolled_back_before_creation(name, context)
    if not in_time:
        return Decision(Action.FAIL, f"{name} does not exist after {context.waited:.0f} s")
    if not context.stack.is_deploying:
        return _unless_deploying(name, context.stack, context)
    return refused or Decision(Action.CREATE, "it does not exist")


def _rolled_back_before_creation(name: str, context: Context) -> Decision:
    if context.is_update:
        return Decision(Action.DONE, _NOT_RECREATED)
    return Decision(Action.FAIL, f"{name} was not created: the stack is rolling back")


def _unless_deploying(name: str, stack: Stack, context: Context) -> Decision:
    if stack.is_idle and context.waited > timeouts.STACK_LAG:
        return Decision(Action.FAIL, f"{name} was not created: its stack is {stack.status}, so the event is stale")
    return Decision(Action.WAIT, f"its stack is {stack.status}, which may be older than this event")


def _creation_refusal(desired: Desired, context: Context) -> Decision | None:
    """Return why an absent update must not be created by this event, if it must not."""
    name = f"OTA update {desired.ota_update_id}"
    if context.keeps_id and not context.is_retry:
        return Decision(
            Action.FAIL,
            f"{name} no longer exists: it was deleted outside of this stack, or by its gate; change its content (its "
            "version, for example) to create a new one, and its ota_update_id too if it has an explicit one",
        )
    if desired.gate is not None and context.begun > timeouts.GATED_CREATION:
        reason = "maybe its gate has deleted it, so it is not created again: deploy again"
        return Decision(Action.FAIL, f"{name} does not exist after {context.waited:.0f} s: {reason}")
    return _reject_reserved_id(desired)


def _reject_reserved_id(desired: Desired) -> Decision | None:
    """Return why an explicit id cannot be given to a new update; one that exists can be kept, and deleted."""
    try:
        if desired.is_explicit:
            name = stack_name(desired.stack_id)
            limits.explicit_id("OtaUpdateId", desired.ota_update_id, stack_name=name, logical_id=desired.logical_id)
    except ValueError as error:
        return Decision(Action.FAIL, str(error))
    return None


def _while_deleting(desired: Desired, context: Context) -> Decision:
    if context.is_update:
        if context.stack is None:
            return _ASK_STACK
        if context.stack.is_rolling_back:
            return Decision(Action.DONE, _NOT_RECREATED)
    if context.waited <= timeouts.CREATION_DEADLINE:
        return Decision(Action.WAIT, "an update with this id is still being deleted")
    return Decision(
        Action.FAIL, f"OTA update {desired.ota_update_id} is still DELETE_IN_PROGRESS after {context.waited:.0f} s"
    )


def _when_refused(refused: Decision, desired: Desired, observed: Observed, context: Context) -> Decision:
    if not context.is_update or owner_of(desired, observed) is not Owner.OTHER:
        return refused
    if context.stack is None:
        return _ASK_STACK
    if context.keeps_id:
        refused = moved(desired, desired.ota_update_id, observed) or refused
    # Replaced by a stranger's update while this resource had another id.
    return Decision(Action.DONE, _NOT_RECREATED) if context.stack.is_rolling_back else refused


def _when_present(desired: Desired, observed: Observed, context: Context) -> Decision:
    if observed.status == "CREATE_COMPLETE" and observed.is_deployed:
        return _when_deployed(observed, context)
    if _may_be_orphaned(observed, context):
        if context.stack is None:
            return _ASK_STACK
        if context.stack.has_turned_back:
            return _when_orphaned(desired, context.stack, observed, context)
    return _BY_STATUS.get(observed.status, _while_creating)(desired, observed, context)


def _when_deployed(observed: Observed, context: Context) -> Decision:
    """Decide about an update that is live; one that an earlier operation on the stack deployed is marked again.

    It was retained, or the answer about it was lost: later events have to know that this operation has deployed it, and
    so this one waits until the mark is visible.
    """
    if not context.keeps_id and context.waited <= timeouts.CREATION_DEADLINE:
        if context.stack is None:
            return _ASK_STACK
        if context.stack.is_idle and context.waited < timeouts.STACK_LAG:
            return Decision(
                Action.WAIT, "it has been deployed, and the status of its stack may be older than this event"
            )
        operation = context.stack.operation if context.stack.is_deploying else None
        if operation is not None and observed.operation != operation:
            return Decision(Action.CONFIRM, "an earlier operation on the stack deployed it")
    return Decision(Action.DONE, "it has been deployed")


def _may_be_orphaned(observed: Observed, context: Context) -> bool:
    """Return whether no other event would delete the update if the stack was rolled back during this one."""
    if context.keeps_id:
        return False
    if _is_own(observed, context):
        return observed.status in ("CREATE_COMPLETE", "CREATE_FAILED", "DELETE_FAILED")
    return observed.status == "CREATE_COMPLETE" and (not context.is_update or may_be_own(observed, context))


def _when_orphaned(desired: Desired, stack: Stack, observed: Observed, context: Context) -> Decision:
    if context.waited > timeouts.HANDLER_DEADLINE:
        reason = f"is not deleted after {context.waited:.0f} s, and the stack is {stack.status}"
        return Decision(Action.FAIL, f"OTA update {desired.ota_update_id} {reason}")
    # Created by a duplicate delivery of this event, or live: then it gets its deployed tag within MARK_LAG, and a tag
    # that it had before this event is visible after TAG_LAG.
    is_marked = observed.age > timeouts.MARK_LAG and (not context.is_update or context.waited > timeouts.TAG_LAG)
    if not _is_own(observed, context) and not is_marked:
        return Decision(Action.WAIT, "the event that created it may handle it")
    if stack.has_rolled_back and context.waited < timeouts.STACK_LAG:
        return _OLD_STATUS
    return Decision(Action.DELETE, "it was created after the stack started to roll back")


def _when_created(desired: Desired, observed: Observed, context: Context) -> Decision:
    if observed.verdict is not None:
        stop = Decision(Action.STOP, observed.verdict, timed_out=observed.has_timed_out)
        return unless_live(stop, observed, context)
    mark = Decision(Action.MARK, "it is created")
    if context.keeps_id and desired.gate is None:
        return mark
    if context.keeps_id and observed.age <= timeouts.MARK_LAG and not _is_own(observed, context):
        return Decision(Action.WAIT, "its deployed tag may not be visible yet")
    if context.stack is None:
        return _ASK_STACK
    if context.stack.is_idle and context.waited < timeouts.STACK_LAG:
        return _OLD_STATUS
    if context.stack.has_turned_back:
        # What another delivery of a failed deploy has created is not marked; what is live, is marked already.
        return mark if context.keeps_id else Decision(Action.DONE, "a rollback deploys nothing")
    if desired.gate is None:
        return mark
    return Decision(Action.ASK_DEVICES, "its gate decides")


def unless_live(stop: Decision, observed: Observed, context: Context) -> Decision:
    """Return the decision to stop an update, once it is certain that another delivery or event has not deployed it.

    Another device may have failed since then.
    """
    stack = context.stack
    has_ended = stack is not None and (stack.is_at_rest or stack.is_cleaning_up)
    is_certain = may_be_own(observed, context) or context.waited > timeouts.TAG_LAG
    if is_certain and (not has_ended or context.waited > timeouts.HANDLER_DEADLINE):
        return stop
    return Decision(Action.WAIT, f"{stop.reason}, unless it is deployed: that tag may not be visible yet")


def _when_creation_failed(desired: Desired, observed: Observed, context: Context) -> Decision:
    if context.keeps_id and not _is_own(observed, context):
        if context.stack is None:
            return _ASK_STACK
        if context.stack.is_deploying and context.waited <= timeouts.CREATION_DEADLINE:
            return Decision(Action.DELETE, "a deploy that failed with rollback off has left it")
    in_patience = context.waited < timeouts.IAM_PATIENCE
    if in_patience and _is_own(observed, context) and observed.failed_for_lack_of_access:
        if context.stack is None:
            return _ASK_STACK
        if context.stack.is_deploying:
            return Decision(Action.DELETE, "its role may not have propagated in IAM yet: it is created again")
    return _failing(desired, observed, context, f"was not created: {observed.reason}")


def _when_deletion_failed(desired: Desired, observed: Observed, context: Context) -> Decision:
    if context.keeps_id and observed.is_deployed:
        return Decision(Action.DONE, "its deletion was tried outside of this stack and failed")
    in_time = context.waited <= timeouts.CREATION_DEADLINE
    if context.is_update or in_time:
        if context.stack is None:
            return _ASK_STACK
        if context.is_update and context.stack.is_rolling_back:
            return Decision(Action.DONE, "its deletion was tried outside of this stack and failed")
        if in_time and context.stack.is_deploying:
            return Decision(Action.DELETE, "an earlier deletion of it failed")
    return Decision(Action.FAIL, f"OTA update {desired.ota_update_id} is DELETE_FAILED: {observed.reason}")


def _while_creating(desired: Desired, observed: Observed, context: Context) -> Decision:
    if context.waited <= timeouts.CREATION_DEADLINE:
        return Decision(Action.WAIT, f"it is {observed.status}")
    return _failing(desired, observed, context, f"is still {observed.status} after {context.waited:.0f} s")


def _failing(desired: Desired, observed: Observed, context: Context, problem: str) -> Decision:
    """Fail, and delete what was not live before this event, and nothing else."""
    disposable = not observed.is_deployed and (_is_own(observed, context) or not context.keeps_id)
    action = Action.DELETE_AND_FAIL if disposable else Action.FAIL
    return Decision(action, f"OTA update {desired.ota_update_id} {problem}")


def _is_own(observed: Observed, context: Context) -> bool:
    """Return whether the update was created during this event."""
    return observed.age <= context.waited + timeouts.CLOCK_SKEW


def may_be_own(observed: Observed, context: Context) -> bool:
    """Return whether the update was created during this event, although the clock that dates it may differ."""
    return observed.age <= context.waited + timeouts.CLOCK_FAULT


_BY_STATUS: dict[str, Callable[[Desired, Observed, Context], Decision]] = {
    "CREATE_COMPLETE": _when_created,
    "CREATE_FAILED": _when_creation_failed,
    "DELETE_FAILED": _when_deletion_failed,
}
