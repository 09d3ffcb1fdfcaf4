"""The calls to AWS IoT, S3 and CloudFormation, checked against the models of botocore."""

import datetime
from email.utils import formatdate
from typing import Any, cast

import pytest
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from cdk_iot_ota_handler.ota_update.desired import Desired
from cdk_iot_ota_handler.ota_update.errors import AccessDeniedError, AlreadyExistsError, FatalError, RetryableError
from cdk_iot_ota_handler.ota_update.identity import deployed_tag, gate_attributes
from cdk_iot_ota_handler.ota_update.observed import Alarm, Execution, JobProgress
from cdk_iot_ota_handler.ota_update.request import RequestFile
from cdk_iot_ota_handler.ota_update.service import OtaService

from ..fakes.cloudformation import STACK_ID
from .scenarios import event
from .stubs import Stubs

ARN = "arn:aws:iot:eu-central-1:111122223333:otaupdate/mine"
ROLE = "arn:aws:iam::111122223333:role/ota"
NOW = 1_700_000_000.0


def request(**location: str) -> dict[str, Any]:
    """Return a request for one file in S3."""
    place = {"s3Location": {"bucket": "firmware", "key": "a.bin", **location}}
    return {"otaUpdateId": "mine", "targets": ["t"], "roleArn": ROLE, "files": [{"fileLocation": place}]}


def test_get_update_reads_the_update_and_its_tags(stubs: Stubs) -> None:
    """An observed update has the status, the age, the errorInfo, and the tags of all pages."""
    info = {
        "otaUpdateArn": ARN,
        "otaUpdateStatus": "CREATE_FAILED",
        "creationDate": datetime.datetime.fromtimestamp(NOW - 90, datetime.timezone.utc),
        "errorInfo": {"code": "InvalidRequest", "message": "too large"},
    }
    stubs.iot.add_response("get_ota_update", {"otaUpdateInfo": info}, {"otaUpdateId": "mine"})
    first = {"tags": [{"Key": "a", "Value": "1"}], "nextToken": "more"}
    stubs.iot.add_response("list_tags_for_resource", first, {"resourceArn": ARN})
    stubs.iot.add_response(
        "list_tags_for_resource", {"tags": [{"Key": "b", "Value": "2"}]}, {"resourceArn": ARN, "nextToken": "more"}
    )
    observed = stubs.service.get_update("mine", NOW)
    assert observed is not None
    assert (observed.status, observed.error, observed.age) == ("CREATE_FAILED", "InvalidRequest: too large", 90)
    assert observed.tags == {"a": "1", "b": "2"}


def test_get_update_returns_none_for_an_absent_update(stubs: Stubs) -> None:
    """An update that does not exist is not an error."""
    stubs.iot.add_client_error("get_ota_update", "ResourceNotFoundException", http_status_code=404)
    assert stubs.service.get_update("mine", NOW) is None


@pytest.mark.parametrize("impossible", ["a" * 129, "AWSCDK::CustomResourceProviderFramework::MISSING_PHYSICAL_ID"])
def test_an_impossible_id_is_absent_without_a_call(stubs: Stubs, impossible: str) -> None:
    """An id that AWS IoT would refuse, and so fail a Delete, is absent without a call."""
    assert stubs.service.get_update(impossible, NOW) is None


def test_a_target_in_another_account_is_refused(stubs: Stubs) -> None:
    """A target in another account that was a token at synth is refused before anything is created."""
    desired = Desired.from_event(event("Create", stack_id=STACK_ID.replace("111122223333", "444455556666")))
    with pytest.raises(FatalError, match=r"targets\[0\] must be in the stack's account 444455556666, got 'arn:aws:iot"):
        stubs.service.request(desired)


def test_an_update_whose_tags_are_gone_has_no_tags(stubs: Stubs) -> None:
    """An update whose tags are not found is observed without tags, because it may be in deletion."""
    info = {"otaUpdateArn": ARN, "otaUpdateStatus": "DELETE_IN_PROGRESS"}
    stubs.iot.add_response("get_ota_update", {"otaUpdateInfo": info})
    stubs.iot.add_client_error("list_tags_for_resource", "ResourceNotFoundException", http_status_code=404)
    observed = stubs.service.get_update("mine", NOW)
    assert observed is not None
    assert observed.tags == {}


