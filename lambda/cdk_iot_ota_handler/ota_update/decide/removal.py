"""Decisions for Delete events, and for what a rolled back deploy has left over."""

from .. import identity
from ..contract import names, timeouts
from ..desired import Desired
from ..identity import Owner
from ..observed import Observed, Stack
from . import Action, Decision
from .ownership import owner_of

_CREATING = ("CREATE_PENDING", "CREATE_IN_PROGRESS")


def resolve_delete_target(
    event_id: str,
    desired: Desired,
    update_with_event_id: Observed | None,
    update_with_content_id: Observed | None,
    *,
    waited: float,
) -> str | None:
    """Return the id of the update that a Delete refers to, or None if that cannot be determined yet.

    Resolved once for each event: when the one is gone, the other may be its successor. The event's id wins if an update
    has it. CloudFormation invents an id when a Create was cut short: then the update is found by its content. Any other
    id may be an explicit one that was never used; a live update is not the target of its Delete. ``waited``: seconds
    since the event began.
    """
    if identity.is_invented(event_id, desired.stack_id, desired.logical_id):
        return desired.ota_update_id
    if update_with_event_id is not None or update_with_content_id is None:
        return event_id
    if update_with_content_id.is_deployed:
        return event_id
    # The deployed tag of a deploy that has just ended may not be visible yet.
    return desired.ota_update_id if waited > timeouts.TAG_LAG else None


def is_certain(event_id: str, desired: Desired) -> bool:
    """Return whether the id of a Delete event alone determines its target: it is generated, or invented."""
    invented = identity.is_invented(event_id, desired.stack_id, desired.logical_id)
    return invented or event_id == desired.ota_update_id or identity.has_generated_form(event_id, desired.logical_id)


def removal(
    desired: Desired,
    ota_update_id: str,
    observed: Observed | None,
    *,
    is_reported: bool,
    was_observed: bool,
    waited: float,
    patience: float | None = None,
    deadline: float = timeouts.HANDLER_DEADLINE,
) -> Decision:
    """Decide in is_complete what a deletion needs next, until the update is gone; another owner's is never deleted.

    ``is_reported``: CloudFormation got the id from this handler; otherwise the creation may still be in flight.
    ``was_observed``: this invocation has seen the update, so that it is gone once it is absent. ``patience``: seconds
    for which a failed deletion is retried; None: as its reason deserves. ``deadline``: seconds after which the deletion
    is given up.
    """
    if observed is None:
        lag = timeouts.LAG if is_reported else timeouts.OVERTAKEN
        if not was_observed and waited < lag:
            return Decision(Action.WAIT, "it may not be visible yet")
        return Decision(Action.DONE, "it is gone")
    is_late = waited > deadline
    # Before ownership: the tags of an update that is being deleted may be gone before it is.
    if observed.status == "DELETE_IN_PROGRESS" and not is_late:
        return Decision(Action.WAIT, "it is being deleted")
    owner = owner_of(desired, observed)
    if owner is Owner.OTHER:
        return Decision(Action.DONE, "it does not belong to this resource")
    if is_late:
        return Decision(Action.FAIL, f"OTA update {ota_update_id} is still {observed.status} after {waited:.0f} s")
    if owner is Owner.UNKNOWN:
        return Decision(Action.WAIT, "its tags are not visible yet")
    return _removal_of_own(desired, ota_update_id, observed, waited=waited, patience=patience)


def _removal_of_own(
    desired: Desired, ota_update_id: str, observed: Observed, *, waited: float, patience: float | None
) -> Decision:
    if observed.status in _CREATING and waited <= timeouts.CREATION_DEADLINE:
        return Decision(Action.WAIT, f"it is {observed.status}")
    if patience is None:
        # A role that is gone, or its permission, does not come back by itself.
        patience = timeouts.IAM_PATIENCE if observed.is_about_access else timeouts.DELETION_PATIENCE
    if observed.status == "DELETE_FAILED" and waited > patience:
        reason = f"was not deleted: {observed.reason}{remedy(desired)}"
        return Decision(Action.FAIL, f"OTA update {ota_update_id} {reason}")
    return Decision(Action.DELETE, f"it is {observed.status}")


