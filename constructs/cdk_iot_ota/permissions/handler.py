"""The permissions of the Lambda function that creates and deletes the updates."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct

from cdk_iot_ota_handler.ota_update.contract import names

from .._iam.role_policy import RolePolicy
from .._iam.sized_role import SizedRole
from .._iam.statements import ANY_JOB_REASON, STREAMS_REASON, Statement, exact
from .._synth import once, tokens
from .._synth.validation import when_settled
from ..request.gate_alarms import name_of
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
_CREATE = ("iot:CreateOTAUpdate", "iot:TagResource")
_DELETE_JOBS = ("iot:CancelJob", "iot:DeleteJob")
_READ_DEVICE = "iot:DescribeJobExecution"
# With a gate: the counts of the job, and the devices that have failed.
_READ_JOBS = ("iot:DescribeJob", _READ_DEVICE, "iot:ListJobExecutionsForJob")
_READ_ALARMS = ("cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms")
_ANY_ALARM_REASON = (
    "CloudWatch answers for composite alarms only who may read all alarms, and an imported alarm may be a composite one"
)
_ANY_THING_REASON = "AWS IoT authorizes a query of a device's job by the device too, and any device may be in the group"
_PREFIX_REASON = "ids are generated from the content during the deploy; all of them start with this stack's prefix"
_ANY_UPDATE_REASON = "an explicit id has no prefix: the tag with the stack's id limits the statement to its updates"
# As many of the longest ids as fit into the 6,144 characters of a managed policy.
_IDS_PER_POLICY = 50


class HandlerPermissions:
    """The policies of the handler's role for the updates of one stack."""

    def __init__(self, scope: Construct, policies: Policies, role: SizedRole) -> None:
        self._policies, self._role = policies, role
        self._explicit_ids = _ExplicitIds(scope, policies, role)
        # The policies that only a creation needs: what is deployed does not.
        self.for_creation: dict[RolePolicy, None] = {}

    def needed_for(self, needs: Needs) -> list[IConstruct]:
        """Return the policies that the handler needs for one update."""
        by_id = [] if needs.explicit_id is None else self._explicit_ids.needed_for(needs.explicit_id)
        return [
            self._updates(needs),
            self._pass_role(needs.role),
            *self._reads(needs),
            *self._alarms(needs),
            *by_id,
        ]

    def _updates(self, needs: Needs) -> RolePolicy:
        """Return the policy for the update's options; each combination has its own, which outlives its updates."""
        updates = self._policies.arn("otaupdate", f"{self._policies.prefix}*")
        optional = {**self._jobs(needs), **self._streams(needs), **self._rollout(needs)}
        # Not in the policy's id, which is a contract.
        devices = self._devices() if needs.gated else {}
        statements = {
            # Nothing is created for a stack that rolls back.
            "Stack": Statement(["cloudformation:DescribeStacks"], [once.get(self._policies.stack, "stack_id")]),
            "Updates": Statement(_UPDATES, [updates], wildcard_reason=_PREFIX_REASON),
            # It is not documented whether the caller needs these besides the service's role, so it gets them.
            **optional,
            **devices,
        }
        return self._policies.constant(f"Handler{''.join(optional)}", self._role, lambda: statements)

    def _pass_role(self, role: iam.IRole | iam.Role) -> RolePolicy:
        def statements() -> Mapping[str, Statement]:
            to_iot = {"StringEquals": {"iam:PassedToService": "iot.amazonaws.com"}}
            arn = exact(self._policies.stack, "ARN of role", once.get(role, "role_arn"))
            return {"PassRole": Statement(["iam:PassRole"], [arn], to_iot)}

        return self._policies.constant(f"PassRole{once.address(role)}", self._role, statements)

    def _jobs(self, needs: Needs) -> Mapping[str, Statement]:
        return self._on_jobs(needs, "Jobs", _DELETE_JOBS) if needs.force_delete_job else {}

    def _rollout(self, needs: Needs) -> Mapping[str, Statement]:
        return self._on_jobs(needs, "Rollouts", _READ_JOBS) if needs.gated else {}

    def _devices(self) -> Mapping[str, Statement]:
        any_thing = self._policies.arn("thing", "*")
        return {"Devices": Statement([_READ_DEVICE], [any_thing], wildcard_reason=_ANY_THING_REASON)}

    def _alarms(self, needs: Needs) -> list[RolePolicy]:
        """Return the policy for the alarms of a gate; each set of them has its own.

        An alarm may be about the job of an earlier phase, which must not depend on it.
        """
        if not needs.alarms:
            return []
        if not all(isinstance(alarm, cloudwatch.Alarm) for alarm in needs.alarms):
            statement = Statement(_READ_ALARMS, ["*"], wildcard_reason=_ANY_ALARM_REASON)
            found = self._policies.constant("HandlerAnyAlarms", self._role, lambda: {"AnyAlarms": statement})
        else:
            arns = {once.address(alarm): self._policies.alarm_arn(name_of(alarm)) for alarm in needs.alarms}
            policy_id = f"HandlerAlarms{once.digest(self._policies.stack, ' '.join(sorted(arns)))}"
            statement = Statement(_READ_ALARMS, list(arns.values()))
            found = self._policies.constant(policy_id, self._role, lambda: {"Alarms": statement})
        self.for_creation[found] = None
        return [found]

    def _on_jobs(self, needs: Needs, sid: str, actions: Sequence[str]) -> Mapping[str, Statement]:
        if needs.explicit_id is not None:
            any_job = self._policies.job_arn("*")
            return {f"Any{sid}": Statement(actions, [any_job], wildcard_reason=ANY_JOB_REASON)}
        jobs = self._policies.job_arn(f"{self._policies.prefix}*")
        return {sid: Statement(actions, [jobs], wildcard_reason=_PREFIX_REASON)}

    def _streams(self, needs: Needs) -> Mapping[str, Statement]:
        if not needs.delete_stream:
            return {}
        return {"Streams": Statement(["iot:DeleteStream"], [self._policies.any_stream], wildcard_reason=STREAMS_REASON)}

    def _reads(self, needs: Needs) -> list[RolePolicy]:
        """Return the policies for the objects that are looked up at creation: current versions and declared ones."""
        current = [found for found in needs.objects if found.version is None]
        declared = [found for found in needs.objects if found.version is not None]
        found = [
            *self._policies.reads("HandlerReads", self._role, current, on_objects=["s3:GetObject"]),
            *self._policies.reads("HandlerReadsVersions", self._role, declared, on_objects=["s3:GetObjectVersion"]),
        ]
        self.for_creation.update(dict.fromkeys(found))
        return found


