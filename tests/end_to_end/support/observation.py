"""Resources that watch an update, as they are in an account."""

import json

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


def messages(aws: Account, deployment: Deployment) -> list[str]:
    """Return what the topic of the stack has sent to its queue, after waiting for the first message."""
    sqs, queue = aws.client("sqs"), only_resource(aws, deployment, "AWS::SQS::Queue")
    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=20).get("Messages", [])
    return [str(json.loads(message["Body"])["Message"]) for message in received]
