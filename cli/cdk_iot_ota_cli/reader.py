"""One look at a stack and its updates: which calls are made, and what is left out if one is not allowed."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

from cdk_iot_ota_handler.ota_update import identity
from cdk_iot_ota_handler.ota_update.contract import names, timeouts
from cdk_iot_ota_handler.ota_update.contract.environment import Environment
from cdk_iot_ota_handler.ota_update.decide.devices import statuses_to_list
from cdk_iot_ota_handler.ota_update.errors import AccessDeniedError, FatalError, RetryableError
from cdk_iot_ota_handler.ota_update.evidence import Evidence, Inquiry
from cdk_iot_ota_handler.ota_update.identity import Owner
from cdk_iot_ota_handler.ota_update.observed import Alarm, JobProgress, Observed
from cdk_iot_ota_handler.ota_update.retry import Clock

from . import template
from .aws import Aws
from .options import NotFoundError
from .reading import Declared, Failure, Phase, Reading, Resource, Slowest, Stack, Update

_Result = TypeVar("_Result")
_STACKS = "AWS::CloudFormation::Stack"
# Calls at the same time: with more, a stack of many phases would be throttled rather than read faster.
_AT_ONCE = 4
# More than the questions about devices take.
_LONG = 2 * timeouts.EVIDENCE
NOT_ALLOWED = "not allowed to ask"


class Reader:
    """Looks at one stack again and again, and remembers what does not change between two looks.

    ``devices``: whether the devices of live updates are asked for too.
    """

    def __init__(self, aws: Aws, stack: str, *, devices: bool = False, clock: Clock | None = None) -> None:
        self._aws, self._name, self._devices, self._clock = aws, stack, devices, clock or Clock()
        self._left_out: dict[str, None] = {}
        self._templates: dict[Any, list[Declared]] = {}
        self._failures: dict[Any, Failure | None] = {}
        self._coming: dict[Any, str] = {}
        self._ended: dict[str, Update] = {}
        self._evidence: dict[Any, Evidence] = {}

    def look(self) -> Reading:
        """Read the stack, its updates, their jobs and alarms.

        Raises NotFoundError if there is no stack or it cannot be read, and RetryableError if it cannot be read now.
        """
        before = Counter(self._aws.calls)
        self._left_out = {}
        stack = self._stack()
        resources = {
            one.logical_id: one
            for one in self._ask(
                "its resources", "cloudformation:ListStackResources", lambda: self._aws.resources(stack.stack_id)
            )
            or []
        }
        phases = self._phases(stack, resources)
        alarms = self._alarms(phases)
        failure = self._failure(stack) if stack.has_failed else None
        return Reading(
            stack=stack,
            phases=tuple(phases),
            alarms=alarms or {},
            has_alarms=alarms is not None,
            failure=failure,
            nested=tuple(one.physical_id or name for name, one in resources.items() if one.kind == _STACKS),
            left_out=tuple(sorted(self._left_out)),
            calls=dict(Counter(self._aws.calls) - before),
            ended=max([stack.began, *(one.changed for one in resources.values())]),
            now=self._clock.now(),
        )

    def _stack(self) -> Stack:
        try:
            stack = self._aws.stack(self._name)
        except (AccessDeniedError, FatalError) as error:
            raise NotFoundError(str(error)) from error
        # By its name a stack that is deleted would not be found, and another one might be.
        self._name = stack.stack_id
        return stack

    def _phases(self, stack: Stack, resources: Mapping[str, Resource]) -> list[Phase]:
        declared = self._declared(stack, resources)
        # What only the running operation or an earlier template has declared comes last.
        known = {one.logical_id for one in declared}
        others = [one for one in resources.values() if one.kind == names.RESOURCE_TYPE and one.logical_id not in known]
        declared = [*declared, *(Declared(logical_id=one.logical_id, path=one.logical_id) for one in others)]
        coming = self._coming_ids(stack, declared, resources)
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            try:
                return list(threads.map(lambda one: self._phase(one, resources.get(one.logical_id), coming), declared))
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                raise

    def _declared(self, stack: Stack, resources: Mapping[str, Resource]) -> list[Declared]:
        # Another operation, or its rollback, has another template.
        key = (stack.began, stack.has_failed)
        if key not in self._templates:
            body = self._ask(
                "the order of updates, and their gates",
                "cloudformation:GetTemplate",
                lambda: self._aws.template(stack.stack_id),
            )
            if body is None:
                return []
            found = template.updates(body, self._values(stack, resources))
            if any(one.gate_problem for one in found):
                return found  # the value may be a resource that is not there yet
            self._templates[key] = found
        return self._templates[key]

    def _values(self, stack: Stack, resources: Mapping[str, Resource]) -> dict[str, str]:
        """Return what Ref stands for: a parameter, a resource, or CloudFormation's own values."""
        environment = Environment.of(stack.stack_id)
        own = {
            "AWS::StackName": stack.name,
            "AWS::StackId": stack.stack_id,
            "AWS::Region": environment.region or "",
            "AWS::AccountId": environment.account or "",
            "AWS::Partition": environment.partition or "",
        }
        physical = {name: one.physical_id for name, one in resources.items() if one.physical_id}
        return {**physical, **own, **stack.parameters}

    def _failure(self, stack: Stack) -> Failure | None:
        key = (stack.began, stack.status)
        if key not in self._failures:
            self._failures[key] = self._ask(
                "why it has failed", "cloudformation:DescribeStackEvents", lambda: self._aws.failure(stack.stack_id)
            )
        return self._failures[key]

    def _coming_ids(
        self, stack: Stack, declared: Iterable[Declared], resources: Mapping[str, Resource]
    ) -> dict[str, tuple[str, bool]]:
        """Return the ids of the updates that the running deploy has created, and whether an earlier look had found it.

        CloudFormation learns the id of a new update only when its gate has passed. Until then it is found by its form
        and by the tags with its owner.
        """
        if not stack.state.is_deploying:
            return {}
        found: dict[str, tuple[str, bool]] = {}
        listed: dict[str, float] | None = None
        for one in declared:
            resource = resources.get(one.logical_id)
            if resource is None or not resource.status.endswith("_IN_PROGRESS"):
                continue
            key = (one.logical_id, stack.began)
            if key in self._coming:
                found[one.logical_id] = (self._coming[key], True)
                continue
            if one.explicit_id is not None:
                candidates = [one.explicit_id] if one.explicit_id != resource.physical_id else []
            else:
                if listed is None:
                    listed = self._ask("new updates", "iot:ListOTAUpdates", self._aws.update_ids) or {}
                candidates = _candidates(one, resource, listed, since=stack.began - timeouts.CLOCK_SKEW)
            ours = next((found for found in candidates if self._is_ours(stack, one, found)), None)
            if ours is not None:
                self._coming[key] = ours
                found[one.logical_id] = (ours, False)
        return found

    def _is_ours(self, stack: Stack, declared: Declared, ota_update_id: str) -> bool:
        environment = Environment.of(stack.stack_id)
        arn = f"arn:{environment.partition}:iot:{environment.region}:{environment.account}:otaupdate/{ota_update_id}"
        tags = self._ask_tags(arn)
        if tags is None:
            # No other stack has ids with this prefix.
            return declared.prefix is not None
        return identity.owner(tags, stack.stack_id, declared.logical_id, young=True) is Owner.OURS

    def _ask_tags(self, arn: str) -> dict[str, str] | None:
        return self._ask("what gates have kept in tags", "iot:ListTagsForResource", lambda: self._aws.tags(arn))

    def _phase(self, declared: Declared, resource: Resource | None, coming: Mapping[str, tuple[str, bool]]) -> Phase:
        live, is_missing = None, False
        physical_id = None if resource is None else resource.physical_id
        is_live = resource is not None and not resource.status.startswith("DELETE_")
        if physical_id is not None and is_live and identity.is_possible(physical_id):
            live, is_missing = self._update(physical_id, with_devices=self._devices)
        new_id, was_coming = coming.get(declared.logical_id, ("", False))
        new = self._update(new_id, with_devices=True)[0] if new_id else None
        return Phase(
            declared=declared, resource=resource, live=live, coming=new, is_missing=is_missing, was_coming=was_coming
        )

    def _update(self, ota_update_id: str, *, with_devices: bool) -> tuple[Update | None, bool]:
        """Return an update, and whether AWS IoT does not have it."""
        if ota_update_id in self._ended:
            return self._ended[ota_update_id], False
        asked: list[Mapping[str, Any] | None] = []
        self._ask("updates", "iot:GetOTAUpdate", lambda: asked.append(self._aws.update_info(ota_update_id)))
        info = asked[0] if asked else None
        if info is None:
            return None, bool(asked)
        tags = self._ask_tags(info["otaUpdateArn"])
        job_id = names.job_id(ota_update_id)
        progress: list[JobProgress | None] = []
        self._ask(
            "the counts of devices", "iot:DescribeJob", lambda: progress.append(self._aws.service.job_progress(job_id))
        )
        created = info["creationDate"].timestamp()
        update = Update(
            ota_update_id=ota_update_id,
            firmware=firmware(info),
            created=created,
            observed=_observed(info, tags or {}, age=max(0.0, self._clock.now() - created)),
            has_tags=tags is not None,
            has_progress=bool(progress),
            progress=progress[0] if progress else None,
        )
        if with_devices and update.progress is not None:
            update = replace(
                update,
                evidence=self._failed_devices(job_id, update.progress),
                slowest=self._slowest(job_id, update.progress),
            )
        if update.has_ended and update.has_tags:
            self._ended[ota_update_id] = update
        return update, False

    def _failed_devices(self, job_id: str, progress: JobProgress) -> Evidence:
        """Return the devices that have failed; they are asked for again when there are more of them."""
        statuses = statuses_to_list(progress, timed_out=False, is_canceled=progress.is_verdict)
        key = (job_id, progress.failures)
        if not statuses:
            return Evidence()
        if key not in self._evidence:
            self._evidence[key] = failed_devices(self._aws, self._clock, job_id, statuses)
        found = self._evidence[key]
        if found.denied:
            action = "ListJobExecutionsForJob" if found.denied == "which devices" else "DescribeJobExecution"
            self._left_out[f"{found.denied}: {NOT_ALLOWED} (iot:{action})"] = None
        return found

    def _slowest(self, job_id: str, progress: JobProgress) -> tuple[Slowest, ...]:
        if not progress.in_progress:
            return ()
        return self._ask("which devices", "iot:ListJobExecutionsForJob", lambda: self._aws.in_progress(job_id)) or ()

    def _alarms(self, phases: Iterable[Phase]) -> dict[str, Alarm] | None:
        """Return the alarms of the gates that are evaluated now."""
        gates = [phase.declared.gate for phase in phases if phase.evaluated is not None and phase.declared.gate]
        wanted = [name for gate in gates for name in gate.alarms]
        return self._ask("alarms", "cloudwatch:DescribeAlarms", lambda: self._aws.alarms(wanted))

    def _ask(self, what: str, action: str, call: Callable[[], _Result]) -> _Result | None:
        """Return the answer to a call, or None if it has none, which is kept for the user."""
        try:
            return call()
        except AccessDeniedError:
            self._left_out[f"{what}: {NOT_ALLOWED} ({action})"] = None
        except (FatalError, RetryableError) as error:
            self._left_out[f"{what}: no answer ({error})"] = None
        return None


