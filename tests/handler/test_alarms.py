"""The verdict of a gate on its alarms, and what follows from it together with the devices."""

from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update.contract import timeouts
from cdk_iot_ota_handler.ota_update.decide import Action, Decision, alarms, bake
from cdk_iot_ota_handler.ota_update.desired import Desired, Gate
from cdk_iot_ota_handler.ota_update.errors import FatalError
from cdk_iot_ota_handler.ota_update.observed import Alarm, JobProgress
from cdk_iot_ota_handler.ota_update.request import create_request

from .scenarios import GATE, event
from .test_request_keys import SHAPE

CREATED = 1_700_000_000.0
LONG_AGO = CREATED - 3600
NOW = CREATED + 900


def gate(*names: str, **changes: Any) -> Gate:
    """Return a gate with these alarms and a bake time of ten minutes."""
    given = {"success_percentage": "100", "maximum_failures": 0, "minimum_devices": 1, "timeout": 1800, "bake": 600}
    return Gate(**{**given, "alarms": names or ("crashes",), **changes})


def alarm(name: str = "crashes", state: str = "OK", since: float = LONG_AGO, **changes: Any) -> dict[str, Alarm]:
    """Return one alarm by its name."""
    return {name: Alarm(name=name, state=state, since=since, **changes)}


def start(gate: Gate, found: dict[str, Alarm], *, missing_for: float = 0) -> tuple[Action, str]:
    """Return the decision before the creation."""
    decision = alarms.start(gate, found, missing_for=missing_for, now=CREATED)
    return decision.action, decision.reason


def verdict(
    gate: Gate, found: dict[str, Alarm], *, missing_for: float = 0, proven: float | None = None
) -> tuple[Action, str]:
    """Return the decision a quarter of an hour after the creation."""
    decision = alarms.verdict(gate, found, None, missing_for=missing_for, created=CREATED, proven=proven, now=NOW)
    return decision.action, decision.reason


@pytest.mark.parametrize("state", ["OK", "INSUFFICIENT_DATA"])
def test_an_update_is_created_while_its_alarms_are_quiet(state: str) -> None:
    """An alarm without data does not forbid a creation, since a new one has none."""
    assert start(gate(), alarm(state=state))[0] is Action.CONTINUE


def test_an_alarm_that_rings_forbids_the_creation() -> None:
    """The reason has the alarm, since when and why it rings, and both remedies."""
    found = {**alarm("quiet"), **alarm(state="ALARM", reason="Threshold\n Crossed")}
    why = (
        "the update was not created: alarm crashes is in ALARM since 2023-11-14 21:13 UTC (Threshold Crossed): wait "
        "for its end, or declare alarm_at_start=AlarmAtStart.ONLY_NEW if this firmware is the cure"
    )
    assert start(gate("quiet", "crashes"), found) == (Action.FAIL, why)


def test_the_cure_may_be_created_while_an_alarm_rings() -> None:
    """With ONLY_NEW an alarm that rings before the creation forbids nothing, and one that is missing does."""
    cure = gate(only_new_alarms=True)
    assert start(cure, alarm(state="ALARM"))[0] is Action.CONTINUE
    assert start(cure, {}, missing_for=timeouts.ALARM_LAG + 0.1)[0] is Action.FAIL


@pytest.mark.parametrize(("missing_for", "action"), [(0, Action.WAIT), (60, Action.WAIT), (60.1, Action.FAIL)])
def test_a_missing_alarm_forbids_the_creation(missing_for: float, action: Action) -> None:
    """An alarm that has just been created may not be visible for a minute; after it, the alarm does not exist."""
    decided = start(gate("quiet", "crashes"), alarm("quiet"), missing_for=missing_for)
    assert decided == (action, "the update was not created: alarm crashes does not exist in this account and Region")


@pytest.mark.parametrize(
    ("since", "configured", "action"),
    [
        (LONG_AGO, CREATED - 180, Action.WAIT),
        (LONG_AGO, CREATED - 180.1, Action.FAIL),
        # It rings with its present configuration.
        (CREATED - 30, CREATED - 30, Action.FAIL),
    ],
)
def test_an_alarm_that_the_deploy_changes_is_evaluated_first(since: float, configured: float, action: Action) -> None:
    """The state of an alarm may be that of its old threshold for three minutes after the change."""
    assert start(gate(), alarm(state="ALARM", since=since, configured=configured))[0] is action


