"""A handler that crashes: the stack says so at once, and nothing is left when it works again."""

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
# Around the real entry point: the process ends without an answer, in is_complete when the work is done.
CRASHES = """
import os
from .works import handler as works

def handler(event, context):
    call = "is_complete" if "StartedAt" in event else "on_event"
    answer = works(event, context) if call == "is_complete" else None
    if call == "{crashes_in}":
        os._exit(1)
    return answer or works(event, context)
"""


@contextmanager
def crashing(function: Function, crashes_in: str) -> Iterator[None]:
    """Replace the function's code by one that crashes in one of its two calls, and put it back."""
    update = function.client.update_function_code
    update(FunctionName=function.name, ZipFile=package(CRASHES.format(crashes_in=crashes_in)))
    try:
        yield
    finally:
        update(FunctionName=function.name, ZipFile=package())


def package(entry: str = "") -> bytes:
    """The handler as a Lambda function's code, behind another entry point if one is given."""
    files = {str(path.relative_to(HANDLER)): path.read_text() for path in HANDLER.rglob("*.py")}
    if entry:
        files = {**files, "ota_update/works.py": files[ENTRY], ENTRY: entry}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def only_the_handler(stack: Stack) -> None:
    """What a stack has beside its updates."""
    OtaUpdateProvider.get_or_create(stack)


@pytest.mark.local_only("looks for the emulator's words on a crash")
@pytest.mark.parametrize(("call", "made"), [("on_event", 0), ("is_complete", 1)], ids=["on-event", "is-complete"])
def test_a_handler_that_crashes(aws: LocalAws, deployment: Deployment, declare: Declare, call: str, made: int) -> None:
    """The deploy fails with the reason, and once the handler works the stack can be deleted, with all that was made."""
    deployment.deploy(only_the_handler)
    with crashing(Function(deployment), call), pytest.raises(DeploymentError, match="Worker process died"):
        # Without a rollback, or the crash would meet the Delete as well.
        deployment.deploy(declare("one"), DisableRollback=True)
    assert len(leftovers(aws).ota_updates) == made
    deployment.delete()
    assert not leftovers(aws)
