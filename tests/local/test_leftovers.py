"""Leftovers of a deployment are found."""

from __future__ import annotations

from typing import Any

from cdk_iot_ota_local import leftovers


def test_leftovers(account: Any) -> None:
    """Updates, their jobs and their streams are leftovers until they are deleted."""
    assert not leftovers(account.aws)
    account.created("left")
    found = leftovers(account.aws)
    assert (found.ota_updates, found.jobs) == (("left",), ("AFR_OTA-left",))
    assert len(found.streams) == 1
    account.delete("left")
    account.gone("left")
    assert not leftovers(account.aws)