def test_quiet_alarms_let_a_gate_pass_and_are_shown() -> None:
    """Alarms without data, or with a part of it, do not fail a gate, and are named with that word."""
    found = {
        **alarm("quiet"),
        **alarm("new", "INSUFFICIENT_DATA"),
        **alarm("partial", evaluation="PARTIAL_DATA"),
    }
    watched = gate("quiet", "new", "partial")
    assert verdict(watched, found) == (Action.CONTINUE, "1 of 3 alarms OK, new INSUFFICIENT_DATA, partial PARTIAL_DATA")
    assert alarms.without_data(watched, found) == ["new", "partial"]


@pytest.mark.parametrize(
    ("seconds", "proven", "when"),
    [
        (0, None, "0 s after the update began"),
        (90, None, "90 s after the update began"),
        (360, CREATED + 400, "6 min after the update began"),
        (360, CREATED + 240, "6 min after the update began, 2 min into its bake time"),
    ],
)
def test_an_alarm_that_begins_to_ring_fails_the_gate(seconds: float, proven: float | None, when: str) -> None:
    """The reason has when that was, in the time of the devices or in the bake time, and why the alarm rings."""
    found = alarm(state="ALARM", since=CREATED + seconds, reason="Threshold Crossed")
    why = f"the gate has failed: alarm crashes went to ALARM {when} (Threshold Crossed)"
    assert verdict(gate(), found, proven=proven) == (Action.STOP, why)


@pytest.mark.parametrize("state", ["OK", "INSUFFICIENT_DATA"])
def test_an_alarm_that_rang_between_two_looks_fails_the_gate(state: str) -> None:
    """An alarm that is quiet again by the next look has told all the same."""
    why = f"the gate has failed: alarm crashes went to ALARM 60 s after the update began, and is {state} again"
    assert verdict(gate(), alarm(state=state, since=CREATED + 80, rang=CREATED + 60)) == (Action.STOP, why)


@pytest.mark.parametrize(
    ("only_new", "since", "action"),
    [
        (False, CREATED - 10, Action.STOP),
        (True, CREATED - 10, Action.CONTINUE),
        # The clocks of AWS IoT and CloudWatch differ by seconds.
        (True, CREATED - 9.9, Action.STOP),
    ],
)
def test_an_alarm_from_before_the_creation(*, only_new: bool, since: float, action: Action) -> None:
    """An alarm that has rung since before the creation fails a gate, unless only new alarms count."""
    assert verdict(gate(only_new_alarms=only_new), alarm(state="ALARM", since=since))[0] is action


def test_a_changed_alarm_holds_the_gate() -> None:
    """An alarm that rings with its old configuration neither fails the gate nor lets it pass."""
    found = alarm(state="ALARM", configured=NOW - 100)
    assert verdict(gate(), found) == (Action.WAIT, "alarm crashes was changed, and is evaluated again")
    assert verdict(gate(), alarm(state="ALARM", configured=NOW - 181))[0] is Action.STOP


@pytest.mark.parametrize(("missing_for", "action"), [(0, Action.WAIT), (15, Action.WAIT), (15.1, Action.STOP)])
def test_an_alarm_that_vanishes_fails_the_gate(missing_for: float, action: Action) -> None:
    """A missing alarm never lets a gate pass, and fails it once it has been missing for some seconds."""
    decided, reason = verdict(gate("quiet", "crashes"), alarm("quiet"), missing_for=missing_for)
    assert decided is action
    assert action is Action.WAIT or reason == "the gate has failed: alarm crashes no longer exists"


def test_an_alarm_that_rings_is_told_before_one_that_is_missing() -> None:
    """A rollout is stopped at once because of the one, although the other may still appear."""
    found = alarm("crashes", "ALARM", CREATED + 9)
    assert verdict(gate("missing", "crashes"), found)[0] is Action.STOP


def test_a_long_reason_of_an_alarm_is_cut() -> None:
    """The reason of the state takes 150 characters, so that the counts and the devices have room."""
    reason = verdict(gate(), alarm(state="ALARM", since=CREATED + 9, reason="x" * 1023))[1]
    assert f"({'x' * 149}…)" in reason


def test_the_counts_follow_the_alarm() -> None:
    """The reason of a failure has the counts of the job too, and the problem that a gate reports has not."""
    counts = JobProgress(status="COMPLETED", succeeded=3)
    found = alarm(state="ALARM", since=CREATED + 9)
    for watched in (gate(), gate(reports_only=True)):
        decision = alarms.verdict(watched, found, counts, missing_for=0, created=CREATED, proven=None, now=NOW)
        assert decision.reason.endswith(f"alarm crashes went to ALARM 9 s after the update began ({counts})")
        assert "devices" not in decision.problem


