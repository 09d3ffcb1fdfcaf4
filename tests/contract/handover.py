"""Convert a template's resource to an event for the handler, as CloudFormation does."""

from typing import Any

from aws_cdk import Stack

from tests.construct.stacks import only_update

RESOLVED = "arn:aws:iam::111122223333:role/resolved"
_INTRINSICS = {"Ref", "Fn::GetAtt", "Fn::Join", "Fn::Sub"}


def handed_over(value: Any) -> Any:
    """Return a template value as CloudFormation passes it: references resolved, and every scalar as a string."""
    if isinstance(value, dict) and set(value) & _INTRINSICS:
        return RESOLVED
    if isinstance(value, dict):
        return {key: handed_over(item) for key, item in value.items()}
    if isinstance(value, list):
        return [handed_over(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def event_of(made: Stack) -> dict[str, Any]:
    """Return the Create event of the one update in a stack."""
    return {
        "RequestType": "Create",
        "RequestId": "request",
        "StackId": "arn:aws:cloudformation:eu-central-1:111122223333:stack/Prod/id",
        "LogicalResourceId": "Blinky",
        "ResourceProperties": handed_over(only_update(made)["Properties"]),
    }
