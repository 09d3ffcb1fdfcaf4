"""The constructs and the handler agree: the handler reads what is synthesized, and the API accepts it."""

import json
from pathlib import Path
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

from cdk_iot_ota import CodeSigning, FileLocation
from cdk_iot_ota_handler.ota_update.desired import Desired
from cdk_iot_ota_handler.ota_update.request import coerce_to_shape
from tests.construct.stacks import firmware, only_update, ota_file, ota_update, stack
from tests.contract.handover import event_of

SHAPE: Any = botocore.session.get_session().get_service_model("iot").operation_model("CreateOTAUpdate").input_shape


def test_the_api_takes_what_is_synthesized(tmp_path: Path) -> None:
    """A synthesized request that the handler has read is valid in botocore's model."""
    prod = stack()
    location = FileLocation.from_asset(firmware(tmp_path))
    files = [
        ota_file(location, version="1", type=7, attributes={"a": "1"}),
        ota_file(location, name="/b", signing=CodeSigning.unsigned()),
    ]
    ota_update(prod, "Blinky", tmp_path, files=files, description="7", tags={"n": "1"}, force_delete_job=False)
    wanted = Desired.from_event(event_of(prod))
    request = {**coerce_to_shape(wanted.request, SHAPE, "Request"), "otaUpdateId": wanted.ota_update_id}
    request["tags"] = [{"Key": key, "Value": value} for key, value in wanted.all_tags.items()]
    report = ParamValidator().validate(request, SHAPE)
    assert not report.has_errors(), report.generate_report()
    assert request["files"][0]["fileType"] == 7
    assert request["description"] == "7"
    assert wanted.tags == {"n": "1"}
    assert (wanted.delete_stream, wanted.force_delete_job) == (True, False)
    assert wanted.ota_update_id.startswith("Prod_Blinky-")


def test_the_rendering_is_frozen(tmp_path: Path) -> None:
    """The rendering of a request never changes, since that would push the firmware to every fleet again."""
    prod = stack()
    ota_update(prod, "Blinky", firmware(tmp_path), description="blinky", tags={"not": "content"})
    frozen = Path(__file__).with_name("frozen_request.json")
    properties = only_update(prod)["Properties"]
    rendered = {name: properties[name] for name in ("IdPrefix", "Request")}
    assert rendered == json.loads(frozen.read_text())
    assert Desired.from_event(event_of(prod)).ota_update_id == "Prod_Blinky-10343e36d35b32cf"


def test_tags_and_delete_options_are_not_content(tmp_path: Path) -> None:
    """Tags and delete options do not change the generated id."""
    ids = set()
    for options in ({}, {"tags": {"a": "b"}}, {"delete_stream": False}, {"force_delete_job": False}):
        prod = stack()
        ota_update(prod, "Blinky", firmware(tmp_path), **options)
        ids.add(Desired.from_event(event_of(prod)).ota_update_id)
    assert len(ids) == 1