@pytest.mark.parametrize(
    ("job", "processing", "is_rolled_out"),
    [
        ({"status": "IN_PROGRESS", "isConcurrent": True}, [], False),
        ({"status": "IN_PROGRESS"}, ["arn:aws:iot:eu-central-1:111122223333:thinggroup/fleet"], False),
        ({"status": "IN_PROGRESS", "isConcurrent": False}, [], True),
        ({"status": "COMPLETED", "isConcurrent": True}, [], True),
        ({"status": "CANCELED", "comment": "too many calls of customers"}, [], True),
        ({"status": "CANCELED", "comment": "the gate has failed", "reasonCode": "GATE_FAILED"}, [], True),
        ({"status": "CANCELED", "comment": "the gate has failed", "reasonCode": "GATE_TIMED_OUT"}, [], True),
        ({"status": "CANCELED", "reasonCode": "GATE_FAILED_1700000000"}, [], True),
        ({"status": "CANCELED", "reasonCode": "GATE_TIMED_OUT_1700000000"}, [], True),
        ({"status": "CANCELED", "reasonCode": "USER_INITIATED"}, [], True),
    ],
)
def test_job_progress_has_the_counts_of_the_job(
    stubs: Stubs, job: dict[str, Any], processing: list[str], *, is_rolled_out: bool
) -> None:
    """The progress of a job has every count of DescribeJob, and tells whether more devices may follow."""
    counts = {"queued": 1, "in_progress": 2, "succeeded": 3, "failed": 4, "rejected": 5, "timed_out": 6, "canceled": 7}
    names = {name: f"numberOf{name.title().replace('_', '')}Things" for name in counts}
    details = {names[name]: count for name, count in counts.items()}
    shown = {**job, "jobProcessDetails": {**details, "numberOfRemovedThings": 8, "processingTargets": processing}}
    stubs.iot.add_response("describe_job", {"job": shown}, {"jobId": "AFR_OTA-mine"})
    expected = JobProgress(
        status=job["status"],
        comment=job.get("comment", ""),
        is_verdict=job.get("reasonCode", "").startswith("GATE"),
        has_timed_out=job.get("reasonCode", "").startswith("GATE_TIMED_OUT"),
        canceled_at=1_700_000_000 if job.get("reasonCode", "").endswith("1700000000") else None,
        is_rolled_out=is_rolled_out,
        **cast(dict[str, Any], counts),
    )
    assert stubs.service.job_progress("AFR_OTA-mine") == expected


def test_an_absent_job_has_no_progress(stubs: Stubs) -> None:
    """A job that does not exist is not an error."""
    stubs.iot.add_client_error("describe_job", "ResourceNotFoundException", http_status_code=404)
    assert stubs.service.job_progress("AFR_OTA-mine") is None


def test_the_devices_of_a_job_are_listed_by_status(stubs: Stubs) -> None:
    """The first page of ListJobExecutionsForJob is a device each, with whether it has started the job."""
    arn = "arn:aws:iot:eu-central-1:111122223333:thing/{}"
    summaries: list[dict[str, Any]] = [{"startedAt": 1_700_000_000}, {}]
    answer = {
        "executionSummaries": [
            {"thingArn": arn.format(name), "jobExecutionSummary": {"status": "FAILED", **summary}}
            for name, summary in zip(("pump:1", "pump-2"), summaries, strict=True)
        ],
        "nextToken": "more",
    }
    asked = {"jobId": "AFR_OTA-mine", "status": "FAILED", "maxResults": 250}
    stubs.iot.add_response("list_job_executions_for_job", answer, asked)
    assert stubs.service.executions("AFR_OTA-mine", "FAILED") == [
        Execution(thing="pump:1", status="FAILED"),
        Execution(thing="pump-2", status="FAILED", has_started=False),
    ]


def test_an_absent_job_has_no_devices(stubs: Stubs) -> None:
    """The devices of a job that does not exist are none, and no error."""
    stubs.iot.add_client_error("list_job_executions_for_job", "ResourceNotFoundException", http_status_code=404)
    assert stubs.service.executions("AFR_OTA-mine", "FAILED") == []


