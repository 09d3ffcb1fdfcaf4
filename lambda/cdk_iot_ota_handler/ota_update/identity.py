"""An update is named by its content, and its tags say whose it is. Nothing here makes a call.

Ids and digests are an external contract: another digest for the same content would push firmware to every fleet again.
"""

import enum
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from .contract import names


class Owner(enum.Enum):
    """Whose update it is that exists under an id."""

    OURS = "ours"
    OTHER = "other"
    UNKNOWN = "not known yet"


def digest(request: Mapping[str, Any], stack_id: str, logical_id: str) -> str:
    """The digest of a request as CloudFormation hands it over, in one resource of one stack."""
    text = json.dumps([request, stack_id, logical_id], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[: names.DIGEST_LENGTH]


def generated_id(prefix: str, logical_id: str, content: str) -> str:
    """``<prefix><logical id>-<digest>``, the logical id cut so that the whole fits into a job id."""
    room = names.MAX_ID_LENGTH - len(prefix) - len(content) - 1
    return f"{prefix}{logical_id[:room]}-{content}"


def is_possible(ota_update_id: str) -> bool:
    """Whether an OTA update can have this id; one that CloudFormation has made up may be longer."""
    return re.fullmatch(r"[A-Za-z0-9_-]{1,128}", ota_update_id) is not None


def has_generated_form(ota_update_id: str, logical_id: str) -> bool:
    """Whether an id is one that is generated for this resource."""
    match = names.GENERATED_ID.fullmatch(ota_update_id)
    return match is not None and logical_id.startswith(match.group(1))


def is_invented(physical_id: str, stack_id: str, logical_id: str) -> bool:
    """Whether CloudFormation made an id up, as it does for a resource whose Create it never had an answer to."""
    stack_name = stack_id.split("/")[1]
    return re.fullmatch(rf"{re.escape(f'{stack_name}-{logical_id}')}-[0-9A-Za-z]+", physical_id) is not None


def ownership_tags(stack_id: str, logical_id: str, content: str) -> dict[str, str]:
    """The tags that every update of ours is created with."""
    return {names.STACK_TAG: stack_id, names.RESOURCE_TAG: logical_id, names.CONTENT_TAG: content}


def owner(tags: Mapping[str, str], stack_id: str, logical_id: str, *, young: bool) -> Owner:
    """Whose an update with these tags is. A young update without any tags may be anybody's."""
    if not tags and young:
        return Owner.UNKNOWN
    ours = tags.get(names.STACK_TAG) == stack_id and tags.get(names.RESOURCE_TAG) == logical_id
    return Owner.OURS if ours else Owner.OTHER
