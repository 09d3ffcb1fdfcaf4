"""The Lambda function that a stack has deployed, called as the Provider framework calls it."""

import json
from typing import Any

from cdk_iot_ota_local import Account
from tests.end_to_end.support.deployment import Deployment

Event = dict[str, Any]

# What CloudFormation sends. The framework adds to it what on_event has returned.
_OF_CLOUDFORMATION = (
    "RequestType",
    "RequestId",
    "ResponseURL",
    "StackId",
    "ResourceType",
    "LogicalResourceId",
    "ResourceProperties",
    "OldResourceProperties",
)


class FunctionError(Exception):
    """The function has raised; the text is what it said."""


class Function:
    """The handler of one stack's OTA updates."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment, self._aws = deployment, deployment.aws
        self.client = self._aws.client("lambda")
        self.name = self._physical_id("AWS::Lambda::Function", "ProviderHandler")

    def events(self) -> list[Event]:
        """The events that CloudFormation has sent, the oldest first, without the ids that answers have put in.

        The framework's waiter has been started with each of them.
        """
        machine = self._physical_id("AWS::StepFunctions::StateMachine", "Framework")
        return [_sent(execution) for execution in executions(self._aws, machine)]

    def call(self, event: Event) -> Event:
        """One call of the function, and its answer."""
        answer = self.client.invoke(FunctionName=self.name, Payload=json.dumps(event))
        said: Event = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise FunctionError(said["errorMessage"])
        return said

    def begin(self, event: Event) -> Event:
        """Call on_event; returns what every is_complete of this event gets."""
        return {**event, **self.call(event)}

    def finish(self, begun: Event) -> Event:
        """Call is_complete until the event is over, as the waiter does."""
        while not (answer := self.call(begun))["IsComplete"]:
            pass
        return answer

    def serve(self, event: Event) -> Event:
        """The whole of an event."""
        return self.finish(self.begin(event))

    def _physical_id(self, resource_type: str, part: str) -> str:
        resources = self._aws.client("cloudformation").get_paginator("list_stack_resources")
        found = resources.paginate(StackName=self._deployment.name).build_full_result()["StackResourceSummaries"]
        (one,) = [
            resource
            for resource in found
            if resource["ResourceType"] == resource_type and part in resource["LogicalResourceId"]
        ]
        return str(one["PhysicalResourceId"])


def executions(aws: Account, machine: str) -> list[Event]:
    """The inputs of a state machine's executions, the oldest first."""
    client = aws.client("stepfunctions")
    found = client.list_executions(stateMachineArn=machine)["executions"]
    found.sort(key=lambda execution: execution["startDate"])
    return [json.loads(client.describe_execution(executionArn=one["executionArn"])["input"]) for one in found]


def _sent(merged: Event) -> Event:
    return {name: merged[name] for name in _OF_CLOUDFORMATION if name in merged}
