"""botocore's model of AWS IoT, which defines the shape of requests and answers."""

from __future__ import annotations

import functools
from typing import Any

import botocore.session


@functools.cache
def service_model(service: str) -> Any:
    """Load botocore's ServiceModel of a service."""
    return botocore.session.get_session().get_service_model(service)


def input_shape(operation: str) -> Any:
    """Return the shape of an AWS IoT operation's request."""
    return service_model("iot").operation_model(operation).input_shape


@functools.cache
def output_members(operation: str, member: str) -> tuple[str, ...]:
    """Return the names of the members of one structure in an AWS IoT operation's response."""
    return tuple(service_model("iot").operation_model(operation).output_shape.members[member].members)
