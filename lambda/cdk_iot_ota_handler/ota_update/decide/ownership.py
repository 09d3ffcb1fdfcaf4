"""Decisions about the owner of an update that exists."""

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
