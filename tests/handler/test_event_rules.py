"""Events that CloudFormation cannot have sent are rejected before any call; all others are served."""

import re
from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update import event_rules
from cdk_iot_ota_handler.ota_update.contract import names
from cdk_iot_ota_handler.ota_update.errors import FatalError
from cdk_iot_ota_handler.ota_update.is_complete import is_complete
from cdk_iot_ota_handler.ota_update.on_event import on_event

from ..fakes.cloudformation import LOGICAL_ID, STACK_ID
from ..fakes.ota_service import FakeOtaService
from .scenarios import event, id_of, properties

MINE = id_of("one")
MARKER = "AWSCDK::CustomResourceProviderFramework::MISSING_PHYSICAL_ID"

# A property, an invalid value, and the error message.
FORGED: list[tuple[str, Any, str]] = [
    ("RequestType", "Purge", "RequestType must be Create or Update or Delete, got 'Purge'"),
    ("RequestType", ["Delete"], "RequestType must be Create or Update or Delete, got ['Delete']"),
    ("StackId", "prod", "StackId must be the ARN of a stack, got 'prod'"),
    ("StackId", f"{STACK_ID}\n", "StackId must be the ARN of a stack"),
    ("StackId", STACK_ID.replace("prod", "*"), "StackId must be the ARN of a stack"),
    ("StackId", STACK_ID.replace("prod", "prod/other"), "StackId must be the ARN of a stack"),
    ("StackId", STACK_ID.replace("eu-central-1", ""), "StackId must be the ARN of a stack"),
    ("StackId", STACK_ID.replace("111122223333", "1111*"), "StackId must be the ARN of a stack"),
    ("StackId", STACK_ID.replace("stack/", "stackset/"), "StackId must be the ARN of a stack"),
    ("StackId", STACK_ID.replace("cloudformation", "iot"), "StackId must be the ARN of a stack"),
    ("StackId", STACK_ID.rpartition("/")[0], "StackId must be the ARN of a stack"),
    ("StackId", None, "StackId must be text, got None"),
    ("StackId", {}, "StackId must be text, got {}"),
    ("LogicalResourceId", "", "LogicalResourceId must have 1 to 255 characters, got 0"),
    ("LogicalResourceId", "A" * 256, "LogicalResourceId must have 1 to 255 characters, got 256"),
    ("LogicalResourceId", "Blinky-1", "LogicalResourceId must be of A-Z, a-z and 0-9, got 'Blinky-1'"),
    ("LogicalResourceId", "Blinkyä", "LogicalResourceId must be of A-Z, a-z and 0-9"),
    ("LogicalResourceId", 7, "LogicalResourceId must be text, got 7"),
    ("PhysicalResourceId", "", "PhysicalResourceId must have 1 to 400 characters, got 0"),
    ("PhysicalResourceId", "../blinky", "PhysicalResourceId must be of a-z, A-Z, 0-9, _ and -, got '../blinky'"),
    ("PhysicalResourceId", "*", "PhysicalResourceId must be of a-z"),
    ("PhysicalResourceId", "a\nb", "PhysicalResourceId must be of a-z"),
    ("PhysicalResourceId", "a" * 401, "PhysicalResourceId must have 1 to 400 characters, got 401"),
    ("PhysicalResourceId", "AWSCDK::Else::FAILED", "PhysicalResourceId must be of a-z"),
    ("PhysicalResourceId", None, "PhysicalResourceId must be text, got None"),
    (
        "ResourceType",
        "Custom::Other",
        "ResourceType must be Custom::IoTOTAUpdate or Custom::IoTOTAGate, got 'Custom::Other'",
    ),
    ("ResourceProperties", [], "ResourceProperties must be a mapping, got []"),
    ("ResourceProperties", None, "ResourceProperties must be a mapping, got None"),
]
# The same for the keys that only is_complete gets.
FORGED_POLLS: list[tuple[str, Any, str]] = [
    ("StartedAt", "now", "StartedAt must be a finite number, got 'now'"),
    ("StartedAt", float("nan"), "StartedAt must be a finite number, got nan"),
    ("StartedAt", float("inf"), "StartedAt must be a finite number, got inf"),
    ("StartedAt", True, "StartedAt must be a finite number, got True"),
    ("TargetId", "a/b", "TargetId must be of a-z, A-Z, 0-9, _ and -, got 'a/b'"),
    ("TargetId", None, "TargetId must be text, got None"),
]


def update_event(**changes: Any) -> dict[str, Any]:
    """Return an Update that changes nothing."""
    return {**event("Update", old=properties(), physical_id=MINE), **changes}


