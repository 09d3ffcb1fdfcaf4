"""The entry point as Lambda sees it, the log, and the budgets."""

import json
import re
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cdk_iot_ota_handler
from cdk_iot_ota_handler.ota_update.contract import timeouts
from cdk_iot_ota_handler.ota_update.errors import LIMIT, FatalError, RetryableError
from cdk_iot_ota_handler.ota_update.index import handler, serve

from .cloudformation import run
from .world import World, event

HANDLER = Path(cdk_iot_ota_handler.__file__).parent
# What makes an event one of is_complete's.
LOOK = {"PhysicalResourceId": "x", "StartedAt": 1_000_000.0, "KeepsId": False}


def test_lambda_imports_the_handler_from_the_asset_folder() -> None:
    """The folder alone, without this project on the path, is what Lambda runs, and it needs the SDK only."""
    script = f"import sys; sys.path.insert(0, {str(HANDLER)!r}); from ota_update.index import handler; print(handler)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd="/")
    assert "function handler" in done.stdout


def test_only_the_edge_imports_the_sdk() -> None:
    """Only service.py imports boto3, and botocore is imported for its errors and its model of the request only."""

    def users(package: str) -> set[str]:
        pattern = rf"^(import|from) {package}\b"
        return {path.name for path in HANDLER.rglob("*.py") if re.search(pattern, path.read_text(), re.M)}

    assert users("boto3") == {"service.py"}
    assert users("botocore") == {"aws_errors.py", "request.py", "service.py"}


def test_every_decision_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    """A reader of the log group sees what was seen, what was decided, and why; nothing secret is in it."""
    run(World(), {**event("Create", content="line\nbreak"), "ResponseURL": "https://secret"})
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["decision"] for line in lines] == ["create", "wait", "mark as deployed"]
    assert all({"event", "stack", "resource", "otaUpdateId", "observed", "reason"} <= set(line) for line in lines)
    assert "secret" not in json.dumps(lines)


SECRETS = ("https://cloudformation/answer?signature", "a declared property")
FAKE = '{"event": "Delete", "decision": "forged"}'


def secretive() -> dict[str, Any]:
    """An event with what must not be in a log."""
    return {**event("Create", content=SECRETS[1]), "ResponseURL": SECRETS[0]}


def served(world: World, sent: Any) -> str:
    """What one call, and what follows it, fail with; empty when they do not."""
    connected: Any = world
    try:
        answer = serve(sent, lambda: connected, world.clock())
        for _ in range(3):
            serve({**sent, **answer}, lambda: connected, world.clock())
    except FatalError as error:
        # What Lambda prints and hands on.
        return "".join(traceback.format_exception(error))
    return ""


def caused(text: str) -> Exception:
    """An error that quotes a text, and is caused by another one that does."""
    error = RuntimeError(text)
    error.__cause__ = KeyError(text)
    return error


