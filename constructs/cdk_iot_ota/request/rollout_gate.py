"""What devices have to show before a deploy goes on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import Duration

from cdk_iot_ota_handler.ota_update.contract import limits

from .._synth import checks

_DEFAULT_MINUTES = 30


@dataclass(frozen=True, kw_only=True)
class RolloutGate:
    """A deploy with this gate waits until devices have proven the firmware, and fails when they have not.

    The counts of the update's job decide. Devices that failed, rejected the update, timed out or were canceled count as
    failures; that the job is ``COMPLETED`` alone says nothing. The gate fails as soon as it can not pass any more, at
    its timeout, when the job is canceled, and when too few devices are in it. Then the update is removed at once, so
    that no further device takes it, and CloudFormation rolls the stack back. Devices that have taken the firmware keep
    it: bring the old code back as a newer image. A device that is switched off stays queued and does not succeed.

    The gate judges an update once, in the deploy that creates it. One that is added to or changed on an update that is
    deployed already does not judge it; it holds from the next content on.

    :param success_percentage: the share of the job's devices that must succeed: 0.01 or more, at most 100, with two
        decimals. Default: 100.
    :param maximum_failures: how many devices may fail: at least 0. Default: 0.
    :param minimum_devices: how many devices must be in the job: at least 1. Default: 1.
    :param timeout: how long the devices have: 1 to 45 minutes, which is what CloudFormation's hour has room for.
        Default: 30 minutes.
    :raises ValueError: if a value is beyond its limits.
    :raises TypeError: if a value is of another type.
    """

    success_percentage: float = 100
    maximum_failures: int = 0
    minimum_devices: int = 1
    timeout: Duration | None = None

    def __post_init__(self) -> None:
        self.bind()

    def bind(self) -> Mapping[str, Any]:
        """The ``Gate`` of the resource."""
        return {
            "SuccessPercentage": checks.number(
                limits.SUCCESS_PERCENTAGE, "success_percentage", self.success_percentage
            ),
            "MaximumFailures": checks.number(limits.MAXIMUM_FAILURES, "maximum_failures", self.maximum_failures),
            "MinimumDevices": checks.number(limits.NUMBER_OF_THINGS, "minimum_devices", self.minimum_devices),
            "TimeoutInMinutes": _DEFAULT_MINUTES
            if self.timeout is None
            else checks.minutes(limits.GATE_TIMEOUT_IN_MINUTES, "timeout", self.timeout),
        }
