"""Deletions that are refused, delayed or suppressed, or that follow a change of bucket and role."""

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
from tests.end_to_end.support.resources import create_bucket, delete_update, service_role, update_status


def test_a_retained_update_survives(aws: LocalAws, deployment: Deployment, declare: Declare) -> None:
    """With RETAIN, updates survive both their replacement and the deletion of the stack."""
    with service_role(aws, "retained") as role:

        def retained(content: str) -> Declaration:
            def declaration(stack: Stack) -> None:
                imported = iam.Role.from_role_arn(stack, "Role", role)
                declare(content, role=imported, removal_policy=RemovalPolicy.RETAIN)(stack)

            return declaration

        ids = tuple(deployment.deploy(retained(content))["Id"] for content in ("one", "two"))
        assert leftovers(aws).ota_updates == ids
        deployment.delete()
        assert leftovers(aws).ota_updates == ids
        for ota_update_id in ids:
            delete_update(aws, ota_update_id)


def test_a_job_that_is_refused_deletion_later(
    aws: LocalAws, deployment: Deployment, declare: Declare, fleet: Fleet
) -> None:
    """A deletion that ends in DELETE_FAILED is retried until the job has ended, in replacements and stack deletions."""
    aws.settings.update(refusal="async")
    first = deployment.deploy(declare("one", force_delete_job=False))
    with in_background(lambda: deployment.deploy(declare("two", force_delete_job=False))) as deploy:
        wait_until(lambda: update_status(aws, first["Id"]) == "DELETE_FAILED")
        fleet.wait(first["Job"])
        second = deploy.result()
    assert leftovers(aws).ota_updates == (second["Id"],)
    with in_background(deployment.delete) as deletion:
        wait_until(lambda: update_status(aws, second["Id"]) == "DELETE_FAILED")
        fleet.wait(second["Job"])
        deletion.result()
    assert not leftovers(aws)


def test_a_deletion_waits_while_the_limit_is_reached(
    aws: LocalAws, deployment: Deployment, declare: Declare, fleet: Fleet
) -> None:
    """A stack deletion waits while the account's limit of ten concurrent deletions is reached, and then succeeds."""
    # Without force, because then any other refusal of the deletion would fail the test.
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
        wait_until(lambda: all(update_status(aws, other) == "CREATE_COMPLETE" for other in others))
        aws.settings.update(step_seconds=3.0)
        for other in others:
            iot.delete_ota_update(otaUpdateId=other, deleteStream=True, forceDeleteAWSJob=True)
        aws.settings.reset()
        deployment.delete()
    calls = [call for call in aws.calls.log() if call.ota_update_id == outputs["Id"]]
    assert 410 in [call.status for call in calls if call.operation == "DeleteOTAUpdate"], "the limit was reached"
    assert not leftovers(aws)


@pytest.fixture
def buckets(aws: LocalAws) -> Iterator[tuple[str, str]]:
    """Create two versioned buckets with firmware in each."""
    client, names = aws.client("s3"), (aws.named("firmware-before"), aws.named("firmware-after"))
    for name in names:
        create_bucket(aws, name)
        client.put_object(Bucket=name, Key="blinky.bin", Body=name.encode())
    yield names
    for name in names:
        (version,) = client.list_object_versions(Bucket=name)["Versions"]
        client.delete_object(Bucket=name, Key="blinky.bin", VersionId=version["VersionId"])
        client.delete_bucket(Bucket=name)


def test_the_old_update_can_be_deleted_when_bucket_and_role_change(
    aws: LocalAws, deployment: Deployment, buckets: tuple[str, str], fleet: Fleet
) -> None:
    """When bucket and role change together, the old update is still deleted with its job and stream."""

    def declare(bucket: str, *, custom_role: bool) -> Declaration:
        def declaration(stack: Stack) -> None:
            role = OtaServiceRole(stack, "Role") if custom_role else None
            found = s3.Bucket.from_bucket_name(stack, "Bucket", bucket)
            files = [signed_file(FileLocation.from_bucket(found, "blinky.bin"), bucket.encode())]
            blinky(stack, targets=[OtaTarget.thing_group(fleet.name)], files=files, role=role)

        return declaration

    before, after = buckets
    deployment.deploy(declare(before, custom_role=True))
    for bucket, custom_role in ((after, False), (before, True)):
        outputs = deployment.deploy(declare(bucket, custom_role=custom_role))
        left = leftovers(aws)
        assert (left.ota_updates, left.jobs) == ((outputs["Id"],), (outputs["Job"],))
        assert len(left.streams) == 1
