"""Resources of several stacks with equal logical ids, as two stacks of one class have them.

Before the end of synth, CDK renders a reference to another stack as if it were one to the logical id in this stack.
"""

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

import pytest
from aws_cdk import App, CfnResource, NestedStack, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk_iot_ota import FileLocation, RolloutGate

from .stacks import firmware, new_app, ota_file, ota_update, template


class Store(Stack):
    """A bucket under a key."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        self.key = kms.Key(self, "Key")
        self.bucket = s3.Bucket(self, "Bucket", encryption_key=cast(kms.IKey, self.key))


def nested(scope: Construct, id: str) -> s3.Bucket:
    """Return the bucket of a nested stack."""
    return s3.Bucket(NestedStack(scope, id), "Bucket")


def buckets(app: App, prod: Stack, where: str) -> list[s3.Bucket]:
    """Return two buckets with one logical id."""
    if where == "nested stacks":
        return [nested(prod, "One"), nested(prod, "Two")]
    own = s3.Bucket(prod, "Bucket") if where == "this stack and another" else Store(app, "One").bucket
    return [own, Store(app, "Two").bucket]


def reads(of: Stack) -> dict[str, dict[str, str]]:
    """Return the ARNs of buckets by statement, for each policy that allows to read objects."""
    found = template(of).find_resources("AWS::IAM::Policy")
    return {
        name: {one["Sid"]: json.dumps(one["Resource"]) for one in part["Properties"]["PolicyDocument"]["Statement"]}
        for name, part in found.items()
        if "Reads" in name
    }


@pytest.mark.parametrize("where", ["other stacks", "this stack and another", "nested stacks"])
def test_each_bucket_has_its_own_policies(tmp_path: Path, where: str) -> None:
    """Handler and service may read the objects of both buckets, each by a policy about one of them."""
    app = new_app()
    prod = Stack(app, "Prod")
    files = [
        ota_file(FileLocation.from_bucket(bucket, f"firmware/{number}.bin"), name=f"/{number}")
        for number, bucket in enumerate(buckets(app, prod, where))
    ]
    ota_update(prod, "Blinky", tmp_path, files=files)
    found = reads(prod)
    assert len(found) == 4
    assert len({statements["Objects"] for statements in found.values()}) == 2
    of_service = [statements for statements in found.values() if "Bucket" in statements]
    assert len(of_service) == 2
    # The ARN of objects is the bucket's with a pattern behind it.
    assert all(one["Bucket"].strip('{}"') in one["Objects"] for one in of_service)


def moved(other: Store, prod: Stack) -> s3.IBucket:
    """Return the bucket of another stack."""
    return other.bucket


def imported(other: Store, prod: Stack) -> s3.IBucket:
    """Return an import of the bucket of another stack."""
    return s3.Bucket.from_bucket_arn(prod, "Imported", other.bucket.bucket_arn)


def with_key(other: Store, prod: Stack) -> s3.IBucket:
    """Return a bucket under the key of another stack."""
    return s3.Bucket.from_bucket_attributes(
        prod, "Imported", bucket_name="firmware", encryption_key=cast(kms.IKey, other.key)
    )


@pytest.mark.parametrize("bucket", [moved, imported, with_key])
def test_another_bucket_or_key_replaces_the_policies(
    tmp_path: Path, bucket: Callable[[Store, Stack], s3.IBucket]
) -> None:
    """Devices of the running update keep their policy until the deploy has succeeded."""
    found = []
    for name in ("One", "Two", "Two"):
        app = new_app()
        stores = {one: Store(app, one) for one in ("One", "Two")}
        prod = Stack(app, "Prod")
        location = FileLocation.from_bucket(bucket(stores[name], prod), "firmware/1.bin")
        ota_update(prod, "Blinky", tmp_path, files=[ota_file(location)])
        found.append(set(reads(prod)))
    assert len(found[0]) == 2
    assert not found[0] & found[1]
    assert found[1] == found[2]


def fleet(scope: Construct, folder: Path, alarms: list[cloudwatch.Alarm] | None = None) -> cloudwatch.Alarm:
    """Declare an update, and return an alarm on its job."""
    update = ota_update(scope, "Blinky", firmware(folder), gate=RolloutGate(alarms=alarms))
    return alarm_on(scope, update.job_id)


def alarm_on(scope: Construct, job_id: str) -> cloudwatch.Alarm:
    """Declare an alarm on a job."""
    metric = cloudwatch.Metric(namespace="AWS/IoT", metric_name="Failed", dimensions_map={"JobId": job_id})
    return cloudwatch.Alarm(scope, "Failed", metric=metric, threshold=1, evaluation_periods=1)


def test_a_gate_may_watch_the_job_of_another_stack(tmp_path: Path) -> None:
    """An alarm on the job of the canary's stack, or nested stack, is not taken for one on the own job."""
    app = new_app()
    fleet(Stack(app, "Fleet"), tmp_path, [fleet(Stack(app, "Canary"), tmp_path)])
    prod = Stack(app, "Prod")
    fleet(NestedStack(prod, "Fleet"), tmp_path, [fleet(NestedStack(prod, "Canary"), tmp_path)])
    app.synth()


def test_an_alarm_of_another_stack_on_the_own_job_is_refused(tmp_path: Path) -> None:
    """An update in a nested stack cannot wait for an alarm around it that waits for its job."""
    app = new_app()
    prod = Stack(app, "Prod")
    around = alarm_on(prod, "later")
    update = ota_update(NestedStack(prod, "Fleet"), "Blinky", firmware(tmp_path), gate=RolloutGate(alarms=[around]))
    resource = cast(cloudwatch.CfnAlarm, around.node.default_child)
    resource.dimensions = [cloudwatch.CfnAlarm.DimensionProperty(name="JobId", value=update.job_id)]
    with pytest.raises(RuntimeError, match="alarms must not be about the update's own job, got Prod/Failed"):
        app.synth()


@pytest.mark.parametrize(("used", "is_refused"), [((0, 1), False), ((0, 0), True)])
def test_explicit_ids_of_other_stacks_are_different(tmp_path: Path, used: tuple[int, ...], is_refused: bool) -> None:
    """Ids that two stacks export under one logical id are two ids, and one of them twice is refused."""
    app = new_app()
    made: Any = [CfnResource(Stack(app, name), "Id", type="My::Id::Maker") for name in ("One", "Two")]
    ids = [one.get_att("Name").to_string() for one in made]
    prod = Stack(app, "Prod")
    for number, which in enumerate(used):
        ota_update(prod, f"Blinky{number}", firmware(tmp_path), ota_update_id=ids[which])
    refused = pytest.raises(RuntimeError, match=r"ota_update_id must be different for each update, got .* twice")
    with refused if is_refused else nullcontext():
        app.synth()
