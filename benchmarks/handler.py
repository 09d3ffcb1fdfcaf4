"""The handler's cold start: from its import to the answer of its first look, in fresh processes against a stub."""

import json
import subprocess
import sys
from typing import Any

from cdk_iot_ota_handler.ota_update.contract import names
from cdk_iot_ota_handler.ota_update.desired import Desired

from . import stub
from .measure import ROOT, Result, alternating, environment, log, ratios, spread

#: By the case of ``cold_start``. The first one is what the goal compares with.
CASES = {
    "client": "boto3 with one client",
    "call": "boto3 with one client and one call",
    "provider": "hand-written Provider, one look",
    "look": "cdk-iot-ota, one look",
}
# A process takes less than half a second, so that more of them are affordable.
_RUNS_FOR_EACH_PAIR = 4
_EVENT = {
    "RequestType": "Create",
    "RequestId": "request",
    "StackId": "arn:aws:cloudformation:eu-central-1:111122223333:stack/prod/5f0f4b30-0000-0000-0000-000000000000",
    "LogicalResourceId": "Blinky",
    "ResourceProperties": {
        "IdPrefix": "prod_",
        "Request": {
            "targets": ["arn:aws:iot:eu-central-1:111122223333:thinggroup/fleet"],
            "roleArn": "arn:aws:iam::111122223333:role/ota",
            "files": [{"fileName": "/blinky.bin", "fileLocation": {"stream": {"streamId": "blinky", "fileId": "0"}}}],
        },
        "Tags": [],
        "DeleteStream": "true",
        "ForceDeleteJob": "true",
    },
}


def run(pairs: int) -> Result:
    """Return seconds and peak memory of each case, and the ratios to the first two."""
    desired = Desired.from_event(_EVENT)
    event = {
        **_EVENT,
        "PhysicalResourceId": desired.ota_update_id,
        "StartedAt": 1_700_000_000.0,
        "KeepsId": True,
    }
    found: dict[str, list[dict[str, float]]] = {case: [] for case in CASES}
    with stub.serve(desired.ota_update_id, {**desired.all_tags, names.DEPLOYED_TAG: "true"}) as url:
        for case in CASES:
            _start(case, event, url)
        for number, order in enumerate(alternating(list(CASES), pairs * _RUNS_FOR_EACH_PAIR)):
            log(f"handler: round {number + 1} of {pairs * _RUNS_FOR_EACH_PAIR}")
            for case in order:
                found[case].append(_start(case, event, url))
    seconds = {case: [round(one["seconds"], 4) for one in runs] for case, runs in found.items()}
    return {
        "rounds": pairs * _RUNS_FOR_EACH_PAIR,
        "cases": [
            {
                "name": CASES[case],
                "seconds": spread(seconds[case]),
                "cpu": spread(one["cpu"] for one in runs),
                "mib": spread(one["mib"] for one in runs),
                "to client": ratios(seconds[case], seconds["client"]),
                "to call": ratios(seconds[case], seconds["call"]),
                "runs": seconds[case],
            }
            for case, runs in found.items()
        ],
    }


def _start(case: str, event: dict[str, Any], url: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.cold_start", case],
        cwd=ROOT,
        input=json.dumps(event),
        env=environment(
            AWS_ENDPOINT_URL=url,
            AWS_REGION="eu-central-1",
            AWS_DEFAULT_REGION="eu-central-1",
            AWS_ACCESS_KEY_ID="stub",
            AWS_SECRET_ACCESS_KEY="stub",
            AWS_EC2_METADATA_DISABLED="true",
            NO_PROXY="127.0.0.1",
        ),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the cold start of {case} has failed:\n{done.stdout}{done.stderr}")
    measured: dict[str, float] = json.loads(done.stderr.splitlines()[-1])
    return measured
