"""The view of a reading: a pure function, whose result all outputs render."""

import enum
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from cdk_iot_ota_handler.ota_update.decide import Action, Decision, alarms, bake
from cdk_iot_ota_handler.ota_update.decide.devices import summary
from cdk_iot_ota_handler.ota_update.decide.gate import verdict
from cdk_iot_ota_handler.ota_update.desired import Gate
from cdk_iot_ota_handler.ota_update.errors import LIMIT, shorten
from cdk_iot_ota_handler.ota_update.observed import Alarm, Execution, JobProgress

from . import words
from .options import EXIT_FAILED, EXIT_GOING_ON, EXIT_OK
from .reading import Phase, Reading, Slowest, Stack, Update

# CloudFormation's words before the reason of a custom resource, and those of CDK's framework after it.
_ADDED = re.compile(
    r"^(?:Received response status \[FAILED\] from custom resource\. Message returned: )?(?:Error: )?|"
    r"\s+(?:Logs: /|at \w+ \(/var/|\(RequestId: ).*$",
    re.DOTALL,
)


class Mood(enum.Enum):
    """The answer to whether it is safe to go home, with the exit code."""

    FINE = EXIT_OK
    FAILED = EXIT_FAILED
    GOING_ON = EXIT_GOING_ON


class State(enum.Enum):
    """The state of an update that a stack declares."""

    NOT_BEGUN = "not begun"
    CREATING = "being created"
    WAITING = "gate waits for devices"
    BAKING = "bake time"
    PASSED = "gate passed"
    REPORTED = "gate would have failed"
    DEPLOYED = "deployed"
    FAILED = "failed"
    ROLLING_BACK = "rolling back"
    REMOVING = "being removed"
    REMOVED = "removed"
    MISSING = "missing in AWS IoT"
    UNKNOWN = "unknown"


# The states in which an update, its gate or its removal goes on.
BUSY = (State.CREATING, State.WAITING, State.BAKING, State.ROLLING_BACK, State.REMOVING)


@dataclass(frozen=True, kw_only=True)
class UpdateView:
    """An update of the stack.

    ``counts``, ``firmware``, ``ota_update_id``: those of the new update of a deploy, if ``is_new``, else of the live
    one. ``done``: when its gate passed, or it was created without one. ``before``: the live one that it is to replace.
    ``needed``: how many more devices must succeed, None if that is not known. ``by``: until when, and ``until``: when
    the bake time ends, in seconds since 1970. ``limits``: what may fail, in words.
    """

    name: str
    logical_id: str
    state: State
    message: str = ""
    firmware: str = ""
    ota_update_id: str = ""
    is_new: bool = False
    created: float | None = None
    done: float | None = None
    before: Update | None = None
    counts: JobProgress | None = None
    gate: Gate | None = None
    limits: str = ""
    needed: int | None = None
    by: float | None = None
    until: float | None = None
    alarms: tuple[Alarm, ...] = ()
    failed: str = ""
    failed_devices: tuple[Execution, ...] = ()
    slowest: tuple[Slowest, ...] = ()

    @property
    def is_busy(self) -> bool:
        """Return whether it is what the stack is busy with."""
        return self.state in BUSY


@dataclass(frozen=True, kw_only=True)
class View:
    """A stack and its updates.

    ``headline``: the answer in a sentence. ``since``: when the stack's operation began, or ended if it is at rest.
    """

    stack: Stack
    mood: Mood
    headline: str
    since: float
    now: float
    updates: tuple[UpdateView, ...] = ()
    left_out: tuple[str, ...] = ()
    calls: Mapping[str, int]

    @property
    def is_at_rest(self) -> bool:
        """Return whether no operation runs on the stack."""
        return self.stack.state.is_idle


def view(reading: Reading) -> View:
    """Return what to show of a reading."""
    stack = reading.stack
    by_id: dict[str, UpdateView] = {}
    for phase in reading.phases:
        busy = [one for one in phase.declared.after if one in by_id and _is_ahead(by_id[one])]
        by_id[phase.declared.logical_id] = _update(phase, reading, [by_id[one].name for one in busy])
    updates = tuple(by_id.values())
    mood = _mood(stack, updates)
    return View(
        stack=stack,
        mood=mood,
        headline=_headline(reading, updates, mood),
        since=reading.ended if stack.state.is_idle else stack.began,
        now=reading.now,
        updates=updates,
        left_out=reading.left_out,
        calls=reading.calls,
    )


def _is_ahead(update: UpdateView) -> bool:
    return update.is_busy or update.state in (State.NOT_BEGUN, State.FAILED)


def _mood(stack: Stack, updates: tuple[UpdateView, ...]) -> Mood:
    if stack.has_failed or any(one.state is State.FAILED for one in updates):
        return Mood.FAILED
    return Mood.FINE if stack.state.is_idle else Mood.GOING_ON


