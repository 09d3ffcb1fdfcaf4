"""The metrics that the handler writes while a gate waits, in CloudWatch's embedded metric format."""

import json
from typing import Any

import pytest

from cdk_iot_ota_handler.ota_update.contract import metrics
from cdk_iot_ota_handler.ota_update.errors import FatalError
from cdk_iot_ota_handler.ota_update.observed import JobProgress

from ..fakes.ota_service import FakeOtaService
from .polls import poll
from .scenarios import GATE, event, id_of, put_update, with_update

GATED = event("Create", Gate={**GATE, "SuccessPercentage": "90", "MaximumFailures": "3"})


def with_job(progress: JobProgress) -> FakeOtaService:
    """Return a service with an update that is not deployed yet, and the progress of its job."""
    service = with_update(deployed=False, age=100)
    service.progress = [progress]
    return service


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the lines of the log."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_look_of_a_gate_is_a_point_of_its_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    """Each line about a gate has what succeeded, failed in any way, and must succeed, in the form of CloudWatch."""
    progress = JobProgress(
        status="IN_PROGRESS", succeeded=4, failed=1, rejected=1, timed_out=1, in_progress=2, queued=32
    )
    assert poll(with_job(progress), GATED, waited=100) == {"IsComplete": False}
    line, *later = lines(capsys)
    assert later
    assert all("_aws" in one for one in later if one["reason"].startswith("the gate waits"))
    assert {name: line[name] for name in (metrics.SUCCEEDED, metrics.FAILURES, metrics.NEEDED)} == {
        "Succeeded": 4,
        "Failures": 3,
        "Needed": 37,  # 90 % of 41 are 36.9
    }
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "cdk-iot-ota"
    assert directive["Dimensions"] == [["Stack", "Update"]]
    assert [one["Name"] for one in directive["Metrics"]] == ["Succeeded", "Failures", "Needed"]
    assert (line["Stack"], line["Update"]) == ("prod", line["resource"])
    assert line["decision"] == "wait"


def test_what_cloudwatch_reads_has_the_form_of_its_specification(capsys: pytest.CaptureFixture[str]) -> None:
    """Numbers are numbers, the time is in milliseconds, and each name of the directive is a member of the line."""
    poll(with_job(JobProgress(status="IN_PROGRESS", succeeded=1, queued=1)), GATED, waited=100)
    line = lines(capsys)[0]
    assert set(line["_aws"]) == {"Timestamp", "CloudWatchMetrics"}
    assert isinstance(line["_aws"]["Timestamp"], int)
    assert line["_aws"]["Timestamp"] > 1e8
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
    assert all(isinstance(line[one["Name"]], int) and one["Unit"] == "Count" for one in directive["Metrics"])
    assert all(isinstance(line[name], str) and line[name] for name in directive["Dimensions"][0])


def test_the_end_of_a_gate_is_its_last_point(capsys: pytest.CaptureFixture[str]) -> None:
    """A gate that passes and one that fails write the counts by which they did."""
    poll(with_job(JobProgress(status="COMPLETED", succeeded=3)), GATED, waited=100)
    with pytest.raises(FatalError):
        poll(with_job(JobProgress(status="IN_PROGRESS", failed=4, queued=9)), GATED, waited=100)
    found = [(line["decision"], line["Succeeded"], line["Failures"]) for line in lines(capsys) if "_aws" in line]
    assert found == [("mark as deployed", 3, 0), ("cancel the job, delete and fail", 0, 4)]


def test_no_metrics_without_a_gate_that_sees_devices(capsys: pytest.CaptureFixture[str]) -> None:
    """An update without a gate, a job that is not there yet and one that shows no devices write no metrics."""
    poll(with_update(deployed=False, age=100), event("Create"), waited=100)
    young = with_update(deployed=False, age=5)
    young.progress = [JobProgress(status="IN_PROGRESS")]
    with pytest.raises(FatalError, match="the job has 0 devices"):
        poll(young, GATED, waited=5)
    found = lines(capsys)
    assert found
    assert not any("_aws" in line for line in found)


def test_metrics_can_be_switched_off(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With GATE_METRICS=off the log is the same without metrics."""
    progress = JobProgress(status="IN_PROGRESS", succeeded=1, queued=1)
    poll(with_job(progress), GATED, waited=100)
    with_metrics = lines(capsys)
    monkeypatch.setenv("GATE_METRICS", "off")
    poll(with_job(progress), GATED, waited=100)
    without = lines(capsys)
    added = {"_aws", "Stack", "Update", "Succeeded", "Failures", "Needed"}
    assert [{name: line[name] for name in line if name not in added} for line in with_metrics] == without
    assert any("_aws" in line for line in with_metrics)


def test_metrics_name_no_device(capsys: pytest.CaptureFixture[str]) -> None:
    """Dimensions are the stack and the update, so that neither devices nor firmware make new metrics."""
    other = event("Create", content="other", Gate=GATED["ResourceProperties"]["Gate"])
    found = []
    for sent, content in ((GATED, "one"), (other, "other")):
        service = FakeOtaService(progress=[JobProgress(status="IN_PROGRESS", queued=2)])
        put_update(service, content=content, deployed=False, status="CREATE_COMPLETE", age=100)
        assert id_of(content) in service.updates
        poll(service, sent, waited=100)
        found += [(line["Stack"], line["Update"]) for line in lines(capsys) if "_aws" in line][:1]
    assert len(found) == 2
    assert len(set(found)) == 1
