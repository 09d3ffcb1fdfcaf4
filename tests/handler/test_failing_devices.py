"""The devices that a gate has failed because of: which are looked up, when, and how they are told."""

import json
from dataclasses import replace
from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update.contract import names, timeouts
from cdk_iot_ota_handler.ota_update.decide.devices import statuses_to_list, summary
from cdk_iot_ota_handler.ota_update.errors import LIMIT, AccessDeniedError, FatalError, RetryableError
from cdk_iot_ota_handler.ota_update.observed import Execution, JobProgress

from ..fakes.ota_service import FakeOtaService, Fault
from .polls import poll
from .scenarios import DELETE, GATE, event, id_of, put_update, run, with_update

STARTED = JobProgress(status="IN_PROGRESS", queued=4)
FAILED = JobProgress(status="IN_PROGRESS", succeeded=1, failed=2, timed_out=1, queued=4)
CODE, TEST = {"reason": "0x23000000: 0x0"}, {"self_test": "active", "updatedBy": "0x1000000"}
DEVICES = [
    Execution(thing="pump-44", status="TIMED_OUT", details=TEST),
    Execution(thing="pump-17", status="FAILED", details=CODE),
    Execution(thing="pump-23", status="FAILED", details=CODE),
    Execution(thing="pump-1", status="SUCCEEDED", details={}),
    *(Execution(thing=f"off-{number}", status="CANCELED", has_started=False) for number in range(4)),
]
TOLD = '2 failed with "0x23000000: 0x0" (pump-17, pump-23); 1 timed out in self test "active" (pump-44)'
GATED = event("Create", Gate=GATE)
LENIENT = event("Create", Gate={**GATE, "SuccessPercentage": "10", "MaximumFailures": "9"})


def told(*executions: Execution, room: int = 500) -> str:
    """Return what a reason says about these devices."""
    return summary(executions, room=room)


def failed(thing: str, **details: str) -> Execution:
    """Return a device that has failed with these details."""
    return Execution(thing=thing, status="FAILED", details=details)


def failing(*progress: JobProgress) -> FakeOtaService:
    """Return a service in which the job has this progress, with devices that have failed."""
    return FakeOtaService(progress=list(progress or (STARTED, FAILED)), executions=list(DEVICES))


def logged(output: str) -> list[dict[str, Any]]:
    """Return the lines of the log that are about a device."""
    return [line for line in map(json.loads, output.splitlines()) if "device" in line]


def test_devices_are_grouped_by_what_they_reported() -> None:
    """Devices with the same words are one group with two names, and the most frequent words come first."""
    found = told(failed("a", reason="x"), failed("b", reason="y"), failed("c", reason="y"), failed("d", reason="y"))
    assert found == '3 failed with "y" (b, c, …); 1 failed with "x" (a)'


@pytest.mark.parametrize(
    ("execution", "text"),
    [
        (failed("a", reason="r", failureReason="f"), '1 failed with "r" (a)'),
        (failed("a", failureReason="f", error="e"), '1 failed with "f" (a)'),
        (failed("a", error="e", message="m"), '1 failed with "e" (a)'),
        (failed("a", message="m", self_test="active"), '1 failed with "m" (a)'),
        (failed("a", self_test="ready"), '1 failed in self test "ready" (a)'),
        (failed("a", stdout="1"), "1 failed without a reason (a)"),
        (failed("a", reason=" \n"), "1 failed without a reason (a)"),
        (Execution(thing="a", status="FAILED"), "1 failed (a)"),
        (Execution(thing="a", status="REJECTED", details={}), "1 rejected it without a reason (a)"),
        (Execution(thing="a", status="TIMED_OUT"), "1 timed out (a)"),
        (
            Execution(thing="a", status="IN_PROGRESS", details={"self_test": "ready"}),
            '1 did not end in self test "ready" (a)',
        ),
        (Execution(thing="a", status="CANCELED", has_started=False), "1 never started, offline? (a)"),
        (Execution(thing="a", status="CANCELED"), "1 were canceled (a)"),
    ],
)
def test_a_device_is_told_by_its_status_and_its_words(execution: Execution, text: str) -> None:
    """The first of the details that agents have reasons in is quoted, else the state of the self test."""
    assert told(execution) == text


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ('a"b\\', '"a\\"b\\\\"'),
        ("line\nforged\x1b[31m\u202ereversed", '"line forged [31m reversed"'),
        ("x" * 60, f'"{"x" * 60}"'),
        ("x" * 61, f'"{"x" * 59}…"'),
        ("zu groß", '"zu groß"'),
    ],
)
def test_the_text_of_a_device_is_quoted(text: str, quoted: str) -> None:
    """The text of a device is printable, at most 60 characters long, and in JSON."""
    assert told(failed("a", reason=text)) == f"1 failed with {quoted} (a)"


