"""The update that a stack desires: the properties of ``Custom::IoTOTAUpdate``, read from an event."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from . import identity
from .contract import limits, names
from .contract.environment import Environment
from .errors import FatalError

Event = Mapping[str, Any]
_BAKE, _DRAIN = "BakeTimeInMinutes", "DrainInMinutes"


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The condition on devices before the deploy continues.

    Percentages are text, so that they are exact. ``maximum_failures``, ``maximum_failure_percentage``: None for a limit
    that is not declared. ``timeout`` is in seconds. ``reports_only``: the deploy continues although the gate fails.
    ``drain``: how many seconds devices that are executing the job of a failed gate may go on. ``bake``: for how many
    seconds devices and alarms are watched after enough devices have succeeded. ``alarms``: their names.
    ``only_new_alarms``: those that are in ALARM before the creation count once they have left it. ``links``: how many
    resources besides the update watch it, one after the other.
    """

    success_percentage: str
    maximum_failures: int | None
    minimum_devices: int
    timeout: int
    maximum_failure_percentage: str | None = None
    reports_only: bool = False
    drain: int = 0
    bake: int = 0
    alarms: tuple[str, ...] = ()
    only_new_alarms: bool = False
    links: int = 0

    @property
    def longest(self) -> int:
        """The seconds after the creation in which it passes or fails."""
        return self.timeout + self.bake

    def check_times(self) -> None:
        """Raise FatalError if its times are too long together; synth has checked those that it knows."""
        given = {"TimeoutInMinutes": self.timeout, _BAKE: self.bake, _DRAIN: self.drain}
        minutes = {name: seconds / 60 for name, seconds in given.items() if seconds}
        most = limits.CHAIN_IN_MINUTES if self.links else limits.GATE_IN_MINUTES
        try:
            limits.check_gate_minutes(minutes, most=most)
        except ValueError as error:
            raise FatalError(f"Gate: {error}") from None
        needed = limits.links(timeout=self.timeout / 60, bake=self.bake / 60, drain=self.drain / 60)
        if self.links < needed:
            raise FatalError(f"Gate: Links must be at least {needed}, got {self.links}")

    @classmethod
    def from_properties(cls, properties: Mapping[str, Any]) -> "Gate | None":
        """Read the gate of a resource, if it has one. Raises FatalError with the member, the value and the limit."""
        given = properties.get("Gate")
        if given is None:
            return None
        if not isinstance(given, Mapping):
            raise FatalError(f"Gate must be a mapping, got {limits.shown(given)}")
        timeout, bake = limits.GATE_TIMEOUT_IN_MINUTES, limits.BAKE_IN_MINUTES
        if "Links" in given:
            timeout, bake = limits.CHAIN_TIMEOUT_IN_MINUTES, limits.CHAIN_BAKE_IN_MINUTES
        try:
            return cls(
                success_percentage=_number(given, "SuccessPercentage", limits.SUCCESS_PERCENTAGE),
                minimum_devices=int(_number(given, "MinimumDevices", limits.MINIMUM_DEVICES)),
                timeout=60 * int(_number(given, "TimeoutInMinutes", timeout)),
                reports_only=_word(given, "OnFailure", limits.GATE_FAILURE, "FAIL") == "REPORT",
                drain=_minutes(given, _DRAIN, limits.DRAIN_IN_MINUTES),
                bake=_minutes(given, _BAKE, bake),
                alarms=_alarms(given),
                only_new_alarms=_word(given, "AlarmAtStart", limits.ALARM_AT_START, "REFUSE") == "ONLY_NEW",
                links=int(_number(given, "Links", limits.LINKS)) if "Links" in given else 0,
                **_failure_limits(given),
            )
        except ValueError as error:
            raise FatalError(f"Gate: {error}") from None


