"""Whose an update is that is there, and why it can not be the declared one."""

from ..contract import names, timeouts
from ..desired import Desired
from ..identity import Owner
from ..observed import Observed
from . import Action, Decision


def owner_of(wanted: Desired, seen: Observed) -> Owner:
    """Whose it is; of a young update without tags it does not show yet."""
    return wanted.owner(seen.tags, young=seen.age < timeouts.TAG_LAG)


def refusal(wanted: Desired, seen: Observed) -> Decision | None:
    """Why an existing update is not the declared one, if it is not."""
    owner = owner_of(wanted, seen)
    if owner is Owner.OTHER:
        return Decision(
            Action.FAIL,
            f"OTA update {wanted.ota_update_id} exists already and is not this resource's: it is left alone; choose "
            "another ota_update_id or leave it out",
        )
    if owner is Owner.OURS and seen.tags.get(names.CONTENT_TAG) != wanted.content:
        return Decision(
            Action.FAIL,
            f"OTA update {wanted.ota_update_id} exists with other content, and an OTA update can not be changed: give "
            "the new content another ota_update_id, or leave ota_update_id out to have one generated",
        )
    return None
