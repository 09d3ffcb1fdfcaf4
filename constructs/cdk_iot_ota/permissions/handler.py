"""What the Lambda function behind the updates may do."""

from collections.abc import Mapping, Sequence

from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct

from .._iam.role_policy import RolePolicy
from .._iam.sized_role import SizedRole
from .._iam.statements import WHY_ANY_JOBS, WHY_STREAMS, Statement, allow, single
from .explicit_ids import ExplicitIds
from .needs import Needs
from .policies import Policies

_UPDATES = (
    "iot:CreateOTAUpdate",
    "iot:DeleteOTAUpdate",
    "iot:GetOTAUpdate",
    "iot:ListTagsForResource",
    "iot:TagResource",
    "iot:UntagResource",
)
_DELETE_JOBS = ("iot:CancelJob", "iot:DeleteJob")
_WHY_PREFIX = "ids are made of the content in the deploy; they all begin with this stack's prefix"


class HandlerPermissions:
    """The policies of the handler's role for the updates of one stack."""

    def __init__(self, scope: Construct, policies: Policies, role: SizedRole) -> None:
        self._policies, self._role = policies, role
        self._explicit_ids = ExplicitIds(scope, policies, role)

    def needed_for(self, needs: Needs) -> list[IConstruct]:
        """What the handler needs for one update."""
        by_id = [] if needs.explicit_id is None else self._explicit_ids.needed_for(needs.explicit_id)
        return [self._updates(needs), self._pass_role(needs.role), *self._reads(needs), *by_id]

    def _updates(self, needs: Needs) -> RolePolicy:
        """A policy for each choice of options, so that none goes before the updates that were made with it."""
        updates = self._policies.arn("otaupdate", f"{self._policies.prefix}*")
        asked_for = {**self._jobs(needs), **self._streams(needs), **self._rollout(needs)}
        statements = {
            # Nothing is created for a stack that is on its way back.
            "Stack": allow(["cloudformation:DescribeStacks"], [self._policies.stack.stack_id]),
            "Updates": allow(_UPDATES, [updates], why_many=_WHY_PREFIX),
            # Whether the caller needs these beside the service's role is not documented: it has them where it asks.
            **asked_for,
        }
        return self._policies.constant(f"Handler{''.join(asked_for)}", self._role, statements)

    def _pass_role(self, role: iam.IRole | iam.Role) -> RolePolicy:
        to_iot = {"StringEquals": {"iam:PassedToService": "iot.amazonaws.com"}}
        statement = allow(["iam:PassRole"], [single(role, "ARN of role", role.role_arn)], to_iot)
        return self._policies.constant(f"PassRole{role.node.addr[-8:]}", self._role, {"PassRole": statement})

    def _jobs(self, needs: Needs) -> Mapping[str, Statement]:
        return self._on_jobs(needs, "Jobs", _DELETE_JOBS) if needs.force_delete_job else {}

    def _rollout(self, needs: Needs) -> Mapping[str, Statement]:
        return self._on_jobs(needs, "Rollouts", ["iot:DescribeJob"]) if needs.gated else {}

    def _on_jobs(self, needs: Needs, sid: str, actions: Sequence[str]) -> Mapping[str, Statement]:
        if needs.explicit_id is not None:
            return {f"Any{sid}": allow(actions, [self._policies.arn("job", "AFR_OTA-*")], why_many=WHY_ANY_JOBS)}
        jobs = self._policies.arn("job", f"AFR_OTA-{self._policies.prefix}*")
        return {sid: allow(actions, [jobs], why_many=_WHY_PREFIX)}

    def _streams(self, needs: Needs) -> Mapping[str, Statement]:
        if not needs.delete_stream:
            return {}
        streams = self._policies.arn("stream", "AFR_OTA-*")
        return {"Streams": allow(["iot:DeleteStream"], [streams], why_many=WHY_STREAMS)}

    def _reads(self, needs: Needs) -> list[RolePolicy]:
        """The objects whose version is looked up when an update is created."""
        unpinned = [place for place in needs.objects if place.version is None]
        return self._policies.reads("HandlerReads", self._role, unpinned, stays=False, on_objects=["s3:GetObject"])