def _headline(reading: Reading, updates: tuple[UpdateView, ...], mood: Mood) -> str:
    if mood is Mood.FAILED:
        return _failed_headline(reading, updates)
    if mood is Mood.GOING_ON:
        return _busy_headline(reading, updates)
    open_devices = sum(one.counts.open for one in updates if one.counts is not None)
    missing = [one.name for one in updates if one.state is State.MISSING]
    if missing:
        return f"at rest, but AWS IoT does not have the update of {', '.join(missing)}"
    if open_devices:
        return f"at rest: the deploy is over, and {_devices(open_devices)} may still update"
    count = len(updates)
    return f"at rest: {'the update is' if count == 1 else f'all {count} updates are'} deployed"


def _failed_headline(reading: Reading, updates: tuple[UpdateView, ...]) -> str:
    paths = {one.logical_id: one.name for one in updates}
    if reading.failure is not None:
        name = paths.get(reading.failure.logical_id, reading.failure.logical_id)
        return f"failed: {name}: {reason_of(reading.failure.reason)}"
    found = next((one for one in updates if one.state is State.FAILED), None)
    if found is not None:
        return f"failed: {found.name}: {found.message}"
    return f"failed: {reading.stack.reason.strip() or 'the last operation on the stack was rolled back'}"


def reason_of(text: str) -> str:
    """Return a reason of CloudFormation's on one line, without what it and CDK's framework add to the handler's."""
    return shorten(_ADDED.sub("", text))


def _busy_headline(reading: Reading, updates: tuple[UpdateView, ...]) -> str:
    busy = [one for one in updates if one.is_busy]
    if not busy:
        return "still going on: CloudFormation is busy with other resources"
    first, now = busy[0], reading.now
    text = f"{first.name}: {first.state.value}"
    if first.needed is not None and first.by is not None:
        text = f"{first.name} needs {first.needed:,} more to succeed by {words.clock(first.by, now)}"
    elif first.until is not None:
        text = f"{first.name} is in its bake time until {words.clock(first.until, now)}"
    more = f", and {len(busy) - 1} more" if len(busy) > 1 else ""
    return f"still going on: {text}{more}"


def _update(phase: Phase, reading: Reading, waits_for: list[str]) -> UpdateView:
    state, message = _state(phase, reading, waits_for)
    shown = phase.coming or phase.live
    before = phase.live if phase.coming is not None else None
    gate = phase.declared.gate if phase.evaluated is not None else None
    name, logical_id = phase.declared.path, phase.declared.logical_id
    if shown is None:
        return UpdateView(name=name, logical_id=logical_id, state=state, message=message)
    proven = shown.observed.proven_since
    return UpdateView(
        name=name,
        logical_id=logical_id,
        state=state,
        message=message,
        firmware=shown.firmware,
        ota_update_id=shown.ota_update_id,
        is_new=phase.coming is not None,
        created=shown.created,
        done=_done(shown, state) if phase.coming is None else None,
        before=before,
        counts=shown.progress,
        gate=gate,
        limits=limits(gate) if gate is not None else "",
        needed=needed(gate, shown.progress) if gate is not None and state is State.WAITING else None,
        by=shown.created + gate.timeout if gate is not None and state is State.WAITING else None,
        until=proven + gate.bake if gate is not None and proven and state is State.BAKING else None,
        alarms=_alarms(gate, reading) if gate is not None else (),
        failed=_failed_words(shown),
        failed_devices=shown.evidence.executions,
        slowest=shown.slowest,
    )


def _done(update: Update, state: State) -> float | None:
    if state not in (State.PASSED, State.REPORTED, State.DEPLOYED):
        return None
    return update.created + float(update.observed.attributes.get("SecondsWaited") or 0)


def _failed_words(update: Update) -> str:
    """Return the devices that have failed, grouped by what they reported, as the reason of a failed gate has them."""
    found = summary(update.evidence.executions, room=LIMIT)
    return found or update.observed.attributes.get("FailedDevices", "").replace(",", ", ")


def _alarms(gate: Gate, reading: Reading) -> tuple[Alarm, ...]:
    if not reading.has_alarms:
        return ()
    return tuple(reading.alarms.get(name, Alarm(name=name, state="MISSING", since=0)) for name in gate.alarms)


def _state(phase: Phase, reading: Reading, waits_for: list[str]) -> tuple[State, str]:
    resource, stack = phase.resource, reading.stack.state
    if resource is None:
        return (State.UNKNOWN, "the stack does not have it") if stack.is_idle else (State.NOT_BEGUN, _waits(waits_for))
    if resource.status.endswith("_FAILED"):
        return State.FAILED, reason_of(resource.reason) or resource.status
    if resource.status.startswith("DELETE_"):
        return (State.REMOVED if resource.status == "DELETE_COMPLETE" else State.REMOVING), ""
    if resource.status.endswith("_IN_PROGRESS"):
        if stack.has_turned_back or "ROLLBACK" in resource.status:
            return State.ROLLING_BACK, ""
        return _coming(phase, reading)
    if reading.failure is not None and reading.failure.logical_id == resource.logical_id:
        return State.FAILED, "its new update was removed, and this one stays live"
    if stack.is_deploying and waits_for and not reading.stack.has_changed(resource):
        return State.NOT_BEGUN, f"{_waits(waits_for)}; the old update is live until then"
    if stack.is_deploying and phase.evaluated is not None and phase.declared.gate is not None:
        return _gated(phase.evaluated, phase.declared.gate, reading)
    return _live(phase)


