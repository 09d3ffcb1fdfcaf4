"""Numbers that are not finite are refused by this library: jsii's process ends when it gets one."""

import enum
import functools
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aws_cdk import Duration, Stack, Stage

import cdk_iot_ota
from cdk_iot_ota import (
    AbortCriterion,
    CodeSigning,
    FailureType,
    FileLocation,
    OtaFile,
    OtaTarget,
    OtaUpdate,
    OtaUpdateProvider,
    Phase,
    PhasedRollout,
    Protocol,
    RolloutGate,
    RolloutRate,
    WaitForDevices,
)

from .stacks import stack

UNLIMITED = Duration.minutes(10**400)
RATE: dict[str, Any] = {"base_per_minute": 10, "increment_factor": 2, "after_notified": 100}
CRITERION: dict[str, Any] = {"failure": FailureType.FAILED, "threshold_percentage": 10, "minimum_executed": 20}
FILES = [OtaFile(name="/a", location=FileLocation.from_stream("s", 0), signing=CodeSigning.unsigned())]
TARGETS = [OtaTarget.thing("a")]


def exponential(**changes: Any) -> object:
    """Return an exponential rate with these changes."""
    return RolloutRate.exponential(**{**RATE, **changes})


def update(**options: Any) -> object:
    """Declare an update."""
    return OtaUpdate(stack(), "Blinky", targets=TARGETS, files=FILES, **options)


def rollout(**options: Any) -> object:
    """Declare a rollout in one phase."""
    return PhasedRollout(stack(), "Blinky", phases=[Phase("A", targets=TARGETS)], files=FILES, **options)


@functools.cache
def of_a_stage() -> OtaUpdate:
    """Return an update in a stage of a pipeline's stack."""
    return OtaUpdate(Stack(Stage(stack(), "Canary"), "Firmware"), "Blinky", targets=TARGETS, files=FILES)


def step(**options: Any) -> object:
    """Declare a step that waits for an update."""
    return WaitForDevices("Wait", update=of_a_stage(), **options)


# Each public argument that takes a number, by the function that takes it.
NUMBERS: dict[str, Callable[[Any], object]] = {
    "RolloutRate.constant maximum_per_minute": lambda value: RolloutRate.constant(maximum_per_minute=value),
    "RolloutRate.exponential base_per_minute": lambda value: exponential(base_per_minute=value),
    "RolloutRate.exponential increment_factor": lambda value: exponential(increment_factor=value),
    "RolloutRate.exponential after_notified": lambda value: exponential(after_notified=value),
    "RolloutRate.exponential after_succeeded": lambda value: exponential(after_notified=None, after_succeeded=value),
    "RolloutRate.exponential maximum_per_minute": lambda value: exponential(maximum_per_minute=value),
    "AbortCriterion threshold_percentage": lambda value: AbortCriterion(**{**CRITERION, "threshold_percentage": value}),
    "AbortCriterion minimum_executed": lambda value: AbortCriterion(**{**CRITERION, "minimum_executed": value}),
    "RolloutGate success_percentage": lambda value: RolloutGate(success_percentage=value),
    "RolloutGate maximum_failures": lambda value: RolloutGate(maximum_failures=value),
    "RolloutGate maximum_failure_percentage": lambda value: RolloutGate(maximum_failure_percentage=value),
    "RolloutGate minimum_devices": lambda value: RolloutGate(minimum_devices=value),
    "OtaFile type": lambda value: OtaFile(name="/a", signing=CodeSigning.unsigned(), type=value),
    "WaitForDevices success_percentage": lambda value: step(success_percentage=value),
    "WaitForDevices maximum_failures": lambda value: step(maximum_failures=value),
    "WaitForDevices maximum_failure_percentage": lambda value: step(maximum_failure_percentage=value),
    "WaitForDevices minimum_devices": lambda value: step(minimum_devices=value),
    "FileLocation.from_stream file_id": lambda value: FileLocation.from_stream("s", value),
}
DURATIONS: dict[str, Callable[[Any], object]] = {
    "RolloutGate timeout": lambda value: RolloutGate(timeout=value),
    "RolloutGate bake_time": lambda value: RolloutGate(bake_time=value),
    "RolloutGate drain_time": lambda value: RolloutGate(drain_time=value),
    "WaitForDevices timeout": lambda value: step(timeout=value),
    "WaitForDevices bake_time": lambda value: step(bake_time=value),
    "OtaUpdate in_progress_timeout": lambda value: update(in_progress_timeout=value),
    "OtaUpdate presigned_url_expiry": lambda value: update(presigned_url_expiry=value, protocols=[Protocol.HTTP]),
    "PhasedRollout in_progress_timeout": lambda value: rollout(in_progress_timeout=value),
    "PhasedRollout presigned_url_expiry": lambda value: rollout(presigned_url_expiry=value, protocols=[Protocol.HTTP]),
}


def arguments(kinds: set[type]) -> Iterator[str]:
    """Yield each public argument of one of these types."""
    for name in cdk_iot_ota.__all__:
        public = getattr(cdk_iot_ota, name)
        if issubclass(public, enum.Enum) or public is cdk_iot_ota.IOtaUpdate:
            continue
        factories = {f"{name}.{key}": getattr(public, key) for key, item in vars(public).items() if is_static(item)}
        for where, function in {name: public.__init__, **factories}.items():
            for argument, hint in typing.get_type_hints(function).items():
                options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
                if argument != "return" and kinds & set(options):
                    yield f"{where} {argument}"


def is_static(member: object) -> bool:
    """Return whether a member of a class is a static method."""
    return isinstance(member, staticmethod)


def test_every_number_and_duration_is_tried() -> None:
    """The tables have each public argument that takes a number or a duration."""
    assert set(NUMBERS) == set(arguments({int, float}))
    assert set(DURATIONS) == set(arguments({Duration}))


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (float("-inf"), "-inf"),
        (10**400, "one of more than 308 digits"),
        (-(10**5000), "one of more than 308 digits"),
    ],
    ids=["nan", "inf", "-inf", "10**400", "-10**5000"],
)
def test_a_number_that_is_not_finite_is_refused(name: str, value: float, shown: str) -> None:
    """NaN, infinity and integers that no float can hold are refused with the argument, before jsii gets them."""
    with pytest.raises(ValueError, match=rf"^(Wait: )?{name.split()[1]} must be a finite number, got {shown}$"):
        NUMBERS[name](value)


@pytest.mark.parametrize("name", DURATIONS)
def test_a_duration_that_is_not_finite_is_refused(name: str) -> None:
    """A duration that the CDK has made of more than it can count is refused with the argument."""
    with pytest.raises(ValueError, match=rf"{name.split()[1]} must be a whole number of (seconds|minutes), but 'Inf"):
        DURATIONS[name](UNLIMITED)


def test_a_retention_is_one_of_the_enum() -> None:
    """A number of days in the place of a retention is refused with the argument and the construct's path."""
    days: Any = float("nan")
    with pytest.raises(
        TypeError, match=r"^Prod/Provider: log_retention must be one of RetentionDays\.ONE_DAY, .*got nan"
    ):
        OtaUpdateProvider(stack(), "Provider", log_retention=days)


def test_both_criteria_of_any_size_are_named() -> None:
    """The error for both criteria is this library's even if Python does not write their digits."""
    with pytest.raises(ValueError, match=r"exactly one must be given, got an int and an int$"):
        exponential(after_notified=10**5000, after_succeeded=10**5000)
