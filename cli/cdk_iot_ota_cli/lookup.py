"""The one update of a stack that an option names."""

from collections.abc import Iterable

from .options import NotFoundError


def match(stack: str, logical_ids: Iterable[str], prefix: str) -> str:
    """Return the logical id that is ``prefix``, or the only one that begins with it.

    Raises NotFoundError, with the updates that there are, if there is not exactly one.
    """
    updates = list(logical_ids)
    matches = [prefix] if prefix in updates else [name for name in updates if name.startswith(prefix)]
    if len(matches) != 1:
        raise NotFoundError(
            f"--update must be the logical id of one OTA update of stack {stack}, got {prefix!r}: it has "
            f"{', '.join(updates) or 'none'}"
        )
    return matches[0]
