"""The form of CloudFormation's events. Anything else is rejected before it is read, and without any AWS call.

A Delete that is rejected leaves its stack in DELETE_FAILED. So the forms are as wide as what CloudFormation and the
Provider framework can ever send, and a Delete is not checked for what the properties of a new update must be.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .contract import names
from .contract.limits import ARN, Choice, Text, shown
from .desired import Event
from .errors import FatalError

REQUEST_TYPE = Choice(words=("Create", "Update", "Delete"))
RESOURCE_TYPE = Choice(words=(names.RESOURCE_TYPE, names.LINK_TYPE))
STACK_ID = Text(
    pattern=rf"{ARN.format(service='cloudformation')}:stack/[A-Za-z][A-Za-z0-9-]{{0,127}}/[A-Za-z0-9-]{{1,64}}",
    form="the ARN of a stack",
)
LOGICAL_ID = Text(at_most=255, pattern=r"[A-Za-z0-9]+", form="of A-Z, a-z and 0-9")
# The id of an update, one that CloudFormation invents from stack name and logical id, or the framework's marker.
PHYSICAL_ID = Text(
    at_most=400,
    pattern=r"[A-Za-z0-9_-]+|AWSCDK::CustomResourceProviderFramework::[A-Z_]+",
    form="of a-z, A-Z, 0-9, _ and -",
)
ID_PREFIX = Text(pattern=r"[A-Za-z0-9-]{1,20}_", form="up to 20 of a-z, A-Z, 0-9 and -, and an underscore")


def check(event: Event) -> None:
    """Check an event that ``on_event`` gets. Raises FatalError with the property and the value."""
    with _reject_invalid():
        REQUEST_TYPE.check("RequestType", event.get("RequestType", ""))
        _text(event, "StackId", STACK_ID)
        _text(event, "LogicalResourceId", LOGICAL_ID)
        if event["RequestType"] != "Create" or "PhysicalResourceId" in event:
            _text(event, "PhysicalResourceId", PHYSICAL_ID)
        RESOURCE_TYPE.check("ResourceType", event.get("ResourceType", names.RESOURCE_TYPE))
        _kind(event, "ResourceProperties", Mapping, "a mapping")
    _check_prefix(event)


def check_poll(event: Event) -> None:
    """Check an event that ``is_complete`` gets, with what ``on_event`` has returned."""
    check(event)
    with _reject_invalid():
        _text(event, "PhysicalResourceId", PHYSICAL_ID)
        started = event["StartedAt"]
        if isinstance(started, bool) or not isinstance(started, (int, float)) or not math.isfinite(started):
            raise ValueError(f"StartedAt must be a finite number, got {shown(started)}")
        if event.get("ResourceType") == names.LINK_TYPE:
            return
        if event["RequestType"] == "Delete":
            _text(event, "TargetId", PHYSICAL_ID)
        else:
            _kind(event, "KeepsId", bool, "true or false")


def _check_prefix(event: Event) -> None:
    prefix = event["ResourceProperties"].get("IdPrefix")
    if prefix is None or event["RequestType"] == "Delete":
        return
    try:
        _text(event["ResourceProperties"], "IdPrefix", ID_PREFIX)
    except ValueError as error:
        raise FatalError(f"{error}: leave it as the construct generates it") from None


@contextmanager
def _reject_invalid() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise FatalError(f"invalid CloudFormation event: {error} (no action taken)") from None


def _text(part: Mapping[str, Any], name: str, limit: Text) -> None:
    _kind(part, name, str, "text")
    limit.check(name, part[name])


def _kind(part: Mapping[str, Any], name: str, kind: type[Any], words: str) -> None:
    if not isinstance(part.get(name), kind):
        raise ValueError(f"{name} must be {words}, got {shown(part.get(name))}")