@dataclass(frozen=True, kw_only=True)
class Desired:
    """An OTA update as a stack declares it."""

    stack_id: str
    logical_id: str
    ota_update_id: str
    is_explicit: bool
    content: str
    request: Mapping[str, Any]
    tags: Mapping[str, str]
    delete_stream: bool
    force_delete_job: bool
    gate: Gate | None = None
    # Checked with the request: a Delete and a rollback are not refused because of it.
    bucket_owners: object = None

    @classmethod
    def from_event(cls, event: Event) -> "Desired":
        """Read the ``ResourceProperties`` of an event. Raises FatalError with the property and the value."""
        properties = event["ResourceProperties"]
        request = _mapping(properties, "Request")
        content = identity.digest(request, event["StackId"], event["LogicalResourceId"])
        prefix, explicit = _text(properties, "IdPrefix"), _text(properties, "OtaUpdateId")
        return cls(
            stack_id=event["StackId"],
            logical_id=event["LogicalResourceId"],
            ota_update_id=_ota_update_id(prefix, explicit, event["LogicalResourceId"], content),
            is_explicit=prefix is None,
            content=content,
            request=request,
            tags=user_tags(properties),
            delete_stream=_flag(properties, "DeleteStream"),
            force_delete_job=_flag(properties, "ForceDeleteJob"),
            gate=Gate.from_properties(properties),
            bucket_owners=properties.get("BucketOwners"),
        )

    @property
    def job_id(self) -> str:
        """The id of the job that AWS IoT creates for the update."""
        return names.job_id(self.ota_update_id)

    @property
    def all_tags(self) -> dict[str, str]:
        """The user's tags, and those that tell the owner of the update."""
        return {**self.tags, **identity.ownership_tags(self.stack_id, self.logical_id, self.content)}

    @property
    def delete_options(self) -> dict[str, bool]:
        """The options of DeleteOTAUpdate for this update."""
        return {"delete_stream": self.delete_stream, "force_delete_job": self.force_delete_job}

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes of the resource as they are known without a call."""
        environment = Environment.of(self.stack_id)
        arn = f"arn:{environment.partition}:iot:{environment.region}:{environment.account}"
        return {
            "OtaUpdateArn": f"{arn}:otaupdate/{self.ota_update_id}",
            "JobId": self.job_id,
            "JobArn": f"{arn}:job/{self.job_id}",
            "Status": "CREATE_COMPLETE",
            **identity.gate_attributes(""),
        }

    def gate_state(self, state: str) -> dict[str, str]:
        """Return the attribute that tells the first link the state of the gate, if there are links."""
        return {names.GATE_STATE: state} if self.gate is not None and self.gate.links else {}

    def owner(self, tags: Mapping[str, str], *, young: bool) -> identity.Owner:
        """Return the owner of an update with these tags."""
        return identity.owner(tags, self.stack_id, self.logical_id, young=young)


def user_tags(properties: Mapping[str, Any]) -> dict[str, str]:
    """Return the user's tags in the properties of a resource, without tags in the namespace of this library.

    Case does not matter for the namespace: the conditions of IAM ignore case in the key of a tag.
    """
    found = properties.get("Tags", [])
    if not isinstance(found, list) or not all(isinstance(tag, Mapping) and _is_tag(tag) for tag in found):
        raise FatalError(f"Tags must be a list of Key and Value, got {limits.shown(found)}")
    tags = {tag["Key"]: tag.get("Value", "") for tag in found}
    return {key: value for key, value in tags.items() if not key.lower().startswith(names.TAG_PREFIX)}


@dataclass(frozen=True, kw_only=True)
class Previous:
    """The properties before an Update, as far as it needs them: those deployed last, or those that failed.

    ``ota_update_id``, ``content`` and the delete options are those of their update, and None where the properties
    cannot be read: such properties have created nothing. ``tags``: with None for a value that is not the new one.
    ``is_held``: CloudFormation holds that id for the resource, as it does unless a deploy has failed in between.
    ``is_unchanged``: the new properties are the same.
    """

    ota_update_id: str | None = None
    content: str = ""
    tags: Mapping[str, str | None] = field(default_factory=dict)
    delete_stream: bool = True
    force_delete_job: bool = True
    is_held: bool = True
    is_unchanged: bool = False

    @classmethod
    def from_event(cls, event: Event) -> "Previous":
        """Return what ``on_event`` has kept of the old properties of an event, or read them from CloudFormation's."""
        kept = event.get("Previous")
        if isinstance(kept, Mapping):
            return cls(**kept)
        old = event.get("OldResourceProperties")
        try:
            update = Desired.from_event({**event, "ResourceProperties": old}) if isinstance(old, Mapping) else None
        except FatalError:
            update = None
        if update is None:
            return cls()
        new = user_tags(event["ResourceProperties"])
        return cls(
            ota_update_id=update.ota_update_id,
            content=update.content,
            # A declaration that was refused may have tags of any length, which AWS never had.
            tags={
                key: value if new.get(key) == value else None for key, value in update.tags.items() if len(key) <= 128
            },
            delete_stream=update.delete_stream,
            force_delete_job=update.force_delete_job,
            is_held=update.ota_update_id == event["PhysicalResourceId"],
            is_unchanged=old == event["ResourceProperties"],
        )

    def update(self, desired: Desired) -> Desired | None:
        """Return the update of these properties in the resource of the desired one, without its request."""
        if self.ota_update_id is None:
            return None
        kept = {name: getattr(self, name) for name in ("content", "delete_stream", "force_delete_job")}
        return replace(desired, ota_update_id=self.ota_update_id, request={}, gate=None, **kept)


