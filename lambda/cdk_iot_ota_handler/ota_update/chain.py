"""A link of the chain that watches a long gate: the properties of ``Custom::IoTOTAGate``, read from an event."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .contract import limits, names
from .desired import Desired, Event, Gate
from .errors import FatalError


@dataclass(frozen=True, kw_only=True)
class Link:
    """A resource that goes on to watch the gate of an update, after the update's own and the links before it.

    ``update``: the update, of which only its identity and its gate are known. ``number``: 1 for the first link.
    ``state``: what the resource before it has told of the gate: GATE_WAITS, or what it has observed.
    """

    update: Desired
    gate: Gate
    number: int
    state: str

    @classmethod
    def from_event(cls, event: Event) -> "Link":
        """Read the ``ResourceProperties`` of an event. Raises FatalError with the property and the value."""
        properties = event["ResourceProperties"]
        gate = Gate.from_properties(properties)
        if gate is None or not gate.links:
            raise FatalError(f"Gate must be one with Links, got {limits.shown(properties.get('Gate'))}")
        update = Desired(
            stack_id=event["StackId"],
            logical_id=_text(properties, "Update"),
            ota_update_id=_text(properties, "OtaUpdateId"),
            is_explicit=False,
            content="",
            request={},
            tags={},
            delete_stream=True,
            force_delete_job=True,
            gate=gate,
        )
        number = _text(properties, "Number")
        if not number.isdecimal() or not 1 <= int(number) <= gate.links:
            raise FatalError(f"Number must be one from 1 to {gate.links}, got {limits.shown(number)}")
        state = _text(properties, names.GATE_STATE)
        return cls(update=update, gate=gate, number=int(number), state=state)

    @property
    def is_last(self) -> bool:
        """Return whether no other link follows."""
        return self.number == self.gate.links


def _text(properties: Mapping[str, Any], name: str) -> str:
    value = properties.get(name)
    if not isinstance(value, str):
        raise FatalError(f"{name} must be text, got {limits.shown(value)}")
    return value
