"""Tests of ``cdk-iot-ota status``: what it shows at each moment of a deploy, what it asks, and its exit codes."""

import io
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from cdk_iot_ota_cli import plain, status
from cdk_iot_ota_cli.__main__ import main
from cdk_iot_ota_cli.options import NotFoundError
from cdk_iot_ota_cli.reader import Reader
from cdk_iot_ota_cli.terminal import Screen, bar
from cdk_iot_ota_cli.view import View, view
from cdk_iot_ota_handler.ota_update.contract import names
from cdk_iot_ota_handler.ota_update.errors import RetryableError
from cdk_iot_ota_handler.ota_update.observed import JobProgress
from cdk_iot_ota_handler.ota_update.retry import Clock

from .account import NOW, STACK_ID, Account, alarm, counts, execution, gate
from .moments import (
    BEGAN,
    CANARY,
    EARLY,
    FLEET,
    MOMENTS,
    NEW,
    OLD,
    first_create,
    phases,
    ringing,
    rolled_back,
    second_phase_waits,
    set_status,
    with_status,
)

LINKS = {"TimeoutInMinutes": 360, "Links": 7}
FAILED = '2 failed with "0x23000000: 0x0" (pump-0017, pump-0023); 1 timed out in self test "active" (pump-0044)'
CLOCK = Clock(now=lambda: NOW, sleep=lambda _: None)


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the local time zone, in which times are shown."""
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def reader(account: Account, monkeypatch: pytest.MonkeyPatch, *, devices: bool = False) -> Reader:
    """Return the reader of an account at the moment of the tests."""
    return Reader(account.connect(monkeypatch), "Prod", devices=devices, clock=CLOCK)


def shown(account: Account, monkeypatch: pytest.MonkeyPatch, *, devices: bool = False) -> View:
    """Return the view of one look."""
    return view(reader(account, monkeypatch, devices=devices).look())


def states(found: View) -> dict[str, str]:
    """Return the state of each update by its name."""
    return {one.name: one.state.value for one in found.updates}


def printed(found: View, width: int = 120, **options: Any) -> str:
    """Return what a terminal of this width shows, without trailing spaces."""
    console = Console(width=width, file=io.StringIO(), force_terminal=True, color_system=None, highlight=False)
    with console.capture() as capture:
        console.print(Screen(found, **options))
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_exit_code_of_each_moment(
    moment: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is 0 at rest, 1 after a failure, 2 without anything to ask and 3 while something goes on."""
    make, code = MOMENTS[moment]
    make().connect(monkeypatch)
    monkeypatch.setattr("cdk_iot_ota_handler.ota_update.retry.time.time", lambda: NOW)
    monkeypatch.setattr("cdk_iot_ota_cli.reader.Clock", lambda: CLOCK)
    assert main(["status", "--stack=Prod"]) == code
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("error", ["denied", "invalid", "throttled"])
def test_a_stack_that_cannot_be_read_is_nothing_to_ask(
    error: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stack that does not exist, may not be asked for or does not answer exits with 2 and the words of AWS."""
    account = phases()
    account.refused = {"cloudformation:DescribeStacks": error}
    account.connect(monkeypatch)
    assert main(["status", "--stack=Prod"]) == 2
    assert "stack Prod: " in capsys.readouterr().err


def test_a_stack_without_updates_names_its_nested_stacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the updates are in nested stacks, the error tells which ones to ask."""
    account = Account()
    account.resource("Nested", "CREATE_COMPLETE", "Prod-Nested-1A2B", changed=NOW)
    account.resources[0]["ResourceType"] = "AWS::CloudFormation::Stack"
    with pytest.raises(NotFoundError, match="its nested stacks are Prod-Nested-1A2B"):
        status.shown(reader(account, monkeypatch).look())


def test_a_deploy_at_one_glance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each phase has its state, the update that is live or coming, and the one that waits all that it waits for."""
    account = second_phase_waits()
    text = printed(shown(account, monkeypatch))
    assert text.splitlines() == [
        "Prod  UPDATE_IN_PROGRESS for 14 min",
        "◌ still going on: Rollout/early needs 25 more to succeed by 14:31",
        "",
        "✔ Rollout/canary  gate passed 12 min ago  20 of 20 ok",
        "  live     blinky.bin 1.4.0  Prod_RolloutcanaryA1B2C3D4-aaaaaaaaaaaaaaaa",
        "◌ Rollout/early  gate waits for devices, 11 min of 30 min",
        "  new      blinky.bin 1.4.0  Prod_RolloutearlyE5F6A7B8-bbbbbbbbbbbbbbbb",
        "  before   blinky.bin 1.3.2  Prod_RolloutearlyE5F6A7B8-2222222222222222",
        "  devices  ████████████████████▓▒░░  171 of 200 ok  3 failed (at most 5)  12 in progress  14 queued",
        "  needs    25 more to succeed by 14:31 (in 18 min)",
        "  alarms   ✔ offline-devices OK   ! crash-rate no data",
        f"  failed   {FAILED}",
        "  slowest  pump-0102 for 11 min",
        "• Rollout/fleet  not begun: waits for Rollout/early; the old update is live until then",
        "  live     blinky.bin 1.3.2  Prod_RolloutfleetC9D0E1F2-3333333333333333",
        "",
        "24 calls to AWS",
    ]


@pytest.mark.parametrize("moment", ["a gate waits", "rolled back", "the first create"])
def test_no_line_is_wider_than_the_terminal(moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 60 columns every line fits, and no id is cut."""
    found = shown(MOMENTS[moment][0](), monkeypatch, devices=True)
    text = printed(found, width=60, devices=True)
    assert max(len(line) for line in text.splitlines()) <= 60
    assert all(one.ota_update_id in text for one in found.updates)


def test_a_terminal_without_unicode_gets_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a console that cannot encode the symbols, they are ASCII."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict", write_through=True)
    console = Console(width=100, file=stream, force_terminal=True, color_system=None, highlight=False)
    console.print(Screen(shown(second_phase_waits(), monkeypatch)))
    stream.seek(0)
    assert "####################X=.." in stream.read()


