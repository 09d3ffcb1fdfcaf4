"""A Lambda function knows the log group of its output, which does not outlive it. Stacks name log groups as on AWS."""

from __future__ import annotations

import io
import json
import threading
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from cdk_iot_ota_local import LocalAws
from tests.local.conftest import TRUST

NAME = "tells-its-log-group"
CODE = """
import os

def handler(event, context):
    print("a line of output", flush=True)
    return [os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME"), context.log_group_name, os.environ.get("MINE")]
"""


def zipped(code: str) -> bytes:
    """Return the deployment package of a Lambda function."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", code)
    return buffer.getvalue()


@pytest.fixture(params=[None, "/another/group"], ids=["default", "configured"])
def function(aws: LocalAws, request: pytest.FixtureRequest) -> Iterator[tuple[Any, str]]:
    """Create a function that writes a line, and return its client and its log group."""
    client, group = aws.client("lambda"), request.param
    trust = json.dumps(TRUST).replace("iot.amazonaws.com", "lambda.amazonaws.com")
    role = aws.client("iam").create_role(RoleName=NAME, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    client.create_function(
        FunctionName=NAME,
        Runtime="python3.13",
        Handler="index.handler",
        Role=role,
        Code={"ZipFile": zipped(CODE)},
        Environment={"Variables": {"MINE": "kept"}},
        **({"LoggingConfig": {"LogGroup": group}} if group else {}),
    )
    yield client, group or f"/aws/lambda/{NAME}"
    client.delete_function(FunctionName=NAME)
    aws.client("iam").delete_role(RoleName=NAME)


def test_the_log_group_is_known(aws: LocalAws, function: tuple[Any, str]) -> None:
    """A function's environment names its log group besides its own variables, and its output is in that group."""
    client, group = function
    answer = client.invoke(FunctionName=NAME)
    assert json.load(answer["Payload"]) == [group, group, "kept"]
    events = aws.client("logs").filter_log_events(logGroupName=group)["events"]
    assert "a line of output" in [event["message"] for event in events]


def test_the_configuration_does_not_show_it(function: tuple[Any, str]) -> None:
    """A function's configuration does not show the variable that names the log group."""
    client, _ = function
    client.invoke(FunctionName=NAME)
    shown = client.get_function_configuration(FunctionName=NAME)["Environment"]
    assert shown == {"Variables": {"MINE": "kept"}}


def test_late_output_does_not_bring_a_log_group_back(aws: LocalAws) -> None:
    """The output of an invocation that ends after function and log group were deleted is dropped."""
    functions, logs, group = aws.client("lambda"), aws.client("logs"), "/aws/lambda/slow"
    functions.create_function(
        FunctionName="slow",
        Runtime="python3.13",
        Handler="index.handler",
        Role="arn:aws:iam::111122223333:role/any",
        Code={"ZipFile": zipped("import time\n\ndef handler(event, context):\n    time.sleep(event)\n")},
        Timeout=5,
    )
    functions.invoke(FunctionName="slow", Payload=b"0")
    slow = threading.Thread(target=functions.invoke, kwargs={"FunctionName": "slow", "Payload": b"0.5"})
    slow.start()
    time.sleep(0.2)
    functions.delete_function(FunctionName="slow")
    logs.delete_log_group(logGroupName=group)
    slow.join()
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []


def test_a_retained_log_group_is_not_that_of_the_next_stack(aws: LocalAws) -> None:
    """A stack names a log group at random, keeps it in an update, and a later stack of the name has another one."""
    cloudformation, logs = aws.client("cloudformation"), aws.client("logs")

    def deploy(action: str, retention: int) -> str:
        group = {
            "Type": "AWS::Logs::LogGroup",
            "DeletionPolicy": "Retain",
            "Properties": {"RetentionInDays": retention},
        }
        body = json.dumps({"Resources": {"Group": group}})
        getattr(cloudformation, f"{action}_stack")(StackName="named", TemplateBody=body)
        cloudformation.get_waiter(f"stack_{action}_complete").wait(StackName="named", WaiterConfig={"Delay": 0.05})
        found = cloudformation.describe_stack_resource(StackName="named", LogicalResourceId="Group")
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    first = deploy("create", 1)
    assert first.startswith("named-Group-")
    assert deploy("update", 3) == first
    cloudformation.delete_stack(StackName="named")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="named", WaiterConfig={"Delay": 0.05})
    second = deploy("create", 1)
    groups = logs.describe_log_groups(logGroupNamePrefix="named-Group-")["logGroups"]
    assert {group["logGroupName"]: group["retentionInDays"] for group in groups} == {first: 3, second: 1}
