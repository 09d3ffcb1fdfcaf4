"""A fleet of simulated devices: IoT things that take jobs through the real jobs API."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..account import Account
from ..errors import LocalAwsError
from .device import Behaviour, Device, Environment
from .download import Downloads
from .image import Firmware, Version, find_version
from .jobs import JobsClient, Report
from .profile import CLASSIC, Profile
from .progress import JobProgress
from .stream import StreamClient

if TYPE_CHECKING:
    from .signature import Certificate

_BATCH = 500
_IDLE_SECONDS = 0.5


class Fleet:
    """`size` devices in one thing group, named `<name>-0000` and so on.

    aws: the account of the devices; it may change the name.
    certificate: what devices verify images with: a certificate in PEM or a path to one, or several by the certificate
        name in the job document. Without it every image fails.
    default, behaviours: the behaviour of all devices, and of single devices by index or by name.
    profile, profiles: likewise what their agents accept.
    version: returns the version of firmware from its bytes, or None; by default a version such as 1.4.2 in the first
        64 bytes. Devices refuse firmware that is not newer than what they have installed, unless the profile allows it.
    workers: how many devices act at the same time.
    work_seconds: how long a device takes from the start of a job to its result.
    A context manager: leaving it stops every device. `reports` are the changes of status so far, and `problems` the
    reason why each device did not install an update.
    """

    def __init__(
        self,
        aws: Account,
        name: str,
        size: int,
        *,
        certificate: Certificate | Mapping[str, Certificate] | None = None,
        default: Behaviour = Behaviour.SUCCEED,
        behaviours: Mapping[int | str, Behaviour] | None = None,
        profile: Profile = CLASSIC,
        profiles: Mapping[int | str, Profile] | None = None,
        version: Callable[[bytes], Version | None] = find_version,
        workers: int = 16,
        work_seconds: float = 0.0,
    ) -> None:
        if size < 1:
            raise LocalAwsError(f"size must be at least 1, got {size!r}")
        self.name, self._default, self._aws = aws.named(name), default, aws
        self.things = [f"{self.name}-{index:04d}" for index in range(size)]
        self._profile, self._profiles = profile, {self._thing(key): one for key, one in (profiles or {}).items()}
        self._behaviours: dict[str, Behaviour] = {}
        for key, behaviour in (behaviours or {}).items():
            self.set_behaviour(key, behaviour)
        from botocore.config import Config

        from .signature import Certificates

        config = Config(max_pool_connections=workers)
        self._iot = aws.client("iot", config=config)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix=f"fleet-{name}")
        self._stop = threading.Event()
        self._taken: set[tuple[str, str]] = set()
        self._cursor = 0
        self._background: threading.Thread | None = None
        self._ours: dict[str, bool] = {}
        self.problems: dict[str, str] = {}
        self.reports: list[Report] = []
        self._jobs = JobsClient(aws.client("iot-jobs-data", config=config), self.reports.append)
        self._streams = StreamClient(aws, self.name)
        self._downloads = Downloads(self._streams.load)
        shared = Environment(
            jobs=self._jobs,
            downloads=self._downloads,
            verify=Certificates(certificate).problem,
            work=lambda: not self._stop.wait(work_seconds),
            takes_time=work_seconds > 0,
            version=version,
        )
        self._devices = {thing: Device(thing, shared) for thing in self.things}

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
        self._streams.close()

    def set_behaviour(self, device: int | str, behaviour: Behaviour) -> None:
        """Change the behaviour of a device, by index or by name."""
        self._behaviours[self._thing(device)] = behaviour

    def _thing(self, device: int | str) -> str:
        thing = self.things[device] if isinstance(device, int) else device
        if thing not in self.things:
            raise LocalAwsError(f"there is no device {thing!r} in fleet {self.name!r}")
        return thing

    def behaviour(self, thing: str) -> Behaviour:
        """Return the behaviour of a device."""
        return self._behaviours.get(thing, self._default)

    def running(self, device: int | str) -> Firmware | None:
        """Return the firmware that a device has installed from a job, by index or by name; None before the first."""
        return self._devices[self._thing(device)].running

    @property
    def bytes_loaded(self) -> int:
        """The number of bytes that the devices have loaded; they share what they load."""
        return self._downloads.bytes_loaded

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
        execution = self._jobs.next(thing)
        if execution is None or (thing, execution.job_id) in self._taken:
            return False
        self._taken.add((thing, execution.job_id))
        profile = self._profiles.get(thing, self._profile)
        if problem := self._devices[thing].take(execution, profile, self.behaviour(thing)):
            self.problems[thing] = problem.text
        return execution.job_id == job_id
