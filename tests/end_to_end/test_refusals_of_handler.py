"""The permissions that the handler is granted for a generated id are necessary and sufficient.

A separate file, since it takes a worker as long as the other role's permissions do.
"""

import pytest

from tests.end_to_end.support.redeployed_stack import Prerequisites
from tests.end_to_end.support.refusals import GENERATED, REASON, check_each, listed

pytestmark = pytest.mark.local_only(REASON)


def test_each_permission_is_needed_and_none_is_missing(prerequisites: Prerequisites) -> None:
    """The lifecycle of a generated id succeeds, and fails without any one of these permissions."""
    permissions = [one for one in listed(GENERATED) if one.role == "handler"]
    check_each(prerequisites, "generated", "handler", permissions, parallel=3)
