"""The user's tags on an update that exists: they are no content, and change in place."""

import contextlib

from .decide.tags import tag_changes
from .desired import Desired, Event, old_properties, user_tags
from .errors import FatalError
from .identity import Owner
from .observed import Observed
from .service import OtaService


def change_tags(event: Event, wanted: Desired, seen: Observed, service: OtaService) -> None:
    """Set and remove the user's tags on an update of ours."""
    if wanted.owner(seen.tags, young=True) is not Owner.OURS:
        return
    previous: dict[str, str] = {}
    # What could not be read has set no tags.
    with contextlib.suppress(FatalError):
        previous = user_tags(old_properties(event))
    changed, removed = tag_changes(wanted.tags, previous, seen.tags, stays=event["KeepsId"])
    if changed:
        service.tag(seen.attributes["OtaUpdateArn"], changed)
    if removed:
        service.untag(seen.attributes["OtaUpdateArn"], removed)
