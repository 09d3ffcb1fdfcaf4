"""Times and counts in words, as all outputs have them."""

import time

from cdk_iot_ota_handler.ota_update.observed import JobProgress

from .gates import Alarm

_STATES = {"OK": "OK", "ALARM": "in ALARM", "INSUFFICIENT_DATA": "no data", "MISSING": "does not exist"}


def duration(seconds: float) -> str:
    """Return seconds in words: the largest unit, and hours with their minutes."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes = whole // 60
    if minutes < 60:
        return f"{minutes} min"
    hours = minutes // 60
    if hours < 24:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{hours // 24} days" if hours >= 48 else "1 day"


def clock(moment: float, now: float) -> str:
    """Return a time of the day in the local time zone, with the date if that is another day."""
    then = time.localtime(moment)
    same_day = time.localtime(now)[:3] == then[:3]
    return time.strftime("%H:%M" if same_day else "%Y-%m-%d %H:%M", then)


def counts(progress: JobProgress, limits: str = "") -> list[str]:
    """Return the counts of a job's devices that are not zero; ``limits``: how many may fail."""
    allowed = f" ({limits})" if limits else ""
    parts = [
        (True, f"{progress.succeeded:,} of {progress.devices:,} ok"),
        (progress.failures or limits, f"{progress.failures:,} failed{allowed}"),
        (progress.in_progress, f"{progress.in_progress:,} in progress"),
        (progress.queued, f"{progress.queued:,} queued"),
    ]
    return [text for is_shown, text in parts if is_shown]


def alarm(one: Alarm) -> str:
    """Return an alarm's name and state."""
    evaluation = f" ({one.evaluation})" if one.evaluation else ""
    return f"{one.name} {_STATES.get(one.state, one.state)}{evaluation}"


def total(calls: int) -> str:
    """Return how many calls a look has made."""
    return "1 call to AWS" if calls == 1 else f"{calls} calls to AWS"
