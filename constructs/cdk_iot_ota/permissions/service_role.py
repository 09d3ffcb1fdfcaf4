"""The role that AWS IoT assumes to perform OTA updates."""

from aws_cdk import aws_iam as iam
from constructs import Construct

from .._iam.sized_role import SizedRole
from .._synth import once, shared
from .._synth.casts import as_principal

_DEFAULT_ID = "OtaServiceRole"


class OtaServiceRole(SizedRole):
    """A role that only AWS IoT assumes, for OTA updates of this account and Region.

    Each ``OtaUpdate`` with this role adds the permissions that it needs; any number of updates can share the role. The
    permissions of other roles are not changed; ``docs/service-role.md`` lists what they must allow.

    :param scope: the parent construct. It must not depend on an update that uses the role.
    :param id: the construct's id.
    :param role_name: the role's name. Default: generated.
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
        stack = once.stack_of(scope)
        super().__init__(
            scope,
            id,
            role_name=role_name,
            permissions_boundary=permissions_boundary,
            description="AWS IoT carries OTA updates out with it",
            # Without these conditions AWS IoT would also use the role on behalf of other accounts.
            assumed_by=as_principal(
                iam.ServicePrincipal(
                    "iot.amazonaws.com",
                    conditions={
                        "StringEquals": {"aws:SourceAccount": once.get(stack, "account")},
                        "ArnLike": {"aws:SourceArn": once.arn(stack, "iot", "*")},
                    },
                )
            ),
        )

    @staticmethod
    def get_or_create(scope: Construct) -> "OtaServiceRole":
        """Return the role that the updates of a stack share by default.

        It belongs to the stack: a role inside an update would form a dependency cycle as soon as one update depends on
        another.
        """
        return shared.get_or_create(scope, _DEFAULT_ID, OtaServiceRole, OtaServiceRole)
