"""The entry point as Lambda sees it, the log, and the budgets."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import cdk_iot_ota_handler
from cdk_iot_ota_handler.ota_update import budgets
from cdk_iot_ota_handler.ota_update.errors import LIMIT, HandlerError
from cdk_iot_ota_handler.ota_update.index import handler

from .cloudformation import run
from .world import World, event

HANDLER = Path(cdk_iot_ota_handler.__file__).parent


def test_lambda_imports_the_handler_from_the_asset_folder() -> None:
    """The folder alone, without this project on the path, is what Lambda runs, and it needs the SDK only."""
    script = f"import sys; sys.path.insert(0, {str(HANDLER)!r}); from ota_update.index import handler; print(handler)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd="/")
    assert "function handler" in done.stdout


def test_only_the_edge_imports_the_sdk() -> None:
    """Decisions, properties and identity work without boto3."""
    users = {path.name for path in HANDLER.rglob("*.py") if re.search(r"^(import|from) boto", path.read_text(), re.M)}
    assert users == {"aws_errors.py", "service.py"}


def test_every_decision_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    """A reader of the log group sees what was seen, what was decided, and why; nothing secret is in it."""
    run(World(), {**event("Create", content="line\nbreak"), "ResponseURL": "https://secret"})
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["decided"] for line in lines] == ["create", "wait", "mark as deployed"]
    assert all({"event", "stack", "resource", "otaUpdateId", "seen", "why"} <= set(line) for line in lines)
    assert "secret" not in json.dumps(lines)


def test_errors_are_short_and_on_one_line() -> None:
    """CloudFormation cuts long answers, so messages are short before the framework adds to them."""
    message = str(HandlerError("a\n" * 5000))
    assert len(message.encode()) <= LIMIT < 1000
    assert "\n" not in message


def test_a_long_reason_keeps_the_name_of_the_log_group(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What helps most stands at the end of the reason: the reason is cut before it, and the log has it whole."""
    monkeypatch.setenv("AWS_LAMBDA_LOG_GROUP_NAME", "the-group")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with pytest.raises(HandlerError) as failed:
        handler(event("Create", Request="x" * 5000), None)
    assert str(failed.value).endswith("(see log group the-group)")
    assert len(str(failed.value).encode()) <= LIMIT
    assert "failed" in json.loads(capsys.readouterr().out)


def test_each_budget_is_inside_the_next() -> None:
    """One call, one invocation, the handler's deadline, the waiter and CloudFormation's hour nest."""
    assert budgets.CALL + budgets.LAG < budgets.OVERTAKEN < budgets.IAM_PATIENCE < budgets.PATIENCE
    assert budgets.PATIENCE + 5 * budgets.CALL <= budgets.INVOCATION <= 900
    assert budgets.INVOCATION < budgets.CREATION_DEADLINE < budgets.HANDLER_DEADLINE
    assert budgets.HANDLER_DEADLINE + budgets.INVOCATION <= budgets.TOTAL_TIMEOUT < budgets.SERVICE_TIMEOUT <= 3600
    assert budgets.TOTAL_TIMEOUT % budgets.QUERY_INTERVAL == 0
