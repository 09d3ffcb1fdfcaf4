"""A simulated device: it takes a job, loads and verifies the image, and reports."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from . import report
from .document import JobFile, read_document
from .download import DownloadError, Downloads
from .image import Firmware, Image, Version, version_problem
from .jobs import Execution, JobsClient
from .problem import Cause, Problem
from .profile import Profile


class Behaviour(enum.Enum):
    """The behaviour of a device with a job whose document it can use.

    SUCCEED leaves the result to its agent: it loads the image, verifies it and reports what it finds. The others are
    orders, for which it loads nothing.
    """

    SUCCEED = "succeed"
    FAIL = "fail"
    REJECT = "reject"
    SILENT = "silent"  # starts the job and never reports a result
    STUCK = "stuck"  # starts the new firmware, and never ends the self test


_ORDERED = {Behaviour.FAIL: "FAILED", Behaviour.REJECT: "REJECTED"}


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The environment that the devices of a fleet share.

    work: waits as long as a device needs between the start of a job and its result, and returns False if devices have
        to stop.
    takes_time: whether that is longer than nothing, so that reports in between are visible.
    verify: returns why an image is not genuine, or None.
    version: reads the version of firmware.
    """

    jobs: JobsClient
    downloads: Downloads
    verify: Callable[[Image, JobFile], Problem | None]
    work: Callable[[], bool]
    takes_time: bool
    version: Callable[[bytes], Version | None]


class Device:
    """A thing with an agent of one profile. It remembers the firmware that it runs."""

    def __init__(self, thing: str, environment: Environment) -> None:
        self.thing, self._shared = thing, environment
        self.running: Firmware | None = None

    def take(self, execution: Execution, profile: Profile, behaviour: Behaviour) -> Problem | None:
        """Work on a job until its result is reported; returns what is wrong with the job, if anything."""
        if behaviour in (Behaviour.SILENT, Behaviour.STUCK):
            tests_itself = behaviour is Behaviour.STUCK and profile.reports_codes
            details = report.self_test("active", self.running) if tests_itself else {}
            self._shared.jobs.report(execution, "IN_PROGRESS", details)
            return None
        files = read_document(execution.document, profile)
        if isinstance(files, Problem):
            if files.is_reported:
                self._shared.jobs.report(execution, *report.refused(files, profile))
            return files
        if not self._shared.jobs.report(execution, "IN_PROGRESS", report.receiving(files[0], profile)):
            return None
        if status := _ORDERED.get(behaviour):
            if self._shared.work():
                self._shared.jobs.report(execution, status, {"reason": f"configured to {behaviour.value}"})
            return None
        return self._install(execution, files, profile)

    def _install(self, execution: Execution, files: tuple[JobFile, ...], profile: Profile) -> Problem | None:
        images = self._load(execution, files)
        if isinstance(images, Problem):
            if self._shared.work():
                self._shared.jobs.report(execution, *report.refused(images, profile))
            return images
        file, new = files[0], self._firmware(files[0], images[0])
        tests_itself = profile.reports_codes and file.is_firmware and self._shared.takes_time
        if tests_itself:
            self._report_test(execution, "ready", self.running)
        if not self._shared.work():
            return None
        problem = version_problem(new, self.running, profile) if file.is_firmware else None
        if problem:
            self._shared.jobs.report(execution, *report.refused(problem, profile))
            return problem
        if tests_itself:
            self._report_test(execution, "active", new)
        details = report.accepted(file, new, self.running, profile)
        if self._shared.jobs.report(execution, "SUCCEEDED", details) and file.is_firmware:
            self.running = new
        return None

    def _load(self, execution: Execution, files: tuple[JobFile, ...]) -> list[Image] | Problem:
        images = []
        for file in files:
            try:
                image = self._shared.downloads.load(self.thing, execution.job_id, file)
            except DownloadError as error:
                return Problem(Cause.DOWNLOAD, str(error))
            if problem := self._shared.verify(image, file):
                return problem
            images.append(image)
        return images

    def _firmware(self, file: JobFile, image: Image) -> Firmware:
        return Firmware(path=file.path, digest=image.digest("sha256"), version=self._shared.version(image.content))

    def _report_test(self, execution: Execution, state: str, reporting: Firmware | None) -> None:
        details = report.self_test(state, reporting)
        self._shared.jobs.report(execution, "IN_PROGRESS", details, record=False)
