"""The tags of an OTA update: its own, and those that `Tags.of` adds to it or to what it is in."""

from collections.abc import Mapping
from typing import Any

import jsii
from aws_cdk import TagManager, TagType
from constructs import IValidation

from cdk_iot_ota_handler.ota_update.contract import limits, names

from . import checks

# Stronger than Tags.of(app), which has 100; weaker than a removal, which has 200.
_OWN_PRIORITY = 150


def manager(resource_type: str, tags: Mapping[str, str] | None) -> TagManager:
    """What holds the tags of an update, beginning with its own. Raises ValueError if one is beyond its limits."""
    made = TagManager(TagType.KEY_VALUE, resource_type)
    given = {} if tags is None else checks.text_map("tags", tags)
    _check(given)
    for key, value in given.items():
        made.set_tag(key, value, _OWN_PRIORITY)
    return made


def _check(tags: Mapping[str, str]) -> None:
    limits.TAGS.check("tags", list(tags))
    for key, value in tags.items():
        if checks.known(key):
            limits.tag_key("tags key", key, names.TAG_PREFIX)
        checks.text(limits.TAG_VALUE, f"tags[{key!r}]", value)


@jsii.implements(IValidation)
class TagValidation:
    """Checks the tags at the end of synth, when `Tags.of` has added all of its own."""

    def __init__(self, tags: TagManager) -> None:
        self._tags = tags

    def validate(self) -> list[str]:
        """What is wrong with them."""
        rendered: list[dict[str, Any]] = self._tags.render_tags() or []
        try:
            _check({tag["Key"]: tag["Value"] for tag in rendered})
        except (TypeError, ValueError) as error:
            return [str(error)]
        return []