def test_plain_lines_change_with_their_content_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines for a log have times of the day, so that they are the same a minute later."""
    reading = reader(second_phase_waits(), monkeypatch).look()
    lines = plain.lines(view(reading))
    assert lines == plain.lines(view(replace(reading, now=NOW + 60)))
    assert lines[0] == "stack Prod: UPDATE_IN_PROGRESS since 13:59"
    assert "Rollout/early: gate waits for devices; blinky.bin 1.4.0 " + NEW[EARLY] in lines[2]
    assert "25 more must succeed by 14:31; alarms: offline-devices OK, crash-rate no data; failed: 2 failed" in lines[2]


def test_json_has_whole_ids_and_numbers(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON has ids as AWS knows them, counts and times as numbers, and the exit code."""
    second_phase_waits().connect(monkeypatch)
    monkeypatch.setattr("cdk_iot_ota_cli.reader.Clock", lambda: CLOCK)
    assert main(["status", "--stack=Prod", "--output=json"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert (found["exit_code"], found["at_rest"], found["stack"]["id"]) == (3, False, STACK_ID)
    canary, early, fleet = found["updates"]
    assert canary["state"] == "passed"
    assert (early["ota_update_id"], early["replaces"]["ota_update_id"]) == (NEW[EARLY], OLD[EARLY])
    assert early["devices"] == {
        "total": 200, "succeeded": 171, "failed": 2, "rejected": 0, "timed_out": 1, "canceled": 0, "in_progress": 12,
        "queued": 14, "job": "IN_PROGRESS",
    }  # fmt: skip
    assert (early["needed"], early["by"]) == (25, NOW - 700 + 1800)
    assert early["failed_devices"][0] == {
        "thing": "pump-0017",
        "status": "FAILED",
        "details": {"reason": "0x23000000: 0x0"},
    }
    assert (fleet["state"], fleet["ota_update_id"]) == ("not_begun", OLD[FLEET])


def test_the_update_of_a_first_create_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before CloudFormation knows an id, the update is found by the form of its id and by its owner's tags."""
    account = first_create()
    found = shown(account, monkeypatch)
    assert states(found) == {"Blinky": "gate waits for devices", "Buzzer": "not begun"}
    assert found.updates[0].ota_update_id == "Prod_Blinky-" + "a" * 16
    assert found.updates[1].message == "waits for Blinky"


@pytest.mark.parametrize(
    ("ota_update_id", "created", "tags"),
    [
        ("Prod_Blinky-" + "b" * 16, BEGAN, {}),
        ("Prod_Blinky-" + "b" * 16, NOW - 1, {names.STACK_TAG: "arn:another"}),
        ("Prod_Blinky-" + "b" * 16, NOW - 1, {names.RESOURCE_TAG: "Buzzer"}),
        ("Prod-eu_Blinky-" + "b" * 16, NOW - 1, {}),
        ("Prod_Blinky-mine", NOW - 1, {}),
        ("Prod_Blinky2-" + "b" * 16, NOW - 1, {}),
    ],
    ids=["older than the operation", "of another stack", "of another resource", "prefix", "form", "logical id"],
)
def test_no_other_update_is_taken_for_the_new_one(
    ota_update_id: str, created: float, tags: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An update is the new one only if id, time and owner fit."""
    account = first_create()
    account.updates, account.jobs = {}, {}
    account.update(ota_update_id, "Blinky", created=created, job=counts(succeeded=5))
    account.tags[ota_update_id].update(tags)
    found = shown(account, monkeypatch).updates[0]
    assert (found.ota_update_id, found.message) == ("", "there is no new update yet")


def test_an_explicit_id_is_found_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new update with an explicit id is the one with that id, once its tags tell that it is the stack's."""
    account = Account(status="CREATE_IN_PROGRESS", updated=None)
    account.declare("Blinky", IdPrefix=None, OtaUpdateId={"Ref": "Name"}, Gate=gate(MaximumFailures={"Ref": "Most"}))
    account.parameters = {"Name": "mine-1", "Most": "7"}
    account.resource("Blinky", "CREATE_IN_PROGRESS", None, changed=NOW)
    account.update("mine-1", "Blinky", created=NOW - 90, job=counts(succeeded=3, failed=7, queued=9))
    account.executions = {}
    found = shown(account, monkeypatch)
    assert (found.updates[0].ota_update_id, found.updates[0].limits) == ("mine-1", "at most 7")
    assert not account.calls["iot:ListOTAUpdates"]
    account.tags["mine-1"] = {names.STACK_TAG: "arn:another", names.RESOURCE_TAG: "Blinky"}
    assert not shown(account, monkeypatch).updates[0].ota_update_id


def test_a_gate_that_is_not_in_the_template_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a gate with a value that only CloudFormation knows, the counts are shown and why there is no more."""
    account = first_create()
    account.template["Resources"]["Blinky"]["Properties"]["Gate"]["MaximumFailures"] = {"Fn::ImportValue": "Most"}
    found = shown(account, monkeypatch).updates[0]
    assert found.state.value == "gate waits for devices"
    assert "its gate cannot be read from the template: Gate: MaximumFailures must be a number" in found.message
    assert found.counts is not None


def test_the_reason_of_a_rollback_comes_from_the_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a rollback the first failure of that operation is told, without the words around the handler's reason."""
    found = shown(rolled_back(), monkeypatch)
    assert found.headline.startswith(
        "failed: Rollout/early: the gate has failed: 6 failures, and at most 5 are allowed"
    )
    assert states(found) == {"Rollout/canary": "gate passed", "Rollout/early": "failed", "Rollout/fleet": "deployed"}
    assert found.updates[1].message == "its new update was removed, and this one stays live"


def test_devices_of_an_update_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """An update that AWS IoT does not have is told, although the stack is at rest."""
    account = phases()
    del account.updates[OLD[EARLY]]
    found = shown(account, monkeypatch)
    assert found.headline == "at rest, but AWS IoT does not have the update of Rollout/early"
    assert found.mood.value == 0


def test_an_alarm_with_partial_data_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """An alarm that is OK, but lacks data, is shown with the words of CloudWatch."""
    account = second_phase_waits()
    account.alarms[0]["EvaluationState"] = "PARTIAL_DATA"
    assert "! offline-devices OK (PARTIAL_DATA)" in printed(shown(account, monkeypatch))


def test_an_alarm_that_does_not_exist_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """An alarm that CloudWatch does not have is named as such."""
    account = second_phase_waits()
    account.alarms = []
    assert [one.state for one in shown(account, monkeypatch).updates[1].alarms] == ["MISSING", "MISSING"]


def test_the_bake_time_is_shown_with_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a tag keeps that the counts have passed, the end of the bake time is known."""
    account = second_phase_waits(proven=f"since={NOW - 60:.0f} succeeded=200 failed=0")
    account.template["Resources"][EARLY]["Properties"]["Gate"]["BakeTimeInMinutes"] = 10
    found = shown(account, monkeypatch)
    assert (found.updates[1].state.value, found.updates[1].until) == ("bake time", NOW - 60 + 600)
    assert "bake     until 14:22 (in 9 min)" in printed(found)
    assert found.headline == "still going on: Rollout/early is in its bake time until 14:22"


def test_an_alarm_that_rang_before_does_not_count_with_only_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """With ONLY_NEW an alarm fails the gate only if it began to ring after the creation of the update."""
    account = ringing()
    account.template["Resources"][EARLY]["Properties"]["Gate"]["AlarmAtStart"] = "ONLY_NEW"
    assert states(shown(account, monkeypatch))["Rollout/early"] == "gate waits for devices"
    account.alarms[0] = alarm("offline-devices", "ALARM", since=NOW - 5)
    assert states(shown(account, monkeypatch))["Rollout/early"] == "failed"


LEFT_OUT = {
    "cloudformation:ListStackResources": "its resources",
    "cloudformation:GetTemplate": "the order of updates, and their gates",
    "iot:ListOTAUpdates": "new updates",
    "iot:GetOTAUpdate": "updates",
    "iot:ListTagsForResource": "what gates have kept in tags",
    "iot:DescribeJob": "the counts of devices",
    "iot:ListJobExecutionsForJob": "which devices",
    "iot:DescribeJobExecution": "what they reported",
    "cloudwatch:DescribeAlarms": "alarms",
}


@pytest.mark.parametrize("action", LEFT_OUT)
def test_what_may_not_be_asked_is_left_out_with_a_word(action: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a permission the rest is shown, with what is missing and the action that would allow it."""
    account = second_phase_waits()
    account.refused = {action: "denied"}
    found = shown(account, monkeypatch)
    assert f"{LEFT_OUT[action]}: not allowed to ask ({action})" in found.left_out
    assert found.mood.value == 3
    assert action in printed(found)


def test_the_events_may_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without cloudformation:DescribeStackEvents the reason is the one of the stack."""
    account = rolled_back()
    account.refused = {"cloudformation:DescribeStackEvents": "denied"}
    found = shown(account, monkeypatch)
    assert found.headline == f"failed: {account.reason.strip()}"
    assert found.left_out == ("why it has failed: not allowed to ask (cloudformation:DescribeStackEvents)",)


def test_a_call_that_is_throttled_is_left_out_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A question without an answer does not prevent the others."""
    account = second_phase_waits()
    account.refused = {"iot:DescribeJob": "throttled"}
    assert "the counts of devices: no answer (job " in shown(account, monkeypatch).left_out[0]


def many_phases(number: int = 20, devices: int = 500) -> Account:
    """Return a deploy of so many phases, of which the second waits for its devices."""
    account = Account(status="UPDATE_IN_PROGRESS", updated=BEGAN)
    before: list[str] = []
    for index in range(number):
        name = f"Phase{index}"
        account.declare(name, *before, Gate=gate(AlarmNames=["offline"]))
        before = [name]
        old = f"Prod_{name}-{index:016x}"
        changed = NOW - 700 if index == 0 else NOW - 86_400
        account.update(old, name, created=changed, job=counts("COMPLETED", succeeded=devices), deployed="true")
        account.resource(name, "UPDATE_IN_PROGRESS" if index == 1 else "UPDATE_COMPLETE", old, changed=changed)
    job = counts(succeeded=devices - 60, in_progress=20, queued=40)
    account.update("Prod_Phase1-" + "f" * 16, "Phase1", created=NOW - 600, job=job)
    account.executions = {"IN_PROGRESS": [execution(f"pump-{index}", began=NOW - index) for index in range(20)]}
    account.alarms = [alarm("offline", "OK")]
    return account


def test_a_look_at_twenty_phases_is_few_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """20 phases over 10,000 devices are 70 calls in the first look, and seven in each that follows."""
    account = many_phases()
    looks = reader(account, monkeypatch)
    first, second = view(looks.look()), view(looks.look())
    assert dict(first.calls) == {
        "cloudformation:DescribeStacks": 1,
        "cloudformation:ListStackResources": 1,
        "cloudformation:GetTemplate": 1,
        "iot:ListOTAUpdates": 1,
        "iot:GetOTAUpdate": 21,
        "iot:ListTagsForResource": 22,
        "iot:DescribeJob": 21,
        "iot:ListJobExecutionsForJob": 1,
        "cloudwatch:DescribeAlarms": 1,
    }
    assert dict(second.calls) == {
        "cloudformation:DescribeStacks": 1,
        "cloudformation:ListStackResources": 1,
        "iot:GetOTAUpdate": 1,
        "iot:ListTagsForResource": 1,
        "iot:DescribeJob": 1,
        "iot:ListJobExecutionsForJob": 1,
        "cloudwatch:DescribeAlarms": 1,
    }
    assert sum(account.calls.values()) == 70 + 7
    assert second.updates == first.updates


def test_failed_devices_are_asked_for_when_there_are_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the number of failures stays the same, no device is asked again; ten are asked at most."""
    account = second_phase_waits()
    account.executions["FAILED"] = [execution(f"pump-{index}", began=NOW) for index in range(250)]
    looks = reader(account, monkeypatch)
    assert view(looks.look()).calls["iot:DescribeJobExecution"] == 10
    assert "iot:DescribeJobExecution" not in view(looks.look()).calls
    account.jobs[names.job_id(NEW[EARLY])] = counts(succeeded=171, failed=3, timed_out=1, in_progress=12, queued=13)
    assert view(looks.look()).calls["iot:DescribeJobExecution"] == 10


@pytest.mark.parametrize(("calls", "seconds"), [([], 10), ([1, 1, 2], 10), ([1, 21, 22], 22)])
def test_a_watch_calls_no_api_more_than_once_a_second(calls: list[int], seconds: float) -> None:
    """The pause after a look has a second for each call of the action that was called most, and ten at least."""
    assert status.pause(calls) == seconds


def watch(*moments: Account | Exception, monkeypatch: pytest.MonkeyPatch) -> tuple[list[View], list[float], list[str]]:
    """Return the views of a watch at these moments, its pauses and its warnings."""
    left = list(moments)
    pauses: list[float] = []
    warnings: list[str] = []

    def look() -> Any:
        moment = left.pop(0)
        if isinstance(moment, Exception):
            raise moment
        return reader(moment, monkeypatch).look()

    return list(status.looks(look, sleep=pauses.append, warn=warnings.append)), pauses, warnings


def test_a_watch_ends_when_the_stack_is_at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A watch goes on after a failed gate and through errors, until the rollback is over, and has its exit code."""
    rolls_back = with_status(rolled_back, "UPDATE_ROLLBACK_IN_PROGRESS")
    moments = (second_phase_waits(), RetryableError("throttled"), rolls_back, rolled_back())
    views, pauses, warnings = watch(*moments, monkeypatch=monkeypatch)
    assert [one.mood.value for one in views] == [3, 1, 1]
    assert len(pauses) == 3
    assert warnings == ["no answer, asking again: throttled"]
    with pytest.raises(NotFoundError, match="throttled"):
        watch(RetryableError("throttled"), monkeypatch=monkeypatch)


def test_a_watch_without_a_terminal_prints_what_changes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each line is printed once, and again when it changes; the exit code is that of the last look."""
    account = second_phase_waits()
    account.connect(monkeypatch)
    monkeypatch.setattr("cdk_iot_ota_cli.reader.Clock", lambda: CLOCK)
    begun: list[float] = []

    def sleep(seconds: float) -> None:
        begun.append(seconds)
        if len(begun) == 2:
            account.status = "UPDATE_COMPLETE"
            set_status(account, EARLY, "UPDATE_COMPLETE", NEW[EARLY], changed=NOW)

    monkeypatch.setattr("time.sleep", sleep)
    assert main(["status", "--stack=Prod", "--watch"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if "Rollout/canary: gate passed" in line]) == 1
    assert len([line for line in lines if "stack Prod: " in line]) == 2
    assert lines[-1].endswith("at rest: the deploy is over, and 26 devices may still update")


def in_terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Let the command print to a terminal of 100 columns and 12 lines, and return what it gets."""
    stream = io.StringIO()
    console = Console(width=100, height=12, file=stream, force_terminal=True, color_system=None, highlight=False)
    monkeypatch.setattr(status, "_console", lambda: console)
    monkeypatch.setattr("cdk_iot_ota_cli.reader.Clock", lambda: CLOCK)
    return stream


def test_a_terminal_gets_the_whole_view(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a terminal the command prints the view, and no control sequences besides its styles."""
    second_phase_waits().connect(monkeypatch)
    stream = in_terminal(monkeypatch)
    assert main(["status", "--stack=Prod"]) == 3
    assert "◌ still going on: Rollout/early needs 25 more to succeed by 14:31" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_a_watch_in_a_terminal_fits_into_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A watch redraws one view, whose beginning with the answer fits, and shows the cursor again at its end."""
    account = second_phase_waits()
    account.connect(monkeypatch)
    stream = in_terminal(monkeypatch)

    def finish(_: float) -> None:
        account.status = "UPDATE_COMPLETE"
        set_status(account, EARLY, "UPDATE_COMPLETE", NEW[EARLY], changed=NOW)

    monkeypatch.setattr("time.sleep", finish)
    assert main(["status", "--stack=Prod", "--watch"]) == 0
    first, _, last = stream.getvalue().partition("at rest: ")
    assert "still going on: Rollout/early needs 25 more" in first
    assert NEW[CANARY] not in stream.getvalue()
    assert last.endswith("\x1b[?25h")


def test_an_interrupted_watch_is_clean(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C ends a watch with 130, without a traceback."""
    second_phase_waits().connect(monkeypatch)

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupt)
    assert main(["status", "--stack=Prod", "--watch"]) == 130
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "progress",
    [
        {"succeeded": 10_000, "failed": 1},
        {"succeeded": 1, "failed": 1, "in_progress": 1, "queued": 1},
        {"succeeded": 1, "queued": 10_000},
        {"queued": 1},
        {"succeeded": 5, "failed": 9_990, "in_progress": 3, "queued": 2},
    ],
)
def test_a_bar_has_a_cell_for_whatever_is_not_zero(progress: dict[str, Any]) -> None:
    """The bar always has the same length, and no device is lost in it."""
    text = bar(JobProgress(status="IN_PROGRESS", **progress)).plain
    assert len(text) == 24
    assert len(set(text)) == len(progress)


def test_devices_of_live_updates_are_named_with_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """With --devices, the devices of updates that are live are named too."""
    account = phases()
    account.jobs[names.job_id(OLD[CANARY])] = counts("COMPLETED", succeeded=19, failed=1)
    account.executions = {"FAILED": [execution("pump-1", began=NOW)]}
    account.details = {"pump-1": {"reason": "0x1", "stdout": "line\x1b[31m"}}
    assert "iot:ListJobExecutionsForJob" not in shown(account, monkeypatch).calls
    text = printed(shown(account, monkeypatch, devices=True), devices=True)
    assert 'failed   1 failed with "0x1" (pump-1)' in text
    assert "failed   pump-1  reason=0x1  stdout=line [31m" in text


def test_a_job_that_was_canceled_at_rest_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comment of a job that was stopped after the deploy is shown with its update."""
    account = phases()
    account.jobs[names.job_id(OLD[FLEET])] = {**counts("CANCELED", succeeded=1), "comment": "heaters turn off"}
    assert shown(account, monkeypatch).updates[2].message == "its job is canceled, heaters turn off"


def test_a_stack_is_asked_by_its_id_after_the_first_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack that is deleted during a watch is known as such by its id, and ends the watch with a word."""
    account = with_status(phases, "DELETE_IN_PROGRESS")
    looks = reader(account, monkeypatch)
    looks.look()
    assert looks._name == STACK_ID
    account.status = "DELETE_COMPLETE"
    with pytest.raises(NotFoundError, match="stack Prod is deleted"):
        status.shown(looks.look())


def test_an_update_under_a_condition_is_not_taken_for_one_to_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """At rest, an update of the template that the stack does not have has not begun either."""
    account = phases()
    account.declare("Conditional")
    assert states(shown(account, monkeypatch))["Conditional"] == "unknown"


def test_many_alarms_are_asked_for_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """DescribeAlarms answers with 50 alarms at once."""
    account = Account(alarms=[alarm(f"a{index}", "OK") for index in range(250)])
    assert len(account.connect(monkeypatch).alarms(f"a{index}" for index in range(250))) == 250
    assert account.calls["cloudwatch:DescribeAlarms"] == 5


def test_the_live_update_is_not_shown_as_the_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the deploy has created the new update, the old one is shown as live, without its devices."""
    account = second_phase_waits()
    del account.updates[NEW[EARLY]]
    text = printed(shown(account, monkeypatch))
    assert "◌ Rollout/early  being created: there is no new update yet, and the old one is live" in text
    assert f"  live     blinky.bin 1.3.2  {OLD[EARLY]}" in text
    assert "devices" not in text


def test_words_of_others_are_one_printable_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reason that quotes others cannot control the terminal."""
    account = rolled_back()
    account.events[3]["ResourceStatusReason"] = "Error: line\n\x1b[31mred\n    at handler (/var/task/index.js:1)"
    assert shown(account, monkeypatch).headline == "failed: Rollout/early: line [31mred"


def test_a_gate_that_links_watch_still_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """After 45 minutes the update is complete, and its gate is shown as one that waits, until the last time of it."""
    account = phases("UPDATE_IN_PROGRESS")
    account.template["Resources"][CANARY]["Properties"]["Gate"] = gate(**LINKS)
    job = counts(succeeded=12, in_progress=3, queued=5)
    account.update(NEW[CANARY], CANARY, created=BEGAN, job=job, deployed="waiting operation=1")
    set_status(account, CANARY, "UPDATE_COMPLETE", NEW[CANARY], changed=NOW - 30)
    (canary, *_) = view(reader(account, monkeypatch).look()).updates
    assert (canary.state.value, canary.needed) == ("gate waits for devices", 8)
    assert canary.by == BEGAN + 360 * 60
