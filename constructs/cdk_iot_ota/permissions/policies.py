"""The policies of a stack's updates, each created on first use."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

from aws_cdk import Annotations
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk_iot_ota_handler.ota_update.contract import names

from .._iam.role_policy import ReplacedPolicy, ReportedPolicy, RolePolicy
from .._iam.sized_role import SizedRole
from .._iam.statements import Statement, exact, exact_key, owned_by, via_s3
from .._synth import once, tokens
from .._synth.naming import id_prefix
from ..request.file_location import InBucket
from .objects import DeclaredObjects

_Policy = TypeVar("_Policy", bound=RolePolicy)

_MANY_OBJECTS = (
    "the folders and extensions of the OTA updates' files are too many for a policy: roles may read all objects of "
    "their bucket; use fewer folders, or give the firmware a bucket that holds nothing else"
)


class Policies:
    """The policies of one stack's updates for one provider, by the ids of their constructs in ``scope``."""

    def __init__(self, scope: Construct) -> None:
        self._scope = scope
        self.stack = once.stack_of(scope)
        self.prefix = id_prefix(self.stack)
        self._created: dict[str, RolePolicy] = {}
        self._objects: dict[str, DeclaredObjects] = {}

    def constant(self, id: str, role: SizedRole, statements: Callable[[], Mapping[str, Statement]]) -> RolePolicy:
        """Return a policy that does not depend on the update's content.

        Only the first call for an id asks for the statements.
        """
        if id not in self._created:
            found = statements()
            self._get(id, role, RolePolicy).put_all(found)
        return self._created[id]

    def replaced(self, id: str, role: SizedRole) -> ReplacedPolicy:
        """Return a policy that is replaced when the update's content changes what it names."""
        return self._get(id, role, ReplacedPolicy)

    def reads(
        self,
        id: str,
        role: SizedRole,
        objects: Sequence[InBucket],
        *,
        on_objects: Sequence[str],
        on_bucket: Sequence[str] = (),
        outlives_declaration: Callable[[], bool] = lambda: False,
    ) -> list[RolePolicy]:
        """Return a policy for each bucket that objects of an update are in.

        :param outlives_declaration: returns whether the objects are read when the stack declares other content.
        """
        policies = {}
        for found in objects:
            exact(self._scope, "key", found.key)
            policy_id = f"{id}{self.bucket_digest(found.bucket)}"
            declared = self._objects.setdefault(policy_id, DeclaredObjects(found.bucket, on_objects))
            is_changed = declared.add(found, outlives_declaration)
            policies[policy_id] = policy = self.replaced(policy_id, role)
            if is_changed:
                of_bucket = self._of_bucket(found.bucket, on_bucket, owned_by(declared.owners))
                policy.put_all({"Objects": declared.statement(), **of_bucket})
        return list(policies.values())

    def settle_reads(self) -> None:
        """Render the statements for objects with what is retained at the end of synth, and warn of open buckets."""
        for policy_id, declared in self._objects.items():
            self._created[policy_id].put("Objects", declared.statement())
            if declared.are_many:
                Annotations.of(self._scope).add_warning_v2("cdk-iot-ota:many-objects", _MANY_OBJECTS)

    def arn(self, resource: str, name: str) -> str:
        """Return the ARN of an AWS IoT resource in the stack's account and Region."""
        return once.iot_arn(self.stack, resource, name)

    def job_arn(self, ota_update_id: str) -> str:
        """Return the ARN of the job of an update."""
        return self.arn("job", names.job_id(ota_update_id))

    def alarm_arn(self, name: str) -> str:
        """Return the ARN of an alarm in the stack's account and Region."""
        return once.arn(self.stack, "cloudwatch", f"alarm:{name}")

    @property
    def any_stream(self) -> str:
        """The ARN of any stream that AWS IoT has created for an OTA update."""
        return self.arn("stream", "AFR_OTA-*")

    def bucket_digest(self, bucket: s3.IBucket) -> str:
        """Return a digest of a bucket's ARN, or of its path in the app if only the end of synth can resolve the ARN."""
        arn = once.get(bucket, "bucket_arn")
        return once.digest(self.stack, arn) if tokens.is_settled(arn) else once.address(bucket)

    def _get(self, id: str, role: SizedRole, kind: type[_Policy]) -> _Policy:
        existing = self._created.get(id)
        if isinstance(existing, kind):
            return existing
        made = ReportedPolicy if role.customized else kind
        policy = self._created[id] = cast(_Policy, made(self._scope, id, role=role, prefix=self.prefix))
        return policy

    def _of_bucket(
        self, bucket: s3.IBucket, actions: Sequence[str], owned: Mapping[str, Any] | None
    ) -> Mapping[str, Statement]:
        arn = exact(self._scope, "the ARN of bucket", once.get(bucket, "bucket_arn"))
        statements = {"Bucket": Statement(actions, [arn], owned)} if actions else {}
        if (encryption_key := once.get(bucket, "encryption_key")) is not None:
            key = exact_key(self._scope, "the key of bucket", encryption_key)
            statements["Decrypt"] = Statement(["kms:Decrypt"], [key], via_s3(self.stack))
        return statements