def test_groups_that_do_not_fit_are_left_out_whole() -> None:
    """The most frequent groups are told, and that there are more; without room for one nothing is."""
    found = [failed("a", reason="x"), failed("b", reason="x"), failed("c", reason="z" * 60)]
    shown = '2 failed with "x" (a, b); more in the log'
    assert told(*found, room=50) == shown
    assert told(*found, room=len(shown)) == shown
    assert told(*found, room=20) == ""
    assert told() == ""


def test_devices_that_were_not_asked_come_last() -> None:
    """Devices without an answer are told as more of those with one, however many they are."""
    silent = [Execution(thing=f"off-{number}", status="CANCELED", has_started=False) for number in range(2)]
    more = [Execution(thing=f"d{number}", status="FAILED") for number in range(240)]
    found = told(*more, failed("a", reason="x"), *silent)
    unknown = "240 more failed, not asked (d0, d1, …)"
    assert found == f'2 never started, offline? (off-0, off-1); 1 failed with "x" (a); {unknown}'


def test_devices_that_never_started_are_not_more_of_those_that_did() -> None:
    """A canceled device that had not started is told as such, also beside one that had."""
    found = told(
        Execution(thing="off", status="CANCELED", has_started=False),
        Execution(thing="a", status="CANCELED", details={}),
    )
    assert found == "1 never started, offline? (off); 1 were canceled without a reason (a)"


WAITING = JobProgress(status="IN_PROGRESS", rejected=1, canceled=1, in_progress=1, queued=1)


@pytest.mark.parametrize(
    ("progress", "timed_out", "is_canceled", "statuses"),
    [
        (FAILED, False, True, ["FAILED", "TIMED_OUT"]),
        (WAITING, False, True, ["REJECTED"]),
        (WAITING, True, True, ["REJECTED", "CANCELED", "IN_PROGRESS", "QUEUED"]),
        (WAITING, False, False, ["REJECTED", "CANCELED"]),
        (WAITING, True, False, ["REJECTED", "CANCELED", "IN_PROGRESS", "QUEUED"]),
        (None, False, True, ["FAILED", "REJECTED", "TIMED_OUT"]),
        (None, True, True, ["FAILED", "REJECTED", "TIMED_OUT", "QUEUED", "CANCELED", "IN_PROGRESS"]),
    ],
)
def test_only_the_devices_that_are_to_blame_are_listed(
    progress: JobProgress | None, statuses: list[str], *, timed_out: bool, is_canceled: bool
) -> None:
    """Devices that have not ended are listed if the gate has waited for them, and all failures without counts."""
    found = statuses_to_list(progress, timed_out=timed_out, is_canceled=is_canceled)
    assert sorted(found) == sorted(statuses)


def test_the_failure_of_a_gate_names_the_devices() -> None:
    """The reason has the devices after the counts, by their words; the comment of the job and the tag do not."""
    service = failing()
    assert run(service, GATED).reason.endswith(f"4 queued): {TOLD}")
    assert "pump" not in service.updates[id_of("one")].canceled


def test_the_devices_are_looked_up_after_the_cancellation_and_before_the_deletion() -> None:
    """CancelJob comes first, so that no more devices take the firmware, and the deletion last: it ends the job."""
    service = failing()
    run(service, GATED)
    calls = service.calls[service.calls.index("CancelJob") :]
    assert calls == [
        "CancelJob",
        "ListJobExecutionsForJob FAILED",
        "ListJobExecutionsForJob TIMED_OUT",
        *["DescribeJobExecution"] * 3,
        DELETE,
    ]


def test_each_device_is_a_line_of_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    """The log has a line with the status and the details of each device, in JSON within JSON."""
    run(failing(), GATED)
    lines = logged(capsys.readouterr().out)
    assert [(line["device"], line["status"]) for line in lines] == [
        ("pump-17", "FAILED"),
        ("pump-44", "TIMED_OUT"),
        ("pump-23", "FAILED"),
    ]
    assert json.loads(lines[1]["details"]) == TEST
    assert {line["otaUpdateId"] for line in lines} == {id_of("one")}


