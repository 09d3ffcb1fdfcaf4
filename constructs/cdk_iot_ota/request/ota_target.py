"""The targets of an OTA update, and whether devices that join them later are updated too."""

import abc
import enum
from dataclasses import dataclass

from aws_cdk import Stack
from constructs import IConstruct

from cdk_iot_ota_handler.ota_update.contract import limits

from .._synth import checks, synth_limits


class TargetSelection(enum.Enum):
    """``targetSelection``: whether devices that become targets later are updated too."""

    SNAPSHOT = "SNAPSHOT"
    """Only devices that are targets when the update is created; the job completes when all of them have finished."""

    CONTINUOUS = "CONTINUOUS"
    """Also devices that join a target group later; the job never completes."""


class OtaTarget(abc.ABC):
    """A thing or a thing group that receives an OTA update: one of CreateOTAUpdate's ``targets``."""

    @staticmethod
    def thing(thing_name: str) -> "OtaTarget":
        """Target one thing in the stack's account and Region.

        :param thing_name: 1 to 128 of ``a-z A-Z 0-9 : _ -``, or the ``ref`` of a ``CfnThing``.
        """
        return _Named("thing", checks.text(synth_limits.THING_NAME, "thing_name", thing_name))

    @staticmethod
    def thing_group(thing_group_name: str) -> "OtaTarget":
        """Target all things of a thing group in the stack's account and Region.

        :param thing_group_name: 1 to 128 of ``a-z A-Z 0-9 : _ -``. For a ``CfnThingGroup`` use
            ``from_arn(group.attr_arn)``: the documentation contradicts itself about whether its ``ref`` is its name.
        """
        return _Named("thinggroup", checks.text(synth_limits.THING_NAME, "thing_group_name", thing_group_name))

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
    resource: str
    name: str

    def bind(self, scope: IConstruct) -> str:
        return Stack.of(scope).format_arn(service="iot", resource=self.resource, resource_name=self.name)


@dataclass(frozen=True)
class _ByArn(OtaTarget):
    arn: str

    def bind(self, scope: IConstruct) -> str:
        return self.arn