class _ExplicitIds:
    """The policies for the explicit ids of a stack: created by name, deleted by the tag with the stack's id."""

    def __init__(self, scope: Construct, policies: Policies, role: SizedRole) -> None:
        self._scope, self._policies, self._role = scope, policies, role
        self._known: dict[str, object] = {}
        self._created: list[_CreatePolicy] = []
        self._declared: list[str] = []

    def needed_for(self, explicit_id: str) -> list[IConstruct]:
        """Return the policies for the update with this id. Raises ValueError if another update has it."""
        update = object()

        def check(resolved: Any) -> None:
            text = json.dumps(resolved, sort_keys=True)
            if not tokens.is_dummy(text) and self._known.setdefault(text, update) is not update:
                raise ValueError(
                    f"ota_update_id must be different for each update, got {explicit_id!r} twice in the stack"
                )

        when_settled(self._scope, explicit_id, check)
        exact(self._scope, "ota_update_id", explicit_id)
        owned = self._policies.constant("HandlerOwnUpdates", self._role, self._owned_updates)
        return [owned, self._create(self._policies.arn("otaupdate", explicit_id))]

    def _owned_updates(self) -> Mapping[str, Statement]:
        any_update = [self._policies.arn("otaupdate", "*")]
        owned = {"StringEquals": {f"aws:ResourceTag/{names.STACK_TAG}": once.get(self._policies.stack, "stack_id")}}
        return {
            # Without a condition on tags: an update that does not exist has none, and GetOTAUpdate must say so.
            "AnyUpdates": Statement(
                ["iot:GetOTAUpdate", "iot:ListTagsForResource"], any_update, wildcard_reason=_ANY_UPDATE_REASON
            ),
            "OwnUpdates": Statement(
                ["iot:DeleteOTAUpdate", "iot:UntagResource"], any_update, owned, _ANY_UPDATE_REASON
            ),
        }

    def _create(self, arn: str) -> IConstruct:
        if self._role.customized:
            self._declared.append(arn)
            policy = self._policies.replaced("HandlerExplicitIds", self._role)
            policy.put("DeclaredUpdates", Statement(_CREATE, list(self._declared)))
            return policy
        if not self._created or self._created[-1].full:
            policy_id = f"HandlerExplicitIds{len(self._created)}"
            self._created.append(_CreatePolicy(self._scope, policy_id, self._role))
        self._created[-1].add(arn)
        return self._created[-1]


class _CreatePolicy(iam.CfnManagedPolicy):
    """A policy that names the updates it allows to create; a managed one, since inline ones are too small."""

    def __init__(self, scope: Construct, id: str, role: SizedRole) -> None:
        super().__init__(scope, id, policy_document={}, roles=[role.role_name])
        role.managed.append(self)
        self._arns: list[str] = []

    @property
    def full(self) -> bool:
        """Return whether it has no room for another update."""
        return len(self._arns) >= _IDS_PER_POLICY

    def add(self, arn: str) -> None:
        """Add an update."""
        self._arns.append(arn)
        statement = Statement(_CREATE, self._arns)
        self.policy_document = {"Version": "2012-10-17", "Statement": [statement.render("DeclaredUpdates")]}
