"""A hundred updates of one stack at the same time, under the rate limits of AWS IoT."""

import contextlib
import functools
import io
from collections.abc import Callable

import pytest

from cdk_iot_ota_handler.ota_update import observed

from ..fakes.cloudformation import STACK_ID, FakeStack, Plan
from ..fakes.ota_service import FakeOtaService
from .story import LATENCY, declaration

RATES = {"CreateOTAUpdate": 10, "DeleteOTAUpdate": 5, "GetOTAUpdate": 15, "ListTagsForResource": 15}
UPDATES = 100


@pytest.fixture
def service() -> FakeOtaService:
    """Return a service that throttles calls above its rates."""
    return FakeOtaService(latency=LATENCY, rates=RATES)


def run_concurrently(service: FakeOtaService, resources: list[FakeStack], work: Callable[[FakeStack], object]) -> float:
    """Run the same operation on all resources at once, and return the seconds that it takes."""
    begun = service.time.now
    processes = [service.time.spawn(functools.partial(work, resource)) for resource in resources]
    with contextlib.redirect_stdout(io.StringIO()):
        service.time.run()
    assert all(process.done for process in processes)
    assert [reason for resource in resources for reason in resource.reasons] == []
    return service.time.now - begun


def test_a_hundred_updates_of_one_stack(service: FakeOtaService) -> None:
    """A hundred updates are created, replaced and deleted in minutes without a failure although calls are throttled."""
    resources = [FakeStack(service, STACK_ID, logical_id=f"Blinky{number}") for number in range(UPDATES)]

    def describe_stack(stack_id: str) -> observed.Stack:
        """Return the status of a stack that updates all of its resources before it cleans up."""
        statuses = (observed.Stack(resource.status) for resource in resources)
        return max(statuses, key=lambda stack: (stack.is_deploying, not stack.is_idle))

    service.describe_stack = describe_stack
    steps: list[tuple[Callable[[FakeStack], object], int, int]] = [
        (lambda stack: stack.create(declaration("one"), Plan()), 100, 100),
        (lambda stack: stack.update(declaration("two"), Plan()), 200, 100),
        (lambda stack: stack.delete(Plan()), 200, 0),
    ]
    for work, created, existing in steps:
        assert run_concurrently(service, resources, work) < 600
        assert len(service.created) == len(set(service.created)) == created
        assert len(service.owned(STACK_ID)) == existing
    # Otherwise this would prove nothing.
    assert service.injected["too fast"] > 1000
