"""Tests of the benchmarks, without timing: the apps are equal, the documents quote the stored results."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack

from benchmarks import apps, gate, report
from benchmarks.synth import EMPTY, NAMES

RESULTS = report.load()
_BASE64 = b64encode(apps.SIGNATURE).decode()


@pytest.fixture(scope="module")
def resources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Return the resources of each app with one update, by the app's name."""
    app = App(outdir=str(tmp_path_factory.mktemp("apps")), analytics_reporting=False)
    for number, declare in enumerate(apps.APPS.values()):
        declare(Stack(app, f"App{number}"), 1, "one")
    folder = Path(app.synth().directory)
    templates = [json.loads((folder / f"App{number}.template.json").read_text()) for number in range(len(apps.APPS))]
    return {name: template.get("Resources", {}) for name, template in zip(apps.APPS, templates, strict=True)}


def test_the_apps_are_the_measured_ones() -> None:
    """The names that are measured are those of the apps."""
    assert list(apps.APPS) == [EMPTY, *NAMES]


def test_the_apps_declare_the_same(resources: dict[str, dict[str, Any]]) -> None:
    """Every app but the empty one declares one update of the same group, with the same image and signature."""
    assert resources.pop(EMPTY) == {}
    for name, declared in resources.items():
        text = json.dumps(declared).replace("\\", "")
        # AwsCustomResource has the call twice, for Create and for Update.
        times = 2 if name == "AwsCustomResource" else 1
        for part in ("thinggroup/fleet-0", "/firmware/blinky.bin", apps.CERTIFICATE, '"ECDSA"'):
            assert text.count(part) == times, (name, part)
        # The library encodes the blob itself, as the API's JSON has it; the SDKs do it for the others.
        assert text.count(_BASE64) + text.count(b64encode(_BASE64.encode()).decode()) == times, name
        assert f'"{apps.BUCKET}"' in text, name


def test_the_documents_quote_the_stored_results() -> None:
    """docs/benchmarks.md and the README have the tables of results.json; `make bench` updates them."""
    for document in (report.DOCUMENT, report.README):
        text = document.read_text()
        assert text == report.up_to_date(text, RESULTS), document.name
    assert (report.RESULTS / "results.md").read_text() == f"# Results\n\n{report.markdown(RESULTS)}"
    assert set(RESULTS) == {"synth", "deploy", "handler", "gate", "growth"}


def test_every_part_is_in_the_report() -> None:
    """The report has a row for each case that was measured, with the date and the machine of its part."""
    text = report.markdown(RESULTS)
    for case in RESULTS["synth"]["cases"]:
        assert f"| {case['updates']} | {case['app']} | " in text
    for part in RESULTS.values():
        assert f"{part['machine']['date']}, {part['machine']['system']}, {part['machine']['cores']} cores" in text


def test_the_report_works_without_some_parts() -> None:
    """A report of one part has that part only."""
    only_gate = report.markdown({"gate": RESULTS["gate"]})
    assert only_gate.startswith("## A gate")
    assert only_gate.count("##") == 1
    assert report.markdown({}) == "\n"


def test_the_readme_counts_the_resources(resources: dict[str, dict[str, Any]]) -> None:
    """The README's table has the number of resources of each app with one update."""
    (row,) = [line for line in report.README.read_text().splitlines() if line.startswith("| resources of a stack")]
    names = ("AwsCustomResource", "hand-written Provider", "AWS::IoT::OTAUpdate", "cdk-iot-ota")
    assert row.replace("*", "").split(" | ")[1:] == [str(len(resources[name])) for name in names[:3]] + [
        f"{len(resources[names[3]])} |"
    ]


def test_a_gate_is_metered() -> None:
    """A gate that times out costs money, most of it for the seconds of the functions, and is asked to the end."""
    measured = gate.run()
    assert 60 * gate.MINUTES <= measured["elapsed"] < 60 * (gate.MINUTES + 1)
    assert measured["calls"]["DescribeJob"] >= measured["looks"] - 2
    assert measured["total"] == pytest.approx(sum(measured["dollars"].values()))
    assert 0 < measured["total"] < 0.1


def test_alarms_are_metered() -> None:
    """The alarms of a gate are read a few times a minute, in one call, and their requests are priced."""
    watched = gate.run()["with_alarms"]
    assert gate.MINUTES < watched["calls"]["DescribeAlarms"] < 5 * gate.MINUTES
    assert watched["dollars"]["CloudWatch requests"] > 0
