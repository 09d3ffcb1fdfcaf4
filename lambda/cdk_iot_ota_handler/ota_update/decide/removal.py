"""Whom a Delete means, and what is decided after it."""

from .. import identity
from ..contract import names, timeouts
from ..desired import Desired
from ..identity import Owner
from ..observed import Observed, Stack
from . import Action, Decision
from .ownership import owner_of

_SETTLING = ("CREATE_PENDING", "CREATE_IN_PROGRESS")


def addressed(event_id: str, wanted: Desired, by_id: Observed | None, by_content: Observed | None) -> str | None:
    """Whom a Delete event means; None when that does not show yet.

    Decided once: after the one is gone, the other may be its successor. An id under which there is an update means that
    one. CloudFormation invents an id when a Create was cut short: then the update is found by its content. What is
    neither may be an explicit id that never came to be; what lives is not meant by it.
    """
    if identity.is_invented(event_id, wanted.stack_id, wanted.logical_id):
        return wanted.ota_update_id
    if by_id is not None or by_content is None:
        return event_id
    if names.DEPLOYED_TAG in by_content.tags:
        return event_id
    # The mark of a deploy that has just ended may not be visible yet.
    return wanted.ota_update_id if by_content.age > timeouts.MARK_LAG else None


def is_certain(event_id: str, wanted: Desired) -> bool:
    """Whether the id of a Delete event alone shows whom it means: we gave it out, or CloudFormation invented it."""
    invented = identity.is_invented(event_id, wanted.stack_id, wanted.logical_id)
    return invented or event_id == wanted.ota_update_id or identity.has_generated_form(event_id, wanted.logical_id)


def deletion(
    wanted: Desired,
    ota_update_id: str,
    seen: Observed | None,
    *,
    answered: bool,
    met: bool,
    waited: float,
    patience: float = timeouts.DELETION_PATIENCE,
) -> Decision:
    """In is_complete after Delete: until the update is gone, and never one that is not ours.

    ``answered``: CloudFormation has the id from us; else what creates it may go on still. ``met``: this invocation has
    seen it, so that it is gone when it is not to be seen. ``patience``: for how long a failed deletion is tried again.
    """
    if seen is None and not met and waited < (timeouts.LAG if answered else timeouts.OVERTAKEN):
        return Decision(Action.WAIT, "it may not be visible yet")
    if seen is None:
        return Decision(Action.DONE, "it is gone")
    late = waited > timeouts.HANDLER_DEADLINE
    # Asked first: the tags of what is being deleted may be gone before it is.
    if seen.status == "DELETE_IN_PROGRESS" and not late:
        return Decision(Action.WAIT, "it is being deleted")
    if owner_of(wanted, seen) is Owner.OTHER:
        return Decision(Action.DONE, "it is not this resource's")
    if late:
        return Decision(Action.FAIL, f"OTA update {ota_update_id} is still {seen.status} after {waited:.0f} s")
    if owner_of(wanted, seen) is Owner.UNKNOWN:
        return Decision(Action.WAIT, "its tags are not visible yet")
    if seen.status in _SETTLING and waited <= timeouts.CREATION_DEADLINE:
        return Decision(Action.WAIT, f"it is {seen.status}")
    if seen.status == "DELETE_FAILED" and waited > patience:
        reason = seen.error or "AWS IoT gives no reason"
        return Decision(Action.FAIL, f"OTA update {ota_update_id} was not deleted: {reason}{remedy(wanted)}")
    return Decision(Action.DELETE, f"it is {seen.status}")


def overdue(seen: Observed | None, stack: Stack, *, waited: float) -> Decision | None:
    """What is decided on a Delete that seems to come too late; None if it does not.

    CloudFormation sends each Delete in an operation on the stack. Delivered for a second time it may come when the same
    content has been deployed anew; then the stack is at rest, if what CloudFormation shows is not older than the event.
    """
    if seen is None or names.DEPLOYED_TAG not in seen.tags or not stack.is_idle:
        return None
    if waited < timeouts.STACK_LAG:
        return Decision(Action.WAIT, "it is deployed, and its stack seems to be at rest")
    return Decision(Action.DONE, "it is deployed and its stack is at rest: this is an event of the past")


def remedy(wanted: Desired) -> str:
    """What helps if a deletion was refused for a job that goes on."""
    if wanted.force_delete_job:
        return ""
    return " (if its job has not ended, only force deletes it: set force_delete_job=True)"


def is_leftover(left: Desired, seen: Observed) -> bool:
    """Whether an update is what a deploy that is being rolled back has made, and nobody else will delete.

    It has that deploy's content. If it was deployed all the same, it is younger than a deploy of it can be old: an
    older one was retained on purpose.
    """
    owner = owner_of(left, seen)
    its_content = owner is Owner.OURS and seen.tags.get(names.CONTENT_TAG) == left.content
    retained = names.DEPLOYED_TAG in seen.tags and seen.age > timeouts.SERVICE_TIMEOUT
    return (owner is Owner.UNKNOWN or its_content) and not retained
