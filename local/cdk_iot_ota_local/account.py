"""What a fleet, a deployment and a look at leftovers need of an AWS account, the emulator's or another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class Account(Protocol):
    """An AWS account to work in."""

    @property
    def account(self) -> str:
        """The account's number."""
        ...

    @property
    def region(self) -> str:
        """The Region."""
        ...

    @property
    def assets_bucket(self) -> str:
        """Where what is deployed is uploaded to."""
        ...

    @property
    def poll_seconds(self) -> float:
        """The pause between two looks at something that takes its time."""
        ...

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client; `options` go to boto3."""
        ...

    def named(self, name: str) -> str:
        """The name to give to something that is called `name`, so that it is known for ours."""
        ...

    def owns(self, kind: str, name: str) -> bool:
        """Whether an "otaupdate", a "job" or a "stream" is ours."""
        ...

    def add_things(self, group: str, things: Sequence[str]) -> None:
        """Make things, and put them into a group that is there."""
        ...
