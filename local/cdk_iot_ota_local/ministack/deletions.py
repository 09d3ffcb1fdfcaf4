"""Keep the dependencies of a resource whose deletion failed, so that the deletion can be retried.

CloudFormation deletes a resource only after everything that depends on it. ministack continues after
a failure and removes the Lambda function behind a custom resource, so that no retry can succeed.
"""

from __future__ import annotations

from typing import Any

from .emulator import Emulator


class Deletions:
    """Wraps ministack's deletion of a resource of a stack."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator, self._delete = emulator, emulator.stacks._delete_resource

    def install(self) -> None:
        """Put the wrapper in place."""
        self._emulator.stacks._delete_resource = self.delete

    def delete(self, resource_type: str, physical_id: str, properties: Any, stack_name: str, logical_id: str) -> Any:
        """Delete a resource, unless one that depends on it still exists."""
        stack = self._emulator.cloudformation._stacks.get(stack_name) or {}
        if stack.get("StackStatus") == "DELETE_IN_PROGRESS" and logical_id in self._needed(stack):
            raise RuntimeError("a resource that depends on it was not deleted")
        return self._delete(resource_type, physical_id, properties, stack_name, logical_id)

    def _needed(self, stack: dict[str, Any]) -> set[str]:
        """Return the dependencies of the resources whose deletion failed."""
        resources, definitions = stack.get("_resources", {}), stack.get("_template", {}).get("Resources", {})
        failed = {name for name, record in resources.items() if record.get("ResourceStatus") == "DELETE_FAILED"}
        needed: set[str] = set()
        for name in failed:
            needed |= self._emulator.stacks._with_dependencies([name], definitions, set(resources)) - {name}
        return needed
