"""Deploys on local AWS through boto3: create, replace and delete, and from "the update is ready" to the answer."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from aws_cdk import Stack

from cdk_iot_ota_local import LocalAws
from tests.end_to_end.support.deployment import Declaration, Deployment
from tests.end_to_end.support.resources import create_bucket

from . import apps
from .measure import Result, alternating, log, spread

#: AwsCustomResource and the native type are not among them: the emulator has stubs for the SDK of the former's function
#: and knows no handler of the latter.
NAMES = ("hand-written Provider", "cdk-iot-ota")
#: A deploy of more updates than this is measured once: the emulator deploys one resource after another.
_MOST_REPEATED = 10
#: The answers are measured with updates that take as long as those of AWS, and with the waits of Step Functions.
ANSWERED_UPDATES, STEP_SECONDS = 6, 1.0
_COMPLETE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
_DEVICES = (1, 10, 100, 1000)


def run(sizes: Sequence[int], pairs: int) -> Result:
    """Return the seconds of each operation by app and number of updates, and those of the answers."""
    with _account(max(sizes, default=1)) as aws, tempfile.TemporaryDirectory() as folder:
        _lifecycle(aws, Path(folder), NAMES[-1], 1, "warm")
        cases = []
        for size in sizes:
            found: dict[str, list[dict[str, float]]] = {name: [] for name in NAMES}
            for number, order in enumerate(alternating(NAMES, pairs if size <= _MOST_REPEATED else 1)):
                for name in order:
                    log(f"deploy: pair {number + 1}, {size} updates, {name}")
                    found[name].append(_lifecycle(aws, Path(folder), name, size, f"{number}"))
            for name, runs in found.items():
                seconds = {operation: spread(one[operation] for one in runs) for operation in runs[0]}
                cases.append({"app": name, "updates": size, "runs": len(runs), **seconds})
    with _account(ANSWERED_UPDATES, wait_scale=1.0) as aws, tempfile.TemporaryDirectory() as folder:
        aws.settings.update(step_seconds=STEP_SECONDS)
        return {"cases": cases, "answers": [_answers(aws, Path(folder), name) for name in NAMES]}


def devices(pairs: int) -> list[Result]:
    """Return the seconds of a first deploy of one update by the number of devices, and the calls of AWS IoT and S3."""
    found = []
    with _account(0) as aws, tempfile.TemporaryDirectory() as folder:
        aws.client("iot").create_thing_group(thingGroupName="fleet-0")
        registered = 0
        for size in _DEVICES:
            aws.add_things("fleet-0", [f"thing-{number}" for number in range(registered, size)])
            registered = size
            runs, calls = [], 0
            for number in range(min(pairs, 3)):
                log(f"growth: {size} devices, run {number + 1}")
                stack = Deployment(aws, f"devices-{size}-{number}", Path(folder) / f"{size}-{number}", slower=1)
                synthesized = stack.synth(partial(_declare, "cdk-iot-ota", 1, "one"))
                aws.calls.reset()
                begun = time.perf_counter()
                stack.apply(synthesized)
                runs.append(time.perf_counter() - begun)
                calls = sum(count for operation, count in aws.calls().items() if operation != "PutObject")
                stack.delete()
            found.append({"of": "devices", "size": size, "seconds": spread(runs), "calls": calls})
    return found


@contextmanager
def _account(groups: int, wait_scale: float = 0.02) -> Iterator[LocalAws]:
    """Start local AWS with IAM enforced, and create what the apps expect."""
    with LocalAws(auth=True, wait_scale=wait_scale) as aws:
        create_bucket(aws, aws.assets_bucket)
        create_bucket(aws, apps.BUCKET)
        aws.client("s3").put_object(Bucket=apps.BUCKET, Key=apps.KEY, Body=b"firmware")
        for number in range(groups):
            aws.client("iot").create_thing_group(thingGroupName=f"fleet-{number}")
            aws.add_things(f"fleet-{number}", [f"thing-{number}"])
        yield aws


def _declare(name: str, updates: int, content: str, stack: Stack) -> None:
    apps.APPS[name](stack, updates, content)


def _lifecycle(aws: LocalAws, folder: Path, name: str, updates: int, run: str) -> dict[str, float]:
    """Create, replace and delete a stack, and return the seconds of each; uploads are in them, synth is not."""
    stack = _new_stack(aws, folder, name, f"{updates}-{run}")
    synthesized = {content: stack.synth(_declaration(name, updates, content)) for content in ("one", "two")}
    seconds = {}
    for operation, content in (("create", "one"), ("replace", "two")):
        begun = time.perf_counter()
        stack.apply(synthesized[content])
        seconds[operation] = time.perf_counter() - begun
    begun = time.perf_counter()
    stack.delete()
    seconds["delete"] = time.perf_counter() - begun
    return seconds


def _answers(aws: LocalAws, folder: Path, name: str) -> Result:
    """Return the seconds from CREATE_COMPLETE of each update to that of its resource, for a Create and an Update."""
    log(f"deploy: answers for {ANSWERED_UPDATES} updates, {name}")
    stack = _new_stack(aws, folder, name, "answers")
    aws.calls.reset()
    for content in ("one", "two"):
        stack.apply(stack.synth(_declaration(name, ANSWERED_UPDATES, content)))
    # An update is pending for a step, and in progress for another.
    ready = {
        call.ota_update_id: call.time + 2 * STEP_SECONDS
        for call in aws.calls.log()
        if (call.operation, call.status) == ("CreateOTAUpdate", 200)
    }
    pages = aws.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=stack.name)
    answered = {
        event["PhysicalResourceId"]: event["Timestamp"].timestamp()
        for page in pages
        for event in page["StackEvents"]
        if event["ResourceType"].startswith("Custom::") and event["ResourceStatus"] in _COMPLETE
    }
    stack.delete()
    seconds = [answered[ota_update_id] - since for ota_update_id, since in ready.items() if ota_update_id]
    return {"app": name, "updates": len(seconds), "seconds": spread(seconds)}


def _new_stack(aws: LocalAws, folder: Path, name: str, suffix: str) -> Deployment:
    stack = f"{'ours' if name == NAMES[-1] else 'provider'}-{suffix}"
    return Deployment(aws, stack, folder / stack, slower=1)


def _declaration(name: str, updates: int, content: str) -> Declaration:
    return partial(_declare, name, updates, content)
