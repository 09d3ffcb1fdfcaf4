"""The OTA operations answer as the API reference and the observed service do."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.local.conftest import IMAGE
from tests.local.errors import code
from tests.signing_key import sign


def test_create_answers_pending_without_job(account: Any) -> None:
    """CreateOTAUpdate answers at once, with CREATE_PENDING and no job."""
    answer = account.create("quick")
    del answer["ResponseMetadata"]
    assert answer == {
        "otaUpdateId": "quick",
        "otaUpdateArn": "arn:aws:iot:eu-central-1:111122223333:otaupdate/quick",
        "otaUpdateStatus": "CREATE_PENDING",
    }


def test_create_moves_through_the_statuses(account: Any) -> None:
    """An update is pending, then in progress, then complete, and has a job only then."""
    account.aws.settings.update(step_seconds=0.15)
    account.create("steps")
    seen: list[dict[str, Any]] = []
    while not seen or seen[-1]["otaUpdateStatus"] != "CREATE_COMPLETE":
        seen.append(account.info("steps"))
        time.sleep(0.02)
    statuses = list(dict.fromkeys(info["otaUpdateStatus"] for info in seen))
    assert statuses == ["CREATE_PENDING", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    assert ["awsIotJobId" in info for info in seen] == [info is seen[-1] for info in seen]
    assert seen[-1]["awsIotJobArn"].endswith(":job/AFR_OTA-steps")


def test_info_has_the_members_of_the_api(account: Any) -> None:
    """GetOTAUpdate returns the request without role, tags, abort and timeout configuration."""
    info = account.created(
        "members",
        description="d",
        tags=[{"Key": "a", "Value": "b"}],
        additionalParameters={"k": "v"},
        awsJobTimeoutConfig={"inProgressTimeoutInMinutes": 5},
        awsJobExecutionsRolloutConfig={"maximumPerMinute": 50},
    )
    assert sorted(info) == [
        "additionalParameters",
        "awsIotJobArn",
        "awsIotJobId",
        "awsJobExecutionsRolloutConfig",
        "creationDate",
        "description",
        "lastModifiedDate",
        "otaUpdateArn",
        "otaUpdateFiles",
        "otaUpdateId",
        "otaUpdateStatus",
        "protocols",
        "targetSelection",
        "targets",
    ]
    assert info["otaUpdateFiles"] == [account.file()]


def test_job_document_is_the_agents(account: Any) -> None:
    """The job document contains the stream and each file with the base64 text of its signature."""
    account.created("document")
    document = account.document("document")
    stream = account.iot.list_streams()["streams"][0]["streamId"]
    assert stream.startswith("AFR_OTA-")
    assert document == {
        "protocols": ["MQTT"],
        "streamname": stream,
        "files": [
            {
                "filepath": "/firmware/blinky.bin",
                "filesize": 1000,
                "fileid": 0,
                "certfile": "/certs/signer.pem",
                "update_data_url": None,
                "auth_scheme": None,
                "fileType": 2,
                "sig-sha256-ecdsa": base64.b64encode(sign(IMAGE)).decode(),
            }
        ],
    }


def test_job_gets_the_configuration(account: Any) -> None:
    """The job has the rollout, abort and timeout configuration and the target selection of the update."""
    criterion = {
        "failureType": "FAILED",
        "action": "CANCEL",
        "thresholdPercentage": 10.0,
        "minNumberOfExecutedThings": 2,
    }
    rate = {
        "baseRatePerMinute": 10,
        "incrementFactor": 2.0,
        "rateIncreaseCriteria": {"numberOfNotifiedThings": 5},
    }
    account.created(
        "configured",
        targetSelection="CONTINUOUS",
        awsJobAbortConfig={"abortCriteriaList": [criterion]},
        awsJobTimeoutConfig={"inProgressTimeoutInMinutes": 7},
        awsJobExecutionsRolloutConfig={"maximumPerMinute": 50, "exponentialRate": rate},
    )
    job = account.iot.describe_job(jobId="AFR_OTA-configured")["job"]
    assert job["targetSelection"] == "CONTINUOUS"
    assert job["abortConfig"] == {"criteriaList": [criterion]}
    assert job["timeoutConfig"] == {"inProgressTimeoutInMinutes": 7}
    assert job["jobExecutionsRolloutConfig"] == {"maximumPerMinute": 50, "exponentialRate": rate}


def test_http_files_have_a_presigned_url(account: Any) -> None:
    """With HTTP as the only protocol, a file has a presigned URL and there is no stream."""
    account.created("http", protocols=["HTTP"], awsJobPresignedUrlConfig={"expiresInSec": 60})
    document = account.document("http")
    assert "streamname" not in document
    assert document["files"][0]["update_data_url"].startswith("${aws:iot:s3-presigned-url:https://s3.")
    assert account.iot.list_streams()["streams"] == []
    job = account.iot.describe_job(jobId="AFR_OTA-http")["job"]
    assert job["presignedUrlConfig"] == {"roleArn": account.role, "expiresInSec": 60}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"targets": []}, "targets"),
        ({"files": []}, "files"),
        ({"roleArn": "too-short"}, "roleArn"),
        ({"targetSelection": "SOME"}, "targetSelection"),
        ({"awsJobTimeoutConfig": {"inProgressTimeoutInMinutes": 0}}, "inProgressTimeoutInMinutes"),
        ({"awsJobExecutionsRolloutConfig": {"maximumPerMinute": 1001}}, "maximumPerMinute"),
        ({"description": "tab\there"}, "description"),
        ({"files": [{"fileName": "/f"}]}, "fileLocation"),
    ],
)
def test_wrong_requests_are_refused(account: Any, changes: dict[str, Any], path: str) -> None:
    """A request that violates the model gets an InvalidRequestException that names the member."""
    request = {"targets": [account.thing], "roleArn": account.role, "files": [account.file()], **changes}
    lenient = account.aws.client("iot", config=Config(parameter_validation=False))
    with pytest.raises(ClientError, match=path) as error:
        lenient.create_ota_update(otaUpdateId="wrong", **request)
    assert code(error.value) == ("InvalidRequestException", 400)
    assert account.ids() == []


def test_wrong_id_is_refused(account: Any) -> None:
    """An id that does not match the pattern is refused."""
    with pytest.raises(ClientError) as error:
        account.create("not.an.id")
    assert code(error.value) == ("InvalidRequestException", 400)


def test_existing_id_is_a_conflict(account: Any) -> None:
    """The id of an existing update, even one being deleted, gets a ResourceAlreadyExistsException."""
    account.created("twice")
    with pytest.raises(ClientError) as error:
        account.create("twice")
    assert code(error.value) == ("ResourceAlreadyExistsException", 409)
    account.aws.settings.update(step_seconds=0.3)
    account.delete("twice")
    with pytest.raises(ClientError) as error:
        account.create("twice")
    assert code(error.value) == ("ResourceAlreadyExistsException", 409)


def test_unknown_id_is_not_found(account: Any) -> None:
    """GetOTAUpdate and DeleteOTAUpdate of an unknown id get a ResourceNotFoundException."""
    for call in (account.info, account.delete):
        with pytest.raises(ClientError) as error:
            call("missing")
        assert code(error.value) == ("ResourceNotFoundException", 404)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"files": "missing key"}, "The specified key does not exist"),
        ({"files": "missing version"}, "version"),
        ({"roleArn": "arn:aws:iam::111122223333:role/missing"}, "role/missing cannot be found"),
        ({"targets": ["arn:aws:iot:eu-central-1:111122223333:thing/missing"]}, "Thing missing cannot be found"),
    ],
)
def test_failed_creation_has_a_reason(account: Any, changes: dict[str, Any], message: str) -> None:
    """A creation that lacks something ends in CREATE_FAILED with an errorInfo and without a job."""
    if changes.get("files") == "missing key":
        changes = {"files": [account.file(key="nothing.bin")]}
    elif changes.get("files") == "missing version":
        changes = {"files": [account.file(version="3/L4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY")]}
    info = account.created("missing", **changes)
    assert info["otaUpdateStatus"] == "CREATE_FAILED"
    assert message in info["errorInfo"]["message"]
    assert "awsIotJobId" not in info
    assert account.iot.list_jobs()["jobs"] == []


def test_long_id_fails_at_the_job(account: Any) -> None:
    """An id of more than 56 characters is accepted, but its job fails and the stream is left."""
    info = account.created("x" * 57)
    assert info["otaUpdateStatus"] == "CREATE_FAILED"
    assert "jobId" in info["errorInfo"]["message"]
    assert len(account.iot.list_streams()["streams"]) == 1


def test_delete_without_force_is_refused(account: Any) -> None:
    """A deletion without force is refused while the job is in progress, at once or with DELETE_FAILED."""
    account.created("busy")
    with pytest.raises(ClientError, match="IN_PROGRESS") as error:
        account.delete("busy", force=False)
    assert code(error.value) == ("InvalidRequestException", 400)
    account.aws.settings.update(refusal="async")
    account.delete("busy", force=False)
    info = account.settled("busy")
    assert info["otaUpdateStatus"] == "DELETE_FAILED"
    assert "IN_PROGRESS" in info["errorInfo"]["message"]


def test_delete_without_force_after_the_job(account: Any) -> None:
    """A deletion without force succeeds once the job is canceled."""
    account.created("idle")
    account.iot.cancel_job(jobId="AFR_OTA-idle")
    account.delete("idle", force=False)
    account.gone("idle")


def test_forced_delete_takes_job_and_stream(account: Any) -> None:
    """A deletion with force and deleteStream deletes job, stream and tags, and is DELETE_IN_PROGRESS meanwhile."""
    arn = account.create("all", tags=[{"Key": "a", "Value": "b"}])["otaUpdateArn"]
    account.settled("all")
    account.aws.settings.update(step_seconds=0.2)
    account.delete("all")
    assert account.info("all")["otaUpdateStatus"] == "DELETE_IN_PROGRESS"
    account.delete("all")
    account.gone("all")
    assert account.iot.list_jobs()["jobs"] == []
    assert account.iot.list_streams()["streams"] == []
    assert account.iot.list_tags_for_resource(resourceArn=arn)["tags"] == []


def test_stream_stays_without_delete_stream(account: Any) -> None:
    """A deletion without deleteStream leaves the stream."""
    account.created("leaky")
    account.delete("leaky", stream=False)
    account.gone("leaky")
    assert len(account.iot.list_streams()["streams"]) == 1


def test_own_stream_is_never_deleted(account: Any) -> None:
    """A stream of the user's can serve an update and survives its deletion."""
    location = {"s3Location": {"bucket": account.bucket, "key": "blinky.bin"}, "fileId": 7}
    account.iot.create_stream(streamId="mine", files=[location], roleArn=account.role)
    file = {**account.file(), "fileLocation": {"stream": {"streamId": "mine", "fileId": 7}}}
    account.created("own", files=[file])
    document = account.document("own")
    assert (document["streamname"], document["files"][0]["fileid"]) == ("mine", 7)
    account.delete("own")
    account.gone("own")
    assert account.iot.describe_stream(streamId="mine")["streamInfo"]["files"] == [location]


