"""The cost of an update at synth: questions to CDK's process, and resources. Neither depends on the machine."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Stack, Tags
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_s3 as s3
from jsii._kernel.providers import process

from cdk_iot_ota import FileLocation, OtaServiceRole, RolloutGate

from .stacks import firmware, ota_file, ota_update, stack, template

# The construct and its resource; the node, what is in it, and its default child; the options and the node of the
# resource, its dependencies, and two entries of metadata.
PER_UPDATE = 10


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count the requests that cross the border, in either direction."""
    calls: Counter[str] = Counter()
    send: Any = process._NodeProcess.send

    def counting(self: Any, request: Any, response: Any) -> Any:
        calls[f"{type(request).__name__} {getattr(request, 'property', None) or getattr(request, 'method', '')}"] += 1
        return send(self, request, response)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(process._NodeProcess, "send", counting)
        yield calls


Declare = Callable[[Stack, int], object]


def ways(folder: Path) -> dict[str, Callable[[Stack], Declare]]:
    """Return ways to declare updates of a stack, each after what they share."""

    def objects(**options: Any) -> Callable[[Stack], Declare]:
        def prepare(made: Stack) -> Declare:
            bucket = s3.Bucket(made, "Bucket")
            given = {"role": OtaServiceRole(made, "Role"), **options} if options else {}
            return lambda scope, number: ota_update(
                scope,
                f"Update{number}",
                folder,
                files=[ota_file(FileLocation.from_bucket(bucket, f"firmware/{number}.bin"))],
                **given,
            )

        return prepare

    def asset(_: Stack) -> Declare:
        return lambda scope, number: ota_update(scope, f"Update{number}", firmware(folder))

    def alarms(made: Stack) -> Declare:
        metric = cloudwatch.Metric(namespace="Devices", metric_name="Crashes")
        alarm = cloudwatch.Alarm(made, "Crashes", metric=metric, threshold=1, evaluation_periods=1)
        return objects(gate=RolloutGate(alarms=[alarm]))(made)

    return {
        "objects": objects(),
        "objects and a role": objects(gate=RolloutGate()),
        "an asset": asset,
        "alarms": alarms,
    }


@pytest.mark.parametrize("way", ["objects", "objects and a role", "an asset", "alarms"])
def test_each_further_update_costs_the_same(way: str, tmp_path: Path) -> None:
    """Each further update of a stack asks CDK ten times and adds one resource, and the end of synth asks no more."""
    resources, asked_at_end = [], []
    for further in (1, 5):
        made = stack()
        declare = ways(tmp_path)[way](made)
        declare(made, 0)
        with counted() as declared:
            for number in range(further):
                declare(made, number + 1)
        assert declared.total() <= PER_UPDATE * further, declared
        with counted() as at_end:
            resources.append(len(template(made).to_json()["Resources"]))
        asked_at_end.append(at_end)
    assert resources[1] == resources[0] + 4
    assert asked_at_end[0].total() == asked_at_end[1].total(), asked_at_end[1] - asked_at_end[0]


def test_only_tags_that_are_added_cost_more(tmp_path: Path) -> None:
    """Without tags an update has no tags, and those that an aspect adds are in the template."""
    made = stack()
    ota_update(made, "Blinky", firmware(tmp_path))
    assert "Tags" not in next(iter(template(made).find_resources("Custom::IoTOTAUpdate").values()))["Properties"]
    tagged = stack()
    Tags.of(tagged).add("team", "devices")
    ota_update(tagged, "Blinky", firmware(tmp_path))
    found = next(iter(template(tagged).find_resources("Custom::IoTOTAUpdate").values()))["Properties"]
    assert found["Tags"] == [{"Key": "team", "Value": "devices"}]


def test_an_update_that_failed_does_not_break_tags(tmp_path: Path) -> None:
    """An app that goes on after an error of an update can add tags."""
    made = stack()
    bad: list[dict[str, Any]] = [{"files": []}, {"targets": []}]
    for number, options in enumerate(bad):
        with pytest.raises(ValueError, match="must have 1 to"):
            ota_update(made, f"Bad{number}", firmware(tmp_path), **options)
    Tags.of(made).add("team", "devices")
    template(made)
