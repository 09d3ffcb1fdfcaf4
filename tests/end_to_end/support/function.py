"""The Lambda function of a deployed stack, invoked as the Provider framework does."""

import json
from typing import Any

from cdk_iot_ota_local import Account
from tests.end_to_end.support.deployment import Deployment

Event = dict[str, Any]

# The keys that CloudFormation sends. The framework adds those that on_event returned.
_CLOUDFORMATION_KEYS = (
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
    """The function raised an exception; this error has its message."""


class Function:
    """The handler of one stack's OTA updates."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment, self._aws = deployment, deployment.aws
        self.client = self._aws.client("lambda")
        self.name = self._physical_id("AWS::Lambda::Function", "ProviderHandler")

    def events(self) -> list[Event]:
        """List the events from CloudFormation, oldest first, without the physical ids that responses added.

        They are read from the executions of the framework's waiter, one per event.
        """
        machine = self._physical_id("AWS::StepFunctions::StateMachine", "Framework")
        return [_sent_event(execution) for execution in executions(self._aws, machine)]

    def invoke(self, event: Event) -> Event:
        """Invoke the function, and return its response."""
        response = self.client.invoke(FunctionName=self.name, Payload=json.dumps(event))
        payload: Event = json.loads(response["Payload"].read())
        if "FunctionError" in response:
            raise FunctionError(payload["errorMessage"])
        return payload

    def on_event(self, event: Event) -> Event:
        """Invoke on_event, and return the input of each is_complete of this event."""
        return {**event, **self.invoke(event)}

    def wait_until_complete(self, event: Event) -> Event:
        """Invoke is_complete until it reports completion, as the waiter does, and return its response."""
        while not (response := self.invoke(event))["IsComplete"]:
            pass
        return response

    def handle(self, event: Event) -> Event:
        """Handle an event from on_event to its completion."""
        return self.wait_until_complete(self.on_event(event))

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
    """List the inputs of a state machine's executions, oldest first."""
    client = aws.client("stepfunctions")
    found = client.list_executions(stateMachineArn=machine)["executions"]
    found.sort(key=lambda execution: execution["startDate"])
    return [json.loads(client.describe_execution(executionArn=one["executionArn"])["input"]) for one in found]


def _sent_event(merged: Event) -> Event:
    return {name: merged[name] for name in _CLOUDFORMATION_KEYS if name in merged}
