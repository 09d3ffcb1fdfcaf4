"""Roll custom resources back as CloudFormation does.

- A Create that failed or timed out is followed by a Delete with the physical id of its answer,
  or with a generated one.
- An Update that failed with another physical id is rolled back by an Update of that id. If the
  answer to that has yet another id, the clean-up deletes the former. As with every replacement,
  that Delete has the last properties of the id: those of the failed Update, not those of the rollback's.
"""

from __future__ import annotations

from typing import Any

from .change_sets import see_outputs
from .custom_resource import CustomResources, Failure
from .deletions import Deletions
from .emulator import Emulator
from .log_groups import name_log_groups
from .operation_times import space_operations
from .resource_statuses import list_current_statuses
from .stack_events import send_stack_events
from .thing_groups import name_thing_groups


class CleanUps:
    """Deletes that are planned before a rollback, under separate logical ids, and decided during it.

    ministack reads its list of deletions before the answers to the rollback's Updates are known, so
    one is planned for each Update that could replace its resource; those that turn out not to be
    needed are dropped without an event.
    """

    def __init__(self) -> None:
        self._logical: dict[str, str] = {}
        self._due: set[str] = set()

    @staticmethod
    def _name(stack_id: str, logical_id: str) -> str:
        """Return the id of the planned delete."""
        return f"{logical_id} of {stack_id}"

    def plan(self, stack_id: str, logical_id: str) -> str:
        """Plan the delete of a resource under the physical id that it has before the rollback."""
        name = self._name(stack_id, logical_id)
        self._logical[name] = logical_id
        return name

    def replaced(self, stack_id: str, logical_id: str) -> None:
        """Mark the planned delete as due: the resource answered with another physical id."""
        name = self._name(stack_id, logical_id)
        if name in self._logical:
            self._due.add(name)

    def logical_id(self, name: str) -> str | None:
        """Return the resource behind an id; None for a planned delete that is not due."""
        if name not in self._logical:
            return name
        return self._logical[name] if name in self._due else None

    def forget(self, names: list[str]) -> None:
        """Drop planned deletes after the rollback."""
        for name in names:
            self._logical.pop(name, None)
            self._due.discard(name)


class _Resources(dict[str, Any]):
    """A stack's resources; planned deletes are found by their names, but not listed."""

    def __init__(self, resources: dict[str, Any], planned: dict[str, Any]) -> None:
        super().__init__(resources)
        self._planned = planned

    def get(self, name: str, default: Any = None) -> Any:
        """Return a resource or a planned delete."""
        return super().get(name, self._planned.get(name, default))