@pytest.mark.parametrize("make", [RuntimeError, KeyError, caused])
def test_an_unexpected_error_says_where_and_not_what(
    make: Callable[[str], Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own words may quote the event: neither the response URL nor a property gets into the log or the stack."""
    reason = served(World(errors={"look": [make(json.dumps(secretive()))]}), {**secretive(), **LOOK})
    assert "please report it" in reason
    printed = "".join(capsys.readouterr())
    bug, failure = (json.loads(line) for line in printed.splitlines())
    assert "is_complete.py" in bug["traceback"]
    assert bug["traceback"].endswith("Error")
    assert failure["failed"].startswith("unexpected ")
    assert not any(secret in text for secret in SECRETS for text in (printed, reason))


@pytest.mark.parametrize("sent", [None, [], "StartedAt", 7, {}, {"StartedAt": 7}])
def test_what_is_no_event_at_all_is_refused(sent: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever JSON the function is called with, it says what is wrong with it."""
    world = World()
    assert "RequestType must be Create or Update or Delete, got ''" in served(world, sent)
    assert world.calls == []
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x0b", "\x85", "\u2028", "\u2029", "\x1b[2K\x1b[31m", "\0"])
def test_nothing_in_an_event_makes_up_a_line(end: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Ids, descriptions, tags and the service's own words: a line of the log is one of JSON, and the reason is one."""
    evil = f"x{end}{FAKE}{end}"
    worlds = [World(outcomes=[("CREATE_FAILED", evil)])]
    worlds += [
        World(errors={call: [kind(evil)] * 99}) for call in ("look", "create") for kind in (RetryableError, FatalError)
    ]
    worlds += [World(errors={"look": [RuntimeError(evil)]})]
    events: list[Any] = [{**event("Create"), **LOOK}, {**event("Delete", physical_id="x"), **LOOK, "TargetId": "x"}]
    reasons = [served(world, sent) for world in worlds for sent in events]
    names = ("RequestType", "RequestId", "StackId", "LogicalResourceId", "PhysicalResourceId", "ResourceType")
    forged = [{**event("Delete", physical_id="x"), name: evil} for name in names]
    forged += [
        event("Create", content=evil, Tags=[{"Key": evil, "Value": evil}]),
        event("Create", OtaUpdateId=evil),
        event("Create", IdPrefix=evil),
        event("Create", ForceDeleteJob=evil),
        event("Create", Request=evil),
        event("Create", Tags=evil),
    ]
    reasons += [served(World(), sent) for sent in forged]
    lines = "".join(capsys.readouterr()).splitlines()
    assert len(lines) > len(forged)
    assert all(line.isprintable() and json.loads(line).get("decision") != "forged" for line in lines)
    assert all(text.isprintable() for reason in reasons for text in reason.split("\n"))
    assert not any(text.startswith(FAKE) for reason in reasons for text in reason.split("\n"))


def test_a_line_is_too_short_to_be_broken(capsys: pytest.CaptureFixture[str]) -> None:
    """CloudWatch Logs breaks what has more than 256 KiB, and the rest would be a line of its own."""
    served(World(), {**event("Create", stack_id="x" * 300_000), "RequestId": ["x" * 300_000]})
    (line,) = capsys.readouterr().out.splitlines()
    assert len(line) < 100_000


def test_only_the_log_prints() -> None:
    """A line that is printed elsewhere might not be JSON."""
    prints = re.compile(r"\bprint\w*\(|\blogging\b|sys\.std|\bwarnings\b")
    assert {path.name for path in HANDLER.rglob("*.py") if prints.search(path.read_text())} == {"log.py"}


def test_errors_are_short_and_on_one_line() -> None:
    """CloudFormation cuts long answers, so messages are short before the framework adds to them."""
    message = str(FatalError("a\n" * 5000))
    assert len(message.encode()) <= LIMIT < 1000
    assert "\n" not in message


def test_a_long_reason_keeps_the_name_of_the_log_group(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What helps most stands at the end of the reason: the reason is cut before it, and the log has it whole."""
    monkeypatch.setenv("AWS_LAMBDA_LOG_GROUP_NAME", "the-group")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with pytest.raises(FatalError) as failed:
        handler(event("Create", Request="x" * 5000), None)
    assert str(failed.value).endswith("(see log group the-group)")
    assert len(str(failed.value).encode()) <= LIMIT
    assert "failed" in json.loads(capsys.readouterr().out)


def test_each_budget_is_inside_the_next() -> None:
    """One call, one invocation, the handler's deadline, the waiter and CloudFormation's hour nest."""
    assert timeouts.CALL + timeouts.LAG < timeouts.OVERTAKEN < timeouts.IAM_PATIENCE < timeouts.PATIENCE
    assert timeouts.PATIENCE + 5 * timeouts.CALL <= timeouts.INVOCATION <= 900
    assert timeouts.INVOCATION < timeouts.CREATION_DEADLINE < timeouts.HANDLER_DEADLINE
    assert timeouts.HANDLER_DEADLINE + timeouts.INVOCATION <= timeouts.TOTAL_TIMEOUT < timeouts.SERVICE_TIMEOUT <= 3600
    assert timeouts.TOTAL_TIMEOUT % timeouts.QUERY_INTERVAL == 0