@pytest.mark.parametrize(
    ("execution", "details"),
    [({"statusDetails": {"detailsMap": {"reason": "0x1"}}}, {"reason": "0x1"}), ({"statusDetails": {}}, {}), ({}, {})],
)
def test_the_details_of_a_device_are_what_it_reported_last(
    stubs: Stubs, execution: dict[str, Any], details: dict[str, str]
) -> None:
    """The status details of a device are a mapping, which is empty for one that has sent none."""
    asked = {"jobId": "AFR_OTA-mine", "thingName": "pump-1"}
    stubs.iot.add_response("describe_job_execution", {"execution": execution}, asked)
    assert stubs.service.status_details("AFR_OTA-mine", "pump-1") == details


@pytest.mark.parametrize(
    ("timed_out", "code"), [(False, "GATE_FAILED_1700000000"), (True, "GATE_TIMED_OUT_1700000000")]
)
def test_a_job_is_canceled_with_the_reason(stubs: Stubs, *, timed_out: bool, code: str) -> None:
    """CancelJob gets the reason of the gate as comment, which DescribeJob shows, and when it timed out as code."""
    expected = {"jobId": "AFR_OTA-mine", "reasonCode": code, "comment": "1 failure (3 of 4)"}
    stubs.iot.add_response("cancel_job", {}, expected)
    stubs.service.cancel("AFR_OTA-mine", "1 failure (3 of 4)", now=NOW, timed_out=timed_out)


def test_a_comment_of_a_job_is_one_line_of_printable_text(stubs: Stubs) -> None:
    """CancelJob does not refuse a comment because of its length or its characters."""
    comment = "a" * 897 + "…"
    expected = {"jobId": "j", "reasonCode": "GATE_FAILED_1700000000", "comment": comment}
    stubs.iot.add_response("cancel_job", {}, expected)
    stubs.service.cancel("j", "a" * 897 + "\n\x00" + "b" * 5000, now=NOW)


def file(**changes: Any) -> dict[str, Any]:
    """Return a file in S3."""
    place = {"bucket": "firmware", "key": "a.bin", **changes}
    return {"fileLocation": {"s3Location": place}}


def test_the_current_version_of_an_object_is_pinned(stubs: Stubs) -> None:
    """An object without a declared version gets its current one, if its bucket has versions."""
    stubs.s3.add_response("head_object", {"VersionId": "v7"}, {"Bucket": "firmware", "Key": "a.bin"})
    assert stubs.service.pin(file()) == file(version="v7")


def test_an_object_is_read_from_the_bucket_of_its_owner_only(stubs: Stubs) -> None:
    """S3 is told the expected owner of the bucket, which does not become part of the file."""
    owned = RequestFile(file())
    owned.bucket_owner = "111122223333"
    asked = {"Bucket": "firmware", "Key": "a.bin", "ExpectedBucketOwner": "111122223333"}
    stubs.s3.add_response("head_object", {"VersionId": "v7"}, asked)
    assert stubs.service.pin(owned) == file(version="v7")
    stubs.s3.add_response("head_object", {}, asked)
    assert stubs.service.pin(owned) == file()


def test_a_file_without_a_known_owner_is_read_from_any_bucket(stubs: Stubs) -> None:
    """Nothing is expected of a bucket whose owner synth does not know."""
    stubs.s3.add_response("head_object", {"VersionId": "v7"}, {"Bucket": "firmware", "Key": "a.bin"})
    assert stubs.service.pin(RequestFile(file())) == file(version="v7")


def test_a_bucket_of_another_owner_is_named_with_the_expected_one(stubs: Stubs) -> None:
    """The error of S3, which does not tell why it refuses a call, has the owner that the bucket must have."""
    owned = RequestFile(file())
    owned.bucket_owner = "111122223333"
    stubs.s3.add_client_error("head_object", "403", "Forbidden", http_status_code=403)
    with pytest.raises(AccessDeniedError, match=r"a\.bin \(check .* that its bucket belongs to account 111122223333,"):
        stubs.service.pin(owned)


