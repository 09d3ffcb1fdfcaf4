"""What AWS IoT may do with a role of ours."""

from .._iam.role_policy import RolePolicy
from .._iam.statements import READ_BUCKET, READ_OBJECTS, WHY_ANY_JOBS, WHY_STREAMS, Statement, allow
from .needs import Needs
from .policies import Policies
from .service_role import OtaServiceRole
from .signer import Signing

_WHY_PREFIX = "jobs are named by the ids of their updates, which all begin with this stack's prefix"
_WHY_TARGETS = "a job is allowed by its name and by its targets, and its name is what limits it"


class ServicePermissions:
    """The policies of roles of ours for the updates of one stack."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies
        self._signing: dict[str, Signing] = {}

    def needed_for(self, needs: Needs, role: OtaServiceRole) -> list[RolePolicy]:
        """What the service needs for one update with this role."""
        suffix = role.node.addr[-8:]
        found = [self._jobs_and_streams(f"Service{suffix}", role)]
        if needs.explicit_id is not None:
            statement = self._jobs("*", WHY_ANY_JOBS)
            found.append(self._policies.constant(f"ServiceExplicitIds{suffix}", role, {"AnyJobs": statement}))
        found += self._policies.reads(
            f"ServiceReads{suffix}",
            role,
            needs.objects,
            stays=needs.stays,
            on_objects=READ_OBJECTS,
            on_bucket=READ_BUCKET,
        )
        return [*found, *self._signs(f"ServiceSigns{suffix}", role, needs)]

    def _jobs_and_streams(self, id: str, role: OtaServiceRole) -> RolePolicy:
        arn = self._policies.arn
        statements = {
            "Jobs": self._jobs(f"{self._policies.prefix}*", _WHY_PREFIX),
            "Targets": allow(["iot:CreateJob"], [arn("thing", "*"), arn("thinggroup", "*")], why_many=_WHY_TARGETS),
            "Streams": allow(
                ["iot:CreateStream", "iot:DeleteStream"], [arn("stream", "AFR_OTA-*")], why_many=WHY_STREAMS
            ),
            # The service hands the role on to its own streams and jobs.
            "Self": allow(["iam:GetRole", "iam:PassRole"], [role.role_arn]),
        }
        return self._policies.constant(id, role, statements)

    def _jobs(self, ids: str, why_many: str) -> Statement:
        jobs = self._policies.arn("job", f"AFR_OTA-{ids}")
        return allow(["iot:CreateJob", "iot:DeleteJob", "iot:DescribeJob"], [jobs], why_many=why_many)

    def _signs(self, id: str, role: OtaServiceRole, needs: Needs) -> list[RolePolicy]:
        """A policy for each bucket that AWS Signer writes to, and one for jobs that it has done already."""
        policies = {}
        for work in [file.signer for file in needs.files if file.signer is not None]:
            where = "Jobs" if work.destination is None else self._policies.digest(work.destination.bucket_arn)
            signing = self._signing.setdefault(f"{id}{where}", Signing(self._policies.stack))
            signing.add(work)
            policies[where] = policy = self._policies.following(f"{id}{where}", role)
            for sid, statement in signing.statements(work.destination).items():
                policy.put(sid, statement)
        return list(policies.values())
