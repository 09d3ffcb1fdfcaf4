"""Remove what test runs left in a real account. `make clean-aws` runs this module."""

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cdk_iot_ota_local import leftovers
from tests.end_to_end.support.opt_in import ACCOUNT_VARIABLE, OptInError
from tests.end_to_end.support.real_aws import MARK, PREFIX, RealAws, opted_in_account

# CloudFormation waits for a custom resource for at most an hour.
_STACK_SECONDS = 3600.0
_UPDATE_SECONDS = 300.0

Log = Callable[[str], object]


class CleanUp:
    """Remove everything in an account that has the prefix; `problems` lists what could not be removed, and why."""

    def __init__(self, aws: RealAws, log: Log) -> None:
        self._aws, self._log = aws, log
        self._iot, self._s3, self._iam = aws.client("iot"), aws.client("s3"), aws.client("iam")
        self._cloudformation, self._logs = aws.client("cloudformation"), aws.client("logs")
        self.problems: list[str] = []

    def run(self) -> None:
        """Cancel running jobs, so that stacks can delete their updates; delete the stacks, then what they left."""
        self._each("job", self._running_jobs, self._cancel_job, "canceling")
        self._each("stack", self._stacks, self._delete_stack)
        self._each("OTA update", self._updates, self._delete_update)
        self._each("job", lambda: leftovers(self._aws).jobs, self._delete_job)
        self._each("stream", lambda: leftovers(self._aws).streams, self._delete_stream)
        self._each("role", self._roles, self._delete_role)
        self._each("thing", self._things, lambda name: self._iot.delete_thing(thingName=name))
        self._each("thing group", self._groups, lambda name: self._iot.delete_thing_group(thingGroupName=name))
        self._each("bucket", self._buckets, self._delete_bucket)
        self._each("log group", self._log_groups, lambda name: self._logs.delete_log_group(logGroupName=name))

    def _each(
        self, kind: str, names: Callable[[], Any], remove: Callable[[str], object], verb: str = "removing"
    ) -> None:
        try:
            found = list(names())
        except (BotoCoreError, ClientError) as error:
            self.problems.append(f"{kind}s: {error}")
            return
        for name in found:
            self._log(f"{verb} {kind} {name}")
            try:
                remove(name)
            except (BotoCoreError, ClientError, TimeoutError) as error:
                self.problems.append(f"{kind} {name}: {error}")

    def _updates(self) -> tuple[str, ...]:
        return leftovers(self._aws).ota_updates

    def _delete_update(self, name: str) -> None:
        """Retry until it is gone: an update that is being created or deleted cannot be deleted yet."""
        deadline = time.monotonic() + _UPDATE_SECONDS
        while True:
            try:
                self._iot.delete_ota_update(otaUpdateId=name, deleteStream=True, forceDeleteAWSJob=True)
            except self._iot.exceptions.ResourceNotFoundException:
                return
            except ClientError:
                if time.monotonic() > deadline:
                    raise
            if time.monotonic() > deadline:
                raise TimeoutError(f"still there after {_UPDATE_SECONDS:.0f} s")
            time.sleep(self._aws.poll_seconds / 4)

    def _stacks(self) -> list[str]:
        """List the newest stacks first, because they may import what older ones export."""
        pages = self._cloudformation.get_paginator("describe_stacks").paginate()
        stacks = [stack for page in pages for stack in page["Stacks"] if "RootId" not in stack]
        stacks.sort(key=lambda stack: stack["CreationTime"], reverse=True)
        return [stack["StackName"] for stack in stacks if stack["StackName"].startswith(self._aws.prefix)]

    def _delete_stack(self, name: str) -> None:
        """Wait until the stack is idle: deleting it during an operation may fail or leave resources behind."""
        deadline, pause = time.monotonic() + _STACK_SECONDS, self._aws.poll_seconds
        while (status := self._stack_status(name)).endswith("_IN_PROGRESS") and not status.startswith("DELETE"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"still {status} after {_STACK_SECONDS:.0f} s")
            time.sleep(pause)
        self._cloudformation.delete_stack(StackName=name)
        waiter = self._cloudformation.get_waiter("stack_delete_complete")
        waiter.wait(StackName=name, WaiterConfig={"Delay": pause, "MaxAttempts": int(_STACK_SECONDS / pause)})

    def _stack_status(self, name: str) -> str:
        (stack,) = self._cloudformation.describe_stacks(StackName=name)["Stacks"]
        return str(stack["StackStatus"])

    def _running_jobs(self) -> list[str]:
        jobs = leftovers(self._aws).jobs
        return [job for job in jobs if self._iot.describe_job(jobId=job)["job"]["status"] == "IN_PROGRESS"]

    def _cancel_job(self, name: str) -> None:
        self._iot.cancel_job(jobId=name, force=True)

    def _delete_job(self, name: str) -> None:
        self._iot.delete_job(jobId=name, force=True)

    def _delete_stream(self, name: str) -> None:
        self._iot.delete_stream(streamId=name)

    def _roles(self) -> list[str]:
        """List the roles that no stack deleted."""
        pages = self._iam.get_paginator("list_roles").paginate()
        return self._ours(role["RoleName"] for page in pages for role in page["Roles"])

    def _delete_role(self, name: str) -> None:
        for policy in self._iam.list_role_policies(RoleName=name)["PolicyNames"]:
            self._iam.delete_role_policy(RoleName=name, PolicyName=policy)
        self._iam.delete_role(RoleName=name)

    def _things(self) -> list[str]:
        ((attribute, value),) = MARK.items()
        pages = self._iot.get_paginator("list_things").paginate(attributeName=attribute, attributeValue=value)
        return self._ours(thing["thingName"] for page in pages for thing in page["things"])

    def _groups(self) -> list[str]:
        pages = self._iot.get_paginator("list_thing_groups").paginate(namePrefixFilter=self._aws.prefix)
        return self._ours(group["groupName"] for page in pages for group in page["thingGroups"])

    def _buckets(self) -> list[str]:
        pages = self._s3.get_paginator("list_buckets").paginate(Prefix=self._aws.prefix, BucketRegion=self._aws.region)
        return self._ours(bucket["Name"] for page in pages for bucket in page["Buckets"])

    def _log_groups(self) -> list[str]:
        """List the log groups of handlers, which outlive their stacks."""
        pages = self._logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=self._aws.prefix)
        return [group["logGroupName"] for page in pages for group in page["logGroups"]]

    def _ours(self, names: Iterator[str]) -> list[str]:
        return [name for name in names if name.startswith(self._aws.prefix)]

    def _delete_bucket(self, name: str) -> None:
        for page in self._s3.get_paginator("list_object_versions").paginate(Bucket=name):
            versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in versions]
            if objects:
                self._s3.delete_objects(Bucket=name, Delete={"Objects": objects, "Quiet": True})
        self._s3.delete_bucket(Bucket=name)


def clean_up(aws: RealAws, log: Log = print) -> list[str]:
    """Remove everything that has the account's prefix; return what could not be removed, and why."""
    work = CleanUp(aws, log)
    work.run()
    return work.problems


def main() -> str | None:
    """Remove what all runs left; return an error message, or None."""
    try:
        aws = opted_in_account(PREFIX)
    except OptInError as error:
        return str(error)
    if aws is None:
        return f"{ACCOUNT_VARIABLE} is not set: run make clean-aws ACCOUNT=123456789012"
    problems = clean_up(aws)
    return "\n".join(["could not be removed:", *problems]) if problems else None


if __name__ == "__main__":
    sys.exit(main())
