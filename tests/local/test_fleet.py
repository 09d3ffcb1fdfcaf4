"""A fleet takes jobs through the real jobs API and follows its behaviours."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cdk_iot_ota_local import TAKES_ALL, Behaviour, Fleet, LocalAwsError
from cdk_iot_ota_local.devices.document import read_document
from tests.local.conftest import IMAGE
from tests.signing_key import certificate, sign


def fleet_of(account: Any, name: str, size: int, **options: Any) -> Fleet:
    """Return devices that verify what the tests sign."""
    return Fleet(account.aws, name, size, certificate=certificate(), **options)


def details(account: Any, job_id: str, thing: str) -> dict[str, str]:
    """Return the status details that a device has reported last."""
    execution = account.iot.describe_job_execution(jobId=job_id, thingName=thing)["execution"]
    found: dict[str, str] = execution.get("statusDetails", {}).get("detailsMap", {})
    return found


def test_behaviours(account: Any) -> None:
    """Devices succeed, fail, reject, stay silent or in the self test, and the progress counts them."""
    behaviours: dict[int | str, Behaviour] = {
        0: Behaviour.FAIL,
        "mixed-0001": Behaviour.REJECT,
        2: Behaviour.SILENT,
        3: Behaviour.STUCK,
    }
    with fleet_of(account, "mixed", 12, behaviours=behaviours) as fleet:
        account.created("mixed", targets=[fleet.register()])
        last = fleet.wait("AFR_OTA-mixed")
    assert (last.succeeded, last.failed, last.rejected, last.in_progress) == (8, 1, 1, 2)
    assert (last.total, last.finished) == (12, False)
    assert details(account, "AFR_OTA-mixed", "mixed-0000") == {"reason": "configured to fail"}
    assert details(account, "AFR_OTA-mixed", "mixed-0002") == {}
    assert details(account, "AFR_OTA-mixed", "mixed-0003") == {"self_test": "active", "updatedBy": "0x00000000"}


def test_job_completes(account: Any) -> None:
    """A job is COMPLETED once every device has succeeded."""
    with fleet_of(account, "good", 5) as fleet:
        fleet.register()
        account.created("good", targets=[fleet.register()])
        seen = list(fleet.run("AFR_OTA-good"))
    assert seen[-1].status == "COMPLETED"
    assert seen[-1].succeeded == 5


def test_run_until(account: Any) -> None:
    """A run ends early when `until` returns True."""
    with fleet_of(account, "early", 120, workers=4) as fleet:
        account.created("early", targets=[fleet.register()])
        last = fleet.wait("AFR_OTA-early", until=lambda progress: progress.succeeded > 0)
    assert 0 < last.succeeded < 120


def test_background(account: Any) -> None:
    """A started fleet takes a job that is created later, until it is closed."""
    with fleet_of(account, "back", 3) as fleet:
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
    with fleet_of(account, "cut", 3) as fleet:
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
    with fleet_of(account, "few", 120) as fleet:
        fleet.register()
        thing = account.iot.describe_thing(thingName="few-0119")["thingArn"]
        account.created("few", targets=[thing])
        last = fleet.wait("AFR_OTA-few")
    assert (last.status, last.succeeded) == ("COMPLETED", 1)


def test_wrong_signature_encoding_shows_on_the_device(account: Any) -> None:
    """A signature of raw bytes instead of base64 text passes the API, and fails on the device."""
    file = account.file()
    file["codeSigning"]["customCodeSigning"]["signature"] = {"inlineDocument": b"0\x06\x02\x01\x01\x02\x01\x01"}
    with fleet_of(account, "raw", 1) as fleet:
        info = account.created("raw", targets=[fleet.register()], files=[file])
        assert info["otaUpdateStatus"] == "CREATE_COMPLETE"
        assert fleet.wait("AFR_OTA-raw").failed == 1
        assert fleet.problems == {"raw-0000": "the signature is not base64"}


def test_a_thousand_devices(account: Any) -> None:
    """A fleet of a thousand devices finishes a job, and loads the image once."""
    with fleet_of(account, "big", 1000) as fleet:
        account.created("big", targets=[fleet.register()])
        assert fleet.wait("AFR_OTA-big").succeeded == 1000
        assert fleet.bytes_loaded == len(IMAGE)


def test_unknown_device(account: Any) -> None:
    """A behaviour for a device outside the fleet is refused."""
    with pytest.raises(LocalAwsError, match="there is no device 'stranger' in fleet 'small'"):
        fleet_of(account, "small", 1, behaviours={"stranger": Behaviour.FAIL})


def signed(account: Any, content: bytes, *, key: str, **changes: Any) -> dict[str, Any]:
    """Return a file with this content and its signature."""
    account.s3.put_object(Bucket=account.bucket, Key=key, Body=content)
    file: dict[str, Any] = {**account.file(key=key), **changes}
    file["codeSigning"]["customCodeSigning"]["signature"] = {"inlineDocument": base64.b64encode(sign(content))}
    return file


@pytest.mark.parametrize("protocol", ["HTTP", "MQTT"])
def test_firmware_must_be_newer(account: Any, protocol: str) -> None:
    """Devices load and verify firmware over both protocols, and refuse it again because they run it already."""
    file = signed(account, b"blinky 1.0.0", key=f"{protocol}.bin", fileType=0)
    with fleet_of(account, f"new-{protocol}", 2) as fleet:
        group = fleet.register()
        for number, expected in enumerate(["accepted  v1.0.0", "rejected: 0x00000010"]):
            name = f"{protocol}-{number}"
            # Its description alone makes another update.
            account.created(name, targets=[group], files=[file], protocols=[protocol], description=name)
            fleet.wait(f"AFR_OTA-{name}")
            assert details(account, f"AFR_OTA-{name}", fleet.things[0])["reason"] == expected
        assert fleet.bytes_loaded == 2 * len(b"blinky 1.0.0")
        assert set(fleet.problems) == set(fleet.things)


def test_states_of_a_self_test(account: Any) -> None:
    """A device that takes its time reports its self-test in between, with the version that it runs."""
    file = signed(account, b"blinky 2.1.0", key="self-test.bin", fileType=0)
    with fleet_of(account, "self-test", 1, work_seconds=1) as fleet:
        account.created("self-test", targets=[fleet.register()], files=[file], protocols=["HTTP"])
        fleet.start()
        seen: list[dict[str, str]] = []
        deadline = time.monotonic() + 10
        while not seen or "reason" not in seen[-1]:
            assert time.monotonic() < deadline, seen
            found = details(account, "AFR_OTA-self-test", fleet.things[0])
            if not seen or found != seen[-1]:
                seen.append(found)
    assert {"self_test": "ready", "updatedBy": "0x00000000"} in seen
    assert seen[-1] == {"reason": "accepted  v2.1.0", "updatedBy": "  v0.0.0"}


def test_silent_agents_leave_the_job_queued(account: Any) -> None:
    """Devices whose agent cannot take a file of over 4 MiB stay QUEUED, also for the next job; others take it."""
    large = signed(account, bytes(4 * 1024 * 1024 + 1), key="large.bin")
    with fleet_of(account, "large", 3, profiles={2: TAKES_ALL}) as fleet:
        group = fleet.register()
        account.created("large", targets=[group], files=[large])
        last = fleet.wait("AFR_OTA-large")
        assert (last.queued, last.in_progress, last.succeeded) == (2, 0, 1)
        assert "the file must have at most 4,194,304 bytes" in fleet.problems["large-0000"]
        assert fleet.bytes_loaded == 4 * 1024 * 1024 + 1
        account.created("after", targets=[group])
        last = fleet.wait("AFR_OTA-after", until=lambda progress: progress.succeeded > 0)
        assert (last.queued, last.succeeded) == (2, 1)


@pytest.mark.parametrize(
    ("protocol", "problem"),
    [
        ("HTTP", "/firmware-bucket/gone.bin could not be loaded: HTTP Error 404"),
        ("MQTT", "is refused: ResourceNotFound: "),
    ],
)
def test_a_file_that_is_gone(account: Any, protocol: str, problem: str) -> None:
    """A device that cannot load the image aborts the job, and says why without the credentials of a URL."""
    file = signed(account, b"gone", key="gone.bin")
    with fleet_of(account, "gone", 2) as fleet:
        account.created("gone", targets=[fleet.register()], files=[file], protocols=[protocol])
        account.s3.delete_object(Bucket=account.bucket, Key="gone.bin")
        assert fleet.wait("AFR_OTA-gone").failed == 2
        assert details(account, "AFR_OTA-gone", fleet.things[0]) == {"reason": "aborted: 0x0000000e"}
        assert problem in fleet.problems["gone-0000"]
        assert "X-Amz" not in fleet.problems["gone-0000"]


def test_a_job_that_is_canceled_while_a_device_reads_it(account: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device does not start a job that was canceled after the device had received the document."""
    with fleet_of(account, "canceled", 1) as fleet:
        account.created("canceled", targets=[fleet.register()])

        def read(*arguments: Any) -> Any:
            account.iot.cancel_job(jobId="AFR_OTA-canceled")
            return read_document(*arguments)

        monkeypatch.setattr("cdk_iot_ota_local.devices.device.read_document", read)
        assert fleet.wait("AFR_OTA-canceled").canceled == 1
        assert fleet.reports == []
