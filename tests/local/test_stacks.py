"""Stacks answer as in CloudFormation: names of thing groups, change sets of outputs, and times."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from cdk_iot_ota_local import LocalAws

NAME = "fleet-stack"


@pytest.fixture
def cfn(aws: LocalAws) -> Iterator[Any]:
    """Return a client of CloudFormation, and delete the stack of a test afterwards."""
    client = aws.client("cloudformation")
    yield client
    client.delete_stack(StackName=NAME)
    client.get_waiter("stack_delete_complete").wait(StackName=NAME, WaiterConfig={"Delay": 0})


def template(outputs: dict[str, Any], description: str = "d") -> str:
    """Return a template with one thing group and outputs."""
    properties = {
        "ThingGroupName": "canary",
        "ThingGroupProperties": {"ThingGroupDescription": description},
    }
    group = {"Type": "AWS::IoT::ThingGroup", "Properties": properties}
    shown = {name: {"Value": value} for name, value in outputs.items()}
    return json.dumps({"Resources": {"Group": group}, "Outputs": shown})


def deployed(cfn: Any, kind: str, body: str) -> dict[str, str]:
    """Create and execute a change set as the CDK CLI does, and return the outputs of the stack."""
    names = {"StackName": NAME, "ChangeSetName": f"change-{uuid.uuid4()}"}
    cfn.create_change_set(**names, ChangeSetType=kind.upper(), TemplateBody=body)
    assert cfn.describe_change_set(**names)["Status"] == "CREATE_COMPLETE"
    cfn.execute_change_set(**names)
    cfn.get_waiter(f"stack_{kind}_complete").wait(StackName=NAME, WaiterConfig={"Delay": 0, "MaxAttempts": 1000})
    outputs = cfn.describe_stacks(StackName=NAME)["Stacks"][0].get("Outputs", [])
    return {output["OutputKey"]: output["OutputValue"] for output in outputs}


def test_operations_begin_in_different_seconds(cfn: Any) -> None:
    """Three operations in a row begin in three seconds, as the shortest ones of CloudFormation do."""
    deployed(cfn, "create", template({}))
    begun = [cfn.describe_stacks(StackName=NAME)["Stacks"][0]["CreationTime"]]
    for description in ("one", "two"):
        deployed(cfn, "update", template({}, description))
        begun.append(cfn.describe_stacks(StackName=NAME)["Stacks"][0]["LastUpdatedTime"])
    seconds = [time.replace(microsecond=0) for time in begun]
    assert seconds == sorted(set(seconds))


def test_a_thing_group_is_referenced_by_its_name(aws: LocalAws, cfn: Any) -> None:
    """`Ref` of a thing group is its name, before and after an update, and its id is an attribute."""
    outputs = {"Ref": {"Ref": "Group"}, "Id": {"Fn::GetAtt": ["Group", "Id"]}}
    group = deployed(cfn, "create", template(outputs))
    known = aws.client("iot").describe_thing_group(thingGroupName="canary")
    assert group == {"Ref": "canary", "Id": known["thingGroupId"]}
    assert deployed(cfn, "update", template(outputs, "changed")) == group
    known = aws.client("iot").describe_thing_group(thingGroupName="canary")
    assert known["thingGroupProperties"]["thingGroupDescription"] == "changed"
    cfn.delete_stack(StackName=NAME)
    # Fleets of other tests have groups as well.
    assert "canary" not in [group["groupName"] for group in aws.client("iot").list_thing_groups()["thingGroups"]]


def test_outputs_alone_are_a_change(cfn: Any) -> None:
    """A change set that adds, changes or removes only an output can be executed, and one without any change cannot."""
    deployed(cfn, "create", template({}))
    assert deployed(cfn, "update", template({"Name": "one"})) == {"Name": "one"}
    assert deployed(cfn, "update", template({"Name": {"Ref": "Group"}})) == {"Name": "canary"}
    assert deployed(cfn, "update", template({})) == {}
    names = {"StackName": NAME, "ChangeSetName": "same"}
    cfn.create_change_set(**names, TemplateBody=template({}))
    found = cfn.describe_change_set(**names)
    assert (found["Status"], found["StatusReason"][:14]) == ("FAILED", "The submitted ")
    cfn.delete_change_set(**names)
