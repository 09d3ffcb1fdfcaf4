"""Run work in the background, and wait for a condition."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

_Result = TypeVar("_Result")

_TIMEOUT_SECONDS = 60.0


@contextmanager
def in_background(work: Callable[[], _Result]) -> Iterator[Future[_Result]]:
    """Run a function in another thread; the future's `result` raises its exception."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(work)


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until the condition is true; fail after a minute."""
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"condition is not true after {_TIMEOUT_SECONDS:.0f} s"
        time.sleep(0.02)
