"""Processes that run tests with a changed module in place of the one on disk, for ``tools.mutants``.

Each run imports the project again. A process keeps what takes long to import: boto3, aws_cdk and jsii's Node.
"""

import contextlib
import gc
import importlib.abc
import importlib.util
import io
import multiprocessing
import re
import shutil
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Node keeps every object that a test has declared.
_RUNS_PER_PROCESS = 30
_NOT_IMPORTED = int(pytest.ExitCode.INTERRUPTED)


@dataclass(frozen=True)
class Job:
    """A run of tests in this order, with a module that has another source, or without a change."""

    tests: Sequence[str]
    module: str = ""
    path: str = ""
    source: str = ""


@dataclass(frozen=True)
class Measurement:
    """A run of all tests of a folder to learn which of them run the lines of some files."""

    folder: str
    files: Sequence[str]


@dataclass
class Coverage:
    """The tests that run a line of a file, and how long each test takes."""

    tests: dict[tuple[str, int], set[str]] = field(default_factory=lambda: defaultdict(set))
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports a module from another source than the one on disk."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.has_raised = False

    def find_spec(self, name: str, _path: Any, _target: Any = None) -> Any:
        if name != self._job.module:
            return None
        return importlib.util.spec_from_file_location(name, ROOT / self._job.path, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        self.has_raised = True
        exec(compile(self._job.source, str(ROOT / self._job.path), "exec"), module.__dict__)  # noqa: S102
        self.has_raised = False


class _Order:
    """Runs some tests in an order, and notes the one that fails."""

    def __init__(self, tests: Sequence[str]) -> None:
        self._rank = {test: rank for rank, test in enumerate(tests)}
        self.failed = ""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        chosen = [item for item in items if item.nodeid in self._rank]
        items[:] = sorted(chosen, key=lambda item: self._rank[item.nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed = report.nodeid


class _Tracer:
    """Notes the lines of some files that each test runs."""

    def __init__(self, files: Iterable[str]) -> None:
        self.coverage = Coverage()
        self._files, self._test = {str(ROOT / file): file for file in files}, ""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._test = item.nodeid
        sys.settrace(self._call)
        try:
            return (yield)
        finally:
            sys.settrace(None)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.coverage.seconds[report.nodeid] += report.duration

    def _call(self, frame: FrameType, _event: str, _arg: Any) -> Any:
        return self._line if frame.f_code.co_filename in self._files else None

    def _line(self, frame: FrameType, event: str, _arg: Any) -> Any:
        if event == "line":
            self.coverage.tests[self._files[frame.f_code.co_filename], frame.f_lineno].add(self._test)
        return self._line


def _pytest(paths: Iterable[str], plugin: object, *options: str) -> int:
    """Run tests in this process as if nothing of the project had been imported yet."""
    for name in [name for name in sys.modules if re.match(r"cdk_iot_ota|tests\b", name)]:
        del sys.modules[name]
    # Another folder for each run: CDK does not write an asset again that it has written to the same path.
    folder = tempfile.mkdtemp()
    options = ("-q", "-p", "no:cacheprovider", f"--basetemp={folder}", *options)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        code = pytest.main([*options, *paths], plugins=[plugin])
    shutil.rmtree(folder, ignore_errors=True)
    gc.collect()
    return int(code)


def _run(job: Job) -> tuple[int, str]:
    order, finder = _Order(job.tests), _Finder(job)
    sys.meta_path.insert(0, finder)
    try:
        code = _pytest(dict.fromkeys(test.partition("::")[0] for test in job.tests), order, "-x")
        # pytest ends with another code when it is a conftest.py that imports the module.
        return (_NOT_IMPORTED, "") if finder.has_raised else (code, order.failed)
    finally:
        sys.meta_path.remove(finder)


def _trace(measurement: Measurement) -> tuple[int, Coverage]:
    tracer = _Tracer(measurement.files)
    return _pytest([measurement.folder], tracer), tracer.coverage


def _serve(connection: Connection) -> None:
    """Answer with pytest's exit code and more until there is nothing more to do."""
    sys.dont_write_bytecode = False  # compiled tests make the next runs faster; PYTHONPYCACHEPREFIX says where
    while (job := connection.recv()) is not None:
        connection.send(_run(job) if isinstance(job, Job) else _trace(job))


class Worker:
    """A process that runs tests, and is replaced when it hangs or has grown."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self._runs, self._killers = 0, set[str]()

    def _ask(self, job: Job | Measurement, seconds: float) -> Any:
        """Return the answer to a job, or None if the process hangs or dies."""
        self._connection.send(job)
        if self._connection.poll(seconds):
            with contextlib.suppress(EOFError):
                return self._connection.recv()
        self._process.kill()
        self._process.join()
        self._start()
        return None

    def measure(self, measurement: Measurement) -> Coverage:
        """Return what the tests of a folder run. Raises RuntimeError if one of them fails."""
        answer = self._ask(measurement, 3600)
        if answer is None or answer[0] != 0:
            raise RuntimeError(f"{measurement.folder} fails without a mutant: make its tests pass first")
        coverage: Coverage = answer[1]
        return coverage

    def first_failure(self, job: Job, seconds: float) -> str:
        """Return the test that fails first, or what happens instead; nothing if all pass in time."""
        answer = self._ask(job, seconds)
        if answer is None:
            return "hangs or dies"
        code, failed = answer
        if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, _NOT_IMPORTED):
            raise RuntimeError(f"pytest ended with {code} for {job.module} and {job.tests}")
        self._runs += 1
        if failed:
            self._killers.add(failed)
        if self._runs == _RUNS_PER_PROCESS:
            self.close()
            self._start()
        return failed or ("cannot be imported" if code else "")

    def close(self) -> None:
        """End the process. Raises RuntimeError if a mutant has left something behind that lets tests fail."""
        if self._killers and (answer := self._ask(Job(sorted(self._killers)), 600)) is not None and answer[0] != 0:
            raise RuntimeError(f"{answer[1]} fails after mutants in the same process: find out which of them remains")
        self._connection.send(None)
        self._process.join()


def in_parallel(tasks: Iterable[Callable[[Worker], None]], workers: Sequence[Worker]) -> None:
    """Run each task with one of the workers. Raises the first error of a task."""
    errors: list[BaseException] = []
    waiting = iter(list(tasks))

    def work(worker: Worker) -> None:
        for task in waiting:
            try:
                task(worker)
            except BaseException as error:
                errors.append(error)
            if errors:
                return

    threads = [threading.Thread(target=work, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