class Rollbacks:
    """Wraps ministack's stack operations."""

    def __init__(self, emulator: Emulator, resources: CustomResources) -> None:
        self._emulator, self._resources, self._clean_ups = emulator, resources, CleanUps()
        stacks = emulator.stacks
        self._deploy, self._roll_back = stacks._deploy_stack_async, stacks._roll_back_operation
        self._revert, self._delete, self._event = (
            stacks._revert_update,
            stacks._delete_resource,
            stacks._add_event,
        )

    def install(self) -> None:
        """Put the wrappers in place, in every module that imported the originals by name."""
        stacks, handlers = self._emulator.stacks, self._emulator.stack_handlers
        stacks._roll_back_operation = handlers._roll_back_operation = self.roll_back
        for module in (stacks, handlers, self._emulator.changesets):
            module._deploy_stack_async = self.deploy
        stacks._revert_update, stacks._delete_resource, stacks._add_event = (
            self.revert,
            self.delete,
            self.event,
        )

    async def deploy(self, stack_name: str, stack_id: str, *args: Any, **kwargs: Any) -> None:
        """Deploy; without a rollback, keep the remains of a failed Create until the stack is deleted."""
        await self._deploy(stack_name, stack_id, *args, **kwargs)
        stack = self._emulator.cloudformation._stacks.get(stack_name)
        if stack and (operation := stack.get("_failed_operation")):
            self._adopt_failed_create(stack_id, stack, operation)

    async def roll_back(
        self, stack_name: str, stack_id: str, stack: dict[str, Any], operation: dict[str, Any], *rest: Any
    ) -> None:
        """Roll back with the physical ids that the failed resources answered with."""
        self._adopt_failed_create(stack_id, stack, operation)
        self._readdress_failed_update(stack_id, operation)
        planned = self._plan(stack_id, stack, operation)
        try:
            await self._roll_back(stack_name, stack_id, stack, operation, *rest)
        finally:
            self._clean_ups.forget(planned)

    def _adopt_failed_create(self, stack_id: str, stack: dict[str, Any], operation: dict[str, Any]) -> None:
        """Count a resource whose Create failed among the created ones, so that it is deleted."""
        logical_id = operation.get("failed_logical_id")
        failure = self._resources.take_failure(stack_id, logical_id, "Create")
        if logical_id is not None and failure is not None:
            stack.setdefault("_resources", {})[logical_id] = self._record(logical_id, failure)
            operation["created"].append(logical_id)

    def _record(self, logical_id: str, failure: Failure) -> dict[str, Any]:
        """Return the stack's record of a resource whose Create failed."""
        return {
            "PhysicalResourceId": failure.physical_id,
            "ResourceType": failure.resource_type,
            "ResourceStatus": "CREATE_FAILED",
            "LogicalResourceId": logical_id,
            "Properties": failure.properties,
            "Attributes": {},
            "Timestamp": self._emulator.stacks.now_iso(),
        }

    def _readdress_failed_update(self, stack_id: str, operation: dict[str, Any]) -> None:
        """Let the rollback's Update use the physical id that the failed Update answered with."""
        failed = operation.get("failed_update")
        failure = self._resources.take_failure(stack_id, operation.get("failed_logical_id"), "Update")
        if failed and failure is not None:
            failed[2] = failure.physical_id

    def _plan(self, stack_id: str, stack: dict[str, Any], operation: dict[str, Any]) -> list[str]:
        """Plan a delete for each custom resource that the rollback updates."""
        if not operation.get("is_update"):
            return []
        resources, planned = stack.setdefault("_resources", {}), {}
        failed = operation.get("failed_update")
        updated = [(failed[0], failed[1], failed[2], failed[3])] if failed and failed[3] is not None else []
        for logical_id in operation["created"]:
            record = resources.get(logical_id, {})
            updated.append(
                (
                    logical_id,
                    record.get("ResourceType", ""),
                    record.get("PhysicalResourceId"),
                    record.get("Properties"),
                )
            )
        for logical_id, resource_type, physical_id, properties in updated:
            if _is_custom(resource_type):
                name = self._clean_ups.plan(stack_id, logical_id)
                planned[name] = {
                    "PhysicalResourceId": physical_id,
                    "ResourceType": resource_type,
                    "Properties": properties,
                }
        operation["created"].extend(planned)
        stack["_resources"] = _Resources(resources, planned)
        return list(planned)

    async def revert(
        self,
        stack_id: str,
        stack_name: str,
        logical_id: str,
        resource_type: str,
        physical_id: str,
        applied: Any,
        previous: Any,
        attributes: Any,
        record: dict[str, Any] | None = None,
    ) -> None:
        """Send the rollback's Update, and note whether its answer replaced the resource."""
        before = dict(record or {})
        if record is not None:
            # ministack records a new id only if it differs from the one in the request.
            record["PhysicalResourceId"] = physical_id
        try:
            await self._revert(
                stack_id,
                stack_name,
                logical_id,
                resource_type,
                physical_id,
                applied,
                previous,
                attributes,
                record,
            )
        except Exception:
            if record is not None:
                record["PhysicalResourceId"] = before.get("PhysicalResourceId")
            raise
        if record is not None and record["PhysicalResourceId"] != physical_id and _is_custom(resource_type):
            self._clean_ups.replaced(stack_id, logical_id)

    def delete(self, resource_type: str, physical_id: str, properties: Any, stack_name: str, logical_id: str) -> Any:
        """Delete a resource, unless it stands for a planned delete that is not due."""
        found = self._clean_ups.logical_id(logical_id)
        return None if found is None else self._delete(resource_type, physical_id, properties, stack_name, found)

    def event(self, stack_id: str, stack_name: str, logical_id: str, *rest: Any, **options: Any) -> None:
        """Record a stack event under the resource's own id."""
        found = self._clean_ups.logical_id(logical_id)
        if found is not None:
            self._event(stack_id, stack_name, found, *rest, **options)


def repair_cloudformation(emulator: Emulator) -> CustomResources:
    """Install all wrappers of CloudFormation; returns the one that needs the sizes of the answers."""
    resources = CustomResources(emulator)
    resources.install()
    # Before the rollbacks, which record some events under other ids, and replace the deploy in every module.
    send_stack_events(emulator)
    space_operations(emulator)
    Rollbacks(emulator, resources).install()
    Deletions(emulator).install()
    name_thing_groups(emulator)
    name_log_groups(emulator)
    see_outputs(emulator)
    list_current_statuses(emulator)
    return resources


def _is_custom(resource_type: str) -> bool:
    return resource_type.startswith("Custom::") or resource_type == "AWS::CloudFormation::CustomResource"