def test_a_large_fleet_is_asked_few_questions(capsys: pytest.CaptureFixture[str]) -> None:
    """Of 400 devices 250 are logged, and ten of them asked for what they reported."""
    many = JobProgress(status="IN_PROGRESS", failed=300, rejected=100)
    service = failing(many)
    service.executions = [
        Execution(thing=f"{status}-{number}", status=status, details=CODE)
        for status, count in (("FAILED", 300), ("REJECTED", 100))
        for number in range(count)
    ]
    run(service, GATED)
    assert service.calls.count("DescribeJobExecution") == 10
    lines = logged(capsys.readouterr().out)
    assert (len(lines), sum(line["details"] is not None for line in lines)) == (250, 10)


def test_devices_that_never_started_are_named_when_the_gate_times_out() -> None:
    """A gate that times out names the devices that it has waited for: those that are silent, and those that are off."""
    waiting = JobProgress(status="IN_PROGRESS", succeeded=1, in_progress=1, queued=4)
    service = failing(waiting)
    service.executions.append(Execution(thing="slow-1", status="IN_PROGRESS", details={"receive": "1/40"}))
    reason = run(service, GATED).reason
    assert "timed out after 18" in reason
    told = "4 never started, offline? (off-0, off-1, …); 1 did not end without a reason (slow-1)"
    assert reason.endswith(f"4 queued): {told}")


def test_only_devices_that_may_answer_are_asked() -> None:
    """Devices that are off take none of the ten questions, and those that failed without a start are asked."""
    service = failing(JobProgress(status="IN_PROGRESS", failed=12, queued=12))
    service.executions = [
        Execution(thing=f"{status}-{number}", status=status, has_started=False, details=CODE)
        for status in ("FAILED", "QUEUED", "CANCELED")
        for number in range(12)
    ]
    lenient = event("Create", Gate={**GATE, "MaximumFailures": "99", "SuccessPercentage": "50"})
    assert '10 failed with "0x23000000: 0x0" (FAILED-0, FAILED-1, …); 2 more failed' in run(service, lenient).reason
    assert service.calls.count("DescribeJobExecution") == 10


def test_a_device_that_moves_between_the_lists_is_told_once() -> None:
    """A device that is canceled between two calls is in both lists, and one device all the same."""
    service = failing(JobProgress(status="IN_PROGRESS", succeeded=1, queued=1))
    service.executions = [Execution(thing="off", status=status, has_started=False) for status in ("QUEUED", "CANCELED")]
    assert run(service, GATED).reason.endswith("queued): 1 never started, offline? (off)")


def test_the_canceled_devices_of_a_job_that_had_ended_are_named() -> None:
    """Devices that were canceled by hand count as failures, and so are named."""
    service = failing(JobProgress(status="COMPLETED", succeeded=2, canceled=1))
    service.executions = [Execution(thing="pump-9", status="CANCELED", details={})]
    assert run(service, GATED).reason.endswith("1 were canceled without a reason (pump-9)")


@pytest.mark.parametrize(
    ("operation", "end"),
    [
        ("ListJobExecutionsForJob", "4 queued) (which devices: not allowed to ask)"),
        (
            "DescribeJobExecution",
            "4 queued): 2 failed (pump-17, pump-23); 1 timed out (pump-44) (what they reported: not allowed to ask)",
        ),
    ],
)
def test_a_gate_that_may_not_ask_says_so(operation: str, end: str) -> None:
    """Without a permission the reason says what is missing, and nothing waits for it."""
    service = failing()
    begun = service.time.now
    service.errors = {operation: [AccessDeniedError("not authorized")] * 99}
    assert run(service, GATED).reason.endswith(end)
    assert service.calls.count(operation) + service.calls.count(f"{operation} FAILED") == 1
    assert service.writes() == ["CreateOTAUpdate", "CancelJob", DELETE]
    assert service.time.now - begun < timeouts.GATED_CREATION + 5


@pytest.mark.parametrize("operation", ["ListJobExecutionsForJob", "DescribeJobExecution", None])
@pytest.mark.parametrize("kind", ["throttled", "error", "cut before", "slow"])
def test_questions_are_in_the_way_of_nothing(operation: str | None, kind: str) -> None:
    """Whatever becomes of the questions, the job is canceled at once, and the update deleted within 20 seconds."""
    service = failing(JobProgress(status="IN_PROGRESS", failed=1))
    put_update(service, deployed=False, age=5)
    asked = ("ListJobExecutionsForJob", "DescribeJobExecution") if operation is None else (operation,)
    service.inject([Fault(kind=kind, operation=name, lasts=9999) for name in asked])
    changes = dict[str, float]()
    for seconds in range(40):
        service.time.spawn(
            lambda: changes.update({call: changes.get(call, service.time.now) for call in service.writes()}), seconds
        )
    begun = service.time.now
    with pytest.raises(FatalError, match="the gate has failed: 1 failure"):
        poll(service, GATED, waited=5)
    assert changes["CancelJob"] - begun <= 1
    assert changes[DELETE] - changes["CancelJob"] <= timeouts.EVIDENCE + 1


