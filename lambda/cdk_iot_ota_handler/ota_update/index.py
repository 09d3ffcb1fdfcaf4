"""The entry point of the Lambda function: both calls of the Provider framework come here."""

import functools
import os
import traceback
from typing import Any

from .clock import Clock
from .declared import Event
from .errors import LIMIT, HandlerError, shorten
from .is_complete import is_complete
from .log import log_failure
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
        raise _for_the_stack(event, str(error)) from error
    except Exception as error:
        traceback.print_exc()
        raise _for_the_stack(event, f"unexpected {error!r}: please report it") from error


def _for_the_stack(event: Event, reason: str) -> HandlerError:
    """The failure as the stack's events show it. The framework names the function; its log group is what helps."""
    log_failure(event, reason)
    group = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
    where = f" (see log group {group})" if group else ""
    return HandlerError(shorten(reason, LIMIT - len(where)) + where)
