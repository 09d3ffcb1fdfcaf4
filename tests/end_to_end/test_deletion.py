"""Deletions that are refused, put off, not wanted, or done after everything else has changed."""

from collections.abc import Iterator

import pytest
from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from cdk_iot_ota import FileLocation, OtaServiceRole, OtaTarget
from cdk_iot_ota_local import Fleet, LocalAws, leftovers
from tests.end_to_end.support.concurrency import in_background, wait_until
from tests.end_to_end.support.declarations import Declare, blinky, signed_file
from tests.end_to_end.support.deployment import Declaration, Deployment
from tests.end_to_end.support.resources import create_bucket, delete_update, service_role, status


def test_a_retained_update_survives(aws: LocalAws, deployment: Deployment, declare: Declare) -> None:
    """With RETAIN the old update stays beside the new one, and both stay when the stack is deleted."""
    with service_role(aws, "retained") as role:

        def retained(content: str) -> Declaration:
            def put(stack: Stack) -> None:
                stays = iam.Role.from_role_arn(stack, "Role", role)
                declare(content, role=stays, removal_policy=RemovalPolicy.RETAIN)(stack)

            return put

        ids = tuple(deployment.deploy(retained(content))["Id"] for content in ("one", "two"))
        assert leftovers(aws).ota_updates == ids
        deployment.delete()
        assert leftovers(aws).ota_updates == ids
        for ota_update_id in ids:
            delete_update(aws, ota_update_id)


def test_a_job_that_is_refused_deletion_later(
    aws: LocalAws, deployment: Deployment, declare: Declare, fleet: Fleet
) -> None:
    """A deletion that ends in DELETE_FAILED is tried again until the job is over, in a replacement and of a stack."""
    aws.settings.update(refusal="async")
    first = deployment.deploy(declare("one", force_delete_job=False))
    with in_background(lambda: deployment.deploy(declare("two", force_delete_job=False))) as deploy:
        wait_until(lambda: status(aws, first["Id"]) == "DELETE_FAILED")
        fleet.wait(first["Job"])
        second = deploy.result()
    assert leftovers(aws).ota_updates == (second["Id"],)
    with in_background(deployment.delete) as deletion:
        wait_until(lambda: status(aws, second["Id"]) == "DELETE_FAILED")
        fleet.wait(second["Job"])
        deletion.result()
    assert not leftovers(aws)


def test_a_limit_of_deletions_is_waited_for(
    aws: LocalAws, deployment: Deployment, declare: Declare, fleet: Fleet
) -> None:
    """While ten other updates of the account are being deleted, the deletion of the stack waits, and then succeeds."""
    # Without force a deletion that is refused for another reason would be final.
    outputs = deployment.deploy(declare("one", force_delete_job=False))
    fleet.wait(outputs["Job"])
    iot = aws.client("iot")
    like = iot.get_ota_update(otaUpdateId=outputs["Id"])["otaUpdateInfo"]
    others = [f"other-{number}" for number in range(10)]
    with service_role(aws, "others") as role:
        for other in others:
            iot.create_ota_update(
                otaUpdateId=other, targets=like["targets"], files=like["otaUpdateFiles"], roleArn=role
            )
        wait_until(lambda: all(status(aws, other) == "CREATE_COMPLETE" for other in others))
        aws.settings.update(step_seconds=3.0)
        for other in others:
            iot.delete_ota_update(otaUpdateId=other, deleteStream=True, forceDeleteAWSJob=True)
        aws.settings.reset()
        deployment.delete()
    ours = [call for call in aws.calls.log() if call.ota_update_id == outputs["Id"]]
    assert 410 in [call.status for call in ours if call.operation == "DeleteOTAUpdate"], "the limit was met"
    assert not leftovers(aws)


@pytest.fixture
def buckets(aws: LocalAws) -> Iterator[tuple[str, str]]:
    """Two buckets with versions, and firmware in each."""
    client, names = aws.client("s3"), (aws.named("firmware-before"), aws.named("firmware-after"))
    for name in names:
        create_bucket(aws, name)
        client.put_object(Bucket=name, Key="blinky.bin", Body=name.encode())
    yield names
    for name in names:
        (version,) = client.list_object_versions(Bucket=name)["Versions"]
        client.delete_object(Bucket=name, Key="blinky.bin", VersionId=version["VersionId"])
        client.delete_bucket(Bucket=name)


def test_the_clean_up_may_what_the_old_content_needs(
    aws: LocalAws, deployment: Deployment, buckets: tuple[str, str], fleet: Fleet
) -> None:
    """When bucket and role change together, the old update is still deleted with its job and its stream."""

    def declare(bucket: str, *, own_role: bool) -> Declaration:
        def put(stack: Stack) -> None:
            role = OtaServiceRole(stack, "Role") if own_role else None
            found = s3.Bucket.from_bucket_name(stack, "Bucket", bucket)
            files = [signed_file(FileLocation.from_bucket(found, "blinky.bin"))]
            blinky(stack, targets=[OtaTarget.thing_group(fleet.name)], files=files, role=role)

        return put

    before, after = buckets
    deployment.deploy(declare(before, own_role=True))
    for bucket, own_role in ((after, False), (before, True)):
        outputs = deployment.deploy(declare(bucket, own_role=own_role))
        left = leftovers(aws)
        assert (left.ota_updates, left.jobs) == ((outputs["Id"],), (outputs["Job"],))
        assert len(left.streams) == 1
