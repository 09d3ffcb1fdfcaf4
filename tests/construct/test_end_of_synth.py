"""Checks at the end of synth, when logical ids, tags and references between stacks are final."""

import json
import re
from pathlib import Path
from typing import Any, cast

import pytest
from aws_cdk import App, CfnResource, NestedStack, Stack, Tags
from aws_cdk import aws_s3 as s3

from cdk_iot_ota import FileLocation, OtaUpdate
from cdk_iot_ota_handler.ota_update.contract import limits

from .stacks import firmware, only_update, ota_file, ota_update, stack


def synth(of: Stack) -> None:
    """Synthesize the app of a stack."""
    cast(App, of.node.root).synth()


def rename(update: OtaUpdate, logical_id: str) -> None:
    """Give the resource of an update another logical id."""
    cast(CfnResource, update.node.default_child).override_logical_id(logical_id)


def filled(path: Path, letter: str, padding: int) -> Stack:
    """Declare an update with much text, a reference to another stack, a tag and padding of this many bytes."""
    app = App(analytics_reporting=False)
    prod, bucket = Stack(app, "Prod"), s3.Bucket(Stack(app, "Other"), "Firmware")
    texts = {f"{index:02}": letter * (4000 // len(letter.encode())) for index in range(24)}
    ota_update(
        prod,
        "Blinky",
        path,
        files=[ota_file(FileLocation.from_bucket(bucket, "a.bin"))],
        additional_parameters={**texts, "padding": "x" * padding},
    )
    Tags.of(prod).add("team", "devices")
    return prod


def size(properties: Any) -> int:
    """Return the bytes of properties of a template as compact JSON."""
    return len(json.dumps(properties, separators=(",", ":"), ensure_ascii=False).encode())


def test_an_id_that_cloudformation_may_invent_is_refused(tmp_path: Path) -> None:
    """An explicit id of stack name, logical id and letters or digits is an error with the construct's path."""
    prod = stack()
    rename(ota_update(prod, "Blinky", firmware(tmp_path), ota_update_id="Prod-Mine-1A2B3C"), "Mine")
    message = (
        "[Prod/Blinky] ota_update_id must not look like an id that CloudFormation invents, Prod-Mine-<letters and "
        "digits>, got 'Prod-Mine-1A2B3C': choose another one, or leave it out"
    )
    with pytest.raises(RuntimeError, match=re.escape(message)):
        synth(prod)


def test_the_logical_id_of_the_template_counts(tmp_path: Path) -> None:
    """An id that contains the logical id before it was overridden, or that of another resource, is accepted."""
    prod = stack()
    update = ota_update(prod, "Blinky", firmware(tmp_path), ota_update_id="Prod-Blinky0564E681-1")
    assert prod.resolve(cast(CfnResource, update.node.default_child).logical_id) == "Blinky0564E681"
    rename(update, "Mine")
    rename(ota_update(prod, "Other", firmware(tmp_path), ota_update_id="Prod-Mine-1"), "Theirs")
    synth(prod)


def test_an_id_is_left_to_the_handler_if_the_stack_name_is_a_token(tmp_path: Path) -> None:
    """An explicit id in a nested stack, whose name CloudFormation makes, passes at synth."""
    prod = stack()
    rename(ota_update(NestedStack(prod, "Nested"), "Blinky", firmware(tmp_path), ota_update_id="Prod-Mine-1"), "Mine")
    synth(prod)


@pytest.mark.parametrize("letter", ["a", "ü", "漢"])
def test_properties_that_fit_into_an_event_only_once_are_refused(tmp_path: Path, letter: str) -> None:
    """Properties of exactly the limit in bytes pass, as the template has them, and one byte more is refused."""
    padding = limits.PROPERTIES_BYTES - size(only_update(filled(tmp_path, letter, 0))["Properties"])
    assert size(only_update(filled(tmp_path, letter, padding))["Properties"]) == limits.PROPERTIES_BYTES
    message = "[Prod/Blinky] properties must have at most 100000 bytes together, got 100001: declare fewer files"
    with pytest.raises(RuntimeError, match=re.escape(message)):
        synth(filled(tmp_path, letter, padding + 1))
