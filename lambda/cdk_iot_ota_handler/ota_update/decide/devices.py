"""The devices that a gate has failed because of, in words: by what they have reported, the most frequent first."""

import json
from collections.abc import Mapping, Sequence

from ..observed import Execution, JobProgress

# The details in which agents say why they have failed: AWS's OTA agent and AWS IoT Device Client have the first.
_REASONS = ("reason", "failureReason", "error", "message")
_QUOTED_LENGTH = 60
_NAMES = 2
_NEVER_STARTED = "never started, offline?"
_WORDS = {
    "FAILED": "failed",
    "REJECTED": "rejected it",
    "TIMED_OUT": "timed out",
    "IN_PROGRESS": "did not end",
    "CANCELED": "were canceled",
}
_FAILURES = ("FAILED", "REJECTED", "TIMED_OUT")


def statuses_to_list(
    progress: JobProgress | None, *, timed_out: bool, is_canceled: bool, has_drained: bool = False
) -> list[str]:
    """Return the statuses of the devices that a gate has failed because of, or has passed in spite of.

    ``progress``: that of the job before it was canceled, or None if it is not known. ``timed_out``: whether the gate
    has waited for devices that have not ended. ``is_canceled``: whether the job is canceled, and with it the devices
    that had not started. ``has_drained``: whether devices had time to finish.
    """
    if progress is None:
        return [*_FAILURES, *(("QUEUED", "CANCELED", "IN_PROGRESS") if timed_out else ())]
    counts = {"FAILED": progress.failed, "REJECTED": progress.rejected, "TIMED_OUT": progress.timed_out}
    if not is_canceled:
        counts["CANCELED"] = progress.canceled
    if timed_out or has_drained:
        counts["IN_PROGRESS"] = progress.in_progress
    if timed_out:
        # Those that are queued may be so for a moment after the cancellation.
        counts["QUEUED"] = progress.queued
        if is_canceled:
            counts["CANCELED"] = progress.queued + progress.canceled
    return [status for status, count in counts.items() if count]


def summary(executions: Sequence[Execution], *, room: int) -> str:
    """Return which devices have failed and what they reported, in at most ``room`` bytes; empty if there are none.

    Devices with the same status and words are one group, with one or two names. Those that were not asked, unlike
    others with their status, come last. Groups that do not fit are left out, from the last one on, with a word that
    there are more.
    """
    known = {execution.status for execution in executions if execution.details is not None}
    groups: dict[tuple[bool, str], list[str]] = {}
    for execution in executions:
        is_unknown = execution.details is None and not execution.is_silent and execution.status in known
        outcome = f"more {_outcome(execution)}, not asked" if is_unknown else _outcome(execution)
        groups.setdefault((is_unknown, outcome), []).append(execution.thing)
    # Sorting is stable: of two groups of the same size, the one that is known first comes first.
    ordered = sorted(groups.items(), key=lambda one: (one[0][0], -len(one[1])))
    texts = [_group(outcome, things) for (_, outcome), things in ordered]
    for shown in range(len(texts), 0, -1):
        text = "; ".join([*texts[:shown], *(["more in the log"] if shown < len(texts) else [])])
        if len(text.encode()) <= room:
            return text
    return ""


def _group(outcome: str, things: Sequence[str]) -> str:
    names = ", ".join([*things[:_NAMES], *(["…"] if len(things) > _NAMES else [])])
    return f"{len(things)} {outcome} ({names})"


def _outcome(execution: Execution) -> str:
    if execution.is_silent:
        return _NEVER_STARTED
    outcome = _WORDS.get(execution.status, execution.status)
    return outcome if execution.details is None else f"{outcome} {_reported(execution.details)}"


def _reported(details: Mapping[str, str]) -> str:
    """Return what a device has reported, quoted, since it may be any text."""
    for key in _REASONS:
        if text := _quoted(details.get(key, "")):
            return f"with {text}"
    # An agent that is stuck in the test of new firmware, or was reset in it, has reported no more than this.
    test = _quoted(details.get("self_test", ""))
    return f"in self test {test}" if test else "without a reason"


def _quoted(text: str) -> str:
    words = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    cut = words if len(words) <= _QUOTED_LENGTH else f"{words[: _QUOTED_LENGTH - 1]}…"
    return json.dumps(cut, ensure_ascii=False) if cut else ""
