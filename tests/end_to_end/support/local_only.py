"""Skip tests in a real account that depend on local AWS."""

import pytest

# Attributes of LocalAws besides AWS's own APIs: a test that uses aws.faults needs no marker.
_LOCAL_NAMES = ("calls", "faults", "settings")


def reason(item: pytest.Item) -> str | None:
    """Return why a test runs on local AWS only, or None if it does not."""
    if marker := item.get_closest_marker("local_only"):
        return str(marker.args[0])
    code = getattr(getattr(item, "function", None), "__code__", None)
    used = [name for name in _LOCAL_NAMES if code is not None and name in code.co_names]
    return f"uses aws.{used[0]}" if used else None


def skip(items: list[pytest.Item]) -> None:
    """Skip the tests that run on local AWS only, and give the reason."""
    for item in items:
        if found := reason(item):
            item.add_marker(pytest.mark.skip(reason=f"only on local AWS: {found}"))
