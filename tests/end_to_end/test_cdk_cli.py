"""Apps that the CDK CLI deploys with IAM enforced."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cdk_iot_ota_local import Fleet, LocalAws, leftovers
from tests.end_to_end.support import synthesizers_app

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.local_only("starts a second local AWS")


@pytest.fixture(scope="module")
def aws() -> Iterator[LocalAws]:
    """Start local AWS with the resources of `cdk bootstrap`."""
    with LocalAws(auth=True) as started:
        cdk(started, "bootstrap", f"aws://{started.account}/{started.region}")
        yield started


def cdk(aws: LocalAws, *arguments: str) -> None:
    """Run the project's CDK CLI against local AWS, and show its output if it fails."""
    command = [str(ROOT / "node_modules" / ".bin" / "cdk"), *arguments]
    done = subprocess.run(command, cwd=ROOT, env=aws.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def fleet(aws: LocalAws, group: str, size: int) -> Fleet:
    """Return devices of this group that trust the example's signer."""
    return Fleet(aws, group, size, certificate=ROOT / "firmware" / "signer.pem")


def test_deploy_and_destroy(aws: LocalAws, tmp_path: Path) -> None:
    """`cdk deploy` and `cdk destroy` of app.py succeed after `cdk bootstrap`, and leave no update, job or stream."""
    outputs = tmp_path / "outputs.json"
    out = ("--output", str(tmp_path / "cdk.out"))
    with fleet(aws, "blinky-fleet", 3) as devices:
        devices.register()
        cdk(aws, "deploy", "--require-approval", "never", "--outputs-file", str(outputs), *out)
        deployed = json.loads(outputs.read_text())["BlinkyFirmware"]
        assert deployed["Status"] == "CREATE_COMPLETE"
        assert devices.wait(deployed["JobId"]).succeeded == 3
        cdk(aws, "destroy", "--force", *out)
    assert not leftovers(aws)


def test_other_synthesizers(aws: LocalAws, tmp_path: Path) -> None:
    """Devices load what CDK 1's synthesizer, a nested stack in a stage and the bucket of an app deploy."""
    outputs, stacks = (
        tmp_path / "outputs.json",
        (synthesizers_app.LEGACY, synthesizers_app.IN_STAGE, synthesizers_app.STAGED),
    )
    app = ("--app", f"python -m {synthesizers_app.__name__}", "--output", str(tmp_path / "cdk.out"))
    with ExitStack() as running:
        fleets = {stack: running.enter_context(fleet(aws, stack, 1)) for stack in stacks}
        for devices in fleets.values():
            devices.register()
        cdk(
            aws,
            "deploy",
            "**",
            "--require-approval",
            "never",
            "--concurrency",
            "3",
            "--outputs-file",
            str(outputs),
            *app,
        )
        deployed = json.loads(outputs.read_text())
        for stack, devices in fleets.items():
            (job,) = deployed[stack].values()
            assert devices.wait(job).succeeded == 1, devices.problems
