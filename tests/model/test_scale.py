"""A hundred updates of one stack at the same time, under the rates of AWS IoT."""

import contextlib
import functools
import io
from collections.abc import Callable

import pytest

from cdk_iot_ota_handler.ota_update import observed

from .cloudformation import Plan, Stack
from .ota_service import OtaService
from .story import declaration
from .virtual_time import VirtualTime

STACK_ID = "arn:aws:cloudformation:eu-central-1:111122223333:stack/prod/1"
RATES = {"CreateOTAUpdate": 10, "DeleteOTAUpdate": 5, "GetOTAUpdate": 15, "ListTagsForResource": 15}
UPDATES = 100


@pytest.fixture
def service() -> OtaService:
    """AWS IoT, no faster than it allows itself to be."""
    return OtaService(VirtualTime(), rates=RATES)


def together(service: OtaService, resources: list[Stack], work: Callable[[Stack], object]) -> float:
    """CloudFormation does the same with all resources at once; for how many seconds."""
    begun = service.time.now
    processes = [service.time.spawn(functools.partial(work, one)) for one in resources]
    with contextlib.redirect_stdout(io.StringIO()):
        service.time.run()
    assert all(process.done for process in processes)
    assert [reason for one in resources for reason in one.reasons] == []
    return service.time.now - begun


def test_a_hundred_updates_of_one_stack(service: OtaService) -> None:
    """All are created, replaced and deleted in some minutes, without a failure, however many calls are throttled."""
    resources = [Stack(service, STACK_ID, logical_id=f"Blinky{number}") for number in range(UPDATES)]

    def shown(stack_id: str) -> observed.Stack:
        """The stack works on all of its resources before it cleans up."""
        return max(
            (observed.Stack(one.status) for one in resources), key=lambda stack: (stack.is_deploying, not stack.is_idle)
        )

    service.stack = shown
    steps: list[tuple[Callable[[Stack], object], int, int]] = [
        (lambda one: one.create(declaration("one"), Plan()), 100, 100),
        (lambda one: one.update(declaration("two"), Plan()), 200, 100),
        (lambda one: one.delete(Plan()), 200, 0),
    ]
    for work, created, there in steps:
        assert together(service, resources, work) < 600
        assert len(service.created) == len(set(service.created)) == created
        assert len(service.owned(STACK_ID)) == there
    # Otherwise this would show nothing.
    assert service.injected["too fast"] > 1000
