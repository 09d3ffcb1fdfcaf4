"""Workers of Lambda functions start one after the other.

Several that the emulator starts at once fail now and then ("dictionary changed size during iteration"), and the event
is lost: AWS Lambda would try it again.
"""

from __future__ import annotations

import threading
from typing import Any

from .emulator import Emulator


def start_one_at_a_time(emulator: Emulator) -> None:
    """Let a worker wait for the start of the one before."""
    runtime, starting = emulator.lambda_runtime, threading.Lock()
    class_for = runtime._worker_class_for

    def patient_class_for(config: dict[str, Any]) -> Any:
        worker_class = class_for(config)

        def make(function: str, found: dict[str, Any], code: bytes) -> Any:
            worker = worker_class(function, found, code)
            spawn = worker._spawn

            def spawn_alone() -> Any:
                with starting:
                    return spawn()

            worker._spawn = spawn_alone
            return worker

        return make

    runtime._worker_class_for = patient_class_for
