"""The policies of a stack's updates, each created on first use."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

from aws_cdk import Annotations, Stack
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk_iot_ota_handler.ota_update.contract import names

from .._iam.role_policy import ReplacedPolicy, ReportedPolicy, RolePolicy
from .._iam.sized_role import SizedRole
from .._iam.statements import Statement, exact, exact_key, owned_by, via_s3
from .._synth import checks
from .._synth.naming import id_prefix
from ..request.file_location import InBucket

_Policy = TypeVar("_Policy", bound=RolePolicy)

# Leaves room in a role for the old and the new list, and for those of several buckets.
_MAX_PATTERNS = 10
_OBJECTS_REASON = (
    "the files are too many for a policy, or belong to an update that may outlive its declaration: the statement "
    "allows files in the same folder with the same extension, or the whole bucket if these are too many as well"
)


class Policies:
    """The policies of one stack's updates for one provider, by the ids of their constructs in ``scope``."""

    def __init__(self, scope: Construct) -> None:
        self._scope = scope
        self.stack = Stack.of(scope)
        self.prefix = id_prefix(self.stack)
        self._created: dict[str, RolePolicy] = {}
        self._objects: dict[str, _DeclaredObjects] = {}
        self._warned: set[str] = set()

    def constant(self, id: str, role: SizedRole, statements: Mapping[str, Statement]) -> RolePolicy:
        """Return a policy that does not depend on the update's content.

        Statements are read on the first call for an id and ignored afterwards.
        """
        if id not in self._created:
            policy = self._get(id, role, RolePolicy)
            for sid, statement in statements.items():
                policy.put(sid, statement)
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
        outlives_declaration: bool,
        on_objects: Sequence[str],
        on_bucket: Sequence[str] = (),
    ) -> list[RolePolicy]:
        """Return a policy for each bucket that objects of an update are in."""
        policies = {}
        for found in objects:
            policy_id = f"{id}{self.digest(found.bucket.bucket_arn)}"
            declared = self._objects.setdefault(policy_id, _DeclaredObjects())
            declared.add(exact(self._scope, "key", found.key), outlives_declaration=outlives_declaration)
            declared.add_owner(found.owner)
            policies[policy_id] = policy = self.replaced(policy_id, role)
            patterns = declared.patterns(shared_bucket=found.is_asset)
            arns = [found.bucket.arn_for_objects(pattern) for pattern in patterns]
            if declared.are_many:
                self._warn_of_many(policy_id, patterns)
            owned = owned_by(declared.owners)
            policy.put("Objects", Statement(on_objects, arns, owned, _OBJECTS_REASON))
            for sid, statement in self._of_bucket(found.bucket, on_bucket, owned).items():
                policy.put(sid, statement)
        return list(policies.values())

    def forget_objects(self, id: str) -> None:
        """Forget the objects that policies with ids of this beginning name, so that ``reads`` starts again."""
        for policy_id in [found for found in self._objects if found.startswith(id)]:
            del self._objects[policy_id]

    def arn(self, resource: str, name: str) -> str:
        """Return the ARN of an AWS IoT resource in the stack's account and Region."""
        return self.stack.format_arn(service="iot", resource=resource, resource_name=name)

    def job_arn(self, ota_update_id: str) -> str:
        """Return the ARN of the job of an update."""
        return self.arn("job", names.job_id(ota_update_id))

    @property
    def any_stream(self) -> str:
        """The ARN of any stream that AWS IoT has created for an OTA update."""
        return self.arn("stream", "AFR_OTA-*")

    def digest(self, value: Any) -> str:
        """Return a digest of a value's form in the template, so that tokens have one too."""
        text = json.dumps(self.stack.resolve(value), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def _warn_of_many(self, id: str, patterns: Sequence[str]) -> None:
        """Warn once for each policy that allows more than the declared objects."""
        if id in self._warned:
            return
        self._warned.add(id)
        Annotations.of(self._scope).add_warning_v2(
            "cdk-iot-ota:many-objects",
            "the files of the OTA updates are too many for a policy to name them: roles may read "
            f"{', '.join(patterns)} of their bucket; give the firmware a bucket or a folder that holds nothing else",
        )

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
        arn = exact(self._scope, "the ARN of bucket", bucket.bucket_arn)
        statements = {"Bucket": Statement(actions, [arn], owned)} if actions else {}
        if bucket.encryption_key is not None:
            key = exact_key(self._scope, "the key of bucket", bucket.encryption_key)
            statements["Decrypt"] = Statement(["kms:Decrypt"], [key], via_s3(self.stack))
        return statements


class _DeclaredObjects:
    """The keys of the declared objects of a bucket, and patterns for them that fit into a policy."""

    def __init__(self) -> None:
        self._one_by_one: set[str] = set()
        self._by_folder: set[str] = set()
        self.owners: set[str] = set()

    def add(self, key: str, *, outlives_declaration: bool) -> None:
        """Add an object; one that outlives its declaration stays readable when other content is declared."""
        pattern = _folder_pattern(key)
        self._one_by_one.add(pattern if outlives_declaration else key)
        self._by_folder.add(pattern)

    def add_owner(self, account: str | None) -> None:
        """Add the account that a declaration gives the bucket; one declaration that knows it is enough."""
        if account is not None:
            self.owners.add(account)

    @property
    def are_many(self) -> bool:
        """Return whether there are too many for a policy to name them one by one."""
        return len(self._one_by_one) > _MAX_PATTERNS

    def patterns(self, *, shared_bucket: bool) -> list[str]:
        """Return the keys if they are few, else patterns of folder and extension, else one for all objects.

        Raises ValueError instead of allowing a whole bucket that other files are in as well.
        """
        found = self._by_folder if self.are_many else self._one_by_one
        if len(found) <= _MAX_PATTERNS:
            return sorted(found)
        if shared_bucket:
            raise ValueError(
                f"files of a stack must have at most {_MAX_PATTERNS} endings, got {len(found)} of assets: name them "
                "alike, such as *.bin, so that one pattern allows them all"
            )
        return ["*"]


def _folder_pattern(key: str) -> str:
    """Return a pattern for the objects in the same folder with the same extension."""
    if not checks.known(key):
        return key
    folder, _, name = key.rpartition("/")
    extension = name.rpartition(".")[2] if "." in name else ""
    return f"{folder}/*{'.' + extension if extension else ''}".removeprefix("/")
