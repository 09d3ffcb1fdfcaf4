"""Change sets that change nothing but outputs."""

from __future__ import annotations

from typing import Any

from .emulator import Emulator

_EMPTY = "The submitted information didn't contain changes."


def see_outputs(emulator: Emulator) -> None:
    """Let a change set that changes only outputs be executed; ministack compares only resources."""
    handlers = emulator.stack_handlers._ACTION_HANDLERS
    create = handlers["CreateChangeSet"]

    def created(params: dict[str, Any]) -> Any:
        answer = create(params)
        if answer[0] < 300:
            change_set = list(emulator.cloudformation._change_sets.values())[-1]
            if change_set["StatusReason"].startswith(_EMPTY) and _changes_outputs(emulator, change_set):
                change_set.update(Status="CREATE_COMPLETE", ExecutionStatus="AVAILABLE", StatusReason="")
        return answer

    handlers["CreateChangeSet"] = created


def _changes_outputs(emulator: Emulator, change_set: dict[str, Any]) -> bool:
    """Return whether the stack's resources, none of which changes, give other outputs than before."""
    stacks, template, parameters = emulator.stacks, change_set["_template"], change_set["_resolved_params"]
    stack = emulator.cloudformation._stacks.get(change_set["StackName"])
    try:
        outputs, _ = stacks._resolve_stack_outputs(
            template.get("Outputs", {}),
            stacks._evaluate_conditions(template, parameters),
            stack.get("_resources", {}),
            parameters,
            template.get("Mappings", {}),
            change_set["StackName"],
            change_set["StackId"],
        )
    except ValueError:
        # The execution fails with the reason.
        return True
    return bool(outputs != stack.get("Outputs", []))