def delete_poll(**changes: Any) -> dict[str, Any]:
    """Return a Delete as is_complete gets it."""
    return {**event("Delete", physical_id=MINE), "StartedAt": 1_000_000.0, "TargetId": MINE, **changes}


@pytest.mark.parametrize(("name", "value", "message"), FORGED)
@pytest.mark.parametrize("request_type", ["Create", "Update", "Delete"])
def test_an_invalid_event_is_rejected_without_a_call(request_type: str, name: str, value: Any, message: str) -> None:
    """An event with an invalid property fails in on_event with property, value and limit, before any call."""
    service = FakeOtaService()
    sent = {**event(request_type, physical_id=MINE), name: value}
    with pytest.raises(FatalError, match=rf"^invalid CloudFormation event: {re.escape(message)}.* \(no action taken\)"):
        on_event(sent, service.connect(), service.clock())
    assert service.calls == []


@pytest.mark.parametrize(("name", "value", "message"), [*FORGED, *FORGED_POLLS])
def test_an_invalid_poll_is_rejected_without_a_call(name: str, value: Any, message: str) -> None:
    """is_complete checks its whole event again, although on_event has checked most of it."""
    service = FakeOtaService()
    with pytest.raises(FatalError, match=rf"^invalid CloudFormation event: {re.escape(message)}.* \(no action taken\)"):
        is_complete(delete_poll(**{name: value}), service.connect(), service.clock())
    assert service.calls == []


@pytest.mark.parametrize("value", [None, "true", 1])
def test_keeps_id_must_be_a_boolean(value: Any) -> None:
    """KeepsId is not read from text, which would always be true."""
    with pytest.raises(FatalError, match=f"KeepsId must be true or false, got {value!r}"):
        event_rules.check_poll(update_event(StartedAt=1, KeepsId=value))


@pytest.mark.parametrize("prefix", ["", "prod", "prod_x_", "*_", "a" * 21 + "_", "_", "a/b_", "prod_\n", 7, []])
def test_a_prefix_that_no_construct_generates_is_rejected(prefix: Any) -> None:
    """An escape hatch cannot give updates other ids, but an update that has one can be deleted."""
    message = r"IdPrefix must .*: leave it as the construct generates it"
    for request_type in ("Create", "Update"):
        with pytest.raises(FatalError, match=message):
            event_rules.check(event(request_type, physical_id=MINE, IdPrefix=prefix))
    event_rules.check(event("Delete", physical_id=MINE, IdPrefix=prefix))


@pytest.mark.parametrize(
    "stack_id",
    [
        STACK_ID,
        STACK_ID.replace("arn:aws:", "arn:aws-us-gov:").replace("eu-central-1", "us-gov-west-1"),
        STACK_ID.replace("prod", "A" + "-9" * 63 + "z"),
        STACK_ID.replace("prod", "prod-NestedStackResource-1ABCDEFGHIJKL"),
    ],
)
def test_every_stack_is_served(stack_id: str) -> None:
    """Stacks are valid in every partition, with names of up to 128 characters, nested or not."""
    event_rules.check(event("Create", stack_id=stack_id))


@pytest.mark.parametrize(
    "physical_id",
    [
        MINE,
        "a" * 128,
        f"prod-{LOGICAL_ID}-1ABCDEFGHIJKL",
        f"{'a' * 128}-{'B' * 255}-1ABCDEFGHIJKL",
        "5f0f4b30-0000-0000-0000-000000000000",
        MARKER,
    ],
)
def test_every_possible_physical_id_can_be_deleted(physical_id: str) -> None:
    """A Delete of a generated, explicit or invented id, or of the framework's marker, succeeds without a change."""
    service = FakeOtaService()
    sent = event("Delete", physical_id=physical_id)
    answer = on_event(sent, service.connect(), service.clock())
    while not is_complete({**sent, **answer}, service.connect(), service.clock())["IsComplete"]:
        service.time.sleep(5)
    assert service.writes() == []


def test_keys_that_the_framework_adds_are_accepted() -> None:
    """Unknown keys are valid, and so is a physical id on a Create, as is_complete gets it."""
    more = {"ServiceToken": "arn", "ResponseURL": "...", "ResourceType": names.RESOURCE_TYPE, "New": {}}
    event_rules.check({**event("Create", physical_id=MINE), **more})
    event_rules.check_poll({**update_event(StartedAt=7, KeepsId=True), **more})
    event_rules.check_poll({**delete_poll(), **more, "RequestId": None})


def test_a_delete_without_an_id_is_rejected() -> None:
    """A Delete needs a physical id, and CloudFormation always sends one."""
    with pytest.raises(FatalError, match="PhysicalResourceId must be text, got None"):
        event_rules.check(event("Delete"))