def _waits(waits_for: list[str]) -> str:
    return f"waits for {', '.join(waits_for)}" if waits_for else "the deploy has not begun with it"


def _live(phase: Phase) -> tuple[State, str]:
    if phase.live is None:
        return (State.MISSING, "it was deleted outside of the stack") if phase.is_missing else (State.UNKNOWN, "")
    if phase.live.observed.verdict is not None:
        return State.FAILED, phase.live.observed.verdict
    result = phase.live.observed.attributes.get("GateResult", "")
    if result not in ("", "passed"):
        return State.REPORTED, result.removeprefix("would have failed: ")
    progress = phase.live.progress
    is_canceled = progress is not None and progress.status == "CANCELED"
    stopped = f"its job is canceled, {progress.comment}".rstrip(", ") if is_canceled and progress else ""
    return (State.PASSED if result else State.DEPLOYED), stopped


def _coming(phase: Phase, reading: Reading) -> tuple[State, str]:
    update = phase.coming
    if update is None:
        if phase.was_coming:
            return State.FAILED, "its new update is gone: its gate has failed, or it was deleted outside of the stack"
        until_then = ", and the old one is live" if phase.live is not None else ""
        return State.CREATING, f"there is no new update yet{until_then}"
    if update.observed.verdict is not None:
        return State.FAILED, update.observed.verdict
    if update.observed.status.startswith("DELETE_"):
        return State.FAILED, "its new update is being deleted"
    if update.observed.status == "CREATE_FAILED":
        return State.FAILED, f"AWS IoT could not create it: {update.observed.reason}"
    if update.observed.status != "CREATE_COMPLETE":
        return State.CREATING, "AWS IoT creates its job"
    if phase.declared.gate is None:
        return State.WAITING if phase.declared.gate_problem else State.CREATING, (
            phase.declared.gate_problem or "it is created, and CloudFormation completes the resource"
        )
    return _gated(update, phase.declared.gate, reading)


def _gated(update: Update, gate: Gate, reading: Reading) -> tuple[State, str]:
    """Return the state of an update whose gate is evaluated, by the rule of the gate itself."""
    progress, proven = update.progress, update.observed.proven_since
    if not update.has_progress:
        return State.WAITING, "the counts of its devices are not known"
    devices = verdict(gate, progress, waited=update.observed.age, left=1, is_proven=proven is not None)
    on_alarms = _on_alarms(update, gate, reading)
    decision = bake.outcome(gate, devices, on_alarms, progress, proven=proven, now=reading.now, left=1)
    if decision.action is Action.STOP:
        return State.FAILED, decision.reason
    if decision.problem:
        return State.REPORTED, decision.problem
    if decision.action is Action.MARK:
        return State.PASSED, "CloudFormation completes the resource"
    if proven is not None or devices.action is Action.MARK:
        return State.BAKING, "enough devices have succeeded; the alarms are watched"
    return State.WAITING, _why(progress)


def _on_alarms(update: Update, gate: Gate, reading: Reading) -> Decision:
    """Return what the alarms decide by their states.

    The handler alone asks whether one has rung and is quiet again, and for how long one is missing: it then fails the
    gate, which keeps that in a tag.
    """
    if not reading.has_alarms:
        return Decision(Action.CONTINUE, "the alarms are not known")
    created, proven, now = update.created, update.observed.proven_since, reading.now
    return alarms.verdict(gate, reading.alarms, update.progress, missing_for=0, created=created, proven=proven, now=now)


def _why(progress: JobProgress | None) -> str:
    if progress is None:
        return "its job is not visible yet"
    if not progress.devices:
        return "no device is in its job yet"
    return "" if progress.is_rolled_out else "its job still reaches more devices"


def needed(gate: Gate, progress: JobProgress | None) -> int | None:
    """Return how many more devices must succeed for a gate to pass, or None if that is not known yet."""
    if progress is None or not progress.devices:
        return None
    required = math.ceil(Fraction(gate.success_percentage) * progress.devices / 100)
    return max(0, required - progress.succeeded, gate.minimum_devices - progress.devices)


def limits(gate: Gate) -> str:
    """Return how many devices may fail, in words."""
    count = None if gate.maximum_failures is None else str(gate.maximum_failures)
    share = None if gate.maximum_failure_percentage is None else f"{gate.maximum_failure_percentage} %"
    return f"at most {' and '.join(one for one in (count, share) if one is not None)}"


def _devices(count: int) -> str:
    return "1 device" if count == 1 else f"{count:,} devices"
