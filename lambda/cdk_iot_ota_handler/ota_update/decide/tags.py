"""Decisions about the user's tags."""

from collections.abc import Mapping


def tag_changes(
    desired: Mapping[str, str], previous: Mapping[str, str | None], observed: Mapping[str, str], *, keeps_id: bool
) -> tuple[dict[str, str], list[str]]:
    """Return the user's tags to set and the keys to remove; tags set elsewhere stay.

    The observed tags may be older than the last change. Where the id stays, that change has set the previous tags, so
    that what differs from them is changed too.
    """
    changed = {
        key: value
        for key, value in desired.items()
        if observed.get(key) != value or (keeps_id and previous.get(key) != value)
    }
    removed = sorted(key for key in previous if key not in desired and (keeps_id or key in observed))
    return changed, removed