@pytest.mark.parametrize("answer", [{}, {"VersionId": "null"}])
def test_a_bucket_without_versions_has_nothing_to_pin(stubs: Stubs, answer: dict[str, str]) -> None:
    """A file in a bucket without versions stays as declared."""
    stubs.s3.add_response("head_object", answer)
    assert stubs.service.pin(file()) == file()


def test_a_declared_version_is_looked_up_and_stays(stubs: Stubs) -> None:
    """The declared version of an object is looked up in the bucket of its owner, and does not change."""
    owned = RequestFile(file(version="v1"))
    owned.bucket_owner = "111122223333"
    asked = {"Bucket": "firmware", "Key": "a.bin", "VersionId": "v1", "ExpectedBucketOwner": "111122223333"}
    stubs.s3.add_response("head_object", {"VersionId": "v1", "ContentLength": 7}, asked)
    assert stubs.service.pin(owned) == file(version="v1")


def test_the_declared_version_of_a_bucket_without_versions_is_signed(stubs: Stubs) -> None:
    """A declared version is enough for AWS Signer, whatever S3 answers."""
    signed = {**file(version="null"), "codeSigning": {"startSigningJobParameter": {}}}
    stubs.s3.add_response("head_object", {})
    assert stubs.service.pin(signed) == signed


def test_a_stream_needs_no_call(stubs: Stubs) -> None:
    """A file of a stream needs no call to S3."""
    streamed = {"fileLocation": {"stream": {"streamId": "s", "fileId": 0}}}
    assert stubs.service.pin(streamed) == streamed


@pytest.mark.parametrize("size", [1, 16 * 1024 * 1024])
@pytest.mark.parametrize("declared", [file(), file(version="v7")], ids=["current", "declared"])
def test_an_object_within_the_limit_is_pinned(stubs: Stubs, declared: dict[str, Any], size: int) -> None:
    """An object of up to 16 MiB is taken."""
    stubs.s3.add_response("head_object", {"VersionId": "v7", "ContentLength": size})
    assert stubs.service.pin(declared) == file(version="v7")


@pytest.mark.parametrize("size", [0, 16 * 1024 * 1024 + 1])
@pytest.mark.parametrize(
    ("declared", "shown"),
    [(file(), "s3://firmware/a.bin"), (file(version="v7"), "s3://firmware/a.bin in version v7")],
    ids=["current", "declared"],
)
def test_an_object_beyond_the_limit_is_refused(stubs: Stubs, declared: dict[str, Any], shown: str, size: int) -> None:
    """An object that is empty or larger than 16 MiB is refused with its version, its size, the limit and the remedy."""
    stubs.s3.add_response("head_object", {"VersionId": "v7", "ContentLength": size})
    with pytest.raises(FatalError) as refused:
        stubs.service.pin(declared)
    assert str(refused.value) == (
        f"size in bytes of firmware {shown} must be between 1 and 16777216, got {size}: AWS IoT takes no other files "
        "for OTA updates, so upload another image"
    )


def test_aws_signer_needs_a_version(stubs: Stubs) -> None:
    """A file to be signed by AWS Signer is refused, with the remedy, if its bucket has no versions."""
    stubs.s3.add_response("head_object", {})
    with pytest.raises(FatalError, match="turn on versioning for the bucket"):
        stubs.service.pin({**file(), "codeSigning": {"startSigningJobParameter": {}}})


def test_a_missing_object_is_reported_with_bucket_and_key(stubs: Stubs) -> None:
    """The error for a missing object has bucket and key, because S3 answers HeadObject without a message."""
    stubs.s3.add_client_error("head_object", "404", "Not Found", http_status_code=404)
    with pytest.raises(FatalError, match=r"cannot read firmware s3://firmware/a\.bin \(check .*\): 404: Not Found"):
        stubs.service.pin(file())


def test_an_object_without_access_is_retryable_for_a_while(stubs: Stubs) -> None:
    """A 403 of S3 is AccessDeniedError, because a new policy may not have propagated yet, and names KMS."""
    stubs.s3.add_client_error("head_object", "403", "Forbidden", http_status_code=403)
    with pytest.raises(AccessDeniedError) as denied:
        stubs.service.pin(file())
    assert str(denied.value) == (
        "cannot read firmware s3://firmware/a.bin (check that it exists and that this function may read it): 403: "
        "Forbidden; if a KMS key encrypts its bucket, import that with Bucket.from_bucket_attributes(encryption_key=…)"
        ", so that this function may use the key"
    )


