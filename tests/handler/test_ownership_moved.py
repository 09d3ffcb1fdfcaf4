"""The decision whether an update was created for another resource than the one that CloudFormation holds it for."""

from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update import identity
from cdk_iot_ota_handler.ota_update.contract import names
from cdk_iot_ota_handler.ota_update.decide import Action
from cdk_iot_ota_handler.ota_update.decide.ownership import moved, moved_across_stacks
from cdk_iot_ota_handler.ota_update.desired import Desired
from cdk_iot_ota_handler.ota_update.observed import Observed

from ..fakes.cloudformation import LOGICAL_ID, STACK_ID
from .scenarios import event, properties

HERE, EXPLICIT = Desired.from_event(event("Create")), Desired.from_event(event("Create", OtaUpdateId="mine"))
FORMER = Desired.from_event(event("Create", logical_id="Former1A2B3C4D"))


def is_moved(
    tags: dict[str, str], event_id: str, desired: Desired = HERE, old_request: dict[str, Any] | None = None
) -> bool:
    """Return whether an update with these tags was created for another resource."""
    observed = Observed(status="CREATE_COMPLETE", tags=tags, age=3600, attributes={})
    decision = moved(desired, event_id, observed, old_request)
    assert decision is None or decision.action is Action.FAIL
    return decision is not None


def tags_of(logical_id: str, content: str, stack_id: str = STACK_ID) -> dict[str, str]:
    """Return the tags of an update, without those that are empty."""
    return {name: value for name, value in identity.ownership_tags(stack_id, logical_id, content).items() if value}


def test_an_update_of_another_resource() -> None:
    """An update is a moved one if its id is generated for the resource and the content in its tags."""
    other = "0" * names.DIGEST_LENGTH
    assert is_moved(FORMER.all_tags, FORMER.ota_update_id)
    assert not is_moved(HERE.all_tags, HERE.ota_update_id)
    assert not is_moved(tags_of("Former1A2B3C4D", other), FORMER.ota_update_id)
    assert not is_moved(tags_of("Another", FORMER.content), FORMER.ota_update_id)


@pytest.mark.parametrize(("stack_id", "logical_id"), [(STACK_ID, ""), ("", LOGICAL_ID), ("", "")])
def test_an_update_without_a_whole_owner(stack_id: str, logical_id: str) -> None:
    """An update that lacks one of the owner's tags was created for no resource, whatever its content is."""
    content = identity.digest(EXPLICIT.request, stack_id, logical_id)
    assert not is_moved(tags_of(logical_id, content, stack_id), "mine", EXPLICIT)


@pytest.mark.parametrize("missing", [names.STACK_TAG, names.RESOURCE_TAG])
def test_an_update_whose_owner_resembles_what_is_missing(missing: str) -> None:
    """A tag that is missing is not one with any value."""
    stack_id, logical_id = (STACK_ID, "X") if missing == names.RESOURCE_TAG else ("X", LOGICAL_ID)
    content = identity.digest(EXPLICIT.request, stack_id, logical_id)
    tags = tags_of(logical_id, content, stack_id)
    assert is_moved(tags, "mine", EXPLICIT)
    del tags[missing]
    assert not is_moved(tags, "mine", EXPLICIT)


def test_explicit_ids_are_told_by_either_content() -> None:
    """Under an explicit id, an update is a moved one with the content of now or with the one before."""
    old = properties(content="before")["Request"]
    for request in (EXPLICIT.request, old):
        tags = tags_of("Former", identity.digest(request, STACK_ID, "Former"))
        assert is_moved(tags, "mine", EXPLICIT, old)
    assert not is_moved(tags_of("Former", identity.digest(old, STACK_ID, "Former")), "mine", EXPLICIT)


@pytest.mark.parametrize(
    ("event_id", "desired", "is_refused"),
    [
        ("other_Blinky-0123456789abcdef", HERE, True),
        ("prod_Former-0123456789abcdef", HERE, False),
        ("other_Blinky-0123456789abcdef", EXPLICIT, False),
        ("mine", HERE, False),
        ("mine", EXPLICIT, False),
    ],
)
def test_an_update_that_cannot_be_read(event_id: str, desired: Desired, *, is_refused: bool) -> None:
    """The id alone tells another stack only if both ids are generated, by their prefixes."""
    assert (moved_across_stacks(desired, event_id) is not None) is is_refused
