"""What a test does while a deploy is under way."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

_Result = TypeVar("_Result")

_SECONDS = 60.0


@contextmanager
def in_background(work: Callable[[], _Result]) -> Iterator[Future[_Result]]:
    """Do something in another thread; what it raises comes out of the future's `result`."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(work)


def wait_until(holds: Callable[[], object]) -> None:
    """Wait for a state, and fail when it does not come about."""
    deadline = time.monotonic() + _SECONDS
    while not holds():
        assert time.monotonic() < deadline, "what the test waits for did not come about"
        time.sleep(0.02)