def test_a_missing_version_is_reported_with_the_version(stubs: Stubs) -> None:
    """The error for a version that does not exist has bucket, key and version."""
    stubs.s3.add_client_error("head_object", "404", "Not Found", http_status_code=404)
    with pytest.raises(FatalError, match=r"cannot read firmware s3://firmware/a\.bin in version v1 \(check .*\): 404"):
        stubs.service.pin(file(version="v1"))


def test_the_request_has_the_ownership_tags(stubs: Stubs) -> None:
    """The request has the id, the user's tags and the ownership tags, in the types of the API."""
    desired = Desired.from_event(event("Create", Tags=[{"Key": "team", "Value": "a"}]))
    typed = stubs.service.request(desired)
    assert typed["otaUpdateId"] == desired.ota_update_id
    assert {tag["Key"]: tag["Value"] for tag in typed["tags"]} == desired.all_tags


def test_the_files_of_the_request_have_the_owners_of_their_buckets(stubs: Stubs) -> None:
    """The property with the owners reaches the files, and changes neither the id nor the request."""
    plain, owned = (
        Desired.from_event(event("Create", **owners)) for owners in ({}, {"BucketOwners": ["111122223333"]})
    )
    (file,) = stubs.service.request(owned)["files"]
    assert file.bucket_owner == "111122223333"
    assert owned.ota_update_id == plain.ota_update_id
    assert stubs.service.request(owned) == stubs.service.request(plain)


@pytest.mark.parametrize(
    ("code", "status", "message", "kind"),
    [
        ("ThrottlingException", 429, "Rate exceeded", RetryableError),
        ("ThrottlingException", 400, "Rate exceeded", RetryableError),
        ("LimitExceededException", 410, "too many", RetryableError),
        ("InternalFailureException", 500, "oops", RetryableError),
        ("ServiceUnavailableException", 503, "later", RetryableError),
        ("Whatever", 502, "bad gateway", RetryableError),
        ("UnauthorizedException", 401, "not allowed", AccessDeniedError),
        ("AccessDeniedException", 403, "iam:PassRole", AccessDeniedError),
        ("InvalidRequestException", 400, "Iot is unable to assume the role", AccessDeniedError),
        ("InvalidRequestException", 400, "files is empty", FatalError),
        ("ResourceAlreadyExistsException", 409, "exists", AlreadyExistsError),
    ],
)
def test_errors_are_classified(stubs: Stubs, code: str, status: int, message: str, kind: type[Exception]) -> None:
    """Each error code and HTTP status is retryable, retryable for a while, or fatal, with the service's message."""
    stubs.iot.add_client_error("create_ota_update", code, message, http_status_code=status)
    with pytest.raises(kind) as caught:
        stubs.service.create(request(version="v"))
    assert type(caught.value) is kind
    assert message in str(caught.value)


@pytest.mark.parametrize("error", [ReadTimeoutError(endpoint_url="e"), ConnectTimeoutError(endpoint_url="e")])
def test_lost_connections_are_retryable(error: Exception) -> None:
    """Timeouts and lost connections are retryable, because the call may have succeeded."""

    class Client:
        def tag_resource(self, **_: Any) -> None:
            raise error

    with pytest.raises(RetryableError):
        OtaService({"iot": Client()}.__getitem__).tag(ARN, {"a": "b"})


def test_delete_passes_the_options(stubs: Stubs) -> None:
    """DeleteOTAUpdate gets both options, and an absent update is not an error."""
    expected = {"otaUpdateId": "mine", "deleteStream": True, "forceDeleteAWSJob": False}
    stubs.iot.add_response("delete_ota_update", {}, expected)
    stubs.iot.add_client_error("delete_ota_update", "ResourceNotFoundException", http_status_code=404)
    stubs.iot.add_client_error("delete_ota_update", "VersionConflictException", http_status_code=409)
    for _ in range(2):
        stubs.service.delete("mine", delete_stream=True, force_delete_job=False)
    with pytest.raises(RetryableError):
        stubs.service.delete("mine", delete_stream=True, force_delete_job=False)


