"""A fleet of simulated devices: IoT things that take jobs through the real jobs API."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from ..account import Account
from ..errors import LocalAwsError
from .device import Behaviour, document_problem
from .progress import JobProgress

_BATCH = 500
_IDLE_SECONDS = 0.2


@dataclass(frozen=True)
class Report:
    """A status report that AWS accepted from a device: IN_PROGRESS when it starts a job, then its result."""

    thing: str
    job_id: str
    status: str
    time: float


class Fleet:
    """`size` devices in one thing group, named `<name>-0000` and so on.

    aws: the account of the devices; it may change the name.
    behaviours: behaviours of single devices, by index or by name; all others have `default`.
    workers: how many devices act at the same time.
    work_seconds: how long a device takes from the start of a job to its result.
    A context manager: leaving it stops every device. `reports` are the status reports so far, and
    `problems` the reasons why devices rejected the job document.
    """

    def __init__(
        self,
        aws: Account,
        name: str,
        size: int,
        *,
        default: Behaviour = Behaviour.SUCCEED,
        behaviours: Mapping[int | str, Behaviour] | None = None,
        workers: int = 16,
        work_seconds: float = 0.0,
    ) -> None:
        if size < 1:
            raise LocalAwsError(f"size must be at least 1, got {size!r}")
        self.name, self._default, self._aws, self._work_seconds = aws.named(name), default, aws, work_seconds
        self.things = [f"{self.name}-{index:04d}" for index in range(size)]
        self._behaviours: dict[str, Behaviour] = {}
        for key, behaviour in (behaviours or {}).items():
            self.set_behaviour(key, behaviour)
        from botocore.config import Config

        config = Config(max_pool_connections=workers)
        self._iot = aws.client("iot", config=config)
        self._jobs = aws.client("iot-jobs-data", config=config)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix=f"fleet-{name}")
        self._stop = threading.Event()
        self._taken: set[tuple[str, str]] = set()
        self._cursor = 0
        self._background: threading.Thread | None = None
        self._ours: dict[str, bool] = {}
        self.problems: dict[str, str] = {}
        self.reports: list[Report] = []

    def __enter__(self) -> Fleet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop every device, after pending calls have ended."""
        self._stop.set()
        if self._background:
            self._background.join()
        self._pool.shutdown(cancel_futures=True)

    def set_behaviour(self, device: int | str, behaviour: Behaviour) -> None:
        """Change the behaviour of a device, by index or by name."""
        thing = self.things[device] if isinstance(device, int) else device
        if thing not in self.things:
            raise LocalAwsError(f"there is no device {thing!r} in fleet {self.name!r}")
        self._behaviours[thing] = behaviour

    def behaviour(self, thing: str) -> Behaviour:
        """Return the behaviour of a device."""
        return self._behaviours.get(thing, self._default)

    def register(self) -> str:
        """Create the things and the group unless they exist, and return the group's ARN."""
        group = self._iot.create_thing_group(thingGroupName=self.name)
        for start in range(0, len(self.things), _BATCH):
            self._aws.add_things(self.name, self.things[start : start + _BATCH])
        return str(group["thingGroupArn"])

    def progress(self, job_id: str) -> JobProgress:
        """Query the progress of a job."""
        return JobProgress.of(self._iot.describe_job(jobId=job_id)["job"])

    def run(
        self,
        job_id: str,
        *,
        until: Callable[[JobProgress], bool] | None = None,
        timeout: float = 120.0,
        interval: float = 0.1,
    ) -> Iterator[JobProgress]:
        """Let the devices work on a job, and yield its progress after each round.

        Ends when the job has ended (also by its deletion, with the status "DELETED"), when `until`
        returns True, when every device has started the job and all results are counted, or after
        `timeout` seconds with a LocalAwsError. Devices without the job poll for it repeatedly, so this
        also works with a slow rollout rate.
        """
        deadline = time.monotonic() + timeout
        self.progress(job_id)
        while True:
            acted = self._round(job_id)
            progress = self._progress_or_deleted(job_id)
            yield progress
            if progress.finished or (until and until(progress)) or self._stop.is_set():
                return
            # The counts of a job may lag behind the reports.
            if not self._waiting(job_id) and progress.done >= self._ended(job_id):
                return
            if time.monotonic() > deadline:
                raise LocalAwsError(f"job {job_id} did not end in {timeout:.0f} s: {progress}")
            if not acted:
                self._stop.wait(interval)

    def start(self) -> None:
        """Let the devices work on every job in the background until the fleet is closed.

        For deployments that wait for devices.
        """
        self._background = threading.Thread(target=self._work, name=f"fleet-{self.name}", daemon=True)
        self._background.start()

    def _work(self) -> None:
        while not self._stop.is_set():
            jobs = [job["jobId"] for job in self._iot.list_jobs(status="IN_PROGRESS")["jobs"]]
            if not sum(self._round(job) for job in jobs if self._is_for_us(job)):
                self._stop.wait(_IDLE_SECONDS)

    def _is_for_us(self, job_id: str) -> bool:
        """Return whether the group or one of its devices is a target of a job."""
        if job_id not in self._ours:
            try:
                targets = self._iot.describe_job(jobId=job_id)["job"]["targets"]
            except self._iot.exceptions.ResourceNotFoundException:
                return False
            names = {target.partition("/")[2] for target in targets}
            self._ours[job_id] = not names.isdisjoint((self.name, *self.things))
        return self._ours[job_id]

    def _progress_or_deleted(self, job_id: str) -> JobProgress:
        try:
            return self.progress(job_id)
        except self._iot.exceptions.ResourceNotFoundException:
            return JobProgress(status="DELETED")

    def wait(self, job_id: str, **options: Any) -> JobProgress:
        """Let the devices work on a job as `run` does, and return the last progress."""
        return deque(self.run(job_id, **options), maxlen=1)[0]

    def _ended(self, job_id: str) -> int:
        return sum(report.job_id == job_id and report.status != "IN_PROGRESS" for report in self.reports)

    def _waiting(self, job_id: str) -> list[str]:
        return [thing for thing in self.things if (thing, job_id) not in self._taken]

    def _round(self, job_id: str) -> int:
        """Let a slice of the devices without the job poll for one; returns how many started it.

        In slices, so that progress is visible between them. After a slice in which no device found
        the job, the next slice follows.
        """
        waiting, size = self._waiting(job_id), max(4, len(self.things) // 20)
        if not waiting or self._stop.is_set():
            return 0
        first = self._cursor % len(waiting)
        slice_ = (waiting[first:] + waiting[:first])[:size]
        acted = sum(self._pool.map(lambda thing: self._act(thing, job_id), slice_))
        if not acted:
            self._cursor += size
        return acted

    def _act(self, thing: str, job_id: str) -> bool:
        """Let one device poll for a job; returns whether it got this one."""
        if self._stop.is_set():
            return False
        asked = time.time()
        execution = self._jobs.start_next_pending_job_execution(thingName=thing).get("execution")
        if not execution:
            return False
        self._taken.add((thing, execution["jobId"]))
        self.reports.append(Report(thing, execution["jobId"], "IN_PROGRESS", asked))
        self._report(thing, execution)
        return bool(execution["jobId"] == job_id)

    def _report(self, thing: str, execution: dict[str, Any]) -> None:
        status, details = self._outcome(thing, execution)
        if status is None or self._stop.wait(self._work_seconds):
            return
        sent = time.time()
        # The job may have been canceled or deleted in the meantime, as for a real device.
        errors = self._jobs.exceptions
        with contextlib.suppress(errors.ResourceNotFoundException, errors.InvalidStateTransitionException):
            self._jobs.update_job_execution(
                jobId=execution["jobId"],
                thingName=thing,
                status=status,
                statusDetails=details,
                expectedVersion=execution["versionNumber"],
            )
            self.reports.append(Report(thing, execution["jobId"], status, sent))

    def _outcome(self, thing: str, execution: dict[str, Any]) -> tuple[str | None, dict[str, str]]:
        behaviour = self.behaviour(thing)
        if behaviour is Behaviour.SILENT:
            return None, {}
        if problem := document_problem(execution.get("jobDocument", "")):
            self.problems[thing] = problem
            return "REJECTED", {"reason": problem[:1024]}
        if behaviour is Behaviour.SUCCEED:
            return "SUCCEEDED", {"reason": "accepted"}
        status = {Behaviour.FAIL: "FAILED", Behaviour.REJECT: "REJECTED"}[behaviour]
        return status, {"reason": f"configured to {behaviour.value}"}
