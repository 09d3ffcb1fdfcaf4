"""Processes in virtual time: each runs until it pauses, the one that wakes first goes on. No thread, no real second."""

import heapq
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import greenlet


class Process:
    """Something that runs beside others; `result` is what it returned."""

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
    """When a sleeping process goes on; a second alarm of the same sleep does not wake it again."""

    def __init__(self, sleeper: greenlet.greenlet) -> None:
        self.sleeper = sleeper
        self.rung = False


class VirtualTime:
    """The clock of a world, and what happens in it."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self._order = itertools.count()
        self._due: list[tuple[float, int, _Alarm]] = []
        self._hub = greenlet.getcurrent()

    def spawn(self, work: Callable[[], Any], delay: float = 0) -> Process:
        """Begin something, now or later."""
        process = Process(self, self._hub, work)
        self._set(_Alarm(process.greenlet), self.now + delay)
        return process

    def _set(self, alarm: _Alarm, when: float) -> None:
        heapq.heappush(self._due, (when, next(self._order), alarm))

    def ring_now(self, alarm: _Alarm) -> None:
        """Wake a sleeper before its time."""
        self._set(alarm, self.now)

    def sleep(self, seconds: float) -> None:
        """Pause the process that calls this; others go on."""
        self._set(_Alarm(greenlet.getcurrent()), self.now + seconds)
        self._hub.switch()

    def wait(self, processes: Sequence[Process], seconds: float) -> None:
        """Pause until one of some processes is done, for so many seconds at most."""
        if not any(process.done for process in processes):
            alarm = _Alarm(greenlet.getcurrent())
            for process in processes:
                process.waiting.append(alarm)
            self._set(alarm, self.now + seconds)
            self._hub.switch()

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Let time pass until nothing is left to happen, or a condition holds. What a process raises is raised here."""
        while self._due and not until():
            when, _, alarm = heapq.heappop(self._due)
            if alarm.rung:
                continue
            alarm.rung, self.now = True, max(self.now, when)
            alarm.sleeper.switch()
