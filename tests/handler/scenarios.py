"""Events, and accounts that they find, for whole lifecycles against the fakes."""

from typing import Any

from cdk_iot_ota_handler.ota_update.contract import names, timeouts
from cdk_iot_ota_handler.ota_update.desired import Desired

from ..fakes.cloudformation import make_event
from ..fakes.ota_service import FakeOtaService
from ..fakes.provider_framework import Answer, ProviderFramework

REQUEST = {
    "targets": ["arn:aws:iot:eu-central-1:111122223333:thinggroup/fleet"],
    "roleArn": "arn:aws:iam::111122223333:role/ota",
    "files": [{"fileName": "/blinky.bin", "fileLocation": {"stream": {"streamId": "blinky", "fileId": "0"}}}],
}
GATE = {"SuccessPercentage": "100", "MaximumFailures": "0", "MinimumDevices": "1", "TimeoutInMinutes": "30"}
# A deletion with the options of ``properties()``, as the fake records it.
DELETE = "DeleteOTAUpdate deleteStream forceDeleteAWSJob"


def properties(**changes: Any) -> dict[str, Any]:
    """Return the resource's properties as CloudFormation passes them."""
    default = {
        "IdPrefix": "prod_",
        "Request": {**REQUEST, "description": changes.pop("content", "one")},
        "Tags": [],
        "DeleteStream": "true",
        "ForceDeleteJob": "true",
    }
    if "OtaUpdateId" in changes:
        del default["IdPrefix"]
    return {**default, **changes}


def event(request_type: str, **changes: Any) -> dict[str, Any]:
    """Return an event for one OTA update; keywords that are not part of the event change its properties."""
    parts = {name: changes.pop(name) for name in ("stack_id", "logical_id", "old", "physical_id") if name in changes}
    return make_event(request_type, properties(**changes), **parts)


def content_change(old: str, new: str, physical_id: str) -> dict[str, Any]:
    """Return an Update from one content to another."""
    return event("Update", content=new, old=properties(content=old), physical_id=physical_id)


def id_of(content: str) -> str:
    """Return the generated id of the update with this content."""
    return Desired.from_event(event("Create", content=content)).ota_update_id


def put_update(
    service: FakeOtaService, content: str = "one", *, deployed: bool | str = True, tags: Any = (), **state: Any
) -> None:
    """Add the stack's update with this content; ``deployed`` may be the value of its deployed tag."""
    deployed_tag = {names.DEPLOYED_TAG: "true" if deployed is True else deployed} if deployed else {}
    desired = Desired.from_event(event("Create", content=content))
    service.put(desired.ota_update_id, {**desired.all_tags, **dict(tags), **deployed_tag}, **state)


def with_update(content: str = "one", **state: Any) -> FakeOtaService:
    """Return a service in which the stack's update with this content has existed for an hour."""
    service = FakeOtaService()
    put_update(service, content, **state)
    return service


def with_leftover(**state: Any) -> FakeOtaService:
    """Return a service whose stack restores one update, while a deploy that was cut short has left another."""
    service = with_update("one")
    put_update(service, "two", deployed=False, **{"age": 60, **state})
    service.stack_statuses = ["UPDATE_ROLLBACK_IN_PROGRESS"]
    return service


# The rollback to the one update, in which CloudFormation does not hold the id of the other.
RESTORE = content_change("two", "one", id_of("one"))


def run(service: FakeOtaService, sent: dict[str, Any], *, timeout: float = timeouts.TOTAL_TIMEOUT) -> Answer:
    """Serve an event until it has finished."""
    return ProviderFramework(service).serve(sent, timeout=timeout)
