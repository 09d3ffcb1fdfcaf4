"""Events that reach the deployed function twice, late, or while it handles another."""

import pytest

from cdk_iot_ota_handler.ota_update.contract import names
from cdk_iot_ota_handler.ota_update.desired import Desired
from cdk_iot_ota_local import LocalAws, leftovers
from tests.end_to_end.support.declarations import Declare
from tests.end_to_end.support.deployment import Deployment, tags
from tests.end_to_end.support.function import Event, Function, FunctionError
from tests.end_to_end.support.resources import update_status

CHANGES = {"CreateOTAUpdate", "DeleteOTAUpdate", "TagResource", "UntagResource"}


def changes(aws: LocalAws) -> set[str]:
    """Return the operations called so far that change an update."""
    return CHANGES & set(aws.calls())


def test_a_duplicate_create(aws: LocalAws, deployment: Deployment, declare: Declare) -> None:
    """A Create that is delivered twice returns the same attributes and changes nothing."""
    outputs = deployment.deploy(declare("one", tags={"team": "devices"}))
    function = Function(deployment)
    (create,) = function.events()
    aws.calls.reset()
    started = function.on_event(create)
    assert started["PhysicalResourceId"] == outputs["Id"]
    assert function.wait_until_complete(started)["Data"]["JobArn"] == outputs["JobArn"]
    assert "GetOTAUpdate" in aws.calls()
    assert not changes(aws)


def test_duplicates_after_a_replacement(aws: LocalAws, deployment: Deployment, declare: Declare) -> None:
    """After a replacement, an old Create, Update or Delete that is delivered again changes nothing."""
    first, second = deployment.deploy(declare("one")), deployment.deploy(declare("two"))
    function = Function(deployment)
    create, update, delete = function.events()
    assert [event["RequestType"] for event in (create, update, delete)] == ["Create", "Update", "Delete"]
    aws.calls.reset()
    again = function.handle({**update, "PhysicalResourceId": first["Id"]})
    assert again["Data"]["JobArn"] == second["JobArn"]
    function.handle({**delete, "PhysicalResourceId": first["Id"]})
    with pytest.raises(FunctionError, match="so the event is stale"):
        function.handle(create)
    assert not changes(aws)
    assert leftovers(aws).ota_updates == (second["Id"],)


def test_a_delete_overtakes_the_creation(aws: LocalAws, deployment: Deployment, declare: Declare) -> None:
    """A Delete that arrives during the creation waits for its end, and then deletes the update."""
    live = deployment.deploy(declare("one"))
    function = Function(deployment)
    (create,) = function.events()
    request = {**create["ResourceProperties"]["Request"], "description": "two"}
    delete = {
        **create,
        "RequestType": "Delete",
        "ResourceProperties": {**create["ResourceProperties"], "Request": request},
    }
    delete["PhysicalResourceId"] = Desired.from_event(delete).ota_update_id
    aws.calls.reset()
    aws.faults.add("slow_creation", delay_seconds=3.0)
    start_creation(aws, live, delete)
    started = function.on_event(delete)
    assert update_status(aws, started["TargetId"]) in ("CREATE_PENDING", "CREATE_IN_PROGRESS")
    function.wait_until_complete(started)
    assert [call.status for call in aws.calls.log() if call.operation == "DeleteOTAUpdate"] == [200], (
        "DeleteOTAUpdate is not called during the creation"
    )
    assert leftovers(aws).ota_updates == (live["Id"],)


def start_creation(aws: LocalAws, live: dict[str, str], event: Event) -> None:
    """Start what the on_event of a concurrent Create does: create an update with the event's id."""
    iot = aws.client("iot")
    owned = tags(aws, live["Arn"])
    del owned[names.DEPLOYED_TAG]
    like = iot.get_ota_update(otaUpdateId=live["Id"])["otaUpdateInfo"]
    iot.create_ota_update(
        otaUpdateId=event["PhysicalResourceId"],
        targets=like["targets"],
        files=like["otaUpdateFiles"],
        roleArn=event["ResourceProperties"]["Request"]["roleArn"],
        tags=[{"Key": key, "Value": value} for key, value in owned.items()],
    )
