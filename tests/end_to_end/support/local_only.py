"""Which tests need what only local AWS can do, so that they are left out in a real account."""

import pytest

# What LocalAws has beside AWS's own APIs. A test that says aws.faults need not say that it is for local AWS.
_LOCAL_NAMES = ("calls", "faults", "settings")


def reason(item: pytest.Item) -> str | None:
    """Why a test is for local AWS only; None if it is not."""
    if marker := item.get_closest_marker("local_only"):
        return str(marker.args[0])
    code = getattr(getattr(item, "function", None), "__code__", None)
    used = [name for name in _LOCAL_NAMES if code is not None and name in code.co_names]
    return f"uses aws.{used[0]}" if used else None


def skip(items: list[pytest.Item]) -> None:
    """Skip those tests, with the reason."""
    for item in items:
        if found := reason(item):
            item.add_marker(pytest.mark.skip(reason=f"only on local AWS: {found}"))
