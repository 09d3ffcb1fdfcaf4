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
) -> str | None:
    """Return the id of the update that a Delete refers to, or None if that cannot be determined yet.

    Resolved once for each event: when the one is gone, the other may be its successor. The event's id wins if an update
    has it. CloudFormation invents an id when a Create was cut short: then the update is found by its content. Any other
    id may be an explicit one that was never used; a live update is not the target of its Delete.
    """
    if identity.is_invented(event_id, desired.stack_id, desired.logical_id):
        return desired.ota_update_id
    if update_with_event_id is not None or update_with_content_id is None:
        return event_id
    if update_with_content_id.is_deployed:
        return event_id
    # The deployed tag of a deploy that has just ended may not be visible yet.
    return desired.ota_update_id if update_with_content_id.age > timeouts.MARK_LAG else None


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
    patience: float = timeouts.DELETION_PATIENCE,
) -> Decision:
    """Decide in is_complete what a deletion needs next, until the update is gone; another owner's is never deleted.

    ``is_reported``: CloudFormation got the id from this handler; otherwise the creation may still be in flight.
    ``was_observed``: this invocation has seen the update, so that it is gone once it is absent. ``patience``: seconds
    for which a failed deletion is retried.
    """
    if observed is None:
        lag = timeouts.LAG if is_reported else timeouts.OVERTAKEN
        if not was_observed and waited < lag:
            return Decision(Action.WAIT, "it may not be visible yet")
        return Decision(Action.DONE, "it is gone")
    is_late = waited > timeouts.HANDLER_DEADLINE
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
    desired: Desired, ota_update_id: str, observed: Observed, *, waited: float, patience: float
) -> Decision:
    if observed.status in _CREATING and waited <= timeouts.CREATION_DEADLINE:
        return Decision(Action.WAIT, f"it is {observed.status}")
    if observed.status == "DELETE_FAILED" and waited > patience:
        reason = f"was not deleted: {observed.reason}{remedy(desired)}"
        return Decision(Action.FAIL, f"OTA update {ota_update_id} {reason}")
    return Decision(Action.DELETE, f"it is {observed.status}")


def stale_delete(observed: Observed | None, stack: Stack, *, waited: float) -> Decision | None:
    """Decide about a Delete that seems to come too late; return None if it does not.

    CloudFormation sends each Delete during an operation on the stack. A second delivery may come after the same content
    was deployed again; then the stack is idle, unless its observed status is older than the event.
    """
    if observed is None or not observed.is_deployed or not stack.is_idle:
        return None
    if waited < timeouts.STACK_LAG:
        return Decision(Action.WAIT, "it is deployed, and its stack seems to be idle")
    return Decision(Action.DONE, "it is deployed and its stack is idle: the event is stale")


def remedy(desired: Desired) -> str:
    """Return what helps if a deletion was refused because the job is still running."""
    if desired.force_delete_job:
        return ""
    return " (a job that is still running is deleted by force only: set force_delete_job=True)"


def is_leftover(left: Desired, observed: Observed) -> bool:
    """Return whether an update was created by the deploy that is being rolled back and no other event deletes it.

    It has that deploy's content. If it is deployed all the same, it is younger than a deploy of it can be: an older one
    was retained on purpose.
    """
    owner = owner_of(left, observed)
    has_its_content = owner is Owner.OURS and observed.tags.get(names.CONTENT_TAG) == left.content
    was_retained = observed.is_deployed and observed.age > timeouts.SERVICE_TIMEOUT
    return (owner is Owner.UNKNOWN or has_its_content) and not was_retained
