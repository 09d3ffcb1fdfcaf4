"""Job documents say what AWS writes, and lead to the version of an object that the update names."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.local.roles import DELETION, Roles
from tests.local.secret_bucket import SecretBucket
from tests.local.service_files import NEEDED

# A key whose letters JSON, URLs and placeholders each escape in another way.
KEY = 'größe "1" {a} \\ 50%?#.bin'
LIMIT = 16 * 1024 * 1024


@pytest.fixture(scope="session")
def versions(shared: Any) -> tuple[str, str]:
    """Create a bucket with two versions of one object, and return its name and the first version."""
    bucket = "versioned-bucket"
    shared.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": shared.aws.region})
    shared.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = shared.s3.put_object(Bucket=bucket, Key=KEY, Body=b"first")["VersionId"]
    shared.s3.put_object(Bucket=bucket, Key=KEY, Body=b"the second")
    return bucket, first


def device_file(account: Any) -> dict[str, Any]:
    """Let the thing of the account start its next job, and return the file in the document."""
    jobs = account.aws.client("iot-jobs-data")
    execution = jobs.start_next_pending_job_execution(thingName="bench-1")["execution"]
    (file,) = json.loads(execution["jobDocument"])["afr_ota"]["files"]
    return dict(file)


@pytest.mark.parametrize(("pinned", "body"), [(True, b"first"), (False, b"the second")])
def test_the_pinned_version_is_served(account: Any, versions: tuple[str, str], pinned: bool, body: bytes) -> None:
    """Size, stream and presigned URL are those of the pinned version, or of the newest without one."""
    bucket, first = versions
    location = {"bucket": bucket, "key": KEY, **({"version": first} if pinned else {})}
    file = {**account.file(), "fileLocation": {"s3Location": location}}
    account.created("pinned", files=[file], protocols=["MQTT", "HTTP"])
    stream = account.iot.describe_stream(streamId=account.document("pinned")["streamname"])["streamInfo"]
    assert [entry["s3Location"] for entry in stream["files"]] == [location]
    found = device_file(account)
    assert (found["filesize"], found["auth_scheme"]) == (len(body), "aws.s3.presigned")
    with urllib.request.urlopen(found["update_data_url"]) as answer:
        assert answer.read() == body


def test_members_that_are_not_set(account: Any) -> None:
    """Without a name, a certificate and a type, the path and the certificate are null and there is no fileType."""
    file = {"fileLocation": account.file()["fileLocation"]}
    account.created("bare", files=[file])
    (found,) = account.document("bare")["files"]
    assert found == {
        "filepath": None,
        "filesize": 1000,
        "fileid": 0,
        "certfile": None,
        "update_data_url": None,
        "auth_scheme": None,
    }


@pytest.mark.parametrize(("size", "status"), [(LIMIT, "CREATE_COMPLETE"), (LIMIT + 1, "CREATE_FAILED")])
def test_files_have_a_largest_size(account: Any, size: int, status: str) -> None:
    """A file of more than 16 MiB ends in CREATE_FAILED with its size and the limit."""
    account.s3.put_object(Bucket=account.bucket, Key="big.bin", Body=bytes(size))
    info = account.created("big", files=[account.file(key="big.bin")])
    account.s3.delete_object(Bucket=account.bucket, Key="big.bin")
    assert info["otaUpdateStatus"] == status
    assert (info.get("errorInfo") or {}).get("message", "") == (
        f"The file s3://{account.bucket}/big.bin has {size} bytes: at most {LIMIT} are allowed." if size > LIMIT else ""
    )


def test_the_url_has_the_permissions_of_the_role(roles: Roles, secret: SecretBucket) -> None:
    """With IAM, a presigned URL of a version works as long as the service role may read that version."""
    needed = [*NEEDED["of a version, with a key"], *DELETION]
    statements = roles.statements(needed, role=roles.next_role(), secret_key=secret.key)
    role, account = roles.service_role(needed, secret_key=secret.key), roles.account
    location = {"bucket": secret.name, "key": "blinky.bin", "version": secret.version}
    file = {**account.file(), "fileLocation": {"s3Location": location}}
    account.created("url", roleArn=role, files=[file], protocols=["HTTP"])
    url = device_file(account)["update_data_url"]
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"y" * 500
    roles.allow(role, [one for one in statements if one["Action"] != "s3:GetObjectVersion"])
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(url)
    account.remove("url")
