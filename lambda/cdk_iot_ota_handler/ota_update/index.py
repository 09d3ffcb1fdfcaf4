"""The entry point of the Lambda function: both calls of the Provider framework come here."""

import functools
import os
from collections.abc import Callable, Mapping
from typing import Any

from .clock import Clock
from .desired import Event
from .errors import LIMIT, FatalError, shorten
from .is_complete import is_complete
from .log import log_bug, log_failure
from .on_event import on_event
from .service import OtaService


@functools.cache
def _service() -> OtaService:
    return OtaService.connect()


def handler(event: Event, context: Any) -> dict[str, Any]:
    """Serve one call of the Lambda function."""
    return serve(event, _service, Clock())


def serve(event: Event, connect: Callable[[], OtaService], clock: Clock) -> dict[str, Any]:
    """Serve one call. ``on_event`` returns ``StartedAt``; an event that carries it is a call of ``is_complete``."""
    event = event if isinstance(event, Mapping) else {}
    call = is_complete if "StartedAt" in event else on_event
    # Errors are raised without the one behind them: Lambda must not print what may quote the event.
    try:
        return call(event, connect(), clock)
    except FatalError as error:
        raise _for_the_stack(event, str(error)) from None
    except Exception as error:
        log_bug(event, error)
        reason = f"unexpected {type(error).__name__}: please report it with the traceback from the log"
        raise _for_the_stack(event, reason) from None


def _for_the_stack(event: Event, reason: str) -> FatalError:
    """The failure as the stack's events show it. The framework names the function; its log group is what helps."""
    log_failure(event, reason)
    group = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
    where = f" (see log group {group})" if group else ""
    return FatalError(shorten(reason, LIMIT - len(where)) + where)
