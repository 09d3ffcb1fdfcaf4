"""The tags of an OTA update: its ``tags`` argument, and those that ``Tags.of`` adds."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import TagManager, TagType

from cdk_iot_ota_handler.ota_update.contract import limits, names

from . import checks

# Wins over Tags.of(app).add, which has 100, and loses against Tags.of(app).remove, which has 200.
_ARGUMENT_PRIORITY = 150


def manager(resource_type: str, tags: Mapping[str, str] | None) -> TagManager:
    """Return a tag manager that holds the given tags. Raises ValueError if one exceeds its limits."""
    created = TagManager(TagType.KEY_VALUE, resource_type)
    given = {} if tags is None else checks.text_map("tags", tags)
    _check(list(given.items()))
    for key, value in given.items():
        created.set_tag(key, value, _ARGUMENT_PRIORITY)
    return created


def _check(tags: Sequence[tuple[Any, Any]]) -> None:
    limits.TAGS.check("tags", tags)
    for key, value in tags:
        checks.refuse_list_item("tags key", key)
        if isinstance(key, str) and checks.known(key):
            limits.tag_key("tags key", key, names.TAG_PREFIX)
        if isinstance(value, str):
            checks.text(limits.TAG_VALUE, f"tags[{key!r}]", value)


def rendered(tags: TagManager) -> list[Any]:
    """Return the tags at the end of synth, after ``Tags.of`` has added to them. Raises ValueError like ``manager``."""
    found: list[Any] = tags.render_tags() or []
    # CDK's own error for the item of a list names no tag, so these are found before anything is resolved.
    check(found)
    return found


def check(found: Sequence[Mapping[str, Any]]) -> None:
    """Check rendered tags. Raises ValueError like ``manager``."""
    _check([(tag.get("Key"), tag.get("Value")) for tag in found])
