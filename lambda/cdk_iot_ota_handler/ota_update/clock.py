"""Time as the lifecycle needs it, so that tests can let it pass."""

import time
from collections.abc import Callable
from dataclasses import dataclass

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Seconds since 1970, and a pause."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


def longer(pause: float) -> float:
    """The pause after this one."""
    return min(2 * pause, LONGEST_PAUSE)
