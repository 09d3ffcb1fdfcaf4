"""Log groups of a stack: one without a name gets another name each time that it is created."""

from __future__ import annotations

import secrets
from typing import Any

from .emulator import Emulator

_TYPE, _NAME = "AWS::Logs::LogGroup", "LogGroupName"


def name_log_groups(emulator: Emulator) -> None:
    """Name log groups as CloudFormation does: by stack, logical id, and random letters and digits.

    ministack leaves these out, so that a stack would overwrite the log group that an earlier one has retained.
    """
    handlers = emulator.provisioners._RESOURCE_HANDLERS[_TYPE]
    create, update = handlers["create"], handlers["update"]

    def created(logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
        name = f"{stack_name}-{logical_id}-{secrets.token_hex(6)}"
        return create(logical_id, {_NAME: name, **properties}, stack_name)

    def updated(name: str, old: dict[str, Any], new: dict[str, Any], *args: Any, **options: Any) -> Any:
        return update(name, old, new if _NAME in old else {_NAME: name, **new}, *args, **options)

    handlers["create"], handlers["update"] = created, updated
