"""Virtual time for concurrent processes: each runs until it pauses, then the one due first continues, without threads.

Outside of a process, a pause lets the others run until it is over.
"""

import heapq
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import greenlet


class Process:
    """A function that runs concurrently with others; ``result`` is its return value."""

    def __init__(self, time: "VirtualTime", hub: greenlet.greenlet, work: Callable[[], Any]) -> None:
        self._time, self._work = time, work
        self.result: Any = None
        self.done = False
        self.greenlet = greenlet.greenlet(self._run, parent=hub)
        self.waiting: list[_Alarm] = []

    def _run(self) -> None:
        self.result = self._work()
        self.done = True
        for alarm in self.waiting:
            self._time.ring_now(alarm)


class _Alarm:
    """The end of a pause; a second alarm for the same pause has no effect."""

    def __init__(self, sleeper: greenlet.greenlet) -> None:
        self.sleeper = sleeper
        self.has_rung = False


class VirtualTime:
    """A clock that advances only when all processes pause."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self._order = itertools.count()
        self._due: list[tuple[float, int, _Alarm]] = []
        self._hub = greenlet.getcurrent()
        # The end of a pause outside of a process, which no process may run past.
        self._horizon = math.inf

    def spawn(self, work: Callable[[], Any], delay: float = 0) -> Process:
        """Start a process, now or after a delay."""
        process = Process(self, self._hub, work)
        self._set(_Alarm(process.greenlet), self.now + delay)
        return process

    def _set(self, alarm: _Alarm, when: float) -> None:
        heapq.heappush(self._due, (when, next(self._order), alarm))

    def ring_now(self, alarm: _Alarm) -> None:
        """Wake a sleeping process early."""
        self._set(alarm, self.now)

    def sleep(self, seconds: float) -> None:
        """Pause the calling process while others run."""
        end = self.now + seconds
        if greenlet.getcurrent() is self._hub:
            self._horizon = end
            self.run(until=lambda: self._due[0][0] > end)
            self._horizon, self.now = math.inf, end
        elif end <= self._horizon and not (self._due and self._due[0][0] <= end):
            # Nothing else is due: the process continues, without two switches.
            self.now = end
        else:
            self._set(_Alarm(greenlet.getcurrent()), end)
            self._hub.switch()

    def wait(self, processes: Sequence[Process], seconds: float) -> None:
        """Pause the calling process until one of the given processes is done, or the seconds have passed."""
        if not any(process.done for process in processes):
            alarm = _Alarm(greenlet.getcurrent())
            for process in processes:
                process.waiting.append(alarm)
            self._set(alarm, self.now + seconds)
            self._hub.switch()

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Run all processes until none is left or a condition holds; an exception of a process is raised here."""
        while self._due and not until():
            when, _, alarm = heapq.heappop(self._due)
            if alarm.has_rung:
                continue
            alarm.has_rung, self.now = True, max(self.now, when)
            alarm.sleeper.switch()
