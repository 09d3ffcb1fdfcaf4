"""The entry point as Lambda calls it, the log, and the timeouts."""

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

from ..fakes.ota_service import Behaviour, FakeOtaService
from .scenarios import event, run

HANDLER = Path(cdk_iot_ota_handler.__file__).parent
# Keys that make an event one of is_complete's.
POLL = {"PhysicalResourceId": "x", "StartedAt": 1_000_000.0, "KeepsId": False}


def test_lambda_imports_the_handler_from_the_asset_folder() -> None:
    """The handler can be imported from its folder alone, without this project, with nothing but the SDK."""
    script = f"import sys; sys.path.insert(0, {str(HANDLER)!r}); from ota_update.index import handler; print(handler)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd="/")
    assert "function handler" in done.stdout


def test_only_the_edge_imports_the_sdk() -> None:
    """Only service.py makes clients, by botocore: boto3 adds a tenth to a cold start, and nothing that is used here."""

    def users(package: str) -> set[str]:
        pattern = rf"^(import|from) {package}\b"
        return {path.name for path in HANDLER.rglob("*.py") if re.search(pattern, path.read_text(), re.M)}

    assert users("boto3") == set()
    assert users("botocore.session") == {"service.py"}
    assert users("botocore") == {"aws_errors.py", "request.py", "service.py"}


