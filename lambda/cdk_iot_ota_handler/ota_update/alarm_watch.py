"""The alarms of a gate, read for the looks of one invocation: less often than its job, and again before it passes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from .contract import timeouts
from .errors import RetryableError
from .observed import Alarm
from .retry import Clock
from .service import OtaService

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, kw_only=True)
class Alarms:
    """The alarms that exist, by name. ``missing_for``: for how many seconds some have not been found."""

    found: Mapping[str, Alarm] = field(default_factory=dict)
    missing_for: float = 0


class AlarmWatch:
    """The questions about the alarms of one gate.

    ``ends``: no question begins later, in seconds since 1970. ``log``: called with each alarm that rings, once.
    """

    def __init__(
        self,
        service: OtaService,
        clock: Clock,
        names: tuple[str, ...],
        *,
        ends: float,
        log: Callable[[Alarm], None],
    ) -> None:
        self._service, self._clock, self._names = service, clock, names
        self._ends, self._log = ends, log
        self._last: Alarms | None = None
        self._read_at = 0.0
        self._missing_since: float | None = None
        self._histories: dict[tuple[str, float], float | None] = {}
        self._logged: set[tuple[str, float]] = set()

    def states(self) -> Alarms:
        """Return the alarms as they are now."""
        if not self._names:
            return Alarms()
        found = self._ask(lambda: self._service.alarms(self._names))
        now = self._clock.now()
        is_complete = len(found) == len(self._names)
        self._missing_since = None if is_complete else self._missing_since or now
        for alarm in found.values():
            if alarm.is_ringing and (alarm.name, alarm.since) not in self._logged:
                self._logged.add((alarm.name, alarm.since))
                self._log(alarm)
        return Alarms(found=found, missing_for=0 if self._missing_since is None else now - self._missing_since)

    def since(self, began: float, *, is_last: bool) -> Alarms:
        """Return the alarms, and which of them have been in ALARM since ``began``, in seconds since 1970.

        ``is_last``: nothing is asked after it, so that nothing may be older than this look.
        """
        if self._last is not None and not is_last and self._clock.now() - self._read_at < timeouts.ALARM_INTERVAL:
            return self._last
        read_at = self._clock.now()
        if is_last:
            self._histories.clear()
        alarms = self.states()
        found = {name: self._with_history(alarm, began) for name, alarm in alarms.found.items()}
        alarms = replace(alarms, found=found)
        # What is missing is asked for again in the next look.
        self._last, self._read_at = (None if alarms.missing_for or len(found) < len(self._names) else alarms), read_at
        return alarms

    def _with_history(self, alarm: Alarm, began: float) -> Alarm:
        """Add when a quiet alarm has rung; one whose state has not changed since has not."""
        if alarm.is_ringing or alarm.since <= began:
            return alarm
        key = (alarm.name, alarm.since)
        if key not in self._histories:
            self._histories[key] = self._ask(lambda: self._service.last_ring(alarm, began))
        return replace(alarm, rang=self._histories[key])

    def _ask(self, call: Callable[[], _Answer]) -> _Answer:
        if self._clock.now() > self._ends:
            raise RetryableError("CloudWatch answers too slowly")
        return call()
