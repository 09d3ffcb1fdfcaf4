"""A handler that crashes: the deploy fails at once, and can be cleaned up after a fix."""

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aws_cdk import Stack

import cdk_iot_ota_handler
from cdk_iot_ota import OtaUpdateProvider
from cdk_iot_ota_local import LocalAws, leftovers
from tests.end_to_end.support.declarations import Declare
from tests.end_to_end.support.deployment import Deployment, DeploymentError
from tests.end_to_end.support.function import Function

HANDLER = Path(cdk_iot_ota_handler.__file__).parent
ENTRY = "ota_update/index.py"
# Wraps the real entry point: the process exits without a response, in is_complete after the work is done.
CRASHES = """
import os
from .original import handler as original

def handler(event, context):
    call = "is_complete" if "StartedAt" in event else "on_event"
    response = original(event, context) if call == "is_complete" else None
    if call == "{crashes_in}":
        os._exit(1)
    return response or original(event, context)
"""


@contextmanager
def crashing(function: Function, crashes_in: str) -> Iterator[None]:
    """Make the function crash in one of its two calls, and restore its code afterwards."""
    update = function.client.update_function_code
    update(FunctionName=function.name, ZipFile=package(CRASHES.format(crashes_in=crashes_in)))
    try:
        yield
    finally:
        update(FunctionName=function.name, ZipFile=package())


def package(entry: str = "") -> bytes:
    """Zip the handler as a Lambda function's code, optionally with another entry point."""
    files = {str(path.relative_to(HANDLER)): path.read_text() for path in HANDLER.rglob("*.py")}
    if entry:
        files = {**files, "ota_update/original.py": files[ENTRY], ENTRY: entry}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def handler_only(stack: Stack) -> None:
    """Declare the handler without any update."""
    OtaUpdateProvider.get_or_create(stack)


@pytest.mark.local_only("expects the emulator's error message for a crash")
@pytest.mark.parametrize(("call", "created"), [("on_event", 0), ("is_complete", 1)], ids=["on-event", "is-complete"])
def test_a_handler_that_crashes(
    aws: LocalAws, deployment: Deployment, declare: Declare, call: str, created: int
) -> None:
    """A crash fails the deploy with its reason; once the handler works, deleting the stack removes everything."""
    deployment.deploy(handler_only)
    with crashing(Function(deployment), call), pytest.raises(DeploymentError, match="Worker process died"):
        # Without a rollback, because the Delete would crash as well.
        deployment.deploy(declare("one"), DisableRollback=True)
    assert len(leftovers(aws).ota_updates) == created
    deployment.delete()
    assert not leftovers(aws)
