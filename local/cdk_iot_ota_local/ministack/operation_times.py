"""The times of operations on a stack: no two begin in the same second.

Operations of CloudFormation take seconds, so that the second tells them apart. Those of ministack can take less than
one, and three of them fit into it.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from .emulator import Emulator

_SECOND = "_second_of_operation"


def space_operations(emulator: Emulator) -> None:
    """Begin an operation on a stack in another second than the one before."""
    stacks, deploy = emulator.stacks, emulator.stacks._deploy_stack_async

    async def spaced(stack_name: str, *args: Any, **kwargs: Any) -> None:
        stack = emulator.cloudformation._stacks[stack_name]
        before = stack.get(_SECOND)
        while int(time.time()) == before:
            await asyncio.sleep(0.02)
        if before is not None:
            stack["LastUpdatedTime"] = stacks.now_iso()
        stack[_SECOND] = int(time.time())
        await deploy(stack_name, *args, **kwargs)

    stacks._deploy_stack_async = spaced
