"""The devices of a rollout that have failed, looked up while their job still exists. It never fails, and ends soon."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice, zip_longest
from typing import TypeVar

from .contract import timeouts
from .errors import AccessDeniedError, FatalError, RetryableError
from .observed import Execution
from .retry import Clock, retry_until
from .service import OtaService

_Result = TypeVar("_Result")
_MOST_DEVICES = 250
# AWS IoT answers few of these calls a second.
_MOST_DETAILS = 10


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The devices found, the first of them with what they reported, and what was not allowed to be asked."""

    executions: tuple[Execution, ...] = ()
    denied: str = ""


class Inquiry:
    """The questions about the devices of one job.

    ``log``: called with each device that is found. ``on_error``: called with each error of a call.
    """

    def __init__(
        self,
        service: OtaService,
        clock: Clock,
        job_id: str,
        *,
        log: Callable[[Execution], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        self._service, self._clock, self._job_id = service, clock, job_id
        self._log, self._on_error = log, on_error
        self._ends = 0.0
        self._is_denied = False

    def has_time(self, ends: float) -> bool:
        """Return whether the questions take no time from the calls that follow, which begin at ``ends``."""
        return self._clock.now() + timeouts.EVIDENCE <= ends

    def gather(self, statuses: Sequence[str], *, ends: float) -> Evidence:
        """List the devices with these statuses, ask some of them for what they reported, and log them.

        ``ends``: when the calls that follow need the time, in seconds since 1970. Without time nothing is asked.
        """
        if not self.has_time(ends):
            return Evidence()
        self._ends = self._clock.now() + timeouts.LAST_EVIDENCE
        lists = [self._ask(partial(self._service.executions, self._job_id, status)) or [] for status in statuses]
        may_list = not self._is_denied
        # One of each status after the other: few of them can be asked.
        in_turn = (one for one in chain.from_iterable(zip_longest(*lists)) if one is not None)
        # A device whose status changes meanwhile is in two of the lists.
        found = list({one.thing: one for one in in_turn}.values())[:_MOST_DEVICES]
        asked = {one.thing for one in islice((one for one in found if not one.is_silent), _MOST_DETAILS)}
        executions = tuple(self._with_details(one) if one.thing in asked else one for one in found)
        for execution in executions:
            self._log(execution)
        if not may_list:
            return Evidence(executions=executions, denied="which devices")
        return Evidence(executions=executions, denied="what they reported" if self._is_denied else "")

    def _with_details(self, execution: Execution) -> Execution:
        return replace(
            execution, details=self._ask(partial(self._service.status_details, self._job_id, execution.thing))
        )

    def _ask(self, call: Callable[[], _Result]) -> _Result | None:
        """Return the answer to a call, or None if there is none in time. Denied access is not waited for."""
        left = self._ends - self._clock.now()
        if left < 0 or self._is_denied:
            return None

        def step() -> tuple[_Result | None]:
            try:
                return (call(),)
            except AccessDeniedError as error:
                self._is_denied = True
                self._on_error(error)
            except FatalError as error:
                self._on_error(error)
            return (None,)

        try:
            answer = retry_until(step, self._clock, timeout=left, patience=left, on_error=self._on_error)
        except RetryableError:
            return None
        return None if answer is None else answer[0]
