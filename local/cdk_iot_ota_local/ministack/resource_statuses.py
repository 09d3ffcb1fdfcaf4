"""ListStackResources as CloudFormation answers while an operation runs.

ministack lists resources as they were before the operation, until it ends. CloudFormation lists each with its current
status, and a new one from the moment on in which it is created.
"""

from __future__ import annotations

from typing import Any

from .emulator import Emulator

_STARTS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")
_STACK = "AWS::CloudFormation::Stack"


def list_current_statuses(emulator: Emulator) -> None:
    """Let ListStackResources tell what the events of the running operation tell."""
    handlers = emulator.stack_handlers
    listed, resolve = handlers._ACTION_HANDLERS["ListStackResources"], handlers._resolve_stack

    def current(name: str) -> Any:
        stack = resolve(name)
        return stack and {**stack, "_resources": _current(emulator, stack)}

    def list_resources(params: dict[str, Any]) -> Any:
        handlers._resolve_stack = current
        try:
            return listed(params)
        finally:
            handlers._resolve_stack = resolve

    handlers._ACTION_HANDLERS["ListStackResources"] = list_resources


def _current(emulator: Emulator, stack: dict[str, Any]) -> dict[str, Any]:
    resources: dict[str, Any] = dict(stack.get("_resources", {}))
    if stack["StackStatus"] not in _STARTS:
        return resources
    for event in _of_operation(emulator, stack["StackId"]):
        name, before = event["LogicalResourceId"], resources.get(event["LogicalResourceId"], {})
        physical_id = event.get("PhysicalResourceId") or before.get("PhysicalResourceId", "")
        known = {name: event[name] for name in ("ResourceType", "ResourceStatus", "Timestamp")}
        resources[name] = {**before, **known, "PhysicalResourceId": physical_id}
    return resources


def _of_operation(emulator: Emulator, stack_id: str) -> list[dict[str, Any]]:
    """Return the events of resources since the beginning of the operation that runs."""
    found: list[dict[str, Any]] = []
    for event in reversed(emulator.cloudformation._stack_events.get(stack_id, [])):
        is_own = event["ResourceType"] == _STACK and event.get("PhysicalResourceId") == stack_id
        if is_own and event["ResourceStatus"] in _STARTS:
            break
        if not is_own and not event["ResourceStatus"].startswith("DELETE_"):
            found.append(event)
    return found[::-1]
