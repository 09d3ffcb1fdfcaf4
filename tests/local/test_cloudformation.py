"""Rollbacks reach custom resources as in CloudFormation."""

from __future__ import annotations

import io
import json
import textwrap
import time
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cdk_iot_ota_local import LocalAws
from tests.end_to_end.support.concurrency import in_background, wait_until

# Answers as the `Plan` property specifies, and records every event in S3.
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
    """A stack with one custom resource, and the events that it received."""

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
        """Choose a new stack name, and forget all events."""
        self._number += 1
        self.name = f"stack-{self._number}"
        for item in self._s3.list_objects_v2(Bucket="events").get("Contents", []):
            self._s3.delete_object(Bucket="events", Key=item["Key"])

    def deploy(self, call: str, plan: dict[str, Any], **options: Any) -> str:
        """Create or update the stack with a resource of this plan, and return its final status."""
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
        waiter = self._cfn.get_waiter("stack_delete_complete")
        waiter.wait(StackName=self.name, WaiterConfig={"Delay": 0, "MaxAttempts": 2000})

    def resources(self) -> set[str]:
        """List the stack's resources, each with the time of its last change, and return their ids."""
        listed = self._cfn.list_stack_resources(StackName=self.name)["StackResourceSummaries"]
        described = self._cfn.describe_stack_resources(StackName=self.name)["StackResources"]
        assert all(one["LastUpdatedTimestamp"] for one in listed)
        assert all(one["Timestamp"] for one in described)
        return {str(one["LogicalResourceId"]) for one in (*listed, *described)}

    def settle(self) -> str:
        """Wait until nothing is in progress, and return the status; the resources can be listed all the time."""
        deadline = time.monotonic() + 20
        while True:
            assert self.resources() <= {"Thing", "Later"}
            status = str(self._cfn.describe_stacks(StackName=self.name)["Stacks"][0]["StackStatus"])
            if not status.endswith("_IN_PROGRESS"):
                return status
            assert time.monotonic() < deadline, status
            time.sleep(0.05)

    def events(self) -> list[tuple[str, str | None, str]]:
        """Return request type, physical id and the plan's mark of each event of the resource, in order."""
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
        """Return logical id, status, physical id and reason of the stack's events, the oldest first."""
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

    def listed(self) -> dict[str, tuple[str, str]]:
        """Return status and physical id of the stack's resources, as they are listed now; none before it exists."""
        try:
            found = self._cfn.list_stack_resources(StackName=self.name)["StackResourceSummaries"]
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
            return {}
        return {one["LogicalResourceId"]: (one["ResourceStatus"], one.get("PhysicalResourceId", "")) for one in found}

    def reason(self) -> str:
        """Return the reason of the resource's first failure."""
        return next(reason for name, status, _, reason in self.history() if name == "Thing" and "FAILED" in status)


@pytest.fixture(scope="module")
def deployed(aws: LocalAws) -> Stack:
    """Create the function behind the resource."""
    return Stack(aws)


@pytest.fixture
def stack(deployed: Stack) -> Stack:
    """Return a stack that does not exist yet."""
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
    """A Delete gets the marker id of the Provider framework like any other physical id."""
    marker = "AWSCDK::CustomResourceProviderFramework::CREATE_FAILED"
    stack.deploy("create", {"Create": {**FAILED, "PhysicalResourceId": marker}})
    assert stack.events()[-1][:2] == ("Delete", marker)


def test_create_without_answer_is_deleted_by_a_generated_id(stack: Stack) -> None:
    """A Create that times out is followed by a Delete with an id that CloudFormation generates."""
    assert stack.deploy("create", {"Create": "none"}, service_timeout=1) == "ROLLBACK_COMPLETE"
    (_, _, _), (kind, physical_id, _) = stack.events()
    assert kind == "Delete"
    assert str(physical_id).startswith(f"{stack.name}-Thing-")


def test_failed_create_without_rollback_is_deleted_with_the_stack(stack: Stack) -> None:
    """With DisableRollback, a failed Create gets its Delete when the stack is deleted."""
    plan = {"Create": {**FAILED, "PhysicalResourceId": "half"}}
    assert stack.deploy("create", plan, DisableRollback=True) == "CREATE_FAILED"
    assert [event[0] for event in stack.events()] == ["Create"]
    stack.delete()
    assert stack.events()[-1][:2] == ("Delete", "half")


def test_failed_update_with_a_new_id(stack: Stack) -> None:
    """After a failed Update with a new id, the rollback updates that id, and the clean-up deletes it."""
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
    """If the rollback's Update answers with the new id, the resource keeps it and nothing is deleted."""
    stack.deploy("create", {"mark": "old", "Create": {"PhysicalResourceId": "one"}})
    stack.deploy("update", {"mark": "new", "Update": {**FAILED, "PhysicalResourceId": "two"}})
    assert stack.events()[1:] == [("Update", "one", "new"), ("Update", "two", "old")]
    stack.delete()
    assert stack.events()[-1] == ("Delete", "two", "old")


def test_failed_update_with_the_old_id(stack: Stack) -> None:
    """If the failed answer has the old id, the rollback updates that id and nothing is deleted."""
    stack.deploy("create", {"mark": "old", "Create": {"PhysicalResourceId": "one"}})
    assert stack.deploy("update", {"mark": "new", "Update": FAILED}) == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.events()[1:] == [("Update", "one", "new"), ("Update", "one", "old")]
    assert not any("DELETE" in status for _, status, _, _ in stack.history())


def test_failed_create_in_an_update(stack: Stack) -> None:
    """A new resource that fails during an update is deleted in the clean-up, after the others were rolled back."""
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


def test_rollback_that_replaces_a_resource(stack: Stack) -> None:
    """If the rollback's Update answers with another id, the previous id is deleted."""
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
    """A success without a physical id, or of more than 4096 bytes, fails the operation."""
    assert stack.deploy("create", {"Create": answer}) == "ROLLBACK_COMPLETE"
    assert stack.reason() == reason
    assert stack.events()[-1][0] == "Delete"


def test_replacement_still_works(stack: Stack) -> None:
    """A successful Update with another id is a replacement: the old id is deleted at the end."""
    stack.deploy("create", {"mark": "old", "Create": {"PhysicalResourceId": "one"}})
    assert stack.deploy("update", {"mark": "new", "Update": {"PhysicalResourceId": "two"}}) == "UPDATE_COMPLETE"
    assert stack.events()[1:] == [("Update", "one", "new"), ("Delete", "one", "old")]


def test_resources_are_listed_with_their_current_status(stack: Stack) -> None:
    """While an operation runs, a resource is listed as it is then: a new one without an id, an old one with its own."""
    slow = {"Create": "none", "Update": "none"}
    with in_background(lambda: stack.deploy("create", slow, service_timeout=2)) as created:
        wait_until(lambda: stack.listed() == {"Thing": ("CREATE_IN_PROGRESS", "")})
    assert created.result() == "ROLLBACK_COMPLETE"
    stack.begin()
    stack.deploy("create", {}, then={})
    with in_background(lambda: stack.deploy("update", slow, service_timeout=2, then={"mark": "1"})) as updated:
        in_progress = {"Thing": ("UPDATE_IN_PROGRESS", "made"), "Later": ("CREATE_COMPLETE", "made")}
        wait_until(lambda: stack.listed() == in_progress)
    assert updated.result() == "UPDATE_ROLLBACK_COMPLETE"
