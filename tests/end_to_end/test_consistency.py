"""Eventual consistency of AWS: tags that become visible late, and IAM roles that are not propagated yet."""

from functools import partial

from cdk_iot_ota_local import LocalAws, leftovers
from tests.end_to_end.support.concurrency import in_background, wait_until
from tests.end_to_end.support.declarations import Declare
from tests.end_to_end.support.deployment import Deployment


def test_tags_that_lag_behind_a_creation(aws: LocalAws, deployment: Deployment, declare: Declare) -> None:
    """Create and replacement wait until the new update's tags are visible, and create it only once."""
    for app in [deployment.synth(declare(content)) for content in ("one", "two")]:
        aws.calls.reset()
        aws.settings.update(tag_lag_seconds=600)
        with in_background(partial(deployment.apply, app)) as deploy:
            wait_until(lambda: aws.calls().get("ListTagsForResource", 0) >= 3)
            assert "TagResource" not in aws.calls(), "the deployed tag is set only after the owner is known"
            aws.settings.update(tag_lag_seconds=0)
            outputs = deploy.result()
        assert outputs["Status"] == "CREATE_COMPLETE"
        assert aws.calls()["CreateOTAUpdate"] == 1
        assert leftovers(aws).ota_updates == (outputs["Id"],)


def test_tags_that_are_not_visible_at_the_deletion(aws: LocalAws, deployment: Deployment, declare: Declare) -> None:
    """A new update is not deleted before its tags are visible."""
    deployment.deploy(declare("one"))
    aws.calls.reset()
    aws.settings.update(tag_lag_seconds=600)
    with in_background(deployment.delete) as deletion:
        wait_until(lambda: aws.calls().get("ListTagsForResource", 0) >= 2)
        assert "DeleteOTAUpdate" not in aws.calls()
        aws.settings.update(tag_lag_seconds=0)
        deletion.result()
    assert not leftovers(aws)


def test_a_role_that_iam_has_not_propagated_yet(aws: LocalAws, deployment: Deployment, declare: Declare) -> None:
    """A creation that fails because the new role cannot be passed yet is retried, and the deploy succeeds."""
    message = "User: ota is not authorized to perform: iam:PassRole on resource: ota"
    aws.faults.add("fail_creation", code="AWSIotException", message=message, times=1)
    outputs = deployment.deploy(declare("one"))
    assert outputs["Status"] == "CREATE_COMPLETE"
    assert aws.calls()["CreateOTAUpdate"] == 2
    left = leftovers(aws)
    assert left.ota_updates == (outputs["Id"],)
    assert len(left.streams) == 1