def spared(observed: Observed, stack: Stack, *, waited: float, now: float) -> Decision | None:
    """Decide about a Delete of an update that the stack still needs; return None if it is to be deleted.

    CloudFormation sends each Delete during an operation on the stack. A second delivery may come after the same content
    was deployed again; then the stack is idle, unless its observed status is older than the event. With rollback off,
    what a failed deploy has left is deleted during the next one, which may have deployed the same content, and so the
    same id, before that Delete or while it waits.
    """
    if stack.is_idle and observed.is_deployed:
        if waited < timeouts.STACK_LAG:
            return Decision(Action.WAIT, "it is deployed, and its stack seems to be idle")
        return Decision(Action.DONE, "it is deployed and its stack is idle: the event is stale")
    if stack.operation is None:
        return None
    if observed.operation == stack.operation:
        if waited < timeouts.STACK_LAG:
            return Decision(Action.WAIT, "the deploy that has deployed it may be rolling back")
        return Decision(Action.DONE, "the running deploy has deployed it: the event is about an earlier attempt")
    if observed.is_deployed or observed.status != "CREATE_COMPLETE":
        return None
    if stack.is_deploying and now - observed.age >= stack.operation and waited >= timeouts.STACK_LAG:
        return Decision(Action.DONE, "the running deploy creates it: the event is about an earlier attempt")
    # The running deploy may have found what an earlier attempt has left, and its mark may not be visible yet.
    return Decision(Action.WAIT, "the running deploy may have deployed it") if waited <= timeouts.TAG_LAG else None


def remedy(desired: Desired) -> str:
    """Return what helps if a deletion was refused because the job is still running."""
    if desired.force_delete_job:
        return ""
    return " (a job that is still running is deleted by force only: set force_delete_job=True)"


def is_leftover(
    left: Desired,
    observed: Observed,
    live: Observed | None,
    stack: Stack,
    *,
    keeps_id: bool,
    waited: float,
    now: float,
) -> bool | None:
    """Return whether a deploy that CloudFormation has taken back left an update over; None if that cannot be told yet.

    ``observed``: the update of an Update's old properties, whose id CloudFormation does not hold. ``live``: the update
    of the new properties. Either the deploy of the old ones was cut short, and the new ones are restored; or the deploy
    of the new ones failed with rollback off and is retried, and the old ones are live. ``keeps_id``: CloudFormation
    holds the id of the new ones, as it does for what it restores.
    """
    owner = owner_of(left, observed)
    if owner is Owner.OTHER or (owner is Owner.OURS and observed.tags.get(names.CONTENT_TAG) != left.content):
        return False
    # The event is stale, or what CloudFormation shows is older than the event.
    if stack.is_at_rest:
        return False if waited > timeouts.STACK_LAG else None
    restored = live if live is not None and live.status == "CREATE_COMPLETE" else None
    if restored is not None and restored.is_deployed:
        # CloudFormation never learned of a deploy after the live one; an earlier one was retained on purpose. And a
        # deploy may go back to what was retained: then the update before it is still live.
        is_reverse = keeps_id or stack.operation in (None, observed.operation)
        if observed.is_deployed and not (is_reverse and observed.was_first_deployed_after(restored, now)):
            return False
        return True if stack.is_rolling_back or waited > timeouts.STACK_LAG else None
    # Nothing is restored yet: either by a rollback, or the event is a deploy, which waits for this answer.
    if restored is None and (observed.is_deployed or (stack.is_deploying and waited > timeouts.STACK_LAG)):
        return False
    # A deployed tag that was set before this event may not be visible yet.
    return (stack.is_rolling_back and not observed.is_deployed) if waited > timeouts.TAG_LAG else None
