"""The verdict of a gate on its alarms, before the creation of the update and while its devices are watched."""

import datetime
from collections.abc import Mapping

from ..contract import names, timeouts
from ..desired import Gate
from ..observed import Alarm, JobProgress
from . import Action, Decision
from .gate import failed

# The whole reason is in the log; devices follow in the reason of a failure.
_REASON_LENGTH = 150
_ONLY_NEW = "wait for its end, or declare alarm_at_start=AlarmAtStart.ONLY_NEW if this firmware is the cure"


def start(gate: Gate, alarms: Mapping[str, Alarm], *, missing_for: float, now: float) -> Decision:
    """Decide before the creation: CONTINUE, WAIT, or FAIL, so that no device is touched.

    ``alarms``: those that exist, by name. ``missing_for``: for how many seconds some of them have not been found.
    """
    if missing := _missing(gate, alarms):
        action = Action.FAIL if missing_for > timeouts.ALARM_LAG else Action.WAIT
        return Decision(action, f"{names.GATE_REFUSED} {missing} does not exist in this account and Region")
    ringing = [] if gate.only_new_alarms else [one for one in _in_order(gate, alarms) if one.is_ringing]
    for alarm in ringing:
        if not _is_outdated(alarm, now):
            since = f"{names.GATE_REFUSED} {alarm.name} is in ALARM since {_utc(alarm.since)}"
            return Decision(Action.FAIL, f"{since}{_because(alarm)}: {_ONLY_NEW}")
    if ringing:
        return Decision(Action.WAIT, f"alarm {ringing[0].name} was changed, and is evaluated again")
    return Decision(Action.CONTINUE, "no alarm forbids the creation")


def verdict(
    gate: Gate,
    alarms: Mapping[str, Alarm],
    progress: JobProgress | None,
    *,
    missing_for: float,
    created: float,
    proven: float | None,
    now: float,
) -> Decision:
    """Decide STOP if an alarm went to ALARM or no longer exists, WAIT while that is not certain, else CONTINUE.

    A gate that only reports decides MARK in place of STOP.

    ``progress``: that of the job, for the reason, or None if it is not known. ``created``: when the update was created,
    ``proven``: when the bake time has begun, or None; both in seconds since 1970, as ``now``.
    """
    if not gate.alarms:
        return Decision(Action.CONTINUE, "")
    outdated = ""
    for alarm in _in_order(gate, alarms):
        began = watched_from(created)
        if alarm.is_ringing and alarm.since <= began:
            if gate.only_new_alarms:
                continue
            if not _is_outdated(alarm, now):
                since = f"is in ALARM since {_utc(alarm.since)}"
                return failed(gate, f"alarm {alarm.name} {since}{_because(alarm)}", progress)
            outdated = outdated or f"alarm {alarm.name} was changed, and is evaluated again"
        elif (rang := alarm.since if alarm.is_ringing else alarm.rang) is not None:
            when = f"{_span(rang - created)} after the update began{_in_bake(rang, proven)}"
            quiet = "" if alarm.is_ringing else f", and is {alarm.state} again"
            return failed(gate, f"alarm {alarm.name} went to ALARM {when}{quiet}{_because(alarm)}", progress)
    if missing := _missing(gate, alarms):
        if missing_for > timeouts.ALARM_PATIENCE:
            return failed(gate, f"alarm {missing} no longer exists", progress)
        return Decision(Action.WAIT, f"alarm {missing} is not found")
    return Decision(Action.WAIT, outdated) if outdated else Decision(Action.CONTINUE, summary(gate, alarms))


def watched_from(created: float) -> float:
    """Return from when on a transition to ALARM counts; the clocks of creations and alarms differ by seconds."""
    return created - timeouts.CLOCK_SKEW


def without_data(gate: Gate, alarms: Mapping[str, Alarm]) -> list[str]:
    """Return the names of the alarms that have nothing to tell, or not all of it."""
    return [one.name for one in _in_order(gate, alarms) if one.lacks_data]


def summary(gate: Gate, alarms: Mapping[str, Alarm]) -> str:
    """Return the states of the alarms in words."""
    found = _in_order(gate, alarms)
    quiet = [one for one in found if one.state == "OK" and not one.lacks_data]
    others = [f"{one.name} {one.evaluation or one.state}" for one in found if one not in quiet]
    return ", ".join([f"{len(quiet)} of {len(gate.alarms)} alarms OK", *others])


def _in_order(gate: Gate, alarms: Mapping[str, Alarm]) -> list[Alarm]:
    return [alarms[name] for name in gate.alarms if name in alarms]


def _missing(gate: Gate, alarms: Mapping[str, Alarm]) -> str:
    return next((name for name in gate.alarms if name not in alarms), "")


def _is_outdated(alarm: Alarm, now: float) -> bool:
    """Return whether the state may be that of another configuration, such as a threshold that the deploy corrects."""
    return alarm.since < alarm.configured and now - alarm.configured <= timeouts.ALARM_EVALUATION


def _because(alarm: Alarm) -> str:
    reason = " ".join(alarm.reason.split()) if alarm.is_ringing else ""
    cut = reason if len(reason) <= _REASON_LENGTH else f"{reason[: _REASON_LENGTH - 1]}…"
    return f" ({cut})" if cut else ""


def _in_bake(rang: float, proven: float | None) -> str:
    return "" if proven is None or rang < proven else f", {_span(rang - proven)} into its bake time"


def _span(seconds: float) -> str:
    seconds = max(0, seconds)
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _utc(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
