"""Stacks send the changes of their resources to EventBridge, as CloudFormation documents it."""

from __future__ import annotations

import json

from .emulator import Emulator

_STACK = "AWS::CloudFormation::Stack"


def send_stack_events(emulator: Emulator) -> None:
    """Send each event of a resource that a stack records, if there is any rule. Those of stacks are not sent."""
    record, events = emulator.stacks._add_event, emulator.events

    def recorded(
        stack_id: str,
        stack_name: str,
        logical_id: str,
        resource_type: str,
        status: str,
        reason: str = "",
        physical_id: str = "",
        detailed_status: str = "",
    ) -> None:
        record(stack_id, stack_name, logical_id, resource_type, status, reason, physical_id, detailed_status)
        if resource_type == _STACK or not events._rules:
            return
        detail = {
            "stack-id": stack_id,
            "logical-resource-id": logical_id,
            "physical-resource-id": physical_id,
            "status-details": {"status": status, "status-reason": reason},
            "resource-type": resource_type,
            "client-request-token": emulator.stacks.CLIENT_REQUEST_TOKEN.get(),
        }
        entry = {
            "Source": "aws.cloudformation",
            "DetailType": "CloudFormation Resource Status Change",
            "Detail": json.dumps(detail),
            "Resources": [stack_id],
        }
        events._put_events({"Entries": [entry]}, allow_aws_source=True)

    emulator.stacks._add_event = recorded
