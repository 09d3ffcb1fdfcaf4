"""The tags of the user to set and to remove, as a decision without calls."""

import pytest

from cdk_iot_ota_handler.ota_update.decide.tags import tag_changes

Tags = dict[str, str]


@pytest.mark.parametrize("keeps_id", [True, False])
def test_tags_that_are_as_declared_are_left_alone(*, keeps_id: bool) -> None:
    """Tags that were declared before and are observed cause no change."""
    tags = {"a": "1", "b": "2"}
    assert tag_changes(tags, tags, tags, keeps_id=keeps_id) == ({}, [])


@pytest.mark.parametrize(
    ("previous", "observed", "keeps_id", "is_set"),
    [
        ({}, {}, False, True),
        ({}, {"a": "old"}, False, True),
        ({}, {"a": "new"}, False, False),
        ({"a": "old"}, {"a": "new"}, False, False),
        # The id stays: the observed tag may be older than the last change, which has set the previous one.
        ({"a": "old"}, {"a": "new"}, True, True),
        ({}, {"a": "new"}, True, True),
        ({"a": "new"}, {"a": "new"}, True, False),
        ({"a": "new"}, {"a": "old"}, True, True),
    ],
)
def test_a_tag_is_set_where_it_differs(previous: Tags, observed: Tags, *, keeps_id: bool, is_set: bool) -> None:
    """A tag is set if it is observed with another value or, where the id stays, was declared with another one."""
    changed, removed = tag_changes({"a": "new"}, previous, observed, keeps_id=keeps_id)
    assert changed == ({"a": "new"} if is_set else {})
    assert removed == []


@pytest.mark.parametrize(
    ("observed", "keeps_id", "is_removed"),
    [
        ({"a": "old"}, True, True),
        ({}, True, True),  # the id stays: the observed tags may be older than the last change
        ({"a": "old"}, False, True),
        ({}, False, False),
    ],
)
def test_a_tag_is_removed_where_it_may_be(observed: Tags, *, keeps_id: bool, is_removed: bool) -> None:
    """A tag that is no longer declared is removed if it is observed or, where the id stays, if it was declared."""
    changed, removed = tag_changes({}, {"a": "old"}, observed, keeps_id=keeps_id)
    assert changed == {}
    assert removed == (["a"] if is_removed else [])


def test_tags_that_were_set_elsewhere_stay() -> None:
    """A tag that was never declared is neither set nor removed, and keys to remove are sorted."""
    found = {"by_hand": "x", "b": "1", "a": "1"}
    assert tag_changes({}, {"b": "1", "a": "1"}, found, keeps_id=True) == ({}, ["a", "b"])
