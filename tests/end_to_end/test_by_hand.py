"""Updates that are deleted by hand while a stack owns them."""

import pytest

from cdk_iot_ota_local import LocalAws, leftovers
from tests.end_to_end.support.declarations import Declare, failing
from tests.end_to_end.support.deployment import Deployment, DeploymentError
from tests.end_to_end.support.resources import delete_update


def test_an_update_removed_by_hand_is_replaced(aws: LocalAws, deployment: Deployment, declare: Declare) -> None:
    """After an update was deleted by hand, new content can be deployed and the stack can be deleted."""
    delete_update(aws, deployment.deploy(declare("one"))["Id"])
    second = deployment.deploy(declare("two"))
    assert leftovers(aws).ota_updates == (second["Id"],)
    delete_update(aws, second["Id"])
    deployment.delete()
    assert not deployment.exists()


def test_a_rollback_does_not_bring_back_what_was_removed_by_hand(
    aws: LocalAws, deployment: Deployment, declare: Declare
) -> None:
    """A rollback to an update that was deleted by hand succeeds without creating the update again."""
    first = deployment.deploy(declare("one"))
    delete_update(aws, first["Id"])
    aws.calls.reset()
    with pytest.raises(DeploymentError, match="Broken"):
        deployment.deploy(declare("two", failing))
    aws.faults.add("fail_creation", code="InvalidRequest", message="too large", times=1)
    with pytest.raises(DeploymentError, match="too large"):
        deployment.deploy(declare("two"))
    assert deployment.status() == "UPDATE_ROLLBACK_COMPLETE"
    assert not leftovers(aws)
    created = [call.ota_update_id for call in aws.calls.log() if call.operation == "CreateOTAUpdate"]
    assert len(created) == 2
    assert first["Id"] not in created
