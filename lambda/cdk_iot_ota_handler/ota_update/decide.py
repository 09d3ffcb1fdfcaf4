"""Every decision of the lifecycle: what to do is a function of what is declared and what is seen. No calls here."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from . import budgets, identity
from .declared import Declared
from .identity import Owner
from .seen import Seen

_SETTLING = ("CREATE_PENDING", "CREATE_IN_PROGRESS")
_NOT_AGAIN = "this is the way back to an update that was removed: it is not pushed again"


class Action(enum.Enum):
    """What the caller of a decision does next."""

    GO_ON = "go on"
    CREATE = "create"
    MARK = "mark as deployed"
    DELETE = "delete"
    WAIT = "wait"
    DONE = "done"
    FAIL = "fail"
    DELETE_AND_FAIL = "delete and fail"


@dataclass(frozen=True)
class Decision:
    """An action and its reason; for a failure the reason is what the user reads."""

    action: Action
    why: str


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What a Create or an Update is decided on, beside what is declared and seen.

    ``forward``: the stack is not on its way back, and not at rest. ``is_update``: not a Create. ``stays``: the resource
    had this id before. ``waited``: for how many seconds the event goes on. ``there_for``: for how many seconds this
    invocation knows the update to be there (None: it does not).
    """

    forward: bool = True
    is_update: bool = False
    stays: bool = False
    waited: float = 0
    there_for: float | None = None


def taken(wanted: Declared, seen: Seen | None) -> Decision:
    """In on_event, for an explicit id that the resource does not have yet: whether it can have it."""
    if seen is not None and _owner(wanted, seen) is Owner.UNKNOWN:
        return Decision(Action.WAIT, "its tags are not visible yet")
    return (seen and _refusal(wanted, seen)) or Decision(Action.GO_ON, "the id is free, or has this content already")


def completion(wanted: Declared, seen: Seen | None, at: Circumstances) -> Decision:
    """In is_complete after Create and Update: bring the update about, and see it settle."""
    if seen is None:
        return _absent(wanted, at)
    if refusal := _refusal(wanted, seen):
        lost = _owner(wanted, seen) is Owner.ANOTHERS and at.is_update and not at.forward
        return Decision(Action.DONE, _NOT_AGAIN) if lost else refusal
    if _owner(wanted, seen) is Owner.UNKNOWN:
        return Decision(Action.WAIT, "its tags are not visible yet")
    name = f"OTA update {wanted.ota_update_id}"
    deployed = identity.DEPLOYED_TAG in seen.tags
    own = seen.age <= at.waited + budgets.CLOCK_SKEW
    # A failure removes what was not live before this event, and nothing else.
    failing = Action.DELETE_AND_FAIL if not deployed and (own or not at.stays) else Action.FAIL
    in_time = at.waited <= budgets.CREATION_DEADLINE
    match seen.status:
        case "CREATE_COMPLETE" if deployed:
            return Decision(Action.DONE, "it has been deployed")
        case "CREATE_COMPLETE":
            return Decision(Action.MARK, "it is created")
        case "CREATE_FAILED" if at.forward and own and seen.failed_for_want_of_access and _iam_may_be_late(at):
            return Decision(Action.DELETE, "its role may not be known everywhere yet, so it is created again")
        case "CREATE_FAILED":
            return Decision(failing, f"{name} was not created: {seen.error or 'AWS IoT gives no reason'}")
        case "DELETE_IN_PROGRESS" | "DELETE_FAILED" if at.is_update and not at.forward:
            return Decision(Action.DONE, _NOT_AGAIN)
        case "DELETE_IN_PROGRESS" if in_time:
            return Decision(Action.WAIT, "an update of this id is still being deleted")
        case "DELETE_FAILED" if in_time and at.forward:
            return Decision(Action.DELETE, "it is what a deletion that failed has left")
        case "DELETE_IN_PROGRESS" | "DELETE_FAILED":
            return Decision(Action.FAIL, f"{name} is {seen.status}: {seen.error or 'AWS IoT gives no reason'}")
    if in_time:
        return Decision(Action.WAIT, f"it is {seen.status}")
    return Decision(failing, f"{name} is still {seen.status} after {at.waited:.0f} s")


def _absent(wanted: Declared, at: Circumstances) -> Decision:
    name = f"OTA update {wanted.ota_update_id}"
    if at.there_for is not None and at.waited > budgets.CREATION_DEADLINE:
        return Decision(Action.FAIL, f"{name} can not be seen, {at.waited:.0f} s after its creation was begun")
    if at.there_for is not None and at.there_for < budgets.SETTLE_PATIENCE:
        return Decision(Action.WAIT, "it is not visible yet")
    if not at.forward and at.is_update:
        return Decision(Action.DONE, _NOT_AGAIN)
    if not at.forward:
        return Decision(Action.FAIL, f"{name} was not created: the stack is not being created any more")
    if at.stays:
        return Decision(
            Action.FAIL,
            f"{name} no longer exists: it was removed outside of this stack; change the content of the update (its "
            "version, for example) to create a new one, and its ota_update_id with it if it has one of its own",
        )
    return Decision(Action.CREATE, "it does not exist")


