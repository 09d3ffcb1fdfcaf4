"""Patience within one invocation: what passes in seconds is waited for here, without a round of the waiter."""

from collections.abc import Callable
from typing import TypeVar

from .clock import Clock
from .contract import timeouts
from .errors import AccessDeniedError, RetryableError

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0
_Result = TypeVar("_Result")


def retry_until(
    step: Callable[[], _Result | None], clock: Clock, *, seconds: float, on_trouble: Callable[[RetryableError], None]
) -> _Result | None:
    """Repeat an idempotent step until it has a result, for so many seconds; None when it has none by then.

    Raises the last RetryableError when the trouble lasts. A refusal by IAM has a separate patience, counted from the
    first one, and is final for the caller.
    """
    begun, pause, denied_since = clock.now(), _FIRST_PAUSE, None
    while True:
        trouble: RetryableError | None = None
        try:
            if (result := step()) is not None:
                return result
        except RetryableError as error:
            trouble = error
            on_trouble(error)
        now = clock.now()
        denied_since = (denied_since or now) if isinstance(trouble, AccessDeniedError) else None
        over = now - begun > seconds if denied_since is None else now - denied_since > timeouts.IAM_PATIENCE
        if over or now - begun > timeouts.PATIENCE:
            if trouble is not None:
                raise trouble
            return None
        clock.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
