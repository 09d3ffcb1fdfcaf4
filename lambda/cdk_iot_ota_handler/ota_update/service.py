"""The calls of AWS IoT, S3 and CloudFormation that the lifecycle needs: one each, and no decisions."""

import contextlib
import datetime
import functools
import re
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

import botocore.session
from botocore.config import Config

from .aws_errors import classify_errors
from .contract import limits, names, timeouts
from .desired import Desired
from .errors import AccessDeniedError, FatalError, shorten
from .identity import gate_attributes, is_possible
from .observed import Alarm, Execution, JobProgress, Observed, Stack
from .request import RequestFile, create_request

_COUNTS = {
    "queued": "Queued",
    "in_progress": "InProgress",
    "succeeded": "Succeeded",
    "failed": "Failed",
    "rejected": "Rejected",
    "timed_out": "TimedOut",
    "canceled": "Canceled",
}
# The reason code of a job that a gate has canceled: whether it had waited too long, and the second of the cancellation,
# which the job shows at once, unlike a tag.
_VERDICT = re.compile(r"GATE_(?P<word>FAILED|TIMED_OUT)(?:_(?P<second>\d+))?")
# The most that ListJobExecutionsForJob returns at once.
_DEVICES_PER_PAGE = 250
# The SDK makes each call once: retries belong to the lifecycle, which asks for the stack in between.
_CONFIG = Config(
    connect_timeout=timeouts.CONNECT_TIMEOUT,
    read_timeout=timeouts.READ_TIMEOUT,
    retries={"mode": "standard", "total_max_attempts": 1},
)


