"""The protocols, the rate and the abort criteria of an OTA update's rollout."""

import abc
import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cdk_iot_ota_handler.ota_update.contract import limits

from .._synth import checks


class Protocol(enum.Enum):
    """``protocols``: how devices download the files. A device that supports both uses the first one."""

    MQTT = "MQTT"
    HTTP = "HTTP"


class RolloutRate(abc.ABC):
    """The number of devices notified per minute: ``awsJobExecutionsRolloutConfig``."""

    @staticmethod
    def constant(*, maximum_per_minute: int) -> "RolloutRate":
        """Notify devices at a constant rate.

        :param maximum_per_minute: ``maximumPerMinute``: 1 to 1,000.
        """
        maximum = checks.number(limits.RATE_PER_MINUTE, "maximum_per_minute", maximum_per_minute)
        return _Rate({"maximumPerMinute": maximum})

    @staticmethod
    def exponential(
        *,
        base_per_minute: int,
        increment_factor: float,
        after_notified: int | None = None,
        after_succeeded: int | None = None,
        maximum_per_minute: int | None = None,
    ) -> "RolloutRate":
        """Multiply the rate by a factor each time that enough devices have been notified or have succeeded.

        :param base_per_minute: ``exponentialRate.baseRatePerMinute``: 1 to 1,000, the initial rate.
        :param increment_factor: ``exponentialRate.incrementFactor``: 1.1 to 5, with one decimal.
        :param after_notified: ``rateIncreaseCriteria.numberOfNotifiedThings``: at least 1. Give either this or
            ``after_succeeded``. Default: none.
        :param after_succeeded: ``rateIncreaseCriteria.numberOfSucceededThings``: at least 1. Default: none.
        :param maximum_per_minute: ``maximumPerMinute``: 1 to 1,000, the highest rate; at least ``base_per_minute``.
            Default: AWS IoT's limit, 1,000.
        :raises ValueError: if a value exceeds its limits, or neither or both of the criteria are given.
        """
        if (after_notified is None) == (after_succeeded is None):
            raise ValueError(
                f"after_notified and after_succeeded: exactly one must be given, got "
                f"{checks.shown(after_notified)} and {checks.shown(after_succeeded)}"
            )
        criteria = {
            member: checks.number(limits.NUMBER_OF_THINGS, name, value)
            for member, name, value in (
                ("numberOfNotifiedThings", "after_notified", after_notified),
                ("numberOfSucceededThings", "after_succeeded", after_succeeded),
            )
            if value is not None
        }
        rate = {
            "baseRatePerMinute": checks.number(limits.RATE_PER_MINUTE, "base_per_minute", base_per_minute),
            "incrementFactor": checks.number(limits.INCREMENT_FACTOR, "increment_factor", increment_factor),
            "rateIncreaseCriteria": criteria,
        }
        if maximum_per_minute is None:
            return _Rate({"exponentialRate": rate})
        maximum = checks.number(limits.RATE_PER_MINUTE, "maximum_per_minute", maximum_per_minute)
        if checks.known(maximum) and checks.known(base_per_minute) and maximum < base_per_minute:
            raise ValueError(
                f"maximum_per_minute must be at least base_per_minute, got {maximum_per_minute} and {base_per_minute}"
            )
        return _Rate({"maximumPerMinute": maximum, "exponentialRate": rate})

    @abc.abstractmethod
    def render(self) -> Mapping[str, Any]:
        """Render the API's ``awsJobExecutionsRolloutConfig``."""


@dataclass(frozen=True)
class _Rate(RolloutRate):
    request: Mapping[str, Any]

    def render(self) -> Mapping[str, Any]:
        return self.request


class FailureType(enum.Enum):
    """``failureType``: the final status of a device's job execution that counts as a failure."""

    FAILED = "FAILED"
    REJECTED = "REJECTED"
    TIMED_OUT = "TIMED_OUT"
    ALL = "ALL"


@dataclass(frozen=True, kw_only=True)
class AbortCriterion:
    """A condition for canceling the rest of a rollout: one of ``awsJobAbortConfig.abortCriteriaList``.

    AWS IoT cancels the job for devices that have not started it; devices that are executing it continue.

    :param failure: ``failureType``.
    :param threshold_percentage: ``thresholdPercentage``: more than 0, at most 100, with two decimals.
    :param minimum_executed: ``minNumberOfExecutedThings``: at least 1: how many devices must have finished before the
        percentage is evaluated.
    :raises ValueError: if a value exceeds its limits.
    :raises TypeError: if a value is of another type.
    """

    failure: FailureType
    threshold_percentage: float
    minimum_executed: int

    def __post_init__(self) -> None:
        checks.enum_member("failure", self.failure, FailureType)
        checks.number(limits.THRESHOLD_PERCENTAGE, "threshold_percentage", self.threshold_percentage)
        checks.number(limits.NUMBER_OF_THINGS, "minimum_executed", self.minimum_executed)

    def render(self) -> Mapping[str, Any]:
        """Render the API's form; CANCEL is the only action there is."""
        return {
            "failureType": self.failure.value,
            "action": "CANCEL",
            "thresholdPercentage": self.threshold_percentage,
            "minNumberOfExecutedThings": self.minimum_executed,
        }