def test_every_decision_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Each decision is logged with what was observed, the action and its reason, and without secrets."""
    run(
        FakeOtaService(behaviour=Behaviour(settle=0.5)),
        {**event("Create", content="line\nbreak"), "ResponseURL": "https://secret"},
    )
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["decision"] for line in lines] == ["create", "wait", "mark as deployed"]
    assert all({"event", "stack", "resource", "otaUpdateId", "observed", "reason"} <= set(line) for line in lines)
    assert "secret" not in json.dumps(lines)


SECRETS = ("https://cloudformation/answer?signature", "a declared property")
FAKE = '{"event": "Delete", "decision": "forged"}'


def secretive() -> dict[str, Any]:
    """Return an event with texts that must not be logged."""
    return {**event("Create", content=SECRETS[1]), "ResponseURL": SECRETS[0]}


def failure(service: FakeOtaService, sent: Any) -> str:
    """Return the traceback with which a call, or one of three polls after it, fails; empty if they succeed."""
    try:
        answer = serve(sent, service.connect, service.clock())
        for _ in range(3):
            serve({**sent, **answer}, service.connect, service.clock())
    except FatalError as error:
        # Lambda prints and returns this.
        return "".join(traceback.format_exception(error))
    return ""


def caused(text: str) -> Exception:
    """Return an error that quotes a text, and whose cause quotes it too."""
    error = RuntimeError(text)
    error.__cause__ = KeyError(text)
    return error


@pytest.mark.parametrize("make", [RuntimeError, KeyError, caused])
def test_an_unexpected_error_is_reported_without_its_message(
    make: Callable[[str], Exception], capsys: pytest.CaptureFixture[str]
) -> None:
    """A message that may quote the event is neither logged nor returned; the log has the place of the error."""
    reason = failure(FakeOtaService(errors={"GetOTAUpdate": [make(json.dumps(secretive()))]}), {**secretive(), **POLL})
    assert "please report it" in reason
    printed = "".join(capsys.readouterr())
    bug, failed = (json.loads(line) for line in printed.splitlines())
    assert "is_complete.py" in bug["traceback"]
    assert bug["traceback"].endswith("Error")
    assert failed["failed"].startswith("unexpected ")
    assert not any(secret in text for secret in SECRETS for text in (printed, reason))


@pytest.mark.parametrize("sent", [None, [], "StartedAt", 7, {}, {"StartedAt": 7}])
def test_json_that_is_not_an_event_is_refused(sent: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The function fails with the first missing key, whatever JSON it is called with, before any call."""
    service = FakeOtaService()
    assert "RequestType must be Create or Update or Delete, got ''" in failure(service, sent)
    assert service.calls == []
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x0b", "\x85", "\u2028", "\u2029", "\x1b[2K\x1b[31m", "\0"])
def test_no_text_forges_a_line_of_the_log(end: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Line breaks in ids, properties and the service's messages never start a new line of the log or of a reason."""
    evil = f"x{end}{FAKE}{end}"
    services = [FakeOtaService(behaviour=Behaviour(creations=[("CREATE_FAILED", evil)]))]
    services += [
        FakeOtaService(errors={operation: [kind(evil)] * 99})
        for operation in ("GetOTAUpdate", "CreateOTAUpdate")
        for kind in (RetryableError, FatalError)
    ]
    services += [FakeOtaService(errors={"GetOTAUpdate": [RuntimeError(evil)]})]
    events: list[Any] = [{**event("Create"), **POLL}, {**event("Delete", physical_id="x"), **POLL, "TargetId": "x"}]
    reasons = [failure(service, sent) for service in services for sent in events]
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
    reasons += [failure(FakeOtaService(), sent) for sent in forged]
    lines = "".join(capsys.readouterr()).splitlines()
    assert len(lines) > len(forged)
    assert all(line.isprintable() and json.loads(line).get("decision") != "forged" for line in lines)
    assert all(text.isprintable() for reason in reasons for text in reason.split("\n"))
    assert not any(text.startswith(FAKE) for reason in reasons for text in reason.split("\n"))


def test_a_line_of_the_log_is_too_short_to_be_split(capsys: pytest.CaptureFixture[str]) -> None:
    """A line stays under 256 KiB, where CloudWatch Logs would split it and the rest could forge another line."""
    failure(FakeOtaService(), {**event("Create", stack_id="x" * 300_000), "RequestId": ["x" * 300_000]})
    (line,) = capsys.readouterr().out.splitlines()
    assert len(line) < 100_000


def test_only_the_log_prints() -> None:
    """Only log.py prints, so that every line of the log is JSON."""
    prints = re.compile(r"\bprint\w*\(|\blogging\b|sys\.std|\bwarnings\b")
    assert {path.name for path in HANDLER.rglob("*.py") if prints.search(path.read_text())} == {"log.py"}


def test_errors_are_short_and_on_one_line() -> None:
    """An error is one line of limited length, because the framework adds to it and CloudFormation cuts the result."""
    message = str(FatalError("a\n" * 5000))
    assert len(message.encode()) <= LIMIT < 1000
    assert "\n" not in message


def test_a_long_reason_keeps_the_name_of_the_log_group(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A long reason is cut before the name of the log group at its end, and the log has it as a whole."""
    monkeypatch.setenv("AWS_LAMBDA_LOG_GROUP_NAME", "the-group")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with pytest.raises(FatalError) as failed:
        handler(event("Create", Request="x" * 5000), None)
    assert str(failed.value).endswith("(see log group the-group)")
    assert len(str(failed.value).encode()) <= LIMIT
    assert "failed" in json.loads(capsys.readouterr().out)


def test_each_timeout_is_inside_the_next() -> None:
    """The timeouts of a call, an invocation, the handler, the waiter and CloudFormation nest."""
    assert timeouts.CALL + timeouts.LAG < timeouts.OVERTAKEN < timeouts.IAM_PATIENCE < timeouts.PATIENCE
    assert timeouts.PATIENCE + 5 * timeouts.CALL <= timeouts.INVOCATION <= 900
    assert timeouts.GATED_CREATION + timeouts.SETTLE_PATIENCE < timeouts.PATIENCE < timeouts.CREATION_PATIENCE
    assert timeouts.CREATION_PATIENCE + 4 * timeouts.CALL <= timeouts.INVOCATION
    assert timeouts.INVOCATION < timeouts.CREATION_DEADLINE < timeouts.HANDLER_DEADLINE
    assert timeouts.HANDLER_DEADLINE + timeouts.INVOCATION <= timeouts.TOTAL_TIMEOUT < timeouts.SERVICE_TIMEOUT <= 3600
    assert timeouts.TOTAL_TIMEOUT % timeouts.QUERY_INTERVAL == 0
