"""Workers of Lambda functions: they start one after the other, survive exceptions, and know their log group."""

from __future__ import annotations

import contextlib
import json
import threading
from typing import Any

from .emulator import Emulator

_LOG_GROUP_VARIABLE = "AWS_LAMBDA_LOG_GROUP_NAME"


def prepare_workers(emulator: Emulator) -> None:
    """Start workers one after the other, keep them after an exception, and set the variable that names the log group.

    Of several workers that ministack starts at once, one fails now and then ("dictionary changed size during
    iteration") and its event is lost, where AWS Lambda would retry it. It also writes the output to the right
    log group, but does not set the variable that AWS Lambda sets for every function. It ends a worker whose handler
    has raised an exception, where AWS Lambda sends the next event to the same process.
    """
    runtime, starting = emulator.lambda_runtime, threading.Lock()
    class_for, provided = runtime._worker_class_for, runtime.ProvidedWorker

    def prepared_class_for(config: dict[str, Any]) -> Any:
        worker_class = class_for(config)

        def make(function: str, found: dict[str, Any], code: bytes) -> Any:
            worker = worker_class(function, _with_log_group(found), code)
            spawn = worker._spawn

            def spawn_alone() -> Any:
                with starting:
                    return spawn()

            worker._spawn = spawn_alone
            return worker if worker_class is provided else _surviving(worker)

        return make

    runtime._worker_class_for = prepared_class_for


class _Answers:
    """The lines that a worker writes; exceptions of its handler are results, for which ministack keeps the worker."""

    def __init__(self, lines: Any) -> None:
        self._lines = lines

    def readline(self) -> str:
        """Return the next line."""
        line: str = self._lines.readline()
        with contextlib.suppress(ValueError):
            answer = json.loads(line)
            # An error of the process has no traceback.
            if isinstance(answer, dict) and answer.get("status") == "error" and "trace" in answer:
                return json.dumps({"status": "ok", "failure": answer})
        return line


def _surviving(worker: Any) -> Any:
    """Keep the process of a worker when its handler raises an exception."""
    spawn, invoke = worker._spawn, worker.invoke

    def spawn_with_answers() -> None:
        spawn()
        worker._proc.stdout = _Answers(worker._proc.stdout)

    def invoke_and_keep(*args: Any, **options: Any) -> dict[str, Any]:
        answer: dict[str, Any] = invoke(*args, **options)
        failure = answer.pop("failure", {})
        return {**answer, **failure}

    worker._spawn, worker.invoke = spawn_with_answers, invoke_and_keep
    return worker


def forget_late_output(emulator: Emulator) -> None:
    """Drop the output of an invocation that ends after its function and its log group were deleted.

    ministack would create the group again, so that a destroyed stack left it behind.
    """
    functions = emulator.functions
    emit = functions._emit_lambda_logs

    def emitted(function: dict[str, Any], *args: Any, **options: Any) -> None:
        config = function.get("config") or function
        if config["FunctionName"] in functions._functions or _log_group(config) in emulator.logs._log_groups:
            emit(function, *args, **options)

    functions._emit_lambda_logs = emitted


def _log_group(config: dict[str, Any]) -> str:
    return str((config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}")


def _with_log_group(config: dict[str, Any]) -> dict[str, Any]:
    """Copy a function's configuration and add the variable; the original is what the API shows."""
    environment = config.get("Environment") or {}
    variables = {**(environment.get("Variables") or {}), _LOG_GROUP_VARIABLE: _log_group(config)}
    return {**config, "Environment": {**environment, "Variables": variables}}
