"""The apps that the security tests inspect."""

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aws_cdk import App, NestedStack, Stack
from aws_cdk import aws_s3 as s3

from cdk_iot_ota import CodeSigning, FileLocation
from tests.construct.everything import declare_everything
from tests.construct.stacks import ota_file, ota_update, stack

_EXAMPLE = Path(__file__).parents[2] / "app.py"

Declare = Callable[[Path], Any]


def example(_: Path) -> App:
    """Run the example app."""
    app: App = runpy.run_path(str(_EXAMPLE))["app"]
    return app


def everything(folder: Path) -> Any:
    """Return an app whose one stack has every possible declaration."""
    prod = stack()
    declare_everything(prod, folder)
    return prod.node.root


def across(folder: Path) -> Any:
    """Return an app whose updates use buckets of another stack and of the stack that they are nested in."""
    app = App(analytics_reporting=False)
    there = Stack(app, "There")
    for here in (Stack(app, "Here"), NestedStack(there, "Nested")):
        # L1 buckets, so that findings about buckets are not attributed to this library.
        source, signed = (s3.CfnBucket(there, f"{here.node.id}{name}") for name in ("Source", "Signed"))
        source_bucket, signed_bucket = (
            s3.Bucket.from_bucket_attributes(here, name, bucket_arn=bucket.attr_arn, bucket_name=bucket.ref)
            for name, bucket in (("Source", source), ("Signed", signed))
        )
        signing = CodeSigning.signer(destination_bucket=signed_bucket, profile_name="blinky", destination_prefix="a/")
        for index in range(11):
            place = FileLocation.from_bucket(source_bucket, f"a/{index}.bin", version="v")
            ota_update(here, f"U{index}", folder, files=[ota_file(place, signing=signing)])
    return app


APPS = [example, everything, across]
