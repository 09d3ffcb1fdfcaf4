"""Every decision of the lifecycle: what to do is a function of what is declared and what is seen. No calls here."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from . import budgets, identity
from .declared import Declared
from .identity import Owner
from .seen import Seen

_SETTLING = ("CREATE_PENDING", "CREATE_IN_PROGRESS")
LEAVING = ("DELETE_IN_PROGRESS", "DELETE_FAILED")


class Action(enum.Enum):
    """What the caller of a decision does next."""

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


def creation(wanted: Declared, seen: Seen | None, *, tried: bool, there_for: float | None, waited: float) -> Decision:
    """On Create, and on an Update to another id: bring the update about, and see it settle.

    ``tried`` says that this invocation may have created it, ``there_for`` for how many seconds it is known to have been
    there (None: not at all), ``waited`` for how many seconds the invocation has been at it.
    """
    if seen is None and there_for is None:
        return Decision(Action.CREATE, "it does not exist")
    if seen is None and there_for is not None and there_for < budgets.SETTLE_PATIENCE:
        return Decision(Action.WAIT, "it is not visible yet")
    if seen is None:
        # What was there and is gone was removed by a Delete meanwhile: it must not come back.
        return Decision(Action.DONE, "it is gone again")
    if seen.status == "DELETE_IN_PROGRESS":
        return Decision(Action.WAIT, "an update of this id is still being deleted")
    if refusal := _refusal(wanted, seen):
        return refusal
    if _owner(wanted, seen) is Owner.OURS and seen.status == "DELETE_FAILED":
        return Decision(Action.DELETE, "it is what a deletion that failed has left")
    if seen.status in _SETTLING and (there_for or 0) < budgets.SETTLE_PATIENCE:
        return Decision(Action.WAIT, "its creation has not ended")
    if tried and seen.failed_for_want_of_access and waited < budgets.IAM_PATIENCE:
        return Decision(Action.DELETE, "its role may not be known everywhere yet, so it is created again")
    return Decision(Action.DONE, "it exists")


def in_place(wanted: Declared, seen: Seen | None, *, forward: bool) -> Decision:
    """On an Update that keeps the id: its tags may change, its content can not."""
    if seen is None and not forward:
        return Decision(Action.DONE, "this is the way back to an update that was removed: it is not pushed again")
    if seen is None:
        return Decision(
            Action.FAIL,
            f"OTA update {wanted.ota_update_id} no longer exists: it was removed outside of this stack; change the "
            "content of the update (its version, for example) to create a new one",
        )
    return _refusal(wanted, seen) or Decision(Action.DONE, "it exists")


def completion(
    wanted: Declared,
    seen: Seen | None,
    *,
    failure: str | None,
    passing: bool,
    id_is_new: bool,
    waited: float,
    visible_for: float,
) -> Decision:
    """In is_complete after Create or Update. Only an update that is new, and was never deployed, is ever removed.

    ``failure`` is what on_event has failed with; ``passing`` that it was only patience that ended there: then the
    update counts, if it is there. ``visible_for`` is for how many seconds it should have been visible.
    """
    name = f"OTA update {wanted.ota_update_id}"
    if seen is None and not failure and visible_for < budgets.TAG_LAG:
        return Decision(Action.WAIT, "it is not visible yet")
    if seen is None:
        return Decision(Action.FAIL, failure or f"{name} no longer exists: something removed it during this deploy")
    if refusal := _refusal(wanted, seen):
        return Decision(Action.FAIL, failure or refusal.why)
    if _owner(wanted, seen) is Owner.UNKNOWN:
        return Decision(Action.WAIT, "its tags are not visible yet")
    if seen.status in LEAVING:
        return Decision(Action.FAIL, failure or f"{name} is being deleted: {seen.error}")
    deployed = identity.DEPLOYED_TAG in seen.tags
    failing = Action.DELETE_AND_FAIL if id_is_new and not deployed else Action.FAIL
    if failure and not passing:
        return Decision(failing, failure)
    if seen.status == "CREATE_FAILED":
        return Decision(failing, f"{name} was not created: {seen.error or 'AWS IoT gives no reason'}")
    if seen.status == "CREATE_COMPLETE":
        return Decision(Action.DONE, "it has been deployed") if deployed else Decision(Action.MARK, "it is created")
    if waited > budgets.CREATION_DEADLINE:
        return Decision(failing, f"{name} is still {seen.status} after {waited:.0f} s")
    return Decision(Action.WAIT, f"it is {seen.status}")


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


def leftover(wanted: Declared, seen: Seen | None, content: str) -> bool:
    """Whether an update is what a deploy that is being rolled back has made, and nobody else will delete.

    It has that deploy's content, and is younger than any deploy can be old: an older one was retained on purpose.
    """
    if seen is None or seen.age > budgets.SERVICE_TIMEOUT:
        return False
    unknown = _owner(wanted, seen) is Owner.UNKNOWN
    return unknown or (_owner(wanted, seen) is Owner.OURS and seen.tags.get(identity.CONTENT_TAG) == content)


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
