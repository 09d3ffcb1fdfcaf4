"""Behaviour of AWS IoT and CloudFormation that their documentation leaves open.

In a real account these tests show the actual behaviour; the handler copes with each possibility.
"""

import time
from dataclasses import dataclass, field

import pytest
from aws_cdk import CfnOutput, Stack
from botocore.exceptions import ClientError

from cdk_iot_ota import OtaUpdate
from cdk_iot_ota_local import Account, leftovers
from tests.end_to_end.support.declarations import Declare, failing
from tests.end_to_end.support.deployment import Deployment, DeploymentError
from tests.end_to_end.support.resources import update_status

# Errors that a premature deletion may get. The handler retries all of them.
RETRYABLE_ERRORS = {
    "InvalidRequestException",
    "LimitExceededException",
    "ThrottlingException",
    "VersionConflictException",
}
TIMEOUT_SECONDS = 300.0


def role_output(stack: Stack) -> None:
    """Declare an output of the role of the stack's update."""
    update = stack.node.find_child("Blinky")
    assert isinstance(update, OtaUpdate)
    CfnOutput(stack, "Role", value=update.role.role_arn)


@dataclass
class ByHand:
    """Copies of a stack's update, created and deleted without the handler."""

    aws: Account
    like: str
    role: str
    deletions: list[str] = field(default_factory=list)

    def create(self, ota_update_id: str) -> None:
        """Call CreateOTAUpdate with the targets and files of the stack's update."""
        iot = self.aws.client("iot")
        other = iot.get_ota_update(otaUpdateId=self.like)["otaUpdateInfo"]
        request = {"targets": other["targets"], "files": other["otaUpdateFiles"], "roleArn": self.role}
        iot.create_ota_update(otaUpdateId=ota_update_id, **request)

    def outcome(self, ota_update_id: str) -> str | None:
        """Create an update, and return the error code, or its status after the creation."""
        try:
            self.create(ota_update_id)
        except ClientError as error:
            return _code(error)
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while (found := update_status(self.aws, ota_update_id)) in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
            assert time.monotonic() < deadline, found
            time.sleep(self.aws.poll_seconds / 4)
        return found

    def delete(self, ota_update_id: str) -> None:
        """Call DeleteOTAUpdate until the update is gone, and record each result with the status before it."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while found := update_status(self.aws, ota_update_id):
            assert time.monotonic() < deadline, self.deletions
            self.deletions.append(f"{found}: {self._delete(ota_update_id)}")
            time.sleep(self.aws.poll_seconds / 4)

    def _delete(self, ota_update_id: str) -> str:
        try:
            self.aws.client("iot").delete_ota_update(
                otaUpdateId=ota_update_id, deleteStream=True, forceDeleteAWSJob=True
            )
        except ClientError as error:
            return _code(error)
        return "accepted"


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code"))


@pytest.fixture
def by_hand(aws: Account, deployment: Deployment, declare: Declare) -> ByHand:
    """Deploy a stack whose role allows updates with any id."""
    outputs = deployment.deploy(declare("one", role_output, ota_update_id=aws.named("model")))
    return ByHand(aws, outputs["Id"], outputs["Role"])


def test_an_update_can_be_deleted_from_its_first_moment_on(aws: Account, by_hand: ByHand) -> None:
    """Deleting an update right after its creation removes update, job and stream; at worst it has to be retried."""
    by_hand.create(aws.named("early"))
    by_hand.delete(aws.named("early"))
    print("deletions:", *by_hand.deletions, sep="\n")
    refused = {answer.partition(": ")[2] for answer in by_hand.deletions} - {"accepted", "ResourceNotFoundException"}
    assert refused <= RETRYABLE_ERRORS
    left = leftovers(aws)
    assert (left.ota_updates, len(left.jobs), len(left.streams)) == ((by_hand.like,), 1, 1)


def test_an_id_that_is_too_long_for_a_job_fails(aws: Account, by_hand: ByHand) -> None:
    """An id of 56 characters can become a job's id, one of 57 characters is too long."""
    longest = aws.named("").ljust(56, "x")
    assert by_hand.outcome(longest) == "CREATE_COMPLETE"
    by_hand.delete(longest)
    assert by_hand.outcome(longest + "x") in ("InvalidRequestException", "CREATE_FAILED")
    by_hand.delete(longest + "x")


def test_a_rollback_leaves_the_update_that_was_live(aws: Account, deployment: Deployment, declare: Declare) -> None:
    """A rollback keeps the old update unchanged and deletes the new one, whichever events CloudFormation sends."""
    iot = aws.client("iot")
    first = deployment.deploy(declare("one"))
    before = iot.get_ota_update(otaUpdateId=first["Id"])["otaUpdateInfo"]
    with pytest.raises(DeploymentError, match="Broken"):
        deployment.deploy(declare("two", failing))
    assert leftovers(aws).ota_updates == (first["Id"],)
    assert iot.get_ota_update(otaUpdateId=first["Id"])["otaUpdateInfo"]["creationDate"] == before["creationDate"]
