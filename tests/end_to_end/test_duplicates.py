"""Events that the deployed function gets once more, late, or while another is still being served."""

import pytest

from cdk_iot_ota_handler.ota_update.contract import names
from cdk_iot_ota_handler.ota_update.desired import Desired
from cdk_iot_ota_local import LocalAws, leftovers
from tests.end_to_end.support.declarations import Declare
from tests.end_to_end.support.deployment import Deployment, tags
from tests.end_to_end.support.function import Event, Function, FunctionError
from tests.end_to_end.support.resources import status

CHANGES = {"CreateOTAUpdate", "DeleteOTAUpdate", "TagResource", "UntagResource"}


def changes(aws: LocalAws) -> set[str]:
    """The operations called so far that change an update."""
    return CHANGES & set(aws.calls())


def test_a_duplicate_create(aws: LocalAws, deployment: Deployment, declare: Declare) -> None:
    """A Create that is delivered again finds what it has made, reports the same, and changes nothing."""
    outputs = deployment.deploy(declare("one", tags={"team": "devices"}))
    function = Function(deployment)
    (create,) = function.events()
    aws.calls.reset()
    begun = function.begin(create)
    assert begun["PhysicalResourceId"] == outputs["Id"]
    assert function.finish(begun)["Data"]["JobArn"] == outputs["JobArn"]
    assert "GetOTAUpdate" in aws.calls()
    assert not changes(aws)


def test_duplicates_after_a_replacement(aws: LocalAws, deployment: Deployment, declare: Declare) -> None:
    """Update and Delete that are delivered again change nothing, nor does the Create of what has left."""
    first, second = deployment.deploy(declare("one")), deployment.deploy(declare("two"))
    function = Function(deployment)
    create, update, delete = function.events()
    assert [event["RequestType"] for event in (create, update, delete)] == ["Create", "Update", "Delete"]
    aws.calls.reset()
    again = function.serve({**update, "PhysicalResourceId": first["Id"]})
    assert again["Data"]["JobArn"] == second["JobArn"]
    function.serve({**delete, "PhysicalResourceId": first["Id"]})
    with pytest.raises(FunctionError, match="this is an old event"):
        function.serve(create)
    assert not changes(aws)
    assert leftovers(aws).ota_updates == (second["Id"],)


def test_a_delete_overtakes_the_creation(aws: LocalAws, deployment: Deployment, declare: Declare) -> None:
    """A Delete that arrives while the creation runs waits for its end, and then nothing of it is left."""
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
    begin_creation(aws, live, delete)
    begun = function.begin(delete)
    assert status(aws, begun["TargetId"]) in ("CREATE_PENDING", "CREATE_IN_PROGRESS")
    function.finish(begun)
    assert [call.status for call in aws.calls.log() if call.operation == "DeleteOTAUpdate"] == [200], "never too early"
    assert leftovers(aws).ota_updates == (live["Id"],)


def begin_creation(aws: LocalAws, live: dict[str, str], event: Event) -> None:
    """What an on_event has done that the event overtakes: an update of its id, like the one that is live."""
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
