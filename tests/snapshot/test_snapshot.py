"""Snapshots of templates, without CDK's own framework, so that every change of what is deployed shows."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import RemovalPolicy, Stack, Tags
from aws_cdk import aws_s3 as s3
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from cdk_iot_ota import FileLocation, OtaServiceRole, OtaTarget
from tests.construct.stacks import firmware, ota_file, ota_update, stack, template


@pytest.fixture
def snapshot_json(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Return a snapshot that is stored as one JSON file per test."""
    return snapshot.use_extension(JSONSnapshotExtension)


def ours(made: Stack) -> dict[str, Any]:
    """Return the template with digests masked and without the Provider framework's resources, which change with CDK."""
    whole = template(made).to_json()
    kept = {name: part for name, part in whole["Resources"].items() if "ProviderFramework" not in name}
    masked = re.sub(r"\b[0-9a-f]{64}\b", "<digest>", json.dumps({**whole, "Resources": kept}))
    read: dict[str, Any] = json.loads(masked)
    return {name: part for name, part in read.items() if name not in ("Parameters", "Rules")}


def test_minimal(tmp_path: Path, snapshot_json: SnapshotAssertion) -> None:
    """An update with only the required arguments has the stored template."""
    prod = stack()
    ota_update(prod, "Blinky", firmware(tmp_path))
    assert ours(prod) == snapshot_json


def test_everything(tmp_path: Path, snapshot_json: SnapshotAssertion) -> None:
    """An update with every argument, a bucket, a role and an explicit id has the stored template."""
    prod = stack()
    bucket = s3.Bucket(prod, "Firmware", versioned=True)
    ota_update(
        prod,
        "Blinky",
        tmp_path,
        targets=[OtaTarget.thing_group("fleet"), OtaTarget.thing("bench-1")],
        files=[
            ota_file(FileLocation.from_bucket(bucket, "blinky.bin"), version="1.4.2", type=1, attributes={"k": "v"}),
            ota_file(FileLocation.from_bucket(bucket, "data.bin", version="v7"), name="/data.bin"),
        ],
        role=OtaServiceRole(prod, "OtaServiceRole", role_name="ota"),
        ota_update_id="blinky-1-4-2",
        description="blinky 1.4.2",
        tags={"team": "devices"},
        delete_stream=False,
        force_delete_job=False,
        removal_policy=RemovalPolicy.RETAIN,
    )
    assert ours(prod) == snapshot_json


def test_tags(tmp_path: Path, snapshot_json: SnapshotAssertion) -> None:
    """An update with its own tags and its scope's has the stored template."""
    prod = stack()
    ota_update(prod, "Blinky", firmware(tmp_path), tags={"team": "devices"})
    Tags.of(prod).add("env", "prod")
    assert ours(prod) == snapshot_json
