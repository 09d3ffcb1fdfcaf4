"""What the stack declares: the properties of ``Custom::IoTOTAUpdate``, read from an event."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import identity, limits
from .errors import HandlerError

Event = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Declared:
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
        _, partition, _, region, account, _ = self.stack_id.split(":", 5)
        arn = f"arn:{partition}:iot:{region}:{account}"
        job_id = f"AFR_OTA-{self.ota_update_id}"
        return {
            "OtaUpdateArn": f"{arn}:otaupdate/{self.ota_update_id}",
            "JobId": job_id,
            "JobArn": f"{arn}:job/{job_id}",
            "Status": "CREATE_COMPLETE",
        }

    def owner(self, tags: Mapping[str, str], *, young: bool) -> identity.Owner:
        """Whose an update with these tags is."""
        return identity.owner(tags, self.stack_id, self.logical_id, young=young)


def declared(event: Event) -> Declared:
    """Read what an event's ``ResourceProperties`` declare."""
    properties = event["ResourceProperties"]
    request = _mapping(properties, "Request")
    content = identity.digest(request, event["StackId"], event["LogicalResourceId"])
    prefix = properties.get("IdPrefix")
    explicit = properties.get("OtaUpdateId")
    if (prefix is None) == (explicit is None):
        raise HandlerError("exactly one of IdPrefix and OtaUpdateId must be given")
    return Declared(
        stack_id=event["StackId"],
        logical_id=event["LogicalResourceId"],
        ota_update_id=_checked(explicit or identity.generated_id(prefix, event["LogicalResourceId"], content)),
        is_explicit=prefix is None,
        content=content,
        request=request,
        tags=user_tags(properties),
        delete_stream=_flag(properties, "DeleteStream"),
        force_delete_job=_flag(properties, "ForceDeleteJob"),
    )


def user_tags(properties: Mapping[str, Any]) -> dict[str, str]:
    """The user's tags in a resource's properties. Those of this library can not be declared."""
    tags = {tag["Key"]: tag.get("Value", "") for tag in properties.get("Tags", [])}
    return {key: value for key, value in tags.items() if not key.startswith(identity.TAG_PREFIX)}


def same_update(event: Event) -> bool:
    """Whether an event leaves the update itself as it was declared before: other delete options at most."""
    old, new = event.get("OldResourceProperties"), event["ResourceProperties"]
    names = ("Request", "IdPrefix", "OtaUpdateId", "Tags")
    return old is not None and all(old.get(name) == new.get(name) for name in names)


def _mapping(properties: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = properties.get(name)
    if not isinstance(value, Mapping):
        raise HandlerError(f"{name} must be a mapping, got {value!r}")
    return value


def _flag(properties: Mapping[str, Any], name: str) -> bool:
    text = str(properties.get(name, "true")).lower()
    if text not in ("true", "false"):
        raise HandlerError(f"{name} must be true or false, got {text!r}")
    return text == "true"


def _checked(ota_update_id: str) -> str:
    try:
        limits.OTA_UPDATE_ID.check("OtaUpdateId", ota_update_id)
    except ValueError as error:
        raise HandlerError(str(error)) from None
    return ota_update_id
