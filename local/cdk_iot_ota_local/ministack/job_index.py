"""Look up job executions by their thing.

ministack searches all executions for each call of a device, which takes minutes for a fleet of ten thousand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .emulator import Emulator

_PENDING = ("QUEUED", "IN_PROGRESS")
# (account, Region), as ministack scopes its dictionaries.
_Scope = tuple[str, ...]
_Key = tuple[str, str]


def index_jobs(emulator: Emulator) -> None:
    """Replace the store of executions, and the functions that scan it for each call of a device."""
    iot = emulator.iot
    store = _executions(emulator.responses.AccountRegionScopedDict)()
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


class _Index:
    """Executions by (thing, job) under their thing, and those of a job that may still be pending."""

    def __init__(self) -> None:
        self._things: dict[tuple[str, ...], dict[_Key, Any]] = {}
        self._open: dict[tuple[str, ...], list[Any]] = {}

    def add(self, scope: _Scope, key: _Key, execution: Any) -> None:
        thing, job = key
        self._things.setdefault((*scope, thing), {})[key] = execution
        self._open.setdefault((*scope, job), []).append(execution)

    def remove(self, scope: _Scope, key: _Key) -> None:
        self._things.get((*scope, key[0]), {}).pop(key, None)

    def of_thing(self, scope: _Scope, thing: str) -> list[Any]:
        return list(self._things.get((*scope, thing), {}).values())

    def has_pending(self, scope: _Scope, job: str, current: Callable[[_Key], Any]) -> bool:
        """Return whether an execution of a job is pending; one that has ended is checked only once."""
        candidates = self._open.get((*scope, job), [])
        while candidates:
            execution = candidates[-1]
            # Skip an execution that has been removed or replaced.
            is_current = current((execution["thingName"], execution["jobId"])) is execution
            if is_current and execution["status"] in _PENDING:
                return True
            candidates.pop()
        return False


def _executions(base: Any) -> Any:
    """Derive the store of executions, keyed by (thing, job), from ministack's scoped dictionary."""

    class Executions(base):  # type: ignore[misc]
        __slots__ = ("_index",)

        def __init__(self) -> None:
            super().__init__()
            self._index = _Index()

        def __setitem__(self, key: _Key, value: Any) -> None:
            super().__setitem__(key, value)
            self._index.add(self._prefix(), key, value)

        def __delitem__(self, key: _Key) -> None:
            super().__delitem__(key)
            self._index.remove(self._prefix(), key)

        def values(self) -> list[Any]:
            prefix = self._prefix()
            return [value for key, value in list(self._data.items()) if key[:2] == prefix]

        def clear(self) -> None:
            super().clear()
            self._index = _Index()

        def of_thing(self, thing: str) -> list[Any]:
            return self._index.of_thing(self._prefix(), thing)

        def has_pending(self, job: str) -> bool:
            return self._index.has_pending(self._prefix(), job, self.get)

    return Executions
