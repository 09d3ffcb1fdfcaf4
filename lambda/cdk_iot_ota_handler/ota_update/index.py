"""The entry point of the Lambda function: both calls of the Provider framework come here."""

import functools
import os
from typing import Any

from .clock import Clock
from .declared import Event
from .errors import HandlerError
from .is_complete import is_complete
from .on_event import on_event
from .service import OtaService


@functools.cache
def _service() -> OtaService:
    return OtaService.connect()


def handler(event: Event, context: Any) -> dict[str, Any]:
    """Serve one call. ``on_event`` returns ``StartedAt``; an event that carries it is a call of ``is_complete``."""
    serve = is_complete if "StartedAt" in event else on_event
    try:
        return serve(event, _service(), Clock())
    except HandlerError as error:
        # The framework names the function; what a user has to open is its log group.
        group = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        raise HandlerError(f"{error} (see log group {group})" if group else str(error)) from error