def test_a_gate_without_alarms_asks_for_none() -> None:
    """Without alarms nothing holds the gate, and no word is about them."""
    assert verdict(gate(alarms=()), {}) == (Action.CONTINUE, "")


PASSED = Decision(Action.MARK, "the gate has passed: 3 of 3")
WAITS = Decision(Action.WAIT, "the gate waits: 2 of 3")
FAILED = Decision(Action.STOP, "the gate has failed: 1 failure")
QUIET = Decision(Action.CONTINUE, "1 of 1 alarms OK")
UNREAD = Decision(Action.WAIT, "throttled")
RINGS = Decision(Action.STOP, "the gate has failed: alarm crashes")
BEGUN = NOW - 600


@pytest.mark.parametrize(
    ("devices", "on_alarms", "proven", "action"),
    [
        (WAITS, QUIET, None, Action.WAIT),
        (WAITS, RINGS, None, Action.STOP),
        (FAILED, RINGS, None, Action.STOP),
        (FAILED, UNREAD, None, Action.STOP),
        (PASSED, QUIET, None, Action.PROVE),
        (PASSED, UNREAD, None, Action.PROVE),
        (PASSED, RINGS, None, Action.STOP),
        # In the bake time.
        (PASSED, QUIET, BEGUN + 0.1, Action.WAIT),
        (PASSED, RINGS, BEGUN + 0.1, Action.STOP),
        (FAILED, QUIET, BEGUN + 0.1, Action.STOP),
        (WAITS, QUIET, BEGUN + 0.1, Action.WAIT),
        # After it.
        (PASSED, QUIET, BEGUN, Action.MARK),
        (PASSED, UNREAD, BEGUN, Action.WAIT),
        (PASSED, RINGS, BEGUN, Action.STOP),
        (WAITS, QUIET, BEGUN, Action.WAIT),
    ],
)
def test_devices_and_alarms_decide_together(
    devices: Decision, on_alarms: Decision, proven: float | None, action: Action
) -> None:
    """A failure comes first; then devices, the bake time and every alarm must agree."""
    found = bake.outcome(gate(), devices, on_alarms, None, proven=proven, now=NOW, left=100)
    assert found.action is action
    if action is Action.STOP:
        assert found is (devices if devices is FAILED else on_alarms)


def test_without_a_bake_time_a_gate_passes_at_once() -> None:
    """A gate without a bake time passes as soon as devices and alarms let it."""
    at_once: dict[str, Any] = {"proven": None, "now": NOW, "left": 100}
    assert bake.outcome(gate(bake=0), PASSED, QUIET, None, **at_once).action is Action.MARK
    assert bake.outcome(gate(bake=0), PASSED, UNREAD, None, **at_once).action is Action.WAIT


def test_the_log_tells_what_a_gate_waits_for() -> None:
    """The reason of a look has the devices, the rest of the bake time, and the alarms."""
    baking = bake.outcome(gate(), PASSED, QUIET, None, proven=NOW - 100, now=NOW, left=100).reason
    assert baking == "the gate has passed: 3 of 3; its bake time ends in 500 s; 1 of 1 alarms OK"
    unread = bake.outcome(gate(), PASSED, UNREAD, None, proven=BEGUN, now=NOW, left=100).reason
    assert unread == "the gate has passed: 3 of 3; throttled"


@pytest.mark.parametrize(
    ("proven", "on_alarms", "why"), [(NOW - 100, QUIET, "its bake time ends in 500 s"), (BEGUN, UNREAD, "throttled")]
)
def test_a_bake_time_ends_with_the_time_of_the_deploy(proven: float, on_alarms: Decision, why: str) -> None:
    """A gate that still waits when the deploy has no time left has failed."""
    found = bake.outcome(gate(), PASSED, on_alarms, None, proven=proven, now=NOW, left=0)
    assert (found.action, found.reason) == (Action.STOP, f"the gate has failed: the deploy has no time left, and {why}")


def test_a_gate_that_only_reports_continues_because_of_an_alarm() -> None:
    """An alarm that rings, before the creation too, is the problem that the gate reports."""
    found = alarm(state="ALARM", reason="Threshold Crossed")
    reports = gate(reports_only=True)
    decision = alarms.verdict(reports, found, None, missing_for=0, created=CREATED, proven=None, now=NOW)
    problem = "alarm crashes is in ALARM since 2023-11-14 21:13 UTC (Threshold Crossed)"
    assert (decision.action, decision.problem) == (Action.MARK, problem)
    assert bake.outcome(reports, WAITS, decision, None, proven=None, now=NOW, left=100) is decision


