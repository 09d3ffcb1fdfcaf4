"""What the updates of a stack need from IAM: the handler's permissions and, for roles of ours, the service's.

A policy names resources, and what it names must be there before it. One policy for everything would therefore tie each
update to all that any update needs, and make a cycle as soon as one update depends on another. So there is a constant
policy by the stack's prefix, and a small one for each role and each bucket; an update depends on those that it needs.

What deletes must outlive what declares: CloudFormation updates a policy before its clean-up deletes the old update, and
removes a policy after what depends on it. So nothing that a running or leaving update needs follows the content.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct, IConstruct

from cdk_iot_ota_handler.ota_update import identity

from . import checks, shared, signer_permissions
from .bound_file import BoundFile
from .file_location import InBucket
from .interfaces import as_role
from .naming import id_prefix
from .provider import OtaUpdateProvider
from .service_role import OtaServiceRole
from .statements import allow, through_s3

_READ_UPDATES = ["iot:GetOTAUpdate", "iot:ListTagsForResource"]
_WRITE_UPDATES = ["iot:CreateOTAUpdate", "iot:TagResource", "iot:UntagResource"]


class OtaPermissions(Construct):
    """The policies of one stack's updates for one provider."""

    def __init__(self, scope: Construct, id: str, *, provider: OtaUpdateProvider) -> None:
        super().__init__(scope, id)
        self._handler_role = provider.role
        self._prefix = id_prefix(Stack.of(self))
        self._explicit_ids: set[str] = set()

    @staticmethod
    def get_or_create(scope: Construct, provider: OtaUpdateProvider) -> "OtaPermissions":
        """Those of the stack of ``scope``."""
        own = Stack.of(provider) is Stack.of(scope) and OtaUpdateProvider.is_default(provider)
        name = "OtaPermissions" if own else f"OtaPermissions{provider.node.addr[-8:]}"
        return shared.get_or_create(
            scope, name, OtaPermissions, lambda stack, unique: OtaPermissions(stack, unique, provider=provider)
        )

    def for_handler(
        self, role: iam.IRole | iam.Role, files: Sequence[BoundFile], explicit_id: str | None
    ) -> list[IConstruct]:
        """What the handler needs for one update; the update depends on what is returned."""
        policies = [self._policy("Handler", self._handler_role, self._handler_statements()), self._pass_role(role)]
        if explicit_id is not None:
            policies.append(self._handler_explicit_ids(explicit_id))
        unpinned = [place for place in _in_buckets(files) if place.version is None]
        return [*policies, *self._reads("HandlerReads", self._handler_role, unpinned, ["s3:GetObject"], [])]

    def for_service(
        self, role: OtaServiceRole, files: Sequence[BoundFile], explicit_id: str | None
    ) -> list[IConstruct]:
        """What the service needs for one update; the update depends on what is returned."""
        suffix = role.node.addr[-8:]
        policies = [self._policy(f"Service{suffix}", role, self._service_statements(role))]
        if explicit_id is not None:
            policies.append(self._policy(f"ServiceExplicitIds{suffix}", role, {"AnyJobs": self._jobs("*")}))
        objects = ["s3:GetObject", "s3:GetObjectVersion"]
        bucket = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketVersions"]
        reads = self._reads(f"ServiceReads{suffix}", role, _in_buckets(files), objects, bucket)
        return [*policies, *reads, *self._signing(f"ServiceSigns{suffix}", role, files)]

    def _handler_statements(self) -> Mapping[str, iam.PolicyStatement]:
        updates = self._arn("otaupdate", f"{self._prefix}*")
        return {
            # Nothing is created for a stack that is on its way back.
            "Stack": allow(["cloudformation:DescribeStacks"], [Stack.of(self).stack_id]),
            "Updates": allow([*_WRITE_UPDATES, *_READ_UPDATES, "iot:DeleteOTAUpdate"], [updates]),
            # Whether the caller needs these beside the service's role is not documented, so it has them, as narrow.
            "Jobs": allow(["iot:CancelJob", "iot:DeleteJob"], [self._arn("job", f"AFR_OTA-{self._prefix}*")]),
            # AWS IoT names the streams at random.
            "Streams": allow(["iot:DeleteStream"], [self._arn("stream", "AFR_OTA-*")]),
        }

    def _handler_explicit_ids(self, explicit_id: str) -> iam.Policy:
        """Ids without the stack's prefix: created by name, deleted by the tag that says whose they are."""
        if (known := self._digest(explicit_id)) in self._explicit_ids:
            raise ValueError(f"ota_update_id must be different for each update, got {explicit_id!r} twice in the stack")
        self._explicit_ids.add(known)
        owned = {"StringEquals": {f"aws:ResourceTag/{identity.STACK_TAG}": Stack.of(self).stack_id}}
        policy = self._policy(
            "HandlerExplicitIds",
            self._handler_role,
            {
                # Without a condition on tags: what does not exist has none, and must be seen to be absent.
                "AnyUpdates": allow(_READ_UPDATES, [self._arn("otaupdate", "*")]),
                "OwnUpdates": allow(["iot:DeleteOTAUpdate", "iot:UntagResource"], [self._arn("otaupdate", "*")], owned),
                "AnyJobs": allow(["iot:CancelJob", "iot:DeleteJob"], [self._arn("job", "AFR_OTA-*")]),
            },
        )
        policy.add_statements(allow(["iot:CreateOTAUpdate", "iot:TagResource"], [self._arn("otaupdate", explicit_id)]))
        return policy

    def _service_statements(self, role: iam.Role) -> Mapping[str, iam.PolicyStatement]:
        return {
            "Jobs": self._jobs(f"{self._prefix}*"),
            "Targets": allow(["iot:CreateJob"], [self._arn("thing", "*"), self._arn("thinggroup", "*")]),
            "Streams": allow(
                ["iot:CreateStream", "iot:DeleteStream", "iot:DescribeStream"], [self._arn("stream", "AFR_OTA-*")]
            ),
            # The service hands the role on to its own streams and jobs.
            "Self": allow(["iam:GetRole", "iam:PassRole"], [role.role_arn]),
        }

    def _jobs(self, ids: str) -> iam.PolicyStatement:
        return allow(["iot:CreateJob", "iot:DeleteJob", "iot:DescribeJob"], [self._arn("job", f"AFR_OTA-{ids}")])

    def _pass_role(self, role: iam.IRole | iam.Role) -> iam.Policy:
        to_iot = {"StringEquals": {"iam:PassedToService": "iot.amazonaws.com"}}
        statement = allow(["iam:PassRole"], [role.role_arn], to_iot)
        return self._policy(f"PassRole{role.node.addr[-8:]}", self._handler_role, {"PassRole": statement})

    def _reads(
        self,
        id: str,
        role: iam.Role,
        places: Sequence[InBucket],
        on_objects: list[str],
        on_bucket: list[str],
    ) -> list[iam.Policy]:
        """A policy for each bucket that the files are in, with the objects of this update and others like them."""
        policies: dict[str, iam.Policy] = {}
        for place in places:
            policy_id = f"{id}{self._digest(place.bucket.bucket_arn)}"
            policy = self._policy(policy_id, role, self._bucket_statements(place.bucket, on_bucket))
            policy.add_statements(allow(on_objects, [place.bucket.arn_for_objects(_like(place.key))]))
            policies[policy_id] = policy
        return list(policies.values())

    def _signing(self, id: str, role: iam.Role, files: Sequence[BoundFile]) -> list[iam.Policy]:
        """A policy for each way in which AWS Signer signs the files."""
        stack, policies = Stack.of(self), {}
        for work in [file.signer for file in files if file.signer is not None]:
            arn = work.destination.bucket_arn if work.destination else ""
            policy_id = f"{id}{self._digest([arn, work.prefix, work.profile_name, work.makes_profile, work.job_id])}"
            policies[policy_id] = self._policy(policy_id, role, signer_permissions.statements(stack, work))
        return list(policies.values())

    def _bucket_statements(self, bucket: s3.IBucket, actions: list[str]) -> Mapping[str, iam.PolicyStatement]:
        statements = {"Bucket": allow(actions, [bucket.bucket_arn])} if actions else {}
        if bucket.encryption_key is not None:
            key = bucket.encryption_key.key_arn
            statements["Decrypt"] = allow(["kms:Decrypt"], [key], through_s3(Stack.of(self)))
        return statements

    def _policy(self, id: str, role: iam.Role, statements: Mapping[str, iam.PolicyStatement]) -> iam.Policy:
        existing = self.node.try_find_child(id)
        if isinstance(existing, iam.Policy):
            return existing
        # A role's policies are told apart by their names, and roles are shared by stacks: the name has the stack's.
        policy = iam.Policy(self, id, policy_name=f"{self._prefix}{self.node.id}{id}", roles=[as_role(role)])
        for sid, statement in statements.items():
            statement.sid = sid
            policy.add_statements(statement)
        return policy

    def _arn(self, resource: str, name: str) -> str:
        return Stack.of(self).format_arn(service="iot", resource=resource, resource_name=name)

    def _digest(self, value: Any) -> str:
        """A digest of a value that may be a token: by what it becomes in the template."""
        text = json.dumps(Stack.of(self).resolve(value), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]


def _in_buckets(files: Sequence[BoundFile]) -> list[InBucket]:
    return [file.object for file in files if file.object is not None]


def _like(key: str) -> str:
    """A pattern for an object and those beside it: the same folder, the same ending.

    Devices load the old firmware with the same role until the new update is there, and an update that is retained for
    longer: the old object must stay readable when the content changes. Nor may a policy grow with each update.
    """
    if not checks.known(key):
        return key
    folder, _, name = key.rpartition("/")
    ending = name.rpartition(".")[2] if "." in name else ""
    return f"{folder}/*{'.' + ending if ending else ''}".removeprefix("/")
