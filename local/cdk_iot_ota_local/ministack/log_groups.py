"""Lambda functions know the log group that their output goes to, as on AWS.

AWS Lambda sets AWS_LAMBDA_LOG_GROUP_NAME for every function. The emulator writes the output to the
right group, and does not tell the function which one that is.
"""

from __future__ import annotations

from typing import Any

from .emulator import Emulator

NAME = "AWS_LAMBDA_LOG_GROUP_NAME"


def name_log_groups(emulator: Emulator) -> None:
    """Start every worker of a function with the name of its log group."""
    runtime = emulator.lambda_runtime
    class_for = runtime._worker_class_for

    def named_class_for(config: dict[str, Any]) -> Any:
        worker_class = class_for(config)
        return lambda function, found, code: worker_class(function, with_log_group(found), code)

    runtime._worker_class_for = named_class_for


def with_log_group(config: dict[str, Any]) -> dict[str, Any]:
    """A function's configuration with the variable; the original, which the API shows, stays as it is."""
    group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
    environment = config.get("Environment") or {}
    variables = {**(environment.get("Variables") or {}), NAME: group}
    return {**config, "Environment": {**environment, "Variables": variables}}
