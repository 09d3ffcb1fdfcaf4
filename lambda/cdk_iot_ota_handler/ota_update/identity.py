"""The identity of an update: ids and digests of its content, and the tags that tell its owner. No calls here.

Ids and digests are an external contract: another digest for the same content would push firmware to every fleet again.
"""

import enum
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .contract import limits, names
from .observed import OPERATION, JobProgress

# The first devices that have failed, and alarms without data, in the room that the deployed tag has for them. The
# problem of a gate that only reports has what is left, without the operations on the stack that follow.
_FAILED_DEVICES, _DEVICES_LENGTH, _ALARMS_LENGTH = 5, 100, 60
_OPERATIONS_LENGTH = len(" since=1700000000 operation=1700000000")
_OBSERVED_BY_GATE = re.compile(
    r"succeeded=(\d+) failed=(\d+) seconds=(\d+)(?: devices=(\S+))?(?: no-data=(\S+))?(?: problem=([^=]+))?"
)


class Owner(enum.Enum):
    """The owner of the update that exists under an id."""

    OURS = "ours"
    OTHER = "other"
    UNKNOWN = "unknown"


def digest(request: Mapping[str, Any], stack_id: str, logical_id: str) -> str:
    """Return the digest of a request, as CloudFormation passes it, in one resource of one stack."""
    text = json.dumps([request, stack_id, logical_id], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[: names.DIGEST_LENGTH]


def generated_id(prefix: str, logical_id: str, content: str) -> str:
    """Return ``<prefix><logical id>-<digest>``, the logical id cut so that the whole fits into a job id."""
    room = names.MAX_ID_LENGTH - len(prefix) - len(content) - 1
    return f"{prefix}{logical_id[:room]}-{content}"


def is_possible(ota_update_id: str) -> bool:
    """Return whether an OTA update can have this id; one that CloudFormation has invented may be longer."""
    return re.fullmatch(r"[A-Za-z0-9_-]{1,128}", ota_update_id) is not None


def has_generated_form(ota_update_id: str, logical_id: str) -> bool:
    """Return whether an id has the form of one generated for this resource."""
    match = names.GENERATED_ID.fullmatch(ota_update_id)
    return match is not None and logical_id.startswith(match.group(1))


def stack_name(stack_id: str) -> str:
    """Return the name of a stack."""
    return stack_id.split("/")[1]


def is_invented(physical_id: str, stack_id: str, logical_id: str) -> bool:
    """Return whether CloudFormation invented an id, as it does for a resource whose Create was never answered."""
    return names.is_invented(physical_id, stack_name(stack_id), logical_id)


def ownership_tags(stack_id: str, logical_id: str, content: str) -> dict[str, str]:
    """Return the tags that every update of this library is created with."""
    return {names.STACK_TAG: stack_id, names.RESOURCE_TAG: logical_id, names.CONTENT_TAG: content}


def owner(tags: Mapping[str, str], stack_id: str, logical_id: str, *, young: bool) -> Owner:
    """Return the owner of an update with these tags; unknown for a young update whose tags are not visible yet."""
    if not tags and young:
        return Owner.UNKNOWN
    ours = tags.get(names.STACK_TAG) == stack_id and tags.get(names.RESOURCE_TAG) == logical_id
    return Owner.OURS if ours else Owner.OTHER


def deployed_tag(
    progress: JobProgress | None,
    seconds: float,
    failed_devices: Sequence[str] = (),
    problem: str = "",
    without_data: Sequence[str] = (),
) -> str:
    """Return the value of the deployed tag: what the gate has observed, in the characters that a tag may have.

    ``problem``: why the gate would have failed. ``without_data``: the names of alarms.
    """
    if progress is None:
        return "true"
    counts = f"succeeded={progress.succeeded} failed={progress.failures} seconds={seconds:.0f}"
    # No thing has a slash in its name.
    devices = _fitting(" devices=", failed_devices[:_FAILED_DEVICES], "/", _DEVICES_LENGTH)
    # No equal sign in it, so that it cannot be read as another part.
    would_fail = tag_text(problem.replace(" %", " percent").replace("=", ":"))
    if not would_fail:
        alarms = [re.sub(r"[^A-Za-z0-9_.:/+-]", "-", name) for name in without_data]
        return f"{counts}{devices}{_fitting(' no-data=', alarms, '@', _ALARMS_LENGTH)}"
    found = f"{counts}{devices} problem="
    return f"{found}{would_fail[: (limits.TAG_VALUE.at_most or 0) - _OPERATIONS_LENGTH - len(found)].strip()}"


def _fitting(key: str, names: Sequence[str], separator: str, length: int) -> str:
    """Return the first names for the deployed tag, as many as fit; nothing if there are none."""
    texts = [f"{key}{separator.join(names[:count])}" for count in range(len(names), 0, -1)]
    return next((text for text in texts if len(text) <= length), "")


def with_operation(deployed_tag: str, operation: int | None, *, first: int | None = None) -> str:
    """Return the value of a deployed tag with the operation on the stack that deploys the update, if that is known.

    ``first``: the operation that has deployed it first, if that is another one; 0 if that was no update of the stack.
    """
    value = OPERATION.sub("", deployed_tag)
    since = "" if first is None else f" since={first}"
    return value if operation is None else f"{value}{since} operation={operation}"


def without_operation(deployed_tag: str) -> str:
    """Return the value of a deployed tag without the operations on the stack."""
    return OPERATION.sub("", deployed_tag)


def failed_tag(reason: str, *, draining_since: float | None = None, timed_out: bool = False) -> str:
    """Return the value of the tag that keeps why a gate has failed, in the characters and length of a tag."""
    drain = "" if draining_since is None else f"since={draining_since:.0f} "
    return f"{drain}{'timed-out ' if timed_out else ''}{tag_text(reason)}"[: limits.TAG_VALUE.at_most]


def proven_tag(since: float, progress: JobProgress | None) -> str:
    """Return the value of the tag that keeps when the bake time of a gate has begun, and with which counts."""
    counts = "" if progress is None else f" succeeded={progress.succeeded} failed={progress.failures}"
    return f"since={since:.0f}{counts}"


def tag_text(text: str) -> str:
    """Return a text in the characters that a tag may have."""
    return " ".join(re.sub(r"[^A-Za-z0-9 _.:/=+@-]", " ", text).split())


def gate_attributes(deployed_tag: str) -> dict[str, str]:
    """Return what a deployed tag tells as attributes of the resource; empty ones for an update without a gate."""
    match = _OBSERVED_BY_GATE.fullmatch(OPERATION.sub("", deployed_tag))
    succeeded, failed, seconds, devices, alarms, problem = match.groups(default="") if match else ("",) * 6
    passed = "passed" if match else ""
    return {
        "DevicesSucceeded": succeeded,
        "DevicesFailed": failed,
        "SecondsWaited": seconds,
        "FailedDevices": devices.replace("/", ","),
        "AlarmsWithoutData": alarms.replace("@", ","),
        "GateResult": f"would have failed: {problem}" if problem else passed,
    }