def _iam_may_be_late(at: Circumstances) -> bool:
    return at.waited < budgets.IAM_PATIENCE


def addressed(event_id: str, wanted: Declared, by_id: Seen | None, by_content: Seen | None) -> str | None:
    """Whom a Delete event means; None when that does not show yet.

    Decided once: after the one is gone, the other may be its successor. An id under which there is an update means that
    one. CloudFormation invents an id when a Create was cut short: then the update is found by its content. What is
    neither may be an explicit id that never came to be; what lives is not meant by it.
    """
    if is_certain(event_id, wanted) or by_id is not None:
        return event_id
    if by_content is None or identity.is_invented(event_id, wanted.stack_id, wanted.logical_id):
        return wanted.ota_update_id
    if identity.DEPLOYED_TAG in by_content.tags:
        return event_id
    # The mark of a deploy that has just ended may not be visible yet.
    return wanted.ota_update_id if by_content.age > budgets.MARK_LAG else None


def is_certain(event_id: str, wanted: Declared) -> bool:
    """Whether the id of a Delete event is one that our answers carried, whatever exists under it."""
    return event_id == wanted.ota_update_id or identity.has_generated_form(event_id, wanted.logical_id)


def deletion(
    wanted: Declared,
    ota_update_id: str,
    seen: Seen | None,
    *,
    answered: bool,
    met: bool,
    waited: float,
    patience: float = budgets.DELETION_PATIENCE,
) -> Decision:
    """In is_complete after Delete: until the update is gone, and never one that is not ours.

    ``answered``: CloudFormation has the id from us; else what creates it may go on still. ``met``: this invocation has
    seen it, so that it is gone when it is not to be seen. ``patience``: for how long a failed deletion is tried again.
    """
    if seen is None and not met and waited < (budgets.LAG if answered else budgets.OVERTAKEN):
        return Decision(Action.WAIT, "it may not be visible yet")
    if seen is None:
        return Decision(Action.DONE, "it is gone")
    late = waited > budgets.HANDLER_DEADLINE
    # Asked first: the tags of what is being deleted may be gone before it is.
    if seen.status == "DELETE_IN_PROGRESS" and not late:
        return Decision(Action.WAIT, "it is being deleted")
    if _owner(wanted, seen) is Owner.ANOTHERS:
        return Decision(Action.DONE, "it is not this resource's")
    if late:
        return Decision(Action.FAIL, f"OTA update {ota_update_id} is still {seen.status} after {waited:.0f} s")
    if _owner(wanted, seen) is Owner.UNKNOWN:
        return Decision(Action.WAIT, "its tags are not visible yet")
    if seen.status in _SETTLING and waited <= budgets.CREATION_DEADLINE:
        return Decision(Action.WAIT, f"it is {seen.status}")
    if seen.status == "DELETE_FAILED" and waited > patience:
        reason = seen.error or "AWS IoT gives no reason"
        return Decision(Action.FAIL, f"OTA update {ota_update_id} was not deleted: {reason}")
    return Decision(Action.DELETE, f"it is {seen.status}")


def is_leftover(left: Declared, seen: Seen) -> bool:
    """Whether an update is what a deploy that is being rolled back has made, and nobody else will delete.

    It has that deploy's content, and is younger than any deploy can be old: an older one was retained on purpose.
    """
    owner = _owner(left, seen)
    its_content = owner is Owner.OURS and seen.tags.get(identity.CONTENT_TAG) == left.content
    return seen.age <= budgets.SERVICE_TIMEOUT and (owner is Owner.UNKNOWN or its_content)


def tag_changes(
    wanted: Mapping[str, str], previous: Mapping[str, str], seen: Mapping[str, str], *, stays: bool
) -> tuple[dict[str, str], list[str]]:
    """The user's tags to set and the keys to remove. Tags that others have set stay.

    What is seen may be older than the last change. Where the id stays, the last change has set the previous tags: so
    whatever differs from them is changed too.
    """
    changed = {
        key: value for key, value in wanted.items() if seen.get(key) != value or (stays and previous.get(key) != value)
    }
    removed = sorted(key for key in previous if key not in wanted and (stays or key in seen))
    return changed, removed


def _owner(wanted: Declared, seen: Seen) -> Owner:
    return wanted.owner(seen.tags, young=seen.age < budgets.TAG_LAG)


def _refusal(wanted: Declared, seen: Seen) -> Decision | None:
    """Why an existing update is not the declared one, if it is not."""
    owner = _owner(wanted, seen)
    if owner is Owner.ANOTHERS:
        return Decision(
            Action.FAIL,
            f"OTA update {wanted.ota_update_id} exists already and is not this resource's: it is left alone; choose "
            "another ota_update_id or leave it out",
        )
    if owner is Owner.OURS and seen.tags.get(identity.CONTENT_TAG) != wanted.content:
        return Decision(
            Action.FAIL,
            f"OTA update {wanted.ota_update_id} exists with other content, and an OTA update can not be changed: give "
            "the new content another ota_update_id, or leave ota_update_id out to have one generated",
        )
    return None
