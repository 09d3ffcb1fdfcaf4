"""Which devices an OTA update is for."""

import abc
from dataclasses import dataclass

from aws_cdk import Stack
from constructs import IConstruct

from . import checks

_NAME = r"[a-zA-Z0-9:_-]+"
_ARN = r"arn:[^:]+:iot:[^:]+:[^:]+:(thing|thinggroup)/.+"


class OtaTarget(abc.ABC):
    """A thing or a thing group that receives an OTA update: one of CreateOTAUpdate's ``targets``."""

    @staticmethod
    def thing(thing_name: str) -> "OtaTarget":
        """One thing in the stack's account and Region.

        :param thing_name: 1 to 128 of ``a-z A-Z 0-9 : _ -``, or the ``ref`` of a ``CfnThing``.
        """
        return _Named("thing", checks.text("thing_name", thing_name, at_most=128, pattern=_NAME))

    @staticmethod
    def thing_group(thing_group_name: str) -> "OtaTarget":
        """All things of a thing group in the stack's account and Region.

        :param thing_group_name: 1 to 128 of ``a-z A-Z 0-9 : _ -``, or the ``ref`` of a ``CfnThingGroup``.
        """
        return _Named("thinggroup", checks.text("thing_group_name", thing_group_name, at_most=128, pattern=_NAME))

    @staticmethod
    def from_arn(arn: str) -> "OtaTarget":
        """A thing or thing group by its ARN.

        :param arn: ``arn:<partition>:iot:<region>:<account>:thing/<name>`` or ``…:thinggroup/<name>``.
        """
        return _ByArn(checks.text("arn", arn, pattern=_ARN))

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
