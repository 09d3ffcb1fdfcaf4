"""Single invocations of `is_complete`, each at a chosen second of its event."""

from typing import Any

from cdk_iot_ota_handler.ota_update.is_complete import is_complete
from cdk_iot_ota_handler.ota_update.on_event import on_event

from ..fakes.ota_service import FakeOtaService


def poll(service: FakeOtaService, sent: dict[str, Any], *, waited: float = 0) -> dict[str, Any]:
    """Poll once, so many seconds after the event began; an empty account has answered its ``on_event``."""
    empty = FakeOtaService()
    begun = {**on_event(sent, empty.connect(), empty.clock()), "StartedAt": service.time.now - waited}
    return is_complete({**sent, **begun}, service.connect(), service.clock())


def timed_poll(service: FakeOtaService, sent: dict[str, Any], *, waited: float = 0) -> tuple[dict[str, Any], float]:
    """Poll once, and return the answer and how many seconds it took."""
    begun = service.time.now
    return poll(service, sent, waited=waited), service.time.now - begun
