"""The entry point of the Lambda function, for both functions of the Provider framework."""

import functools
import os
from collections.abc import Callable, Mapping
from typing import Any

from .desired import Event
from .errors import LIMIT, FatalError, shorten
from .is_complete import is_complete
from .log import log_bug, log_failure, place
from .on_event import on_event
from .retry import Clock
from .service import OtaService


@functools.cache
def _service() -> OtaService:
    return OtaService.connect()


def handler(event: Event, context: Any) -> dict[str, Any]:
    """Serve one invocation of the Lambda function."""
    return serve(event, _service, Clock())


def serve(event: Event, connect: Callable[[], OtaService], clock: Clock) -> dict[str, Any]:
    """Serve one invocation: an event with ``StartedAt``, which ``on_event`` returns, is for ``is_complete``."""
    event = event if isinstance(event, Mapping) else {}
    call = is_complete if "StartedAt" in event else on_event
    # Errors are raised without their cause, which may quote the event: Lambda would print it.
    try:
        return call(event, connect(), clock)
    except FatalError as error:
        raise _stack_reason(event, str(error)) from None
    except Exception as error:
        log_bug(event, error)
        reason = (
            f"unexpected {type(error).__name__} in {place(error)}: please report it with the traceback from the log"
        )
        raise _stack_reason(event, reason) from None


def _stack_reason(event: Event, reason: str) -> FatalError:
    """Log a failure, and return it with the log group, since the framework adds only the name of the function."""
    log_failure(event, reason)
    group = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
    where = f" (see log group {group})" if group else ""
    return FatalError(shorten(reason, LIMIT - len(where)) + where)
