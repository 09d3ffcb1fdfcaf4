"""The AWS account that fleets, deployments and clean-up run against: the emulator's or a real one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class Account(Protocol):
    """An AWS account and Region, with names that tell our resources from others."""

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
        """The bucket that the CDK CLI uploads assets to."""
        ...

    @property
    def poll_seconds(self) -> float:
        """The pause between two polls of something slow."""
        ...

    def client(self, service: str, **options: Any) -> Any:
        """Create a boto3 client; `options` go to boto3."""
        ...

    def connect_mqtt(self, client_id: str) -> Any:
        """Return a client of paho-mqtt that has connected to the message broker; `loop_start` runs it."""
        ...

    def named(self, name: str) -> str:
        """Return the name to use for `name` in this account; it marks the resource as ours."""
        ...

    def owns(self, kind: str, name: str) -> bool:
        """Return whether an "otaupdate", a "job" or a "stream" is ours."""
        ...

    def add_things(self, group: str, things: Sequence[str]) -> None:
        """Create things and add them to an existing group."""
        ...