def test_tagging(stubs: Stubs) -> None:
    """TagResource and UntagResource get the tags and keys of the call."""
    tags = [{"Key": "a", "Value": "b"}]
    stubs.iot.add_response("tag_resource", {}, {"resourceArn": ARN, "tags": tags})
    stubs.iot.add_response("untag_resource", {}, {"resourceArn": ARN, "tagKeys": ["c"]})
    stubs.service.tag(ARN, {"a": "b"})
    stubs.service.untag(ARN, ["c"])


@pytest.mark.parametrize(
    ("status", "what"),
    [
        ("CREATE_IN_PROGRESS", "is_deploying"),
        ("UPDATE_IN_PROGRESS", "is_deploying"),
        ("IMPORT_IN_PROGRESS", ""),
        ("ROLLBACK_IN_PROGRESS", "is_rolling_back"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "is_rolling_back"),
        ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "is_rolling_back"),
        ("DELETE_IN_PROGRESS", "is_rolling_back"),
        ("UPDATE_ROLLBACK_COMPLETE", "has_rolled_back is_idle"),
        ("ROLLBACK_COMPLETE", "has_rolled_back is_idle"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", ""),
        ("CREATE_COMPLETE", "is_idle"),
        ("UPDATE_COMPLETE", "is_idle"),
        ("UPDATE_FAILED", "is_idle"),
    ],
)
def test_the_direction_of_a_stack(stubs: Stubs, status: str, what: str) -> None:
    """The status of a stack tells whether it is deploying, rolling back, or idle."""
    shown = {"StackName": "prod", "CreationTime": datetime.datetime.now(datetime.timezone.utc), "StackStatus": status}
    stubs.cloudformation.add_response("describe_stacks", {"Stacks": [shown]}, {"StackName": "id"})
    stack = stubs.service.stack("id")
    assert [
        name for name in ("is_deploying", "is_rolling_back", "has_rolled_back", "is_idle") if getattr(stack, name)
    ] == what.split()


@pytest.mark.parametrize("answer", [{}, {"otaUpdateInfo": {}}])
def test_an_unreadable_answer_is_retryable(stubs: Stubs, answer: dict[str, Any]) -> None:
    """An answer without an update does not come from the service, and is retryable."""
    stubs.iot.add_response("get_ota_update", answer)
    with pytest.raises(RetryableError, match="unreadable answer"):
        stubs.service.get_update("mine", NOW)


def test_an_update_may_have_no_tags(stubs: Stubs) -> None:
    """An answer of ListTagsForResource without the member has no tags."""
    stubs.iot.add_response("get_ota_update", {"otaUpdateInfo": {"otaUpdateArn": ARN, "otaUpdateStatus": "X"}})
    stubs.iot.add_response("list_tags_for_resource", {})
    observed = stubs.service.get_update("mine", NOW)
    assert observed is not None
    assert observed.tags == {}


def test_too_many_tags_are_fatal(stubs: Stubs) -> None:
    """The limit on tags is fatal, unlike the limits on calls."""
    stubs.iot.add_client_error("tag_resource", "LimitExceededException", "50 tags", http_status_code=410)
    with pytest.raises(FatalError, match="50 tags"):
        stubs.service.tag(ARN, {"a": "b"})


@pytest.mark.parametrize("seconds", [-60, -15, 0, 15, 60])
def test_the_age_of_an_update_is_told_by_the_clock_of_aws_iot(stubs: Stubs, seconds: float) -> None:
    """A clock of AWS IoT that differs from the handler's changes no age, since its answers have its time."""
    created = datetime.datetime.fromtimestamp(NOW + seconds, datetime.timezone.utc)
    sent = formatdate(NOW + seconds + 30, usegmt=True)
    info = {"otaUpdateArn": ARN, "otaUpdateStatus": "CREATE_COMPLETE", "creationDate": created}
    headers = {"ResponseMetadata": {"HTTPHeaders": {"date": sent}}}
    stubs.iot.add_response("get_ota_update", {"otaUpdateInfo": info, **headers})
    stubs.iot.add_response("list_tags_for_resource", {"tags": []})
    observed = stubs.service.get_update("mine", NOW + 30)
    assert observed is not None
    assert observed.age == 30