def failed_devices(aws: Aws, clock: Clock, job_id: str, statuses: list[str]) -> Evidence:
    """Return the devices of a job with these statuses, and what the first of them have reported."""
    inquiry = Inquiry(aws.service, clock, job_id, log=lambda _: None, on_error=lambda _: None)
    return inquiry.gather(statuses, ends=clock.now() + _LONG)


def firmware(info: Mapping[str, Any]) -> str:
    """Return the names of an update's files, each with its version if it has one."""
    files = info.get("otaUpdateFiles", [])
    texts = [f"{one['fileName'].rpartition('/')[2]} {one.get('fileVersion', '')}".strip() for one in files]
    return ", ".join(dict.fromkeys(texts))


def _candidates(declared: Declared, resource: Resource, listed: Mapping[str, float], *, since: float) -> list[str]:
    """Return the ids that a new update of a resource can have, the newest first."""
    found = [
        (created, ota_update_id)
        for ota_update_id, created in listed.items()
        if created >= since
        and ota_update_id != resource.physical_id
        and ota_update_id.startswith(declared.prefix or "")
        and identity.has_generated_form(ota_update_id, declared.logical_id)
    ]
    return [ota_update_id for _, ota_update_id in sorted(found, reverse=True)]


def _observed(info: Mapping[str, Any], tags: Mapping[str, str], *, age: float) -> Observed:
    error = info.get("errorInfo", {})
    return Observed(
        status=info["otaUpdateStatus"],
        tags=tags,
        age=age,
        error=": ".join(part for part in (error.get("code"), error.get("message")) if part),
        attributes=identity.gate_attributes(tags.get(names.DEPLOYED_TAG, "")),
    )
