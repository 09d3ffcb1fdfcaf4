"""The permissions that are granted for an explicit id are necessary and sufficient, and all granted ones are listed."""

import pytest

from tests.end_to_end.support.redeployed_stack import Prerequisites
from tests.end_to_end.support.refusals import EXPLICIT, GENERATED, REASON, check_each, listed, stacks

pytestmark = pytest.mark.local_only(REASON)


def test_each_permission_of_an_explicit_id_is_needed_and_none_is_missing(prerequisites: Prerequisites) -> None:
    """The lifecycle of an update with an explicit id succeeds, and fails without any one of its permissions."""
    check_each(prerequisites, "explicit", "explicit", listed(EXPLICIT), parallel=3)


def test_every_granted_permission_is_listed(prerequisites: Prerequisites) -> None:
    """The templates grant exactly the permissions that are listed, and tested one by one."""
    kinds = ("generated", "explicit")
    found = {
        one for kind in kinds for stack in stacks(prerequisites, kind, kind, 1) for one in stack.granted_permissions
    }
    assert found == {*listed(GENERATED), *listed(EXPLICIT)}