def test_an_invocation_without_time_asks_nothing() -> None:
    """The deletion has what is left of an invocation."""
    service = with_update(deployed=False, age=400)
    service.progress, service.executions = [FAILED], list(DEVICES)
    service.inject([Fault(kind="throttled", operation="CancelJob", lasts=174)])
    service.errors = {"DeleteOTAUpdate": [FatalError("its job is in progress")] * 30}
    with pytest.raises(FatalError, match=r"4 queued\)$"):
        poll(service, GATED, waited=401)


def test_a_verdict_is_explained_when_its_job_can_be_canceled() -> None:
    """The devices are named although the job is canceled minutes later, by an invocation that reads the verdict."""
    service = failing()
    service.after_cancellation = [replace(FAILED, queued=0, canceled=4)]
    calls = ("CancelJob", "DeleteOTAUpdate")
    service.inject([Fault(kind="throttled", operation=name, lasts=400) for name in calls])
    reason = run(service, GATED).reason
    assert reason.endswith(TOLD)
    assert service.calls.count("DescribeJobExecution") == 3


def test_a_long_reason_has_room_for_the_log_group() -> None:
    """The devices take the room that is left, so that the reason is not cut and the name of the log group follows."""
    service = failing()
    service.executions = [failed(f"{number}{'n' * 120}", reason=f"{number}{'r' * 100}") for number in range(10)]
    assert len(run(service, GATED).reason.encode()) <= LIMIT - 100
    service = failing()
    service.executions = [failed(f"{number}" * 30, reason=f"{number}" * 30) for number in range(10)]
    assert LIMIT - 240 <= len(run(service, GATED).reason.encode()) <= LIMIT - 160


def test_a_gate_that_passes_with_failures_names_the_first_devices(capsys: pytest.CaptureFixture[str]) -> None:
    """An attribute has the devices that have failed all the same, for later events too, and the log their words."""
    service = failing(JobProgress(status="COMPLETED", succeeded=5, failed=2, timed_out=1))
    answer = run(service, LENIENT)
    assert answer.data is not None
    assert answer.data["FailedDevices"] == "pump-17,pump-44,pump-23"
    assert "devices=pump-17/pump-44/pump-23" in service.updates[id_of("one")].tags[names.DEPLOYED_TAG]
    assert len(logged(capsys.readouterr().out)) == 3
    assert run(service, LENIENT).data == answer.data


def test_a_gate_that_passes_may_be_not_allowed_to_ask() -> None:
    """A gate passes without the names of the devices if they cannot be read."""
    service = failing(JobProgress(status="COMPLETED", succeeded=5, failed=1))
    service.errors = {"ListJobExecutionsForJob": [AccessDeniedError("not authorized")] * 9}
    answer = run(service, LENIENT)
    assert answer.data is not None
    assert (answer.data["DevicesFailed"], answer.data["FailedDevices"]) == ("1", "")


def test_a_gate_that_passes_asks_each_question_once() -> None:
    """Only the stack is asked again after the questions about devices, and then the update is marked."""
    service = failing(JobProgress(status="COMPLETED", succeeded=5, failed=1))
    put_update(service, deployed=False, age=100)
    poll(service, LENIENT, waited=100)
    assert service.calls == [
        *("GetOTAUpdate", "ListTagsForResource", "DescribeStacks", "DescribeJob"),
        *("ListJobExecutionsForJob FAILED", "DescribeJobExecution", "DescribeJobExecution"),
        *("DescribeStacks", "TagResource"),
    ]


@pytest.mark.parametrize(("operation", "devices"), [("DescribeJob", ""), ("TagResource", "pump-17,pump-23")])
def test_devices_are_looked_up_while_an_invocation_has_time(operation: str, devices: str) -> None:
    """A gate that passes in the last seconds of an invocation does not ask, and what was found before is not lost."""
    service = failing(JobProgress(status="COMPLETED", succeeded=5, failed=1))
    put_update(service, deployed=False, age=100)
    service.errors = {operation: [AccessDeniedError("not propagated")] * 999}
    service.time.spawn(service.errors.clear, 168)
    answer = poll(service, LENIENT, waited=100)
    assert answer["Data"]["FailedDevices"] == devices
    assert any("JobExecution" in call for call in service.calls) == bool(devices)


def test_a_gate_that_passes_without_failures_asks_nothing() -> None:
    """Only a gate with failures looks for devices."""
    service = failing(JobProgress(status="COMPLETED", succeeded=5))
    run(service, LENIENT)
    assert not [call for call in service.calls if "JobExecution" in call]