def test_delete_while_creating_is_refused(account: Any) -> None:
    """An update cannot be deleted while it is being created."""
    account.aws.settings.update(step_seconds=0.2)
    account.create("early")
    with pytest.raises(ClientError, match="CREATE_PENDING") as error:
        account.delete("early")
    assert code(error.value) == ("InvalidRequestException", 400)


def test_delete_needs_the_role(account: Any) -> None:
    """A deletion fails if the service role was deleted first, and succeeds once it exists again."""
    trust = account.iam.get_role(RoleName="ota")["Role"]["AssumeRolePolicyDocument"]
    role = account.iam.create_role(RoleName="brief", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    account.created("orphan", roleArn=role)
    account.iam.delete_role(RoleName="brief")
    account.delete("orphan")
    info = account.settled("orphan")
    assert info["otaUpdateStatus"] == "DELETE_FAILED"
    assert "role/brief cannot be found" in info["errorInfo"]["message"]
    account.iam.create_role(RoleName="brief", AssumeRolePolicyDocument=json.dumps(trust))
    account.delete("orphan")
    account.gone("orphan")
    account.iam.delete_role(RoleName="brief")


def test_eleventh_deletion_is_over_the_limit(account: Any) -> None:
    """More than ten deletions at once get a LimitExceededException."""
    for number in range(11):
        account.create(f"many-{number}")
    for number in range(11):
        account.settled(f"many-{number}")
    account.aws.settings.update(step_seconds=1.0)
    for number in range(10):
        account.delete(f"many-{number}")
    # boto3 would retry until the limit is no longer exceeded.
    once = account.aws.client("iot", config=Config(retries={"total_max_attempts": 1}))
    with pytest.raises(ClientError) as error:
        once.delete_ota_update(otaUpdateId="many-10", forceDeleteAWSJob=True)
    assert code(error.value) == ("LimitExceededException", 410)


def test_list_pages_and_filters(account: Any) -> None:
    """ListOTAUpdates pages by maxResults and nextToken, and filters by status."""
    for number in range(5):
        account.create(f"page-{number}")
    account.created("broken", files=[account.file(key="nothing.bin")])
    for number in range(5):
        account.settled(f"page-{number}")
    first = account.iot.list_ota_updates(maxResults=4)
    rest = account.iot.list_ota_updates(maxResults=4, nextToken=first["nextToken"])
    assert [len(page["otaUpdates"]) for page in (first, rest)] == [4, 2]
    assert "nextToken" not in rest
    assert account.ids(otaUpdateStatus="CREATE_FAILED") == ["broken"]


def test_tags_are_changed_and_may_lag(account: Any) -> None:
    """Tags of a creation are visible after the lag, and TagResource and UntagResource change them."""
    account.aws.settings.update(tag_lag_seconds=0.3)
    arn = account.create("tagged", tags=[{"Key": "a", "Value": "1"}])["otaUpdateArn"]
    assert account.iot.list_tags_for_resource(resourceArn=arn)["tags"] == []
    time.sleep(0.35)
    assert account.iot.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "a", "Value": "1"}]
    account.iot.tag_resource(resourceArn=arn, tags=[{"Key": "b", "Value": "2"}])
    account.iot.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert account.iot.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "b", "Value": "2"}]


def test_rates_are_limited_on_demand(account: Any) -> None:
    """With rate_limits, the sixteenth GetOTAUpdate within a second gets a ThrottlingException."""
    once = account.aws.client("iot", config=Config(retries={"total_max_attempts": 1}))
    account.created("rated")
    account.aws.settings.update(rate_limits=True)
    for _ in range(15):
        once.get_ota_update(otaUpdateId="rated")
    with pytest.raises(ClientError) as error:
        once.get_ota_update(otaUpdateId="rated")
    assert code(error.value) == ("ThrottlingException", 429)
    account.aws.settings.update(rate_limits=False)


def test_regions_are_separate(account: Any) -> None:
    """An update in one Region is not visible in another."""
    account.created("here")
    there = account.aws.client("iot", region_name="eu-west-1")
    assert there.list_ota_updates()["otaUpdates"] == []