def test_an_answer_with_an_unreadable_time_has_the_time_of_the_handler(stubs: Stubs) -> None:
    """A proxy that changes the Date header does not make an update unreadable."""
    created = datetime.datetime.fromtimestamp(NOW, datetime.timezone.utc)
    info = {"otaUpdateArn": ARN, "otaUpdateStatus": "CREATE_COMPLETE", "creationDate": created}
    headers = {"ResponseMetadata": {"HTTPHeaders": {"date": "yesterday"}}}
    stubs.iot.add_response("get_ota_update", {"otaUpdateInfo": info, **headers})
    stubs.iot.add_response("list_tags_for_resource", {"tags": []})
    observed = stubs.service.get_update("mine", NOW + 7)
    assert observed is not None
    assert observed.age == 7


@pytest.mark.parametrize(
    ("status", "operation"),
    [
        ("UPDATE_IN_PROGRESS", int(NOW)),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", int(NOW)),
        ("UPDATE_FAILED", int(NOW)),
        ("UPDATE_ROLLBACK_IN_PROGRESS", None),
        ("UPDATE_COMPLETE", None),
        ("DELETE_IN_PROGRESS", None),
    ],
)
def test_an_operation_is_known_by_its_beginning(stubs: Stubs, status: str, operation: int | None) -> None:
    """While a stack is updated, or if that has failed, the time of its last update tells this deploy from others."""
    updated = datetime.datetime.fromtimestamp(NOW, datetime.timezone.utc)
    stack = {"StackName": "prod", "CreationTime": updated, "LastUpdatedTime": updated, "StackStatus": status}
    stubs.cloudformation.add_response("describe_stacks", {"Stacks": [stack]})
    assert stubs.service.stack(STACK_ID).operation == operation


def test_an_update_is_never_younger_than_new(stubs: Stubs) -> None:
    """An update that was created in the second of the answer has an age of 0, which a deployed tag can keep."""
    created = datetime.datetime.fromtimestamp(NOW + 0.9, datetime.timezone.utc)
    info = {"otaUpdateArn": ARN, "otaUpdateStatus": "CREATE_COMPLETE", "creationDate": created}
    headers = {"ResponseMetadata": {"HTTPHeaders": {"date": formatdate(NOW, usegmt=True)}}}
    stubs.iot.add_response("get_ota_update", {"otaUpdateInfo": info, **headers})
    stubs.iot.add_response("list_tags_for_resource", {"tags": []})
    observed = stubs.service.get_update("mine", NOW + 7)
    assert observed is not None
    assert observed.age == 0
    assert gate_attributes(deployed_tag(JobProgress(status="COMPLETED"), observed.age))["SecondsWaited"] == "0"


def test_a_client_is_made_when_it_is_needed(stubs: Stubs) -> None:
    """A look at an update and its stack makes no client of S3, and each of the others once."""
    made: list[str] = []

    def client(name: str) -> Any:
        made.append(name)
        return {"iot": stubs.iot, "cloudformation": stubs.cloudformation}[name].client

    for _ in range(2):
        stubs.cloudformation.add_response(
            "describe_stacks",
            {
                "Stacks": [
                    {"StackName": "prod", "CreationTime": datetime.datetime.now(), "StackStatus": "CREATE_COMPLETE"}
                ]
            },
        )
    service = OtaService(client)
    assert made == ["iot"]
    assert service.stack(STACK_ID) == service.stack(STACK_ID)
    assert made == ["iot", "cloudformation"]


ALARM = {
    "AlarmName": "crash-rate",
    "StateValue": "ALARM",
    "StateReason": "Threshold Crossed",
    "StateUpdatedTimestamp": datetime.datetime.fromtimestamp(NOW + 9, datetime.timezone.utc),
    "StateTransitionedTimestamp": datetime.datetime.fromtimestamp(NOW, datetime.timezone.utc),
    "AlarmConfigurationUpdatedTimestamp": datetime.datetime.fromtimestamp(NOW - 9, datetime.timezone.utc),
}


