"""The Provider framework and CloudFormation, as far as one resource needs them: one event from its start to its end."""

from dataclasses import dataclass
from typing import Any

from cdk_iot_ota_handler.ota_update.errors import FatalError
from cdk_iot_ota_handler.ota_update.is_complete import is_complete
from cdk_iot_ota_handler.ota_update.on_event import on_event

from .world import World

MARKER = "AWSCDK::CustomResourceProviderFramework::CREATE_FAILED"


@dataclass(frozen=True)
class Answer:
    """What CloudFormation is answered in the end."""

    physical_id: str
    data: dict[str, str] | None = None
    reason: str = ""

    @property
    def failed(self) -> bool:
        """Whether the event failed."""
        return bool(self.reason)


def run(world: World, sent: dict[str, Any], *, looks: int = 1000) -> Answer:
    """Serve an event like the framework does: `on_event` once, then `is_complete` every five seconds."""
    service: Any = world
    try:
        answer = on_event(sent, service, world.clock())
    except FatalError as error:
        return Answer(sent.get("PhysicalResourceId", MARKER), reason=str(error))
    waiting = {**sent, **answer}
    for _ in range(looks):
        try:
            result = is_complete(waiting, service, world.clock())
        except FatalError as error:
            return Answer(waiting["PhysicalResourceId"], reason=str(error))
        if result["IsComplete"]:
            return Answer(waiting["PhysicalResourceId"], data=result.get("Data", {}))
        world.clock().sleep(5)
    raise AssertionError("the event never ended")
