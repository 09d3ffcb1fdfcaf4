"""The targets of an OTA update, and whether devices that join them later are updated too."""

import abc
import enum
from dataclasses import dataclass
from typing import Any, Protocol

from constructs import IConstruct

from cdk_iot_ota_handler.ota_update.contract import limits

from .._synth import checks, once, synth_limits, tokens
from .._synth.validation import at_end


class TargetSelection(enum.Enum):
    """``targetSelection``: whether devices that become targets later are updated too."""

    SNAPSHOT = "SNAPSHOT"
    """Only devices that are targets when the update is created; the job completes when all of them have finished."""

    CONTINUOUS = "CONTINUOUS"
    """Also devices that join a target group later; the job never completes."""


class ThingRef(Protocol):
    """A thing that the app refers to: a ``CfnThing``, or any other of CDK's ``IThingRef``."""

    @property
    def thing_ref(self) -> Any:
        """The name and the ARN of the thing."""
        ...


class ThingGroupRef(Protocol):
    """A thing group that the app refers to: a ``CfnThingGroup``, or any other of CDK's ``IThingGroupRef``."""

    @property
    def thing_group_ref(self) -> Any:
        """The name and the ARN of the thing group."""
        ...


class OtaTarget(abc.ABC):
    """A thing or a thing group that receives an OTA update: one of CreateOTAUpdate's ``targets``."""

    @staticmethod
    def thing(thing_name: str | ThingRef) -> "OtaTarget":
        """Target one thing in the stack's account and Region.

        :param thing_name: 1 to 128 of ``a-z A-Z 0-9 : _ -``, or a ``CfnThing`` or other ``IThingRef``.
        """
        return _declared("thing", thing_name, "CfnThing")

    @staticmethod
    def thing_group(thing_group_name: str | ThingGroupRef) -> "OtaTarget":
        """Target all things of a thing group in the stack's account and Region.

        :param thing_group_name: 1 to 128 of ``a-z A-Z 0-9 : _ -``, or a ``CfnThingGroup`` or other ``IThingGroupRef``.
            Do not give its ``ref``: the documentation contradicts itself about whether that is its name.
        """
        return _declared("thing_group", thing_group_name, "CfnThingGroup")

    @staticmethod
    def from_arn(arn: str) -> "OtaTarget":
        """Target a thing or thing group of the stack's account and Region by its ARN.

        :param arn: ``arn:<partition>:iot:<region>:<account>:thing/<name>`` or ``…:thinggroup/<name>``, or the
            ``attr_arn`` of a ``CfnThing`` or ``CfnThingGroup``.
        """
        return _ByArn(checks.text(limits.TARGET, "arn", arn))

    @abc.abstractmethod
    def bind(self, scope: IConstruct) -> str:
        """Return the target's ARN in the stack of ``scope``."""


@dataclass(frozen=True)
class _Named(OtaTarget):
    kind: str
    name: str

    def bind(self, scope: IConstruct) -> str:
        if not tokens.is_settled(self.name):
            at_end(scope, self._check, lambda: self.name)
        return once.iot_arn(scope, self.kind.replace("_", ""), self.name)

    def _check(self, resolved: Any) -> None:
        """Check a name that is known by now; in the ARN, of which it is a part, nothing would tell it apart."""
        if resolved is None:
            raise ValueError(f"{self.kind}_name must be a str, got a Lazy that is None at the end of synth: name one")
        if isinstance(resolved, str) and tokens.known(resolved):
            synth_limits.THING_NAME.check(f"{self.kind}_name", resolved)


@dataclass(frozen=True)
class _ByArn(OtaTarget):
    arn: str

    def bind(self, scope: IConstruct) -> str:
        return self.arn


def _declared(kind: str, value: object, cfn_class: str) -> OtaTarget:
    """Return a target by its name, or by the ARN of a resource of the app."""
    if isinstance(value, str):
        return _Named(kind, checks.text(synth_limits.THING_NAME, f"{kind}_name", value))
    if (ref := getattr(value, f"{kind}_ref", None)) is None:
        raise TypeError(f"{kind}_name must be a str, got {checks.shown(value)}: give a name, or a {cfn_class}")
    return _ByArn(checks.text(limits.TARGET, f"ARN of {kind}_name", getattr(ref, f"{kind}_arn")))