def read(**changes: Any) -> Gate | None:
    """Return the gate of a resource."""
    return Gate.from_properties({"Gate": {**GATE, **changes}})


def test_alarms_are_read_from_the_template() -> None:
    """Names, bake time and what an alarm at the start means are read as CloudFormation passes them."""
    found = read(AlarmNames=["a", "b", "a"], BakeTimeInMinutes="10", AlarmAtStart="ONLY_NEW")
    assert found is not None
    assert (found.alarms, found.bake, found.only_new_alarms) == (("a", "b"), 600, True)
    plain = read()
    assert plain is not None
    assert (plain.alarms, plain.bake, plain.only_new_alarms) == ((), 0, False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"AlarmNames": []}, "Gate: AlarmNames must have 1 to 10 members, got 0"),
        ({"AlarmNames": ["a"] * 11}, "Gate: AlarmNames must have 1 to 10 members, got 11"),
        ({"AlarmNames": "a"}, "Gate: AlarmNames must be a list of names, got 'a'"),
        ({"AlarmNames": [""]}, "Gate: AlarmNames[0] must have 1 to 255 characters, got 0: ''"),
        ({"BakeTimeInMinutes": "45"}, "Gate: BakeTimeInMinutes must be between 0 and 44, got 45"),
        ({"AlarmAtStart": "IGNORE"}, "Gate: AlarmAtStart must be REFUSE or ONLY_NEW, got 'IGNORE'"),
    ],
)
def test_invalid_alarms_are_refused(changes: dict[str, Any], message: str) -> None:
    """The error for alarms beyond a limit has the member, the value and the limit."""
    with pytest.raises(FatalError) as refused:
        read(**changes)
    assert message in str(refused.value)


def test_the_times_of_a_gate_are_checked_together() -> None:
    """A creation is refused with times that synth could not add up, and a Delete of such an update is not."""
    times = {"TimeoutInMinutes": "30", "BakeTimeInMinutes": "10", "DrainInMinutes": "6"}
    desired = Desired.from_event(event("Create", Gate={**GATE, **times}))
    message = (
        "Gate: TimeoutInMinutes, BakeTimeInMinutes and DrainInMinutes must be at most 45 minutes together, got 30, 10 "
        "and 6"
    )
    with pytest.raises(FatalError, match=message):
        create_request(desired, SHAPE)
    Desired.from_event(event("Delete", physical_id="a", Gate={**GATE, **times}))
    fits = Desired.from_event(event("Create", Gate={**GATE, **times, "DrainInMinutes": "5"}))
    assert create_request(fits, SHAPE)


def test_an_update_with_a_bake_time_has_one_tag_less() -> None:
    """The tag that keeps the beginning of the bake time leaves 45 to the user, and a gate without one 46."""
    tags = [{"Key": f"tag{number}", "Value": ""} for number in range(46)]
    with pytest.raises(FatalError, match="Tags of an update with a bake time must have 0 to 45 members, got 46"):
        create_request(Desired.from_event(event("Create", Tags=tags, Gate={**GATE, "BakeTimeInMinutes": "1"})), SHAPE)
    assert create_request(Desired.from_event(event("Create", Tags=tags, Gate=GATE)), SHAPE)


def test_an_alarm_that_rings_as_before_is_not_told_as_quiet() -> None:
    """A summary names each alarm that is not OK, one that only counts when it rings again too."""
    found = {**alarm("quiet"), **alarm(state="ALARM")}
    assert alarms.summary(gate("quiet", "crashes"), found) == "1 of 2 alarms OK, crashes ALARM"


def test_the_first_alarm_that_is_evaluated_again_is_named() -> None:
    """Of two alarms that were changed, the reason has the first one as declared."""
    changed: Any = {"state": "ALARM", "configured": NOW - 10}
    found = {**alarm("first", **changed), **alarm("second", **changed)}
    assert "alarm first was changed" in verdict(gate("first", "second"), found)[1]


def test_a_bake_time_is_as_long_as_declared() -> None:
    """None of its seconds is over before it begins, nor if another clock has begun it."""
    assert bake.seconds_left(gate(), None, NOW) == bake.seconds_left(gate(), NOW + 5, NOW) == 600
