"""Time as the lifecycle needs it, so that tests can let it pass."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass


def _about(seconds: float) -> None:
    """Pause for that long or a little less: the updates of a stack begin together, and would be throttled together."""
    time.sleep(random.uniform(seconds / 2, seconds))  # noqa: S311 - nothing secret


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Seconds since 1970, and a pause."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = _about
