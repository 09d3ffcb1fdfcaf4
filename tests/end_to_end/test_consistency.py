"""What is done at AWS shows later than it was done: tags that lag behind, a role that IAM has not spread yet."""

from functools import partial

from cdk_iot_ota_local import LocalAws, leftovers
from tests.end_to_end.support.concurrency import in_background, wait_until
from tests.end_to_end.support.declarations import Declare
from tests.end_to_end.support.deployment import Deployment


def test_tags_that_lag_behind_a_creation(aws: LocalAws, deployment: Deployment, declare: Declare) -> None:
    """Create and replacement wait until the tags say whose the new update is, and each is done once."""
    for app in [deployment.synth(declare(content)) for content in ("one", "two")]:
        aws.calls.reset()
        aws.settings.update(tag_lag_seconds=600)
        with in_background(partial(deployment.apply, app)) as deploy:
            wait_until(lambda: aws.calls().get("ListTagsForResource", 0) >= 3)
            assert "TagResource" not in aws.calls(), "it is not marked before it is known whose it is"
            aws.settings.update(tag_lag_seconds=0)
            outputs = deploy.result()
        assert outputs["Status"] == "CREATE_COMPLETE"
        assert aws.calls()["CreateOTAUpdate"] == 1
        assert leftovers(aws).ota_updates == (outputs["Id"],)


def test_tags_that_do_not_show_at_the_deletion(aws: LocalAws, deployment: Deployment, declare: Declare) -> None:
    """A young update whose tags do not show is not deleted before they do."""
    deployment.deploy(declare("one"))
    aws.calls.reset()
    aws.settings.update(tag_lag_seconds=600)
    with in_background(deployment.delete) as deletion:
        wait_until(lambda: aws.calls().get("ListTagsForResource", 0) >= 2)
        assert "DeleteOTAUpdate" not in aws.calls()
        aws.settings.update(tag_lag_seconds=0)
        deletion.result()
    assert not leftovers(aws)


def test_a_role_that_iam_has_not_spread_yet(aws: LocalAws, deployment: Deployment, declare: Declare) -> None:
    """A creation that fails because the new role may not be passed yet is tried again, and the deploy succeeds."""
    message = "User: ota is not authorized to perform: iam:PassRole on resource: ota"
    aws.faults.add("fail_creation", code="AWSIotException", message=message, times=1)
    outputs = deployment.deploy(declare("one"))
    assert outputs["Status"] == "CREATE_COMPLETE"
    assert aws.calls()["CreateOTAUpdate"] == 2
    left = leftovers(aws)
    assert left.ota_updates == (outputs["Id"],)
    assert len(left.streams) == 1
