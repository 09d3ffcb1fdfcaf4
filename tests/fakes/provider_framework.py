"""The Provider framework of the CDK: serves one event from its start to its answer."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cdk_iot_ota_handler.ota_update.contract import timeouts
from cdk_iot_ota_handler.ota_update.errors import FatalError
from cdk_iot_ota_handler.ota_update.is_complete import is_complete
from cdk_iot_ota_handler.ota_update.on_event import on_event

from .ota_service import BrokenPromiseError, FakeOtaService, ProcessKilledError

# The id that the framework answers for a Create that fails in on_event; it swallows the Delete of it.
MARKER = "AWSCDK::CustomResourceProviderFramework::CREATE_FAILED"
# Step Functions takes 256 KiB, and the framework's "not complete" has the event twice.
WAITER_BYTES = 128 * 1024
# The framework polls every five seconds while it cannot deliver an answer: a few of these polls, by their distance.
REPEATS = (5, 15, 40, 300, 1200)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer to CloudFormation; ``reason`` is that of a failure."""

    physical_id: str
    data: Mapping[str, str] | None = None
    reason: str = ""

    @property
    def failed(self) -> bool:
        """Return whether the event has failed."""
        return bool(self.reason)


@dataclass
class ProviderFramework:
    """Calls ``on_event`` once, and then ``is_complete`` until the event has finished.

    ``killed``: the handler dies in the invocation of this number, at the call of this number, before or after its work.
    """

    service: FakeOtaService
    killed: tuple[int, int, str] | None = None
    invocations: int = 0
    kills: int = 0

    def serve(
        self, event: Mapping[str, Any], *, timeout: float = timeouts.TOTAL_TIMEOUT, is_lost: bool = False
    ) -> Answer:
        """Serve an event until it has finished, and fail the test if it has not after ``timeout`` seconds.

        ``is_lost``: the answer cannot be delivered, and so the framework goes on.
        """
        answer, event = self._serve(event, timeout)
        for pause in REPEATS if is_lost and "StartedAt" in event else ():
            self.service.time.sleep(pause)
            with contextlib.suppress(FatalError, ProcessKilledError):
                self._invoke(is_complete, event)
        return answer

    def _serve(self, event: Mapping[str, Any], timeout: float) -> tuple[Answer, Mapping[str, Any]]:
        time, begun, physical_id = self.service.time, self.service.time.now, event.get("PhysicalResourceId", MARKER)
        try:
            event = {**event, **self._invoke(on_event, event)}
            physical_id = event["PhysicalResourceId"]
            if (size := len(json.dumps(event, ensure_ascii=False).encode())) > WAITER_BYTES:
                return Answer(physical_id=physical_id, reason=f"States.DataLimitExceeded: {size} bytes"), event
            while not (result := self._invoke(is_complete, event))["IsComplete"]:
                time.sleep(timeouts.QUERY_INTERVAL)
                if time.now - begun > timeout:
                    raise BrokenPromiseError(f"the event has not finished after {timeout} s")
        except FatalError as error:
            return Answer(physical_id=physical_id, reason=str(error) or "no reason"), event
        except ProcessKilledError:
            return Answer(physical_id=physical_id, reason="Runtime exited"), event
        return Answer(physical_id=physical_id, data=result.get("Data", {})), event

    def _invoke(self, function: Any, event: Mapping[str, Any]) -> dict[str, Any]:
        self.invocations += 1
        begun, is_doomed = self.service.time.now, self.killed is not None and self.killed[0] == self.invocations
        connection = self.service.connect(self.killed[1:] if self.killed and is_doomed else None)
        try:
            result: dict[str, Any] = function(event, connection, self.service.clock())
        except ProcessKilledError:
            self.kills += 1
            raise
        finally:
            if (lasted := self.service.time.now - begun) > timeouts.INVOCATION:
                raise BrokenPromiseError(f"an invocation took {lasted:.0f} s")
        # The framework passes it on as JSON, so that it must survive that.
        answer: dict[str, Any] = json.loads(json.dumps(result))
        return answer