def test_a_stack_that_rolls_back_while_devices_are_looked_up_is_not_marked() -> None:
    """The stack is queried again after the questions, so that a rollback is not overtaken."""
    service = failing(JobProgress(status="COMPLETED", succeeded=5, failed=1))
    put_update(service, deployed=False, age=100)
    service.stack_statuses = ["CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"]
    with pytest.raises(FatalError, match="the stack is rolling back"):
        poll(service, LENIENT, waited=100)
    assert service.writes() == [DELETE]


REPORTING = event("Create", Gate={**GATE, "OnFailure": "REPORT"})


@pytest.mark.parametrize(
    ("progress", "problem", "devices"),
    [
        (FAILED, "3 failures and at most 0 are allowed", "pump-17,pump-44,pump-23"),
        (
            JobProgress(status="CANCELED", comment="stop it", canceled=4),
            "its job is CANCELED stop it",
            "off-0,off-1,off-2,off-3",
        ),
        (JobProgress(status="IN_PROGRESS", succeeded=1, queued=4), "timed out after 18", ""),
    ],
)
def test_a_gate_that_only_reports_changes_nothing(progress: JobProgress, problem: str, devices: str) -> None:
    """The deploy continues with the reason as an attribute, now and later, and nothing is canceled or deleted."""
    service = failing(progress)
    answer = run(service, REPORTING)
    assert answer.data is not None
    assert answer.data["GateResult"].startswith(f"would have failed: {problem}")
    assert answer.data["FailedDevices"] == devices
    assert service.writes() == ["CreateOTAUpdate", "TagResource"]
    assert run(service, REPORTING).data == answer.data


@pytest.mark.parametrize(
    "error", [RetryableError("throttled"), AccessDeniedError("not authorized"), FatalError("invalid")]
)
def test_a_gate_that_only_reports_continues_without_an_answer(error: Exception) -> None:
    """A job that cannot be read is reported like any failure, at the end of the gate's time or of that of IAM."""
    service = failing()
    service.errors = {"DescribeJob": [error] * 1000}
    answer = run(service, REPORTING)
    assert answer.data is not None
    assert answer.data["GateResult"] == f"would have failed: could not read the progress of the job: {error}"
    assert answer.data["DevicesSucceeded"] == "0"
    assert service.writes() == ["CreateOTAUpdate", "TagResource"]


def test_a_gate_that_only_reports_names_devices_that_never_started(capsys: pytest.CaptureFixture[str]) -> None:
    """The log has the devices that a gate has waited for without success, although they have not failed."""
    service = failing(JobProgress(status="IN_PROGRESS", succeeded=1, queued=1))
    service.executions = [Execution(thing="off-1", status="QUEUED", has_started=False)]
    answer = run(service, REPORTING)
    assert answer.data is not None
    assert answer.data["FailedDevices"] == ""
    assert [(line["device"], line["status"]) for line in logged(capsys.readouterr().out)] == [("off-1", "QUEUED")]


@pytest.mark.parametrize("kind", ["slow", "cut before"])
def test_a_gate_that_passes_late_in_an_invocation_asks_nothing(kind: str) -> None:
    """Questions and slow calls take no invocation longer than Lambda allows; the fake of the framework checks that."""
    service = failing(JobProgress(status="COMPLETED", succeeded=5, failed=1))
    service.inject(
        [Fault(kind="throttled", operation="CreateOTAUpdate", lasts=160), Fault(kind=kind, begins=165, lasts=99)]
    )
    run(service, LENIENT)


def test_a_job_that_refuses_to_be_canceled_is_not_drained() -> None:
    """Devices that may still begin are not given the time of those that are in the middle of it."""
    service = failing(JobProgress(status="IN_PROGRESS", failed=1, in_progress=1, queued=1))
    service.errors = {"CancelJob": [FatalError("InvalidRequestException")]}
    run(service, event("Create", Gate={**GATE, "DrainInMinutes": "5"}))
    assert service.writes() == ["CreateOTAUpdate", "CancelJob", DELETE]


def test_the_remedy_for_a_rollout_that_continues_comes_before_the_devices() -> None:
    """A reason of limited length says first that the rollout continues, and how to end it."""
    service = failing()
    refused = FatalError("InvalidRequestException: " + "x" * 200)
    service.errors = {"CancelJob": [refused], "DeleteOTAUpdate": [FatalError("no")] * 9}
    reason = run(service, GATED).reason
    assert "queued); its rollout may continue, cancel the job AFR_OTA-" in reason
    assert reason.endswith(TOLD)
