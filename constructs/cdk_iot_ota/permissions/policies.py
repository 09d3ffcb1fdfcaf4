"""The policies of a stack's updates, each made when the first update needs it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from aws_cdk import Annotations, Stack
from aws_cdk import aws_s3 as s3
from constructs import Construct

from .._iam.role_policy import FollowingPolicy, RolePolicy
from .._iam.sized_role import SizedRole
from .._iam.statements import Statement, allow, key_arn, single, through_s3
from .._synth.naming import id_prefix
from ..request.file_location import InBucket
from .objects import WHY_MANY, DeclaredObjects

_Policy = TypeVar("_Policy", bound=RolePolicy)


class Policies:
    """The policies of one stack's updates for one provider, by the ids of their constructs in ``scope``."""

    def __init__(self, scope: Construct) -> None:
        self._scope = scope
        self.stack = Stack.of(scope)
        self.prefix = id_prefix(self.stack)
        self._made: dict[str, RolePolicy] = {}
        self._objects: dict[str, DeclaredObjects] = {}
        self._wide: set[str] = set()

    def constant(self, id: str, role: SizedRole, statements: Mapping[str, Statement]) -> RolePolicy:
        """A policy that stays as it is, whatever the content."""
        if id not in self._made:
            policy = self._get(id, role, RolePolicy)
            for sid, statement in statements.items():
                policy.put(sid, statement)
        return self._made[id]

    def following(self, id: str, role: SizedRole) -> FollowingPolicy:
        """A policy for what the content names."""
        return self._get(id, role, FollowingPolicy)

    def reads(
        self,
        id: str,
        role: SizedRole,
        places: Sequence[InBucket],
        *,
        stays: bool,
        on_objects: Sequence[str],
        on_bucket: Sequence[str] = (),
    ) -> list[RolePolicy]:
        """A policy for each bucket that objects of an update are in."""
        policies = {}
        for place in places:
            policy_id = f"{id}{self.digest(place.bucket.bucket_arn)}"
            objects = self._objects.setdefault(policy_id, DeclaredObjects())
            objects.add(single(self._scope, "key", place.key), stays=stays)
            policies[policy_id] = policy = self.following(policy_id, role)
            patterns = objects.patterns(shared_bucket=place.is_asset)
            arns = [place.bucket.arn_for_objects(pattern) for pattern in patterns]
            if objects.are_many:
                self._warn_of_many(policy_id, patterns)
            policy.put("Objects", allow(on_objects, arns, why_many=WHY_MANY))
            for sid, statement in self._of_bucket(place.bucket, on_bucket).items():
                policy.put(sid, statement)
        return list(policies.values())

    def arn(self, resource: str, name: str) -> str:
        """The ARN of something of AWS IoT in the stack's account and Region."""
        return self.stack.format_arn(service="iot", resource=resource, resource_name=name)

    def digest(self, value: Any) -> str:
        """A digest of a value that may be a token: by what it becomes in the template."""
        text = json.dumps(self.stack.resolve(value), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def _warn_of_many(self, id: str, patterns: Sequence[str]) -> None:
        """Say once that a policy is wider than what is declared."""
        if id in self._wide:
            return
        self._wide.add(id)
        Annotations.of(self._scope).add_warning_v2(
            "cdk-iot-ota:many-objects",
            "the files of the OTA updates are too many for a policy to name them: roles may read "
            f"{', '.join(patterns)} of their bucket; give the firmware a bucket or a folder of its own",
        )

    def _get(self, id: str, role: SizedRole, kind: type[_Policy]) -> _Policy:
        made = self._made.get(id)
        if isinstance(made, kind):
            return made
        policy = self._made[id] = kind(self._scope, id, role=role, prefix=self.prefix)
        return policy

    def _of_bucket(self, bucket: s3.IBucket, actions: Sequence[str]) -> Mapping[str, Statement]:
        arn = single(self._scope, "the ARN of bucket", bucket.bucket_arn)
        statements = {"Bucket": allow(actions, [arn])} if actions else {}
        if bucket.encryption_key is not None:
            key = key_arn(self._scope, "the key of bucket", bucket.encryption_key)
            statements["Decrypt"] = allow(["kms:Decrypt"], [key], through_s3(self.stack))
        return statements
