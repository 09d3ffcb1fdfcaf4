"""Rollbacks reach a custom resource as CloudFormation's do."""

from __future__ import annotations

import io
import json
import textwrap
import time
import zipfile
from typing import Any

import pytest

from cdk_iot_ota_local import LocalAws

# Answers as the `Plan` property says, and writes every event down in S3.
HANDLER = textwrap.dedent("""
    import json, time, urllib.request
    import boto3

    def handler(event, context):
        properties = event["ResourceProperties"]
        boto3.client("s3").put_object(Bucket="events", Key=str(time.time_ns()), Body=json.dumps(event))
        answer = json.loads(properties["Plan"]).get(event["RequestType"], {})
        if answer == "none":
            return
        default = {"Status": "SUCCESS", "PhysicalResourceId": event.get("PhysicalResourceId", "made")}
        answer = {**default, **answer}
        answer = {key: value for key, value in answer.items() if value is not None}
        answer |= {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
        body = json.dumps(answer).encode()
        request = urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")
        urllib.request.urlopen(request).read()
""")


class Stack:
    """A stack with one custom resource, and the events that it got."""

    def __init__(self, aws: LocalAws) -> None:
        self._cfn, self._s3, functions = (aws.client(name) for name in ("cloudformation", "s3", "lambda"))
        self._s3.create_bucket(Bucket="events", CreateBucketConfiguration={"LocationConstraint": aws.region})
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("index.py", HANDLER)
        self._token = functions.create_function(
            FunctionName="resource",
            Runtime="python3.11",
            Handler="index.handler",
            Timeout=20,
            Role="arn:aws:iam::111122223333:role/any",
            Code={"ZipFile": code.getvalue()},
        )["FunctionArn"]
        self._number = 0

    def begin(self) -> None:
        """A new stack name, and no events."""
        self._number += 1
        self.name = f"stack-{self._number}"
        for item in self._s3.list_objects_v2(Bucket="events").get("Contents", []):
            self._s3.delete_object(Bucket="events", Key=item["Key"])

    def deploy(self, call: str, plan: dict[str, Any], **options: Any) -> str:
        """Create or update the stack with a resource of this plan; the status that it ends in."""
        timeout = {"ServiceTimeout": options.pop("service_timeout")} if "service_timeout" in options else {}
        properties = {"ServiceToken": self._token, "Plan": json.dumps(plan), **timeout}
        resources: dict[str, Any] = {"Thing": {"Type": "Custom::Thing", "Properties": properties}}
        if "then" in options:
            later = {"ServiceToken": self._token, "Plan": json.dumps(options.pop("then"))}
            resources["Later"] = {"Type": "Custom::Thing", "Properties": later, "DependsOn": "Thing"}
        template = {"Resources": resources}
        method = {"create": self._cfn.create_stack, "update": self._cfn.update_stack}[call]
        method(StackName=self.name, TemplateBody=json.dumps(template), **options)
        return self.settle()

    def delete(self) -> None:
        """Delete the stack."""
        self._cfn.delete_stack(StackName=self.name)
        time.sleep(0.3)

    def settle(self) -> str:
        """The status once nothing is in progress."""
        deadline = time.monotonic() + 20
        while True:
            status = str(self._cfn.describe_stacks(StackName=self.name)["Stacks"][0]["StackStatus"])
            if not status.endswith("_IN_PROGRESS"):
                return status
            assert time.monotonic() < deadline, status
            time.sleep(0.05)

    def events(self) -> list[tuple[str, str | None, str]]:
        """Request type, physical id and the plan's mark of each event that the resource got, in order."""
        found = self._s3.list_objects_v2(Bucket="events").get("Contents", [])
        bodies = [
            json.loads(self._s3.get_object(Bucket="events", Key=key)["Body"].read())
            for key in sorted(item["Key"] for item in found)
        ]
        return [
            (
                event["RequestType"],
                event.get("PhysicalResourceId"),
                json.loads(event["ResourceProperties"]["Plan"]).get("mark", ""),
            )
            for event in bodies
        ]

    def history(self) -> list[tuple[str, str, str, str]]:
        """Logical id, status, physical id and reason of the stack's events, the oldest first."""
        events = self._cfn.describe_stack_events(StackName=self.name)["StackEvents"]
        return [
            (
                event["LogicalResourceId"],
                event["ResourceStatus"],
                event.get("PhysicalResourceId", ""),
                event.get("ResourceStatusReason", ""),
            )
            for event in reversed(events)
        ]

    def reason(self) -> str:
        """Why the resource failed first."""
        return next(reason for name, status, _, reason in self.history() if name == "Thing" and "FAILED" in status)


@pytest.fixture(scope="module")
def deployed(aws: LocalAws) -> Stack:
    """The function behind the resource."""
    return Stack(aws)


@pytest.fixture
def stack(deployed: Stack) -> Stack:
    """A stack to be."""
    deployed.begin()
    return deployed


FAILED = {"Status": "FAILED", "Reason": "no luck"}


