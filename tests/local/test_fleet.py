"""A fleet takes jobs through the real jobs API and follows its behaviours."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cdk_iot_ota_local import Behaviour, Fleet, LocalAwsError
from cdk_iot_ota_local.devices.device import document_problem


def test_behaviours(account: Any) -> None:
    """Devices succeed, fail, reject or stay silent, and the progress counts them."""
    behaviours: dict[int | str, Behaviour] = {
        0: Behaviour.FAIL,
        "mixed-0001": Behaviour.REJECT,
        2: Behaviour.SILENT,
    }
    with Fleet(account.aws, "mixed", 12, behaviours=behaviours) as fleet:
        account.created("mixed", targets=[fleet.register()])
        last = fleet.wait("AFR_OTA-mixed")
    assert (last.succeeded, last.failed, last.rejected, last.in_progress) == (9, 1, 1, 1)
    assert (last.total, last.finished) == (12, False)
    execution = account.iot.describe_job_execution(jobId="AFR_OTA-mixed", thingName="mixed-0000")["execution"]
    assert execution["statusDetails"]["detailsMap"] == {"reason": "configured to fail"}


def test_job_completes(account: Any) -> None:
    """A job is COMPLETED once every device has succeeded."""
    with Fleet(account.aws, "good", 5) as fleet:
        fleet.register()
        account.created("good", targets=[fleet.register()])
        seen = list(fleet.run("AFR_OTA-good"))
    assert seen[-1].status == "COMPLETED"
    assert seen[-1].succeeded == 5


def test_run_until(account: Any) -> None:
    """A run ends early when `until` returns True."""
    with Fleet(account.aws, "early", 120, workers=4) as fleet:
        account.created("early", targets=[fleet.register()])
        last = fleet.wait("AFR_OTA-early", until=lambda progress: progress.succeeded > 0)
    assert 0 < last.succeeded < 120


def test_background(account: Any) -> None:
    """A started fleet takes a job that is created later, until it is closed."""
    with Fleet(account.aws, "back", 3) as fleet:
        group = fleet.register()
        fleet.start()
        account.created("back", targets=[group])
        deadline = time.monotonic() + 10
        while not fleet.progress("AFR_OTA-back").finished:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert fleet.progress("AFR_OTA-back").succeeded == 3


def test_deleted_job(account: Any) -> None:
    """The deletion of its job ends a run, and a run of an unknown job is an error."""
    with Fleet(account.aws, "cut", 3) as fleet:
        account.created("cut", targets=[fleet.register()], awsJobExecutionsRolloutConfig={"maximumPerMinute": 1})
        run = fleet.run("AFR_OTA-cut")
        assert next(run).succeeded == 1
        account.delete("cut")
        account.gone("cut")
        assert list(run)[-1].status == "DELETED"
        with pytest.raises(ClientError, match="cannot be found"):
            fleet.wait("AFR_OTA-cut")


def test_only_some_devices_are_targeted(account: Any) -> None:
    """A job for some devices completes although the other devices never receive it."""
    with Fleet(account.aws, "few", 120) as fleet:
        fleet.register()
        thing = account.iot.describe_thing(thingName="few-0119")["thingArn"]
        account.created("few", targets=[thing])
        last = fleet.wait("AFR_OTA-few")
    assert (last.status, last.succeeded) == ("COMPLETED", 1)


def test_wrong_signature_encoding_shows_on_the_device(account: Any) -> None:
    """A signature of raw bytes instead of base64 text passes the API, and the device rejects the job."""
    file = account.file()
    file["codeSigning"]["customCodeSigning"]["signature"] = {"inlineDocument": b"0\x06\x02\x01\x01\x02\x01\x01"}
    with Fleet(account.aws, "raw", 1) as fleet:
        info = account.created("raw", targets=[fleet.register()], files=[file])
        assert info["otaUpdateStatus"] == "CREATE_COMPLETE"
        assert fleet.wait("AFR_OTA-raw").rejected == 1
        assert fleet.problems == {"raw-0000": "the signature is not base64"}


def test_a_thousand_devices(account: Any) -> None:
    """A fleet of a thousand devices finishes a job."""
    with Fleet(account.aws, "big", 1000) as fleet:
        account.created("big", targets=[fleet.register()])
        assert fleet.wait("AFR_OTA-big").succeeded == 1000


def test_unknown_device(account: Any) -> None:
    """A behaviour for a device outside the fleet is refused."""
    with pytest.raises(LocalAwsError, match="there is no device 'stranger' in fleet 'small'"):
        Fleet(account.aws, "small", 1, behaviours={"stranger": Behaviour.FAIL})


TEXT = base64.b64encode(b"\x30\x06").decode()
FILE = {"filepath": "/f", "filesize": 1, "fileid": 0, "sig-sha256-ecdsa": TEXT}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, None),
        ({"filepath": ""}, "filepath is missing"),
        ({"filesize": None}, "filesize is missing"),
        ({"sig-sha256-ecdsa": base64.b64encode(TEXT.encode()).decode()}, "doubled"),
        ({"sig-sha256-ecdsa": "%"}, "not base64"),
        ({"sig-sha-256-ecdsa": TEXT, "sig-sha256-ecdsa": None}, "not base64"),
    ],
)
def test_document_problems(changes: dict[str, Any], problem: str | None) -> None:
    """A device finds each problem with a file of a job document."""
    document = {"afr_ota": {"streamname": "s", "files": [{**FILE, **changes}]}}
    found = document_problem(json.dumps(document))
    assert found == problem or (problem is not None and problem in str(found))


def test_document_without_signature_or_source() -> None:
    """A device refuses an unsigned file, an unknown signature member and a file without a source."""
    unsigned = {key: value for key, value in FILE.items() if not key.startswith("sig")}
    odd = {**unsigned, "sig-sha-256-ecdsa": TEXT}

    def problem(file: dict[str, Any], **job: str) -> str | None:
        return document_problem(json.dumps({"afr_ota": {"files": [file], **job}}))

    assert problem(unsigned, streamname="s") == "the file is not signed"
    assert problem(odd, streamname="s") == "signature member sig-sha-256-ecdsa is unknown"
    assert problem(FILE) == "streamname and update_data_url are both missing"
    assert document_problem("{}") == "the job document has no afr_ota member with files"
