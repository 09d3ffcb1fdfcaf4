"""AWS IoT and S3 as the lifecycle needs them, and the state of the stack: one call each, and no decisions."""

from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.validate import ParamValidator

from . import gate
from . import request as request_rules
from .aws_errors import classify_errors
from .contract import names, timeouts
from .desired import Desired
from .errors import FatalError
from .identity import is_possible
from .observed import JobProgress, Observed, Stack
from .restore import restore

_COUNTS = {
    "queued": "Queued",
    "in_progress": "InProgress",
    "succeeded": "Succeeded",
    "failed": "Failed",
    "rejected": "Rejected",
    "timed_out": "TimedOut",
    "canceled": "Canceled",
}
_CONFIG = Config(
    connect_timeout=timeouts.CONNECT_TIMEOUT,
    read_timeout=timeouts.READ_TIMEOUT,
    retries={"mode": "standard", "total_max_attempts": 1},
)


class OtaService:
    """The calls that the lifecycle makes. Every one is idempotent, or answers so that its repetition is recognised."""

    def __init__(self, iot: Any, s3: Any, cloudformation: Any) -> None:
        self._iot, self._s3, self._cloudformation = iot, s3, cloudformation

    @classmethod
    def connect(cls, region: str | None = None) -> "OtaService":
        """The service in a Region, that of the environment if none is given, and the account of the credentials."""
        session = boto3.Session(region_name=region)
        return cls(*(session.client(name, config=_CONFIG) for name in ("iot", "s3", "cloudformation")))

    def stack(self, stack_id: str) -> Stack:
        """The stack as it is now."""
        with classify_errors("the stack"):
            (stack,) = self._cloudformation.describe_stacks(StackName=stack_id)["Stacks"]
        return Stack(stack["StackStatus"])

    def get_update(self, ota_update_id: str, now: float) -> Observed | None:
        """The update of this id, or None when there is none."""
        if not is_possible(ota_update_id):
            return None  # CloudFormation or the framework has made it up, and AWS IoT would refuse the question
        with classify_errors(f"OTA update {ota_update_id}"):
            try:
                info = self._iot.get_ota_update(otaUpdateId=ota_update_id)["otaUpdateInfo"]
            except self._iot.exceptions.ResourceNotFoundException:
                return None
            return self._seen(info, now)

    def _seen(self, info: Mapping[str, Any], now: float) -> Observed:
        created, tags = info.get("creationDate"), self._tags(info["otaUpdateArn"])
        return Observed(
            status=info["otaUpdateStatus"],
            tags=tags,
            age=now - created.timestamp() if created else 0.0,
            error=_error_info(info),
            attributes={
                "OtaUpdateArn": info["otaUpdateArn"],
                "JobId": info.get("awsIotJobId", ""),
                "JobArn": info.get("awsIotJobArn", ""),
                "Status": info["otaUpdateStatus"],
                **gate.attributes(tags.get(names.DEPLOYED_TAG, "")),
            },
        )

    def _tags(self, arn: str) -> dict[str, str]:
        """The tags of an update; none where it has them no longer, or not yet."""
        pages = self._iot.get_paginator("list_tags_for_resource").paginate(resourceArn=arn)
        try:
            return {tag["Key"]: tag.get("Value", "") for page in pages for tag in page.get("tags", [])}
        except self._iot.exceptions.ResourceNotFoundException:
            return {}

    def job_progress(self, job_id: str) -> JobProgress | None:
        """How far the devices of an update are, or None when its job is not there."""
        with classify_errors(f"job {job_id}"):
            try:
                job = self._iot.describe_job(jobId=job_id)["job"]
            except self._iot.exceptions.ResourceNotFoundException:
                return None
            counts = job["jobProcessDetails"]
            return JobProgress(
                status=job["status"],
                comment=job.get("comment", ""),
                # True while executions are made or canceled: there may be more devices than are counted yet.
                rolled_out=job["status"] == "COMPLETED"
                or (not job.get("isConcurrent", False) and not counts.get("processingTargets")),
                **{name: counts.get(f"numberOf{word}Things", 0) for name, word in _COUNTS.items()},
            )

    def cancel(self, job_id: str, why: str) -> None:
        """Let no more devices take a job; those that work on it already go on."""
        with classify_errors(f"job {job_id}"):
            self._iot.cancel_job(jobId=job_id, reasonCode="GATE_FAILED", comment=why)

    def request(self, wanted: Desired) -> dict[str, Any]:
        """The CreateOTAUpdate request with the types of the API, checked against its model."""
        shape = self._iot.meta.service_model.operation_model("CreateOTAUpdate").input_shape
        request: dict[str, Any] = restore(wanted.request, shape, "Request")
        request["otaUpdateId"] = wanted.ota_update_id
        request["tags"] = [{"Key": key, "Value": value} for key, value in wanted.all_tags.items()]
        _check(wanted, request, shape)
        return request

    def create(self, request: Mapping[str, Any]) -> None:
        """Create the update. Raises AlreadyExistsError when its id is taken, maybe by a call whose answer got lost."""
        with classify_errors(f"OTA update {request['otaUpdateId']}", creating=True):
            self._iot.create_ota_update(**request)

    def pinned(self, file: Mapping[str, Any]) -> Mapping[str, Any]:
        """The file with the version that its S3 object has now: a key can be overwritten, a version can not."""
        location = file.get("fileLocation", {}).get("s3Location")
        if location is None or "version" in location:
            return file
        # Who may not list a bucket is told "forbidden" of what is not there.
        with classify_errors(
            f"firmware s3://{location['bucket']}/{location['key']} (is it there, and may it be read?)"
        ):
            version = self._s3.head_object(Bucket=location["bucket"], Key=location["key"]).get("VersionId")
        if version in (None, "null"):
            _refuse_to_sign(file, location)
            return file
        return {**file, "fileLocation": {"s3Location": {**location, "version": version}}}

    def delete(self, ota_update_id: str, *, delete_stream: bool, force_delete_job: bool) -> None:
        """Ask for the deletion of an update; it goes on after the answer."""
        with classify_errors(f"OTA update {ota_update_id}"):
            try:
                self._iot.delete_ota_update(
                    otaUpdateId=ota_update_id, deleteStream=delete_stream, forceDeleteAWSJob=force_delete_job
                )
            except self._iot.exceptions.ResourceNotFoundException:
                return

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """Add tags to an update, or change their values."""
        # A limit of tags does not pass, unlike those of calls.
        with classify_errors(arn, final="LimitExceededException"):
            pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
            self._iot.tag_resource(resourceArn=arn, tags=pairs)

    def untag(self, arn: str, keys: list[str]) -> None:
        """Remove tags from an update."""
        with classify_errors(arn):
            self._iot.untag_resource(resourceArn=arn, tagKeys=keys)


def _refuse_to_sign(file: Mapping[str, Any], location: Mapping[str, Any]) -> None:
    if "startSigningJobParameter" in file.get("codeSigning", {}):
        raise FatalError(
            f"firmware s3://{location['bucket']}/{location['key']} has no version, and AWS Signer signs versions only: "
            "turn versioning on for the bucket and upload the file again"
        )


def _check(wanted: Desired, request: dict[str, Any], shape: Any) -> None:
    """What the API's model says first, so that the rules can rely on it; both before anything is created."""
    report = ParamValidator().validate(request, shape)
    if report.has_errors():
        raise FatalError(f"Request: {report.generate_report()}")
    try:
        request_rules.check(request)
        request_rules.check_place(request, wanted.stack_id)
        request_rules.check_tags(wanted.tags)
    except ValueError as error:
        raise FatalError(f"Request: {error}") from None


def _error_info(info: Mapping[str, Any]) -> str:
    error = info.get("errorInfo", {})
    return ": ".join(part for part in (error.get("code"), error.get("message")) if part)
