"""The AWS calls of whole events, so that none is added without a reason; docs/lifecycle.md says what each is for."""

import pytest

from cdk_iot_ota_handler.ota_update.observed import JobProgress

from ..fakes.ota_service import Behaviour, FakeOtaService
from .scenarios import DELETE, GATE, content_change, event, id_of, properties, put_update, run

LOOK = ("GetOTAUpdate", "ListTagsForResource")
CREATION = ("GetOTAUpdate", "HeadObject", "DescribeStacks", "CreateOTAUpdate")
DELETION = (*LOOK, "DescribeStacks", DELETE, "GetOTAUpdate")
PASSING, FAILING = JobProgress(status="COMPLETED", succeeded=1), JobProgress(status="IN_PROGRESS", failed=1)
LIVE = id_of("one")


@pytest.mark.parametrize(
    ("sent", "calls"),
    [
        (event("Create", content="two"), (*CREATION, *LOOK, "DescribeStacks", "TagResource")),
        (content_change("one", "two", LIVE), (*CREATION, *LOOK, "DescribeStacks", "TagResource")),
        (event("Update", old=properties(), physical_id=LIVE), LOOK),
        (event("Delete", physical_id=LIVE), DELETION),
    ],
    ids=["create", "replace", "no change", "delete or clean-up"],
)
def test_an_event_makes_no_call_that_it_does_not_need(sent: dict[str, object], calls: tuple[str, ...]) -> None:
    """An event for an update that settles at once takes these calls, in this order, and no other ones."""
    service = FakeOtaService(behaviour=Behaviour(settle=0, removal=0))
    put_update(service)
    assert not run(service, sent).failed
    assert tuple(service.calls) == calls


@pytest.mark.parametrize(
    ("progress", "calls"),
    [
        (PASSING, ("TagResource",)),
        (FAILING, ("CancelJob", "ListJobExecutionsForJob FAILED", DELETE)),
    ],
    ids=["passes", "fails"],
)
def test_a_gate_adds_one_call_to_a_look(progress: JobProgress, calls: tuple[str, ...]) -> None:
    """A gate reads its job, once in each look; one that fails cancels it, and asks for the devices that have failed."""
    service = FakeOtaService(behaviour=Behaviour(settle=0), progress=[progress])
    run(service, event("Create", Gate=GATE))
    assert tuple(service.calls) == (*CREATION, *LOOK, "DescribeStacks", "DescribeJob", *calls)
