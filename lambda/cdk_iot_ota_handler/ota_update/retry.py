"""Retries within one invocation: what takes seconds is waited for here, without another poll of the waiter."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from .contract import timeouts
from .errors import AccessDeniedError, RetryableError

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0
_Result = TypeVar("_Result")


def _sleep_with_jitter(seconds: float) -> None:
    """Sleep up to so many seconds: the updates of a stack start together, and would be throttled together."""
    time.sleep(random.uniform(seconds / 2, seconds))  # noqa: S311 - nothing secret


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Seconds since 1970, and a pause; tests replace both."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = _sleep_with_jitter


def pauses() -> Iterator[float]:
    """Yield the seconds between one try and the next: short ones first."""
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(2 * pause, _LONGEST_PAUSE)


def retry_until(
    step: Callable[[], _Result | None],
    clock: Clock,
    *,
    timeout: float,
    on_error: Callable[[RetryableError], None],
    patience: float = timeouts.PATIENCE,
) -> _Result | None:
    """Repeat an idempotent step until it has a result; return None if it has none after ``timeout`` seconds.

    Raises the last RetryableError if that is what the last step raised. Denied access has its own timeout, counted from
    the first denial: only after it an AccessDeniedError is raised, which is final for the caller. No step begins more
    than ``patience`` seconds after the first.
    """
    begun, denied_since = clock.now(), None
    for pause in pauses():
        failure: RetryableError | None = None
        try:
            if (result := step()) is not None:
                return result
        except RetryableError as error:
            failure = error
            on_error(error)
        now = clock.now()
        denied_since = (denied_since or now) if isinstance(failure, AccessDeniedError) else None
        is_denied = denied_since is not None and now - denied_since > timeouts.IAM_PATIENCE
        is_over = now - begun > timeout if denied_since is None else is_denied
        left = patience - (now - begun)
        if is_over or left <= 0:
            if isinstance(failure, AccessDeniedError) and not is_denied:
                raise RetryableError(str(failure)) from failure
            if failure is not None:
                raise failure
            return None
        clock.sleep(min(pause, left))
    return None
