"""What the stack declares: the properties of ``Custom::IoTOTAUpdate``, read from an event."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import identity
from .contract import limits, names
from .contract.environment import Environment
from .errors import FatalError
from .gate import Gate, attributes, declared_gate

Event = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Desired:
    """One OTA update as a stack declares it."""

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

    @property
    def all_tags(self) -> dict[str, str]:
        """The user's tags and those that make the update ours."""
        return {**self.tags, **identity.ownership_tags(self.stack_id, self.logical_id, self.content)}

    @property
    def delete_options(self) -> dict[str, bool]:
        """How DeleteOTAUpdate is to be asked for this update."""
        return {"delete_stream": self.delete_stream, "force_delete_job": self.force_delete_job}

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes of the update when nobody has to look at it: AWS IoT names its job after it."""
        environment = Environment.of(self.stack_id)
        arn = f"arn:{environment.partition}:iot:{environment.region}:{environment.account}"
        job_id = f"AFR_OTA-{self.ota_update_id}"
        return {
            "OtaUpdateArn": f"{arn}:otaupdate/{self.ota_update_id}",
            "JobId": job_id,
            "JobArn": f"{arn}:job/{job_id}",
            "Status": "CREATE_COMPLETE",
            **attributes(""),
        }

    def owner(self, tags: Mapping[str, str], *, young: bool) -> identity.Owner:
        """Whose an update with these tags is."""
        return identity.owner(tags, self.stack_id, self.logical_id, young=young)


def declared(event: Event) -> Desired:
    """Read what an event's ``ResourceProperties`` declare."""
    properties = event["ResourceProperties"]
    request = _mapping(properties, "Request")
    content = identity.digest(request, event["StackId"], event["LogicalResourceId"])
    prefix, explicit = _text(properties, "IdPrefix"), _text(properties, "OtaUpdateId")
    return Desired(
        stack_id=event["StackId"],
        logical_id=event["LogicalResourceId"],
        ota_update_id=_ota_update_id(prefix, explicit, event["LogicalResourceId"], content),
        is_explicit=prefix is None,
        content=content,
        request=request,
        tags=user_tags(properties),
        delete_stream=_flag(properties, "DeleteStream"),
        force_delete_job=_flag(properties, "ForceDeleteJob"),
        gate=declared_gate(properties),
    )


def user_tags(properties: Mapping[str, Any]) -> dict[str, str]:
    """The user's tags in a resource's properties. Those of this library can not be declared, however they are spelt.

    The conditions of IAM make no difference between capital letters and others in a tag's key.
    """
    found = properties.get("Tags", [])
    if not isinstance(found, list) or not all(isinstance(tag, Mapping) and _is_tag(tag) for tag in found):
        raise FatalError(f"Tags must be a list of Key and Value, got {limits.shown(found)}")
    tags = {tag["Key"]: tag.get("Value", "") for tag in found}
    return {key: value for key, value in tags.items() if not key.lower().startswith(names.TAG_PREFIX)}


def _is_tag(tag: Mapping[str, Any]) -> bool:
    return isinstance(tag.get("Key"), str) and isinstance(tag.get("Value", ""), str)


def same_update(event: Event) -> bool:
    """Whether an event leaves the update itself as it was declared before: other delete options at most."""
    old, new = old_properties(event), event["ResourceProperties"]
    return all(old.get(name) == new.get(name) for name in ("Request", "IdPrefix", "OtaUpdateId", "Tags"))


def old_properties(event: Event) -> Mapping[str, Any]:
    """What was declared before an Update. In a rollback that is what has failed, and may have any form."""
    old = event.get("OldResourceProperties")
    return old if isinstance(old, Mapping) else {}


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
