"""Any valid request that the constructs declare reaches the API unchanged."""

from typing import Any

import boto3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdk_iot_ota_handler.ota_update.desired import Desired
from cdk_iot_ota_handler.ota_update.service import OtaService
from tests.construct.stacks import stack
from tests.contract.handover import event_of
from tests.contract.requests import ask, over_http, requests

IOT: Any = boto3.client("iot", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.one_of(requests, over_http))
def test_what_is_asked_for_comes_out(request: dict[str, Any]) -> None:
    """Every valid request passes construct, template, CloudFormation's strings and handler unchanged."""
    made = stack()
    ask(made, request)
    wanted = Desired.from_event(event_of(made))
    sent = OtaService({"iot": IOT}.__getitem__).request(wanted)
    del sent["otaUpdateId"], sent["tags"]
    assert sent == request
