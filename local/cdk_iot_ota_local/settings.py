"""The settings of the emulated OTA service, which can be changed at run time."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from .errors import LocalAwsError


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings, with their defaults.

    step_seconds: how long each of CREATE_PENDING, CREATE_IN_PROGRESS and DELETE_IN_PROGRESS lasts.
    tag_lag_seconds: how long ListTagsForResource shows no tags of a new update.
    refusal: how a deletion without force is refused while the job is unfinished: "sync" answers with an
        InvalidRequestException, "async" ends in DELETE_FAILED.
    rate_limits: throttle calls that exceed AWS's rates.
    strict_deletion: require, in addition to the service role's permissions, that the caller of DeleteOTAUpdate has
        iot:CancelJob and iot:DeleteJob on a job that is deleted by force, and iot:DeleteStream on a stream that is
        deleted with the update. AWS does not document it. Without IAM it makes no difference.
    """

    step_seconds: float = 0.05
    tag_lag_seconds: float = 0.0
    refusal: str = "sync"
    rate_limits: bool = False
    strict_deletion: bool = True

    def __post_init__(self) -> None:
        for name in ("step_seconds", "tag_lag_seconds"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
                raise LocalAwsError(f"{name} must be a number of at least 0, got {value!r}")
        if self.refusal not in ("sync", "async"):
            raise LocalAwsError(f"refusal must be 'sync' or 'async', got {self.refusal!r}")
        for name in ("rate_limits", "strict_deletion"):
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise LocalAwsError(f"{name} must be True or False, got {value!r}")

    def changed(self, changes: dict[str, Any]) -> Settings:
        """Return a copy with `changes`; LocalAwsError for an unknown name."""
        known = [field.name for field in fields(self)]
        for name in changes:
            if name not in known:
                raise LocalAwsError(f"there is no setting {name!r}: use one of {', '.join(known)}")
        return replace(self, **changes)