class OtaService:
    """The calls of the lifecycle. Each is idempotent, or its repetition is recognized by the answer.

    ``client``: returns the SDK's client of a service by its name. Most looks of a cold function need one or two of
    them, and each takes a fifth of its start.
    """

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._client = client
        self._iot = client("iot")

    @functools.cached_property
    def _s3(self) -> Any:
        return self._client("s3")

    @functools.cached_property
    def _cloudformation(self) -> Any:
        return self._client("cloudformation")

    @functools.cached_property
    def _cloudwatch(self) -> Any:
        return self._client("cloudwatch")

    @classmethod
    def connect(cls, region: str | None = None) -> "OtaService":
        """Return the service in a Region and the account of the credentials. Default: the Region of the environment."""
        create: Any = botocore.session.get_session().create_client
        return cls(functools.partial(create, region_name=region, config=_CONFIG))

    def stack(self, stack_id: str) -> Stack:
        """Return the current state of the stack."""
        with classify_errors("the stack"):
            (stack,) = self._cloudformation.describe_stacks(StackName=stack_id)["Stacks"]
        updated = stack.get("LastUpdatedTime")
        return Stack(stack["StackStatus"], updated.timestamp() if updated else None)

    def get_update(self, ota_update_id: str, now: float) -> Observed | None:
        """Return the update with this id, or None if there is none."""
        if not is_possible(ota_update_id):
            return None  # CloudFormation or the framework invented the id, and AWS IoT would refuse it
        with classify_errors(f"OTA update {ota_update_id}"):
            try:
                answer = self._iot.get_ota_update(otaUpdateId=ota_update_id)
            except self._iot.exceptions.ResourceNotFoundException:
                return None
            return self._observed(answer["otaUpdateInfo"], _time_of(answer) or now)

    def _observed(self, info: Mapping[str, Any], now: float) -> Observed:
        created, tags = info.get("creationDate"), self._tags(info["otaUpdateArn"])
        return Observed(
            status=info["otaUpdateStatus"],
            tags=tags,
            # The time of an answer has no fractions of a second, and may be before that of a creation.
            age=max(0.0, now - created.timestamp()) if created else 0.0,
            error=_error_info(info),
            attributes={
                "OtaUpdateArn": info["otaUpdateArn"],
                "JobId": info.get("awsIotJobId", ""),
                "JobArn": info.get("awsIotJobArn", ""),
                "Status": info["otaUpdateStatus"],
                **gate_attributes(tags.get(names.DEPLOYED_TAG, "")),
            },
        )

    def _tags(self, arn: str) -> dict[str, str]:
        """Return the tags of an update; none while it does not have them yet, or has them no longer."""
        pages = self._iot.get_paginator("list_tags_for_resource").paginate(resourceArn=arn)
        try:
            return {tag["Key"]: tag.get("Value", "") for page in pages for tag in page.get("tags", [])}
        except self._iot.exceptions.ResourceNotFoundException:
            return {}

    def job_progress(self, job_id: str) -> JobProgress | None:
        """Return the progress of an update's job, or None if there is no job."""
        with classify_errors(f"job {job_id}"):
            try:
                job = self._iot.describe_job(jobId=job_id)["job"]
            except self._iot.exceptions.ResourceNotFoundException:
                return None
            counts = job["jobProcessDetails"]
            verdict = _VERDICT.fullmatch(job.get("reasonCode", ""))
            # While executions are created or canceled, there may be more devices than are counted yet.
            is_counting = job.get("isConcurrent", False) or bool(counts.get("processingTargets"))
            return JobProgress(
                status=job["status"],
                comment=job.get("comment", ""),
                is_verdict=verdict is not None,
                has_timed_out=verdict is not None and verdict["word"] == "TIMED_OUT",
                canceled_at=float(verdict["second"]) if verdict and verdict["second"] else None,
                is_rolled_out=job["status"] == "COMPLETED" or not is_counting,
                **{name: counts.get(f"numberOf{word}Things", 0) for name, word in _COUNTS.items()},
            )

    def executions(self, job_id: str, status: str) -> list[Execution]:
        """Return the devices of a job with a status, at most 250 of them; none if there is no job."""
        with classify_errors(f"job {job_id}"):
            try:
                page = self._iot.list_job_executions_for_job(jobId=job_id, status=status, maxResults=_DEVICES_PER_PAGE)
            except self._iot.exceptions.ResourceNotFoundException:
                return []
            return [
                Execution(
                    thing=found["thingArn"].partition(":thing/")[2],
                    status=status,
                    has_started="startedAt" in found["jobExecutionSummary"],
                )
                for found in page.get("executionSummaries", [])
            ]

    def status_details(self, job_id: str, thing: str) -> dict[str, str]:
        """Return what a device has reported last about a job."""
        with classify_errors(f"thing {thing}"):
            found = self._iot.describe_job_execution(jobId=job_id, thingName=thing)["execution"]
            return dict(found.get("statusDetails", {}).get("detailsMap", {}))

    def cancel(self, job_id: str, comment: str, *, now: float, timed_out: bool = False) -> None:
        """Cancel a job, so that no more devices take it; devices that are executing it continue.

        ``now``: in seconds since 1970. ``timed_out``: whether its gate has waited too long.
        """
        code = f"GATE_{'TIMED_OUT' if timed_out else 'FAILED'}_{now:.0f}"
        with classify_errors(f"job {job_id}"):
            self._iot.cancel_job(jobId=job_id, reasonCode=code, comment=shorten(comment))

    def alarms(self, names: Sequence[str]) -> dict[str, Alarm]:
        """Return those of the alarms that exist, by name: metric alarms, and composite ones."""
        found = self._alarms(names, "MetricAlarm")
        if missing := [name for name in names if name not in found]:
            # A permission for metric alarms alone does not cover the question for others: then there are none.
            with contextlib.suppress(AccessDeniedError):
                found.update(self._alarms(missing, "CompositeAlarm"))
        return found

    def _alarms(self, names: Sequence[str], kind: str) -> dict[str, Alarm]:
        with classify_errors("the alarms"):
            answer = self._cloudwatch.describe_alarms(AlarmNames=list(names), AlarmTypes=[kind])
            return {found["AlarmName"]: _alarm(found, kind) for found in answer.get(f"{kind}s", [])}

    def last_ring(self, alarm: Alarm, since: float) -> float | None:
        """Return when an alarm last went to ALARM, in seconds since 1970, or None if it did not since that time."""
        begin = datetime.datetime.fromtimestamp(since, datetime.timezone.utc)
        with classify_errors(f"the history of alarm {alarm.name}"):
            page = self._cloudwatch.describe_alarm_history(
                AlarmName=alarm.name,
                AlarmTypes=[alarm.kind],
                HistoryItemType="StateUpdate",
                StartDate=begin,
                MaxRecords=100,
            )
            items = page.get("AlarmHistoryItems", [])
            rings = [item["Timestamp"].timestamp() for item in items if item["HistorySummary"].endswith(" to ALARM")]
            return max((ring for ring in rings if ring > since), default=None)

    def request(self, desired: Desired) -> dict[str, Any]:
        """Return the CreateOTAUpdate request, checked against the API's model and its limits."""
        shape = self._iot.meta.service_model.operation_model("CreateOTAUpdate").input_shape
        return create_request(desired, shape)

    def create(self, request: Mapping[str, Any]) -> None:
        """Create the update. Raises AlreadyExistsError when its id is taken, maybe by a call whose answer was lost."""
        with classify_errors(f"OTA update {request['otaUpdateId']}", creating=True):
            self._iot.create_ota_update(**request)

    def pin(self, file: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the file with the current version of its S3 object, unless it has one: a key can be overwritten.

        Raises FatalError for an object that is empty or larger than AWS IoT takes.
        """
        location = file.get("fileLocation", {}).get("s3Location")
        if location is None:
            return file
        found = self._head_object(location, file.bucket_owner if isinstance(file, RequestFile) else None)
        _check_size(location, found)
        if "version" in location:
            return file
        version = found.get("VersionId")
        if version not in (None, "null"):
            return {**file, "fileLocation": {"s3Location": {**location, "version": version}}}
        if "startSigningJobParameter" in file.get("codeSigning", {}):
            raise FatalError(
                f"{_firmware(location)} has no version, and AWS Signer signs versions only: turn on versioning for the "
                "bucket and upload the file again"
            )
        return file

    def _head_object(self, location: Mapping[str, str], owner: str | None) -> Mapping[str, Any]:
        """Return what S3 knows of an object; S3 refuses the call if another account owns the bucket."""
        expected = {} if owner is None else {"ExpectedBucketOwner": owner}
        version = {"VersionId": location["version"]} if "version" in location else {}
        belongs = "" if owner is None else f", that its bucket belongs to account {owner},"
        # S3 answers "forbidden" for an absent object to callers that may not list the bucket.
        may_read = f"check that it exists{belongs} and that this function may read it"
        try:
            with classify_errors(f"cannot read {_firmware(location)} ({may_read})"):
                found: Mapping[str, Any] = self._s3.head_object(
                    Bucket=location["bucket"], Key=location["key"], **version, **expected
                )
                return found
        except AccessDeniedError as error:
            # The answer to HeadObject has no body, which would name the key.
            raise AccessDeniedError(
                f"{error}; if a KMS key encrypts its bucket, import that with Bucket.from_bucket_attributes("
                "encryption_key=…), so that this function may use the key"
            ) from error

    def delete(self, ota_update_id: str, *, delete_stream: bool, force_delete_job: bool) -> None:
        """Ask for the deletion of an update, which continues after the answer."""
        with classify_errors(f"OTA update {ota_update_id}"):
            try:
                self._iot.delete_ota_update(
                    otaUpdateId=ota_update_id, deleteStream=delete_stream, forceDeleteAWSJob=force_delete_job
                )
            except self._iot.exceptions.ResourceNotFoundException:
                return

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """Set tags of an update."""
        # A limit on tags is final, unlike those on calls.
        with classify_errors(arn, final="LimitExceededException"):
            pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
            self._iot.tag_resource(resourceArn=arn, tags=pairs)

    def untag(self, arn: str, keys: list[str]) -> None:
        """Remove tags from an update."""
        with classify_errors(arn):
            self._iot.untag_resource(resourceArn=arn, tagKeys=keys)


def _alarm(found: Mapping[str, Any], kind: str) -> Alarm:
    changed = found.get("StateTransitionedTimestamp") or found["StateUpdatedTimestamp"]
    configured = found.get("AlarmConfigurationUpdatedTimestamp")
    return Alarm(
        name=found["AlarmName"],
        state=found["StateValue"],
        since=changed.timestamp(),
        reason=found.get("StateReason", ""),
        configured=configured.timestamp() if configured else 0,
        evaluation=found.get("EvaluationState", ""),
        kind=kind,
    )


def _firmware(location: Mapping[str, str]) -> str:
    version = f" in version {location['version']}" if "version" in location else ""
    return f"firmware s3://{location['bucket']}/{location['key']}{version}"


def _check_size(location: Mapping[str, str], found: Mapping[str, Any]) -> None:
    size = found.get("ContentLength")
    if size is None:
        return
    try:
        limits.FILE_BYTES.check(f"size in bytes of {_firmware(location)}", size)
    except ValueError as error:
        raise FatalError(f"{error}: AWS IoT takes no other files for OTA updates, so upload another image") from None


def _time_of(answer: Mapping[str, Any]) -> float | None:
    """Return when the service sent an answer, by the clock that dates its updates; it is not always that of others."""
    sent = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    try:
        return None if sent is None else parsedate_to_datetime(sent).timestamp()
    except ValueError:
        return None


def _error_info(info: Mapping[str, Any]) -> str:
    error = info.get("errorInfo", {})
    return ": ".join(part for part in (error.get("code"), error.get("message")) if part)
