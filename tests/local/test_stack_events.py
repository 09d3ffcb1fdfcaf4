"""Stacks of local AWS send the events of their resources to EventBridge, in the form that AWS documents."""

from __future__ import annotations

import json

from cdk_iot_ota_local import LocalAws


def test_a_rule_gets_the_events_of_resources(aws: LocalAws) -> None:
    """A rule on a resource gets its events, one after the other, and none of the stack or of other resources."""
    events, sqs, stacks = aws.client("events"), aws.client("sqs"), aws.client("cloudformation")
    queue = sqs.create_queue(QueueName="events-of-stacks")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.cloudformation"], "detail": {"logical-resource-id": ["Group"]}}
    events.put_rule(Name="of-stacks", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="of-stacks", Targets=[{"Id": "queue", "Arn": arn}])
    resources = {name: {"Type": "AWS::Logs::LogGroup", "Properties": {}} for name in ("Group", "Other")}
    stack = stacks.create_stack(StackName="observed", TemplateBody=json.dumps({"Resources": resources}))["StackId"]
    stacks.get_waiter("stack_create_complete").wait(StackName="observed", WaiterConfig={"Delay": 0.05})
    received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    found = [json.loads(message["Body"]) for message in received]
    assert {event["detail-type"] for event in found} == {"CloudFormation Resource Status Change"}
    assert {event["detail"]["stack-id"] for event in found} == {stack}
    assert [event["detail"]["status-details"]["status"] for event in found] == ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    events.remove_targets(Rule="of-stacks", Ids=["queue"])
    events.delete_rule(Name="of-stacks")