def test_metric_alarms_are_read_in_one_call(stubs: Stubs) -> None:
    """An alarm has its state with the time of its last change, not of the last evaluation, and its configuration's."""
    asked = {"AlarmNames": ["crash-rate"], "AlarmTypes": ["MetricAlarm"]}
    stubs.cloudwatch.add_response(
        "describe_alarms", {"MetricAlarms": [{**ALARM, "EvaluationState": "PARTIAL_DATA"}]}, asked
    )
    assert stubs.service.alarms(["crash-rate"]) == {
        "crash-rate": Alarm(
            name="crash-rate",
            state="ALARM",
            since=NOW,
            reason="Threshold Crossed",
            configured=NOW - 9,
            evaluation="PARTIAL_DATA",
        )
    }


@pytest.mark.parametrize("refused", [False, True])
def test_what_is_no_metric_alarm_may_be_a_composite_one(stubs: Stubs, *, refused: bool) -> None:
    """Alarms that are missing are asked for as composite ones; who may not ask for these has none."""
    least = {name: ALARM[name] for name in ("AlarmName", "StateValue", "StateUpdatedTimestamp")}
    stubs.cloudwatch.add_response("describe_alarms", {"MetricAlarms": [{**least, "AlarmName": "a"}]})
    asked = {"AlarmNames": ["b"], "AlarmTypes": ["CompositeAlarm"]}
    if refused:
        stubs.cloudwatch.add_client_error("describe_alarms", "AccessDenied", http_status_code=403)
    else:
        stubs.cloudwatch.add_response("describe_alarms", {"CompositeAlarms": [{**least, "AlarmName": "b"}]}, asked)
    found = stubs.service.alarms(["a", "b"])
    kinds = ["MetricAlarm"] if refused else ["MetricAlarm", "CompositeAlarm"]
    assert [one.kind for one in found.values()] == kinds
    assert found["a"] == Alarm(name="a", state="ALARM", since=NOW + 9)


@pytest.mark.parametrize(
    ("offsets", "rang"), [([1], NOW + 1), ([3, 1], NOW + 3), ([1, 3], NOW + 3), ([0], None), ([-1], None), ([], None)]
)
def test_the_last_time_that_an_alarm_rang(stubs: Stubs, offsets: list[int], rang: float | None) -> None:
    """The history is asked for changes of the state since a time, and only those to ALARM after it count."""
    rings = [("OK to ALARM", offset) for offset in offsets]
    changes = [("ALARM to OK", 4), *rings, ("INSUFFICIENT_DATA to OK", 0)]
    items = [
        {
            "HistorySummary": f"Alarm updated from {words}",
            "Timestamp": datetime.datetime.fromtimestamp(NOW + seconds, datetime.timezone.utc),
        }
        for words, seconds in changes
    ]
    asked = {
        "AlarmName": "crash-rate",
        "AlarmTypes": ["CompositeAlarm"],
        "HistoryItemType": "StateUpdate",
        "StartDate": datetime.datetime.fromtimestamp(NOW, datetime.timezone.utc),
        "MaxRecords": 100,
    }
    stubs.cloudwatch.add_response("describe_alarm_history", {"AlarmHistoryItems": items}, asked)
    assert stubs.service.last_ring(Alarm(name="crash-rate", state="OK", since=NOW, kind="CompositeAlarm"), NOW) == rang


@pytest.mark.parametrize(("code", "kind"), [("Throttling", RetryableError), ("AccessDenied", AccessDeniedError)])
def test_alarms_that_cannot_be_read_are_no_quiet_alarms(stubs: Stubs, code: str, kind: type[Exception]) -> None:
    """An error of either call names what could not be read."""
    stubs.cloudwatch.add_client_error("describe_alarms", code, http_status_code=400)
    stubs.cloudwatch.add_client_error("describe_alarm_history", code, http_status_code=400)
    with pytest.raises(kind, match=f"the alarms: {code}"):
        stubs.service.alarms(["crash-rate"])
    with pytest.raises(kind, match=f"the history of alarm crash-rate: {code}"):
        stubs.service.last_ring(Alarm(name="crash-rate", state="OK", since=NOW, kind="CompositeAlarm"), NOW)
