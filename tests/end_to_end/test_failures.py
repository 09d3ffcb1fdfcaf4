"""Deploys that fail: the reason in the stack, the details in the log group, and no leftovers."""

import json
import re

import pytest

from cdk_iot_ota_local import LocalAws, leftovers
from tests.end_to_end.support.declarations import Declare
from tests.end_to_end.support.deployment import Deployment, DeploymentError


def test_a_creation_that_fails_without_a_reason(aws: LocalAws, deployment: Deployment, declare: Declare) -> None:
    """A creation that fails without errorInfo is reported as such, and the stream that AWS IoT created is deleted.

    The log group that the failure names is still there when its first deploy was rolled back.
    """
    aws.faults.add("fail_creation", leave_stream=True)
    with pytest.raises(DeploymentError, match="was not created: AWS IoT gives no reason") as failed:
        deployment.deploy(declare("one"))
    assert deployment.status() == "ROLLBACK_COMPLETE"
    assert not leftovers(aws)
    (named,) = set(re.findall(r"\(see log group ([^)]+)\)", str(failed.value)))
    logged = aws.client("logs").filter_log_events(logGroupName=named, filterPattern='"AWS IoT gives no reason"')
    assert logged["events"]


def test_the_log_group_explains_a_failed_deploy(aws: LocalAws, deployment: Deployment, declare: Declare) -> None:
    """The failure names the log group, which has one JSON line for each decision, with the state it is based on."""
    first = deployment.deploy(declare("one"))
    aws.faults.add("fail_creation", code="InvalidRequest", message="too large")
    with pytest.raises(DeploymentError) as failed:
        deployment.deploy(declare("two"))
    named = re.search(r"InvalidRequest: too large \(see log group ([^)]+)\)", str(failed.value))
    assert named, str(failed.value)
    events = aws.client("logs").get_paginator("filter_log_events").paginate(logGroupName=named[1])
    messages = [event["message"] for page in events for event in page["events"]]
    lines = [json.loads(message) for message in messages if message.startswith("{")]
    decisions = [line for line in lines if "decision" in line]
    assert all(set(line) >= {"event", "otaUpdateId", "observed", "reason"} for line in decisions)
    assert {(line["event"], line["otaUpdateId"] == first["Id"], line["observed"]) for line in decisions} >= {
        ("Create", True, None),
        ("Create", True, "CREATE_COMPLETE"),
        ("Update", False, "CREATE_FAILED"),
        ("Update", True, "CREATE_COMPLETE"),
    }
    assert any(line["reason"].endswith("was not created: InvalidRequest: too large") for line in decisions)
