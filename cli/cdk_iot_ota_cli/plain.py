"""A view as plain lines, for logs and pipes: with times of the day, so that a line changes only if its content does."""

from . import words
from .view import UpdateView, View


def lines(view: View) -> list[str]:
    """Return a line for the stack, one for each update, and the answer."""
    stack = f"stack {view.stack.name}: {view.stack.status} since {words.clock(view.since, view.now)}"
    left_out = [f"left out: {one}" for one in view.left_out]
    return [stack, *(_line(one, view.now) for one in view.updates), *left_out, view.headline]


def _line(update: UpdateView, now: float) -> str:
    done = "" if update.done is None else f" at {words.clock(update.done, now)}"
    parts = [f"{update.name}: {update.state.value}{done}{f', {update.message}' if update.message else ''}"]
    if update.ota_update_id:
        parts.append(f"{update.firmware} {update.ota_update_id}".strip())
    if update.before is not None:
        parts.append(f"replaces {update.before.firmware} {update.before.ota_update_id}")
    if update.counts is not None:
        parts.append(", ".join(words.counts(update.counts, update.limits)))
    return "; ".join([*parts, *_details(update, now)])


def _details(update: UpdateView, now: float) -> list[str]:
    found = []
    if update.needed is not None and update.by is not None:
        found.append(f"{update.needed:,} more must succeed by {words.clock(update.by, now)}")
    if update.until is not None:
        found.append(f"bake time until {words.clock(update.until, now)}")
    if update.alarms:
        found.append(f"alarms: {', '.join(words.alarm(one) for one in update.alarms)}")
    if update.failed:
        found.append(f"failed: {update.failed}")
    if update.slowest:
        first = update.slowest[0]
        found.append(f"slowest: {first.thing} since {words.clock(first.since, now)}")
    return found
