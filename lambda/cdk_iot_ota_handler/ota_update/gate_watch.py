"""One look at the gate of an update: its devices, its alarms, and what they decide."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from .alarm_watch import Alarms, AlarmWatch
from .contract import names, timeouts
from .decide import Action, Decision, alarms, bake
from .decide.gate import failed, may_end_soon, verdict
from .desired import Gate
from .errors import AccessDeniedError, FatalError, RetryableError
from .identity import proven_tag
from .observed import Alarm, JobProgress, Observed
from .retry import Clock
from .service import OtaService

_Read = TypeVar("_Read")


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The decision of a gate, and what it has seen. ``without_data``: the alarms that had nothing to tell."""

    decision: Decision
    progress: JobProgress | None
    without_data: list[str]

    @property
    def seen(self) -> object:
        """The state that the gate has observed, of which each change is logged."""
        return self.progress, self.without_data


class GateWatch:
    """The looks of one invocation at a gate.

    ``begun``: when the invocation began, ``started``: when its event began, ``last_poll``: after how many seconds of
    the event nothing may be left for later. ``on_ring``: called with each alarm that rings.
    """

    def __init__(
        self,
        gate: Gate,
        service: OtaService,
        clock: Clock,
        job_id: str,
        *,
        begun: float,
        started: float,
        last_poll: float,
        on_ring: Callable[[Alarm], None],
    ) -> None:
        self.gate, self._service, self._clock, self._job_id = gate, service, clock, job_id
        self._begun, self._started, self._last_poll = begun, started, last_poll
        # The calls that follow need the rest of the invocation.
        ends = begun + timeouts.PATIENCE + 2 * timeouts.CALL
        self._watch = AlarmWatch(service, clock, gate.alarms, ends=ends, log=on_ring)
        self._proven_since: float | None = None
        self._unread: FatalError | RetryableError | None = None

    def check_start(self) -> None:
        """Raise FatalError if an alarm forbids the creation of the update, RetryableError while that is not certain."""
        if not self.gate.alarms or self.gate.reports_only:
            return
        seen = self._watch.states()
        decision = alarms.start(self.gate, seen.found, missing_for=seen.missing_for, now=self._clock.now())
        if decision.action is Action.FAIL:
            raise FatalError(decision.reason)
        if decision.action is Action.WAIT:
            raise RetryableError(decision.reason)

    def may_end_soon(self, progress: JobProgress | None) -> bool:
        """Return whether the gate may pass or fail within seconds; an alarm may ring at any time."""
        return bool(self.gate.alarms) or may_end_soon(self.gate, progress)

    def look(self, observed: Observed, age: float) -> Judgement:
        """Read the job and the alarms, and decide. Raises the error of what cannot be read if nothing else decides.

        ``age``: seconds since the creation of the update.
        """
        gate, proven, self._unread = self.gate, self._proven(observed), None
        ends = gate.timeout if proven is None else gate.longest
        progress, devices = self._read("the progress of the job", lambda: self._devices(age, proven), age > ends)
        now = self._clock.now()
        # The look that may let the gate pass reads every alarm.
        is_last = devices.action is Action.MARK and bake.seconds_left(gate, proven, now) <= 0
        seen, on_alarms = self._read(
            "the alarms",
            lambda: self._alarms(progress, now - age, proven, is_last=is_last),
            age > gate.longest,
            progress,
        )
        left = timeouts.HANDLER_DEADLINE - self._waited()
        decision = bake.outcome(gate, devices, on_alarms, progress, proven=proven, now=now, left=left)
        if decision.action is Action.WAIT and self._unread is not None:
            raise self._unread
        without_data = [] if seen is None else alarms.without_data(gate, seen.found)
        return Judgement(decision=decision, progress=progress, without_data=without_data)

    def keep_beginning_of_bake(self, observed: Observed, progress: JobProgress | None) -> None:
        """Tag the update with when its bake time has begun, for the looks of later invocations."""
        now = self._clock.now()
        self._service.tag(observed.attributes["OtaUpdateArn"], {names.PROVEN_TAG: proven_tag(now, progress)})
        self._proven_since = now

    def _proven(self, observed: Observed) -> float | None:
        """Return when the bake time has begun, or None; the tag that keeps it may show that only minutes later."""
        known = [since for since in (observed.proven_since, self._proven_since) if since is not None]
        return min(known, default=None)

    def _devices(self, age: float, proven: float | None) -> tuple[JobProgress | None, Decision]:
        progress = self._service.job_progress(self._job_id)
        left = timeouts.HANDLER_DEADLINE - self._waited()
        return progress, verdict(self.gate, progress, waited=age, left=left, is_proven=proven is not None)

    def _alarms(
        self, progress: JobProgress | None, created: float, proven: float | None, *, is_last: bool
    ) -> tuple[Alarms, Decision]:
        seen = self._watch.since(alarms.watched_from(created), is_last=is_last)
        at = {"missing_for": seen.missing_for, "created": created, "now": self._clock.now()}
        return seen, alarms.verdict(self.gate, seen.found, progress, proven=proven, **at)

    def _read(
        self, what: str, ask: Callable[[], tuple[_Read, Decision]], is_late: bool, progress: JobProgress | None = None
    ) -> tuple[_Read | None, Decision]:
        """Return what a gate depends on, and the decision on that: to wait if it cannot be read now.

        ``is_late``: the time in which that could be read is over. ``progress``: that of the job, if it is known.
        """
        try:
            return ask()
        except (FatalError, RetryableError) as error:
            if self._gives_up(error, is_late):
                return None, failed(self.gate, f"could not read {what}: {error}", progress)
            self._unread = error
            return None, Decision(Action.WAIT, str(error))

    def _gives_up(self, error: FatalError | RetryableError, is_late: bool) -> bool:
        """Return whether devices or alarms that could not be read fail the gate, instead of being read again."""
        if isinstance(error, FatalError):
            return True
        is_denied = isinstance(error, AccessDeniedError)
        patience = timeouts.IAM_PATIENCE if is_denied else timeouts.SETTLE_PATIENCE
        if self._clock.now() - self._begun <= patience:
            return False
        return is_denied or is_late or self._waited() > self._last_poll

    def _waited(self) -> float:
        return self._clock.now() - self._started
