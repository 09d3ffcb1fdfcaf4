"""botocore's own model of AWS IoT: the source of what a request must look like."""

from __future__ import annotations

import functools
from typing import Any

import botocore.session


@functools.cache
def service_model(service: str) -> Any:
    """Botocore's ServiceModel of a service."""
    return botocore.session.get_session().get_service_model(service)


def input_shape(operation: str) -> Any:
    """The shape of an AWS IoT operation's request."""
    return service_model("iot").operation_model(operation).input_shape


@functools.cache
def output_members(operation: str, member: str) -> tuple[str, ...]:
    """The names of the members of one structure in an AWS IoT operation's response."""
    return tuple(service_model("iot").operation_model(operation).output_shape.members[member].members)
