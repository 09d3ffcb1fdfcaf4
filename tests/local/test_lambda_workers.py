"""A Lambda function's process survives the exceptions of its handler."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cdk_iot_ota_local import LocalAws
from tests.local.test_log_groups import zipped

NAME = "survives"
CODE = """
import os

def handler(event, context):
    if event == "raise":
        raise ValueError(f"raised in {os.getpid()}")
    if event == "die":
        os._exit(1)
    return os.getpid()
"""


@pytest.fixture
def functions(aws: LocalAws) -> Iterator[Any]:
    """Create a function that raises, dies or returns its process id, and return the client."""
    client = aws.client("lambda")
    client.create_function(
        FunctionName=NAME,
        Runtime="python3.13",
        Handler="index.handler",
        Role="arn:aws:iam::111122223333:role/any",
        Code={"ZipFile": zipped(CODE)},
    )
    yield client
    client.delete_function(FunctionName=NAME)


def invoke(functions: Any, event: str) -> tuple[bool, Any]:
    """Return whether an invocation fails, and its payload."""
    answer = functions.invoke(FunctionName=NAME, Payload=json.dumps(event))
    return "FunctionError" in answer, json.load(answer["Payload"])


def test_a_process_survives_an_exception(functions: Any) -> None:
    """After an exception, which is the answer, the same process serves the next event; after its death another does."""
    _, process = invoke(functions, "")
    has_failed, failure = invoke(functions, "raise")
    assert (has_failed, failure["errorMessage"]) == (True, f"raised in {process}")
    assert invoke(functions, "") == (False, process)
    has_failed, _ = invoke(functions, "die")
    assert has_failed
    has_failed, other = invoke(functions, "")
    assert (has_failed, other == process) == (False, False)
