"""What a resource that failed to be deleted depends on stays, so that the deletion can be tried again.

CloudFormation deletes a resource only after all that depend on it. The emulator goes on after a
failure, takes away the Lambda function behind a custom resource, and no second try can succeed.
"""

from __future__ import annotations

from typing import Any

from .emulator import Emulator


class Deletions:
    """Wraps the emulator's deletion of a stack's resource."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator, self._delete = emulator, emulator.stacks._delete_resource

    def install(self) -> None:
        """Put the wrapper in place."""
        self._emulator.stacks._delete_resource = self.delete

    def delete(self, resource_type: str, physical_id: str, properties: Any, stack_name: str, logical_id: str) -> Any:
        """Delete a resource, unless one that depends on it is still there."""
        stack = self._emulator.cloudformation._stacks.get(stack_name) or {}
        if stack.get("StackStatus") == "DELETE_IN_PROGRESS" and logical_id in self._needed(stack):
            raise RuntimeError("a resource that depends on it was not deleted")
        return self._delete(resource_type, physical_id, properties, stack_name, logical_id)

    def _needed(self, stack: dict[str, Any]) -> set[str]:
        """What resources whose deletion has failed depend on, themselves left out."""
        resources, definitions = stack.get("_resources", {}), stack.get("_template", {}).get("Resources", {})
        failed = {name for name, record in resources.items() if record.get("ResourceStatus") == "DELETE_FAILED"}
        needed: set[str] = set()
        for name in failed:
            needed |= self._emulator.stacks._with_dependencies([name], definitions, set(resources)) - {name}
        return needed
