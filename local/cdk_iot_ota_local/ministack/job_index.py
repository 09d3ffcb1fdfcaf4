"""Job executions that are found by their thing.

The emulator looks through every execution for each call of a device, which takes minutes for a
fleet of ten thousand.
"""

from __future__ import annotations

from typing import Any

from .emulator import Emulator

_PENDING = ("QUEUED", "IN_PROGRESS")


def index_jobs(emulator: Emulator) -> None:
    """Replace the store of executions, and the functions that scan it for each call of a device."""
    iot = emulator.iot
    store = _indexed(emulator.responses.AccountRegionScopedDict)()
    iot._job_executions = store

    def pending_for_thing(thing: str) -> list[dict[str, Any]]:
        iot._jobs_materialize_all()
        executions = store.of_thing(thing)
        for execution in executions:
            iot._jobs_apply_timeout(execution)
        pending = [dict(execution) for execution in executions if execution["status"] in _PENDING]
        return sorted(pending, key=lambda execution: execution["queuedAt"])

    maybe_complete = iot._jobs_maybe_complete

    def complete_if_done(job_id: str) -> None:
        if not store.has_pending(job_id):
            maybe_complete(job_id)

    iot.jobs_pending_for_thing, iot._jobs_maybe_complete = pending_for_thing, complete_if_done


def _indexed(base: Any) -> Any:
    """A subclass of the emulator's scoped dictionary, keyed by (thing, job), with an index of things."""

    class Executions(base):  # type: ignore[misc]
        __slots__ = ("_open", "_things")

        def __init__(self) -> None:
            super().__init__()
            self._things: dict[Any, dict[Any, Any]] = {}
            self._open: dict[Any, list[Any]] = {}

        def _bucket(self, key: tuple[str, str]) -> dict[Any, Any]:
            return self._things.setdefault((*self._prefix(), key[0]), {})

        def __setitem__(self, key: tuple[str, str], value: Any) -> None:
            super().__setitem__(key, value)
            self._bucket(key)[key] = value
            self._open.setdefault((*self._prefix(), key[1]), []).append(value)

        def __delitem__(self, key: tuple[str, str]) -> None:
            super().__delitem__(key)
            self._bucket(key).pop(key, None)

        def values(self) -> list[Any]:
            prefix = self._prefix()
            return [value for key, value in list(self._data.items()) if key[:2] == prefix]

        def clear(self) -> None:
            super().clear()
            self._things.clear()
            self._open.clear()

        def of_thing(self, thing: str) -> list[Any]:
            """The executions of one thing."""
            return list(self._things.get((*self._prefix(), thing), {}).values())

        def has_pending(self, job: str) -> bool:
            """Whether an execution of a job has not ended; what has ended is looked at only once."""
            candidates = self._open.get((*self._prefix(), job), [])
            while candidates and not self._is_pending(candidates[-1]):
                candidates.pop()
            return bool(candidates)

        def _is_pending(self, execution: Any) -> bool:
            # One that was removed or replaced meanwhile does not count.
            current = self.get((execution["thingName"], execution["jobId"]))
            return current is execution and execution["status"] in _PENDING

    return Executions
