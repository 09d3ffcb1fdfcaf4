"""Deploys of synthesized templates, with real Lambda functions, the framework's waiter, jobs and devices."""

import pytest
from aws_cdk import aws_sns

from cdk_iot_ota import OtaTarget
from cdk_iot_ota_handler.ota_update.contract import names
from cdk_iot_ota_local import Behaviour, Fleet, LocalAws, leftovers
from tests.end_to_end.support.declarations import Declare, failing
from tests.end_to_end.support.deployment import Deployment, DeploymentError, tags


def test_create(aws: LocalAws, deployment: Deployment, declare: Declare, fleet: Fleet) -> None:
    """A deploy creates the update and its job, returns their attributes, and devices take the firmware."""
    outputs = deployment.deploy(declare("one", tags={"team": "devices"}))
    update = aws.client("iot").get_ota_update(otaUpdateId=outputs["Id"])["otaUpdateInfo"]
    assert outputs["Status"] == update["otaUpdateStatus"] == "CREATE_COMPLETE"
    assert (outputs["Arn"], outputs["Job"]) == (update["otaUpdateArn"], update["awsIotJobId"])
    assert outputs["JobArn"] == update["awsIotJobArn"]
    (file,) = update["otaUpdateFiles"]
    assert file["fileType"] == 1
    assert file["fileLocation"]["s3Location"]["version"], "the version of the uploaded object is pinned"
    assert tags(aws, outputs["Arn"])["team"] == "devices"
    assert tags(aws, outputs["Arn"])[names.DEPLOYED_TAG] == "true"
    assert fleet.wait(outputs["Job"]).succeeded == 5
    assert fleet.problems == {}, "every device has verified the image"


def test_nothing_changes(aws: LocalAws, deployment: Deployment, declare: Declare) -> None:
    """A deploy that changes only other resources does not call AWS IoT for the update."""
    first = deployment.deploy(declare("one"))
    aws.calls.reset()
    second = deployment.deploy(declare("one", lambda stack: aws_sns.Topic(stack, "Topic") and None))
    assert second == first
    assert not [name for name in aws.calls() if "OTAUpdate" in name or "Tag" in name]


def test_replace(aws: LocalAws, deployment: Deployment, declare: Declare) -> None:
    """New firmware creates a new update, and the old one is deleted with its job and stream."""
    first, second = deployment.deploy(declare("one")), deployment.deploy(declare("two"))
    assert first["Id"] != second["Id"]
    left = leftovers(aws)
    assert left.ota_updates == (second["Id"],)
    assert left.jobs == (second["Job"],)
    assert len(left.streams) == 1


def test_tags_only(aws: LocalAws, deployment: Deployment, declare: Declare) -> None:
    """Changed tags are set on the same update, and tags set by hand are kept."""
    first = deployment.deploy(declare("one", tags={"team": "a", "old": "x"}))
    aws.client("iot").tag_resource(resourceArn=first["Arn"], tags=[{"Key": "by-hand", "Value": "y"}])
    aws.calls.reset()
    second = deployment.deploy(declare("one", tags={"team": "b"}))
    assert second == first
    found = tags(aws, first["Arn"])
    assert (found["team"], found["by-hand"]) == ("b", "y")
    assert "old" not in found
    assert "CreateOTAUpdate" not in aws.calls()


def test_a_failing_replacement_rolls_back(aws: LocalAws, deployment: Deployment, declare: Declare) -> None:
    """A replacement that fails reports AWS IoT's reason, keeps the old update and deletes the new one."""
    first = deployment.deploy(declare("one"))
    aws.faults.add("fail_creation", code="InvalidRequest", message="the firmware is too large")
    aws.calls.reset()
    with pytest.raises(DeploymentError, match="was not created: InvalidRequest: the firmware is too large"):
        deployment.deploy(declare("two"))
    assert deployment.status() == "UPDATE_ROLLBACK_COMPLETE"
    assert deployment.outputs() == first
    assert leftovers(aws).ota_updates == (first["Id"],)
    assert aws.calls()["CreateOTAUpdate"] == 1, "the old firmware is not pushed again"


