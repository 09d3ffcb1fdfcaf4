"""A view as JSON: whole ids, counts as numbers, and times in seconds since 1970."""

import json
from typing import Any

from cdk_iot_ota_handler.ota_update.observed import JobProgress

from .reading import Update
from .view import UpdateView, View

_COUNTS = ("succeeded", "failed", "rejected", "timed_out", "canceled", "in_progress", "queued")


def text(view: View) -> str:
    """Return one line of JSON in ASCII."""
    return json.dumps(document(view))


def document(view: View) -> dict[str, Any]:
    """Return what the JSON has; a member that is not known is null."""
    return {
        "stack": {
            "name": view.stack.name,
            "id": view.stack.stack_id,
            "status": view.stack.status,
            "reason": view.stack.reason or None,
            "since": round(view.since),
        },
        "exit_code": view.mood.value,
        "at_rest": view.is_at_rest,
        "headline": view.headline,
        "updates": [_update(one) for one in view.updates],
        "left_out": list(view.left_out),
        "calls": dict(view.calls),
        "time": round(view.now),
    }


def _update(update: UpdateView) -> dict[str, Any]:
    return {
        "name": update.name,
        "logical_id": update.logical_id,
        "state": update.state.name.lower(),
        "message": update.message or None,
        "ota_update_id": update.ota_update_id or None,
        "firmware": update.firmware or None,
        "is_new": update.is_new,
        "created": _seconds(update.created),
        "done": _seconds(update.done),
        "replaces": _replaced(update.before),
        "devices": _counts(update.counts),
        "needed": update.needed,
        "by": _seconds(update.by),
        "bake_until": _seconds(update.until),
        "alarms": [
            {"name": one.name, "state": one.state, "evaluation": one.evaluation or None, "since": _seconds(one.since)}
            for one in update.alarms
        ],
        "failed": update.failed or None,
        "failed_devices": [
            {"thing": one.thing, "status": one.status, "details": None if one.details is None else dict(one.details)}
            for one in update.failed_devices
        ],
        "slowest": [{"thing": one.thing, "since": round(one.since)} for one in update.slowest],
    }


def _replaced(update: Update | None) -> dict[str, Any] | None:
    return None if update is None else {"ota_update_id": update.ota_update_id, "firmware": update.firmware}


def _counts(progress: JobProgress | None) -> dict[str, Any] | None:
    if progress is None:
        return None
    return {"total": progress.devices, **{name: getattr(progress, name) for name in _COUNTS}, "job": progress.status}


def _seconds(moment: float | None) -> int | None:
    return None if moment is None else round(moment)