def _is_tag(tag: Mapping[str, Any]) -> bool:
    return isinstance(tag.get("Key"), str) and isinstance(tag.get("Value", ""), str)


def _mapping(properties: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = properties.get(name)
    if not isinstance(value, Mapping):
        raise FatalError(f"{name} must be a mapping, got {limits.shown(value)}")
    return value


def _text(properties: Mapping[str, Any], name: str) -> str | None:
    value = properties.get(name)
    if value is not None and not isinstance(value, str):
        raise FatalError(f"{name} must be text, got {limits.shown(value)}")
    return value


def _flag(properties: Mapping[str, Any], name: str) -> bool:
    text = str(properties.get(name, "true")).lower()
    if text not in ("true", "false"):
        raise FatalError(f"{name} must be true or false, got {limits.shown(text)}")
    return text == "true"


def _word(given: Mapping[str, Any], name: str, limit: limits.Choice, default: str) -> str:
    text = str(given.get(name, default))
    limit.check(name, text)
    return text


def _minutes(given: Mapping[str, Any], name: str, limit: limits.Number) -> int:
    """Return a time of a gate in seconds, 0 if it is not declared."""
    return 60 * int(_number(given, name, limit)) if name in given else 0


def _alarms(given: Mapping[str, Any]) -> tuple[str, ...]:
    found = given.get("AlarmNames")
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise ValueError(f"AlarmNames must be a list of names, got {limits.shown(found)}")
    limits.ALARMS.check("AlarmNames", found)
    for index, name in enumerate(found):
        limits.ALARM_NAME.check(f"AlarmNames[{index}]", name)
    # Two tokens may turn out to be one alarm.
    return tuple(dict.fromkeys(found))


def _failure_limits(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the limits on the failures of a gate: a share of the devices, a number of them, or both."""
    share, found = "MaximumFailurePercentage", dict[str, Any](maximum_failures=None)
    if share in given:
        found["maximum_failure_percentage"] = _number(given, share, limits.MAXIMUM_FAILURE_PERCENTAGE)
    if share not in given or "MaximumFailures" in given:
        found["maximum_failures"] = int(_number(given, "MaximumFailures", limits.MAXIMUM_FAILURES))
    return found


def _number(given: Mapping[str, Any], name: str, limit: limits.Number) -> str:
    text = str(given.get(name))
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) is None:
        raise ValueError(f"{name} must be a number, got {limits.shown(given.get(name))}")
    limit.check(name, float(text))
    return text


def _ota_update_id(prefix: str | None, explicit: str | None, logical_id: str, content: str) -> str:
    if prefix is not None and explicit is None:
        ota_update_id = identity.generated_id(prefix, logical_id, content)
    elif explicit is not None and prefix is None:
        ota_update_id = explicit
    else:
        raise FatalError("exactly one of IdPrefix and OtaUpdateId must be given")
    try:
        limits.OTA_UPDATE_ID.check("OtaUpdateId", ota_update_id)
    except ValueError as error:
        raise FatalError(str(error)) from None
    return ota_update_id
