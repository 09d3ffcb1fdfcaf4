"""Which of the user's tags change."""

from collections.abc import Mapping


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
