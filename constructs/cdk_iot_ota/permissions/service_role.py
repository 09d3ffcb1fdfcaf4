"""The role that AWS IoT assumes to carry an OTA update out."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from .._iam.sized_role import SizedRole
from .._synth import shared
from .._synth.casts import as_principal

_DEFAULT_ID = "OtaServiceRole"


class OtaServiceRole(SizedRole):
    """A role that AWS IoT, and nobody else, assumes for OTA updates of this account and Region.

    What it may do follows from the updates that use it: each ``OtaUpdate`` with this role adds what it needs. It can be
    shared by any number of updates. Any other role is left as it is; ``docs/service-role.md`` lists what it must allow.

    :param scope: where it is declared. Not inside of something that depends on an update which uses it.
    :param id: the construct's id.
    :param role_name: a name instead of a generated one.
    :param permissions_boundary: a policy that limits the role. Default: none.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        role_name: str | None = None,
        permissions_boundary: iam.IManagedPolicy | None = None,
    ) -> None:
        stack = Stack.of(scope)
        super().__init__(
            scope,
            id,
            role_name=role_name,
            permissions_boundary=permissions_boundary,
            description="AWS IoT carries OTA updates out with it",
            # Without these conditions AWS IoT would use the role in other accounts' name as well.
            assumed_by=as_principal(
                iam.ServicePrincipal(
                    "iot.amazonaws.com",
                    conditions={
                        "StringEquals": {"aws:SourceAccount": stack.account},
                        "ArnLike": {"aws:SourceArn": f"arn:{stack.partition}:iot:{stack.region}:{stack.account}:*"},
                    },
                )
            ),
        )

    @staticmethod
    def get_or_create(scope: Construct) -> "OtaServiceRole":
        """The one that the updates of a stack share when they are given none.

        It is the stack's, not an update's: a role inside an update would make a cycle of dependencies as soon as one
        update depends on another.
        """
        return shared.get_or_create(scope, _DEFAULT_ID, OtaServiceRole, OtaServiceRole)
