"""Decisions about the owner of an update that exists."""

from collections.abc import Mapping
from typing import Any

from .. import identity
from ..contract import names, timeouts
from ..desired import Desired
from ..identity import Owner
from ..observed import Observed
from . import Action, Decision


def owner_of(desired: Desired, observed: Observed) -> Owner:
    """Return the owner of an update, which is unknown while a young update shows no tags."""
    return desired.owner(observed.tags, young=observed.age < timeouts.TAG_LAG)


def refusal(desired: Desired, observed: Observed) -> Decision | None:
    """Return why an existing update cannot be the desired one, if it cannot."""
    owner = owner_of(desired, observed)
    if owner is Owner.OTHER:
        return Decision(
            Action.FAIL,
            f"OTA update {desired.ota_update_id} exists already and does not belong to this resource: it is left "
            "alone; choose another ota_update_id or leave it out",
        )
    if owner is Owner.OURS and observed.tags.get(names.CONTENT_TAG) != desired.content:
        return Decision(
            Action.FAIL,
            f"OTA update {desired.ota_update_id} exists with other content, and an OTA update cannot be changed: give "
            "the new content another ota_update_id, or leave ota_update_id out to have one generated",
        )
    return None


def moved(
    desired: Desired, event_id: str, observed: Observed, old_request: Mapping[str, Any] | None = None
) -> Decision | None:
    """Return why nothing may be created for a resource whose update was created for another one, if it was.

    CloudFormation's stack refactoring moves a resource with its physical id: the same content then has another id, and
    no Delete would ever remove the update that is there. ``event_id``: the physical id that CloudFormation holds.
    ``old_request``: the request before the event, or None. An update of another owner that a failed deploy asked for by
    an explicit id is not taken for a moved one: its content is not that of the resource.
    """
    owner = [observed.tags.get(tag, "") for tag in (names.STACK_TAG, names.RESOURCE_TAG)]
    content = observed.tags.get(names.CONTENT_TAG, "")
    if not all(owner) or owner == [desired.stack_id, desired.logical_id]:
        return None
    if names.is_generated(event_id):
        is_moved = identity.has_generated_form(event_id, owner[1]) and event_id.endswith(f"-{content}")
    else:
        requests = [desired.request] if old_request is None else [desired.request, old_request]
        is_moved = content in [identity.digest(request, *owner) for request in requests]
    if not is_moved:
        return None
    tags = {names.STACK_TAG: desired.stack_id, names.RESOURCE_TAG: desired.logical_id}
    if event_id == desired.ota_update_id:
        tags[names.CONTENT_TAG] = desired.content
    wanted = ", ".join(f"{key}={value}" for key, value in tags.items())
    whose = f"its tags name resource {owner[1]} of stack {owner[0]}"
    return _refuse_moved(event_id, whose, f"or set its tags {wanted} and deploy again")


def moved_across_stacks(desired: Desired, event_id: str) -> Decision | None:
    """Return the same for an update that this stack may not read, by its id alone: that has the prefix of its stack."""
    is_known = names.is_generated(event_id) and not desired.is_explicit
    if not is_known or event_id.partition("_")[0] == desired.ota_update_id.partition("_")[0]:
        return None
    return _refuse_moved(event_id, "its id is one of another stack", "or remove it from the template, which keeps it")


def _refuse_moved(event_id: str, whose: str, otherwise: str) -> Decision:
    return Decision(
        Action.FAIL,
        f"OTA update {event_id} was created for another resource, {whose}: a stack refactoring seems to have moved it. "
        "Nothing was created, since devices would get the firmware again and the update would be left over. Move the "
        f"resource back (its stack, scope and construct id), {otherwise}",
    )
