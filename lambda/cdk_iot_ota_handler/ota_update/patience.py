"""Patience within one invocation: what passes in seconds is waited for here, without a round of the waiter."""

from collections.abc import Callable
from typing import TypeVar

from . import budgets
from .clock import Clock
from .errors import NotAuthorized, NotYet

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0
_Result = TypeVar("_Result")


def patiently(
    step: Callable[[], _Result | None], clock: Clock, *, seconds: float, on_trouble: Callable[[NotYet], None]
) -> _Result | None:
    """Repeat an idempotent step until it has a result, for so many seconds; None when it has none by then.

    Raises the last NotYet when it was trouble that lasted. A refusal by IAM has patience of its own, counted from the
    first one, and is final for who calls this.
    """
    begun, pause, denied_since = clock.now(), _FIRST_PAUSE, None
    while True:
        trouble: NotYet | None = None
        try:
            if (result := step()) is not None:
                return result
        except NotYet as error:
            trouble = error
            on_trouble(error)
        now = clock.now()
        denied_since = (denied_since or now) if isinstance(trouble, NotAuthorized) else None
        over = now - begun > seconds if denied_since is None else now - denied_since > budgets.IAM_PATIENCE
        if over or now - begun > budgets.PATIENCE:
            if trouble is not None:
                raise trouble
            return None
        clock.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
