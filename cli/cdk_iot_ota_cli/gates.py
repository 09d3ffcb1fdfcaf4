"""The settings of gates beyond the counts of devices, where the command finds them: template and tags."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cdk_iot_ota_handler.ota_update.contract import names
from cdk_iot_ota_handler.ota_update.desired import Gate

PROVEN_TAG = names.TAG_PREFIX + "proven"
_PROVEN = re.compile(r"(?:since=)?(\d+)(?: |$)")


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """An alarm of CloudWatch.

    ``since``: when it came into its state, in seconds since 1970. ``evaluation``: what is wrong with the last one.
    """

    name: str
    state: str
    reason: str = ""
    since: float = 0
    evaluation: str = ""

    @property
    def lacks_data(self) -> bool:
        """Return whether its state tells nothing, or not all."""
        return self.state == "INSUFFICIENT_DATA" or bool(self.evaluation)


@dataclass(frozen=True, kw_only=True)
class GateSettings:
    """A gate: the rule for the counts, and the names of the alarms that must not ring until ``bake`` seconds later.

    ``only_new``: an alarm that rang before the update was created does not count until it rings again.
    """

    gate: Gate
    alarms: tuple[str, ...] = ()
    bake: int = 0
    only_new: bool = False

    def ringing(self, alarms: Iterable[Alarm], *, created: float) -> Alarm | None:
        """Return the first alarm that fails the gate of an update that was created then, in seconds since 1970."""
        rings = (one for one in alarms if one.state == "ALARM")
        return next((one for one in rings if not self.only_new or one.since > created), None)


def settings(properties: Mapping[str, Any]) -> GateSettings | None:
    """Read the gate of a resource's properties, if it has one. Raises FatalError or ValueError if it is unreadable."""
    gate = Gate.from_properties(properties)
    if gate is None:
        return None
    given = properties["Gate"]
    return GateSettings(
        gate=gate,
        alarms=tuple(str(name) for name in given.get("AlarmNames", [])),
        bake=60 * int(given.get("BakeTimeInMinutes", 0)),
        only_new=given.get("AlarmAtStart") == "ONLY_NEW",
    )


def proven_since(tags: Mapping[str, str]) -> float | None:
    """Return when the counts of an update passed its gate, in seconds since 1970, if a tag keeps that."""
    match = _PROVEN.match(tags.get(PROVEN_TAG, ""))
    return float(match[1]) if match else None