def test_failed_create_is_deleted_by_its_answered_id(stack: Stack) -> None:
    """A Create that answers FAILED is followed by a Delete with the physical id of that answer."""
    assert stack.deploy("create", {"Create": {**FAILED, "PhysicalResourceId": "half"}}) == "ROLLBACK_COMPLETE"
    assert [event[:2] for event in stack.events()] == [("Create", None), ("Delete", "half")]
    assert stack.reason() == "no luck"
    statuses = [status for name, status, _, _ in stack.history() if name == "Thing"]
    assert statuses == ["CREATE_IN_PROGRESS", "CREATE_FAILED", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"]


def test_provider_marker_is_delivered(stack: Stack) -> None:
    """The Provider framework's marker id is delivered like any other."""
    marker = "AWSCDK::CustomResourceProviderFramework::CREATE_FAILED"
    stack.deploy("create", {"Create": {**FAILED, "PhysicalResourceId": marker}})
    assert stack.events()[-1][:2] == ("Delete", marker)


def test_create_without_answer_is_deleted_by_an_invented_id(stack: Stack) -> None:
    """A Create that times out is followed by a Delete with an id that CloudFormation makes up."""
    assert stack.deploy("create", {"Create": "none"}, service_timeout=1) == "ROLLBACK_COMPLETE"
    (_, _, _), (kind, physical_id, _) = stack.events()
    assert kind == "Delete"
    assert str(physical_id).startswith(f"{stack.name}-Thing-")


def test_failed_create_without_rollback_is_deleted_with_the_stack(stack: Stack) -> None:
    """With DisableRollback the Delete comes when the stack is deleted."""
    plan = {"Create": {**FAILED, "PhysicalResourceId": "half"}}
    assert stack.deploy("create", plan, DisableRollback=True) == "CREATE_FAILED"
    assert [event[0] for event in stack.events()] == ["Create"]
    stack.delete()
    assert stack.events()[-1][:2] == ("Delete", "half")


def test_failed_update_with_a_new_id(stack: Stack) -> None:
    """The rollback's Update goes to the new id, the clean-up deletes it with the failed properties."""
    old = {"mark": "old", "Create": {"PhysicalResourceId": "one"}, "Update": {"PhysicalResourceId": "one"}}
    new = {"mark": "new", "Update": {**FAILED, "PhysicalResourceId": "two"}}
    stack.deploy("create", old)
    assert stack.deploy("update", new) == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.events() == [
        ("Create", None, "old"),
        ("Update", "one", "new"),
        ("Update", "two", "old"),
        ("Delete", "two", "new"),
    ]
    history = [entry[:3] for entry in stack.history()]
    clean_up = next(i for i, entry in enumerate(history) if "CLEANUP" in entry[1])
    assert ("Thing", "DELETE_COMPLETE", "two") in history[clean_up:]
    assert {name for name, _, _ in history} == {"Thing", stack.name}
    stack.delete()
    assert stack.events()[-1] == ("Delete", "one", "old")


def test_failed_update_whose_rollback_keeps_the_new_id(stack: Stack) -> None:
    """When the rollback's Update answers with the new id, the resource stays there and nothing is deleted."""
    stack.deploy("create", {"mark": "old", "Create": {"PhysicalResourceId": "one"}})
    stack.deploy("update", {"mark": "new", "Update": {**FAILED, "PhysicalResourceId": "two"}})
    assert stack.events()[1:] == [("Update", "one", "new"), ("Update", "two", "old")]
    stack.delete()
    assert stack.events()[-1] == ("Delete", "two", "old")


def test_failed_update_with_the_old_id(stack: Stack) -> None:
    """When the failed answer carries the old id, the rollback's Update goes there, without a Delete."""
    stack.deploy("create", {"mark": "old", "Create": {"PhysicalResourceId": "one"}})
    assert stack.deploy("update", {"mark": "new", "Update": FAILED}) == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.events()[1:] == [("Update", "one", "new"), ("Update", "one", "old")]
    assert not any("DELETE" in status for _, status, _, _ in stack.history())


def test_failed_create_in_an_update(stack: Stack) -> None:
    """A new resource that fails during an update is deleted in the clean-up, after the others went back."""
    old = {"mark": "old", "Create": {"PhysicalResourceId": "one"}}
    stack.deploy("create", old)
    then = {"mark": "then", "Create": {**FAILED, "PhysicalResourceId": "half"}}
    assert stack.deploy("update", {"mark": "new"}, then=then) == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.events()[1:] == [
        ("Update", "one", "new"),
        ("Create", None, "then"),
        ("Update", "one", "old"),
        ("Delete", "half", "then"),
    ]


def test_rollback_that_moves_a_resource(stack: Stack) -> None:
    """A resource whose rollback Update answers with another id is deleted under the one it had."""
    old = {"mark": "old", "Create": {"PhysicalResourceId": "one"}, "Update": {"PhysicalResourceId": "moved"}}
    stack.deploy("create", old)
    stack.deploy("update", {"mark": "new"}, then={"mark": "then", "Create": {**FAILED, "PhysicalResourceId": "x"}})
    assert stack.events()[3:] == [("Update", "one", "old"), ("Delete", "one", "new"), ("Delete", "x", "then")]
    stack.delete()
    assert stack.events()[-1] == ("Delete", "moved", "old")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"PhysicalResourceId": None}, "Invalid PhysicalResourceId"),
        ({"PhysicalResourceId": "big", "Data": {"text": "x" * 4096}}, "Response object is too long."),
    ],
)
def test_answers_that_cloudformation_refuses(stack: Stack, answer: dict[str, Any], reason: str) -> None:
    """Success without a physical id, or in more than 4096 bytes, fails the operation."""
    assert stack.deploy("create", {"Create": answer}) == "ROLLBACK_COMPLETE"
    assert stack.reason() == reason
    assert stack.events()[-1][0] == "Delete"


def test_replacement_still_works(stack: Stack) -> None:
    """An Update that succeeds with another id is a replacement: Delete of the old one at the end."""
    stack.deploy("create", {"mark": "old", "Create": {"PhysicalResourceId": "one"}})
    assert stack.deploy("update", {"mark": "new", "Update": {"PhysicalResourceId": "two"}}) == "UPDATE_COMPLETE"
    assert stack.events()[1:] == [("Update", "one", "new"), ("Delete", "one", "old")]
