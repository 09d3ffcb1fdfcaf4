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
    had this id before. ``same_content``: only tags and options differ from what was declared before. ``waited``: for
    how many seconds the event goes on. ``there_for``: for how many seconds this invocation knows the update to be there
    (None: it does not).
    """

    forward: bool = True
    is_update: bool = False
    stays: bool = False
    same_content: bool = False
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
        return refusal
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
    if at.stays and at.same_content:
        return Decision(
            Action.FAIL,
            f"{name} no longer exists: it was removed outside of this stack; change the content of the update (its "
            "version, for example) to create a new one",
        )
    return Decision(Action.CREATE, "it does not exist")


def _iam_may_be_late(at: Circumstances) -> bool:
    return at.waited < budgets.IAM_PATIENCE


def addressed(event_id: str, wanted: Declared, by_id: Seen | None, by_content: Seen | None) -> str:
    """Whom a Delete event means. Decided once: after the one is gone, the other may be its successor.

    An id of ours means itself. CloudFormation invents an id when a Create was cut short: then the update is found by
    its content. An id that is neither may be an explicit one that never came to be; what lives is not meant by it.
    """
    if is_certain(event_id, wanted):
        return event_id
    if by_id is not None and wanted.owner(by_id.tags, young=False) is Owner.OURS:
        return event_id
    lives = by_content is not None and identity.DEPLOYED_TAG in by_content.tags
    if lives and not identity.is_invented(event_id, wanted.stack_id, wanted.logical_id):
        return event_id
    return wanted.ota_update_id


def is_certain(event_id: str, wanted: Declared) -> bool:
    """Whether the id of a Delete event is one that our answers carried, whatever exists under it."""
    generated = wanted.id_prefix is not None and identity.has_generated_form(event_id, wanted.id_prefix)
    return generated or event_id == wanted.ota_update_id


def deletion(wanted: Declared, ota_update_id: str, seen: Seen | None, *, answered: bool, waited: float) -> Decision:
    """In is_complete after Delete: until the update is gone, and never one that is not ours.

    ``answered`` says that CloudFormation has the id from us. Else its ``on_event`` may be about to create it still.
    """
    if seen is None and not answered and waited < budgets.OVERTAKEN:
        return Decision(Action.WAIT, "what creates it may still be running")
    if seen is None:
        return Decision(Action.DONE, "it is gone")
    if waited > budgets.HANDLER_DEADLINE:
        return Decision(Action.FAIL, f"OTA update {ota_update_id} is still {seen.status} after {waited:.0f} s")
    if seen.status == "DELETE_IN_PROGRESS":
        return Decision(Action.WAIT, "it is being deleted")
    match _owner(wanted, seen):
        case Owner.ANOTHERS:
            return Decision(Action.DONE, "it is not this resource's")
        case Owner.UNKNOWN:
            return Decision(Action.WAIT, "its tags are not visible yet")
    if seen.status in _SETTLING and waited <= budgets.CREATION_DEADLINE:
        return Decision(Action.WAIT, f"it is {seen.status}")
    if seen.status == "DELETE_FAILED" and waited > budgets.DELETION_PATIENCE:
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
    wanted: Mapping[str, str], previous: Mapping[str, str], seen: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """The user's tags to set and the keys to remove. Tags that others have set stay."""
    changed = {key: value for key, value in wanted.items() if seen.get(key) != value}
    removed = sorted(key for key in previous if key not in wanted and key in seen)
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
