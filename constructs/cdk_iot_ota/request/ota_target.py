"""Which devices an OTA update is for, and for how long it looks for them."""

import abc
import enum
from dataclasses import dataclass

from aws_cdk import Stack
from constructs import IConstruct

from cdk_iot_ota_handler.ota_update.contract import limits

from .._synth import checks


class TargetSelection(enum.Enum):
    """``targetSelection``: whether devices that come later are updated too."""

    SNAPSHOT = "SNAPSHOT"
    """The devices that are targets when the update is created; the job is over when all of them are."""

    CONTINUOUS = "CONTINUOUS"
    """Devices that join a target group later as well; the job is never over."""


class OtaTarget(abc.ABC):
    """A thing or a thing group that receives an OTA update: one of CreateOTAUpdate's ``targets``."""

    @staticmethod
    def thing(thing_name: str) -> "OtaTarget":
        """One thing in the stack's account and Region.

        :param thing_name: 1 to 128 of ``a-z A-Z 0-9 : _ -``, or the ``ref`` of a ``CfnThing``.
        """
        return _Named("thing", checks.text(limits.THING_NAME, "thing_name", thing_name))

    @staticmethod
    def thing_group(thing_group_name: str) -> "OtaTarget":
        """All things of a thing group in the stack's account and Region.

        :param thing_group_name: 1 to 128 of ``a-z A-Z 0-9 : _ -``. For a ``CfnThingGroup`` take
            ``from_arn(group.attr_arn)``: what its ``ref`` is, its name or another id, is documented both ways.
        """
        return _Named("thinggroup", checks.text(limits.THING_NAME, "thing_group_name", thing_group_name))

    @staticmethod
    def from_arn(arn: str) -> "OtaTarget":
        """A thing or thing group of the stack's account and Region, by its ARN.

        :param arn: ``arn:<partition>:iot:<region>:<account>:thing/<name>`` or ``…:thinggroup/<name>``, or the
            ``attr_arn`` of a ``CfnThing`` or ``CfnThingGroup``.
        """
        return _ByArn(checks.text(limits.TARGET, "arn", arn))

    @abc.abstractmethod
    def bind(self, scope: IConstruct) -> str:
        """The target's ARN in the stack of ``scope``."""


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
