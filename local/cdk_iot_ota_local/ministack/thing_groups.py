"""Thing groups of a stack: `Ref` is the name of a group."""

from __future__ import annotations

from typing import Any

from .emulator import Emulator

_TYPE = "AWS::IoT::ThingGroup"


def name_thing_groups(emulator: Emulator) -> None:
    """Make a group's name its physical id.

    ministack takes the group's generated id, which an app that builds the ARN of an OTA update's target cannot use.
    """
    groups, handlers = emulator.iot._thing_groups, emulator.provisioners._RESOURCE_HANDLERS[_TYPE]
    create, update, delete = handlers["create"], handlers["update"], handlers["delete"]

    def id_of(name: str) -> str:
        return str((groups.get(name) or {}).get("thingGroupId", name))

    def named(answer: tuple[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
        return answer[1]["Arn"].rpartition("/")[2], answer[1]

    def updated(name: str, *args: Any, **options: Any) -> Any:
        return named(update(id_of(name), *args, **options))

    handlers["create"] = lambda *args, **options: named(create(*args, **options))
    handlers["update"] = updated
    handlers["delete"] = lambda name, *args: delete(id_of(name), *args)
