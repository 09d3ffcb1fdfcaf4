"""What is attached to an update, as it is in an account."""

import json
from typing import Any

from cdk_iot_ota_local import Account
from tests.end_to_end.support.deployment import Deployment


def only_resource(aws: Account, deployment: Deployment, kind: str) -> str:
    """Return the physical id of the stack's one resource of a type."""
    pages = aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=deployment.name)
    found = (one for page in pages for one in page["StackResourceSummaries"])
    (name,) = (str(one["PhysicalResourceId"]) for one in found if one["ResourceType"] == kind)
    return name


def job_of_alarm(aws: Account, deployment: Deployment) -> str:
    """Return the job that the alarm of the stack watches."""
    name = only_resource(aws, deployment, "AWS::CloudWatch::Alarm")
    (alarm,) = aws.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    (dimension,) = alarm["Dimensions"]
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/IoT", "FailedJobExecutionTotalCount")
    assert dimension["Name"] == "JobId"
    return str(dimension["Value"])


def matches(aws: Account, deployment: Deployment, details: dict[str, str]) -> bool:
    """Return whether the rule of the stack matches the event of its failed update, with other details."""
    events = aws.client("events")
    rule = only_resource(aws, deployment, "AWS::Events::Rule").rpartition("|")[2]
    event = json.dumps(_event_of_failure(aws, deployment, details))
    pattern = events.describe_rule(Name=rule)["EventPattern"]
    return bool(events.test_event_pattern(EventPattern=pattern, Event=event)["Result"])


def _event_of_failure(aws: Account, deployment: Deployment, details: dict[str, str]) -> dict[str, Any]:
    """Return the event that CloudFormation's documentation describes for the failure of an update."""
    pages = aws.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=deployment.name)
    failed = next(
        event
        for page in pages
        for event in page["StackEvents"]
        if event["ResourceType"] == "Custom::IoTOTAUpdate" and event["ResourceStatus"].endswith("_FAILED")
    )
    status = {"status": failed["ResourceStatus"], "status-reason": failed["ResourceStatusReason"], **details}
    return {
        "version": "0",
        "id": failed["EventId"],
        "detail-type": "CloudFormation Resource Status Change",
        "source": "aws.cloudformation",
        "account": aws.account,
        "time": "2026-11-28T12:00:00Z",
        "region": aws.region,
        "resources": [failed["StackId"]],
        "detail": {
            "stack-id": failed["StackId"],
            "logical-resource-id": failed["LogicalResourceId"],
            "physical-resource-id": failed["PhysicalResourceId"],
            "status-details": status,
            "resource-type": failed["ResourceType"],
            "client-request-token": failed.get("ClientRequestToken", ""),
        },
    }