def test_a_later_failure_rolls_back(aws: LocalAws, deployment: Deployment, declare: Declare) -> None:
    """When a resource that depends on the update fails, the new update is deleted and the old one is kept."""
    first = deployment.deploy(declare("one"))
    aws.calls.reset()
    with pytest.raises(DeploymentError, match="Broken"):
        deployment.deploy(declare("two", failing))
    assert leftovers(aws).ota_updates == (first["Id"],)
    assert aws.calls()["CreateOTAUpdate"] == 1
    assert tags(aws, first["Arn"])[names.DEPLOYED_TAG] == "true"


def test_a_failing_creation_leaves_nothing(aws: LocalAws, deployment: Deployment, declare: Declare) -> None:
    """A first deploy that fails reports the reason and leaves nothing."""
    with pytest.raises(DeploymentError, match="missing-group cannot be found"):
        deployment.deploy(declare("one", targets=[OtaTarget.thing_group(aws.named("missing-group"))]))
    assert deployment.status() == "ROLLBACK_COMPLETE"
    assert not leftovers(aws)


def test_a_strangers_update_survives(aws: LocalAws, deployment: Deployment, declare: Declare) -> None:
    """A deploy with an explicit id that another stack uses fails, and the other stack's update is kept."""
    first = deployment.deploy(declare("one", ota_update_id=aws.named("theirs")))
    other = Deployment(aws, "another-stack", deployment.folder / "other")
    with pytest.raises(DeploymentError, match="does not belong to this resource"):
        other.deploy(declare("one", ota_update_id=aws.named("theirs")))
    other.delete()
    assert leftovers(aws).ota_updates == (first["Id"],)


def test_other_content_under_an_explicit_id_is_refused(aws: LocalAws, deployment: Deployment, declare: Declare) -> None:
    """New content under the same explicit id fails with the remedy; under another id it replaces the update."""
    first = deployment.deploy(declare("one", ota_update_id=aws.named("blinky-1")))
    with pytest.raises(DeploymentError, match="give the new content another ota_update_id"):
        deployment.deploy(declare("two", ota_update_id=aws.named("blinky-1")))
    assert deployment.outputs() == first
    deployment.deploy(declare("two", ota_update_id=aws.named("blinky-2")))
    assert leftovers(aws).ota_updates == (aws.named("blinky-2"),)


def test_delete(aws: LocalAws, deployment: Deployment, declare: Declare, fleet: Fleet) -> None:
    """Deleting the stack deletes the update, its stream, and its job even while a device is executing it."""
    fleet.set_behaviour(0, Behaviour.SILENT)
    outputs = deployment.deploy(declare("one"))
    *_, progress = fleet.run(outputs["Job"])
    assert (progress.succeeded, progress.in_progress) == (4, 1)
    fleet.set_behaviour(0, Behaviour.SUCCEED)
    deployment.delete()
    assert not leftovers(aws)
    assert not deployment.exists()


def test_a_job_in_progress_is_not_deleted_without_force(
    aws: LocalAws, deployment: Deployment, declare: Declare, fleet: Fleet
) -> None:
    """Without force, the deletion of a job in progress is refused with the remedy."""
    outputs = deployment.deploy(declare("one", force_delete_job=False))
    with pytest.raises(DeploymentError, match="set force_delete_job=True"):
        deployment.delete()
    fleet.wait(outputs["Job"])
    deployment.delete()
    assert not leftovers(aws)


def test_throttling_and_lost_answers_are_survived(aws: LocalAws, deployment: Deployment, declare: Declare) -> None:
    """Deploy and deletion succeed although each call is throttled twice and the response of the creation is lost."""
    for operation in ("CreateOTAUpdate", "GetOTAUpdate", "ListTagsForResource", "TagResource", "DeleteOTAUpdate"):
        aws.faults.add("throttle", operation, times=2)
    aws.faults.add("cut_after", "CreateOTAUpdate", times=1)
    deployment.deploy(declare("one"))
    deployment.delete()
    assert not leftovers(aws)
