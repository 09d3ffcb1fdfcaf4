"""The example app, deployed by the CDK CLI with IAM enforced."""

import json
import subprocess
from pathlib import Path

import pytest

from cdk_iot_ota_local import Fleet, LocalAws, leftovers

ROOT = Path(__file__).resolve().parents[2]


def cdk(aws: LocalAws, *arguments: str) -> None:
    """Run the project's CDK CLI against local AWS, and show its output if it fails."""
    command = [str(ROOT / "node_modules" / ".bin" / "cdk"), *arguments]
    done = subprocess.run(command, cwd=ROOT, env=aws.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.local_only("starts a second local AWS")
def test_bootstrap_deploy_and_destroy(tmp_path: Path) -> None:
    """`cdk bootstrap`, `cdk deploy` and `cdk destroy` of app.py succeed and leave no update, job or stream."""
    with (
        LocalAws(auth=True) as aws,
        Fleet(aws, "blinky-fleet", 3, certificate=ROOT / "firmware" / "signer.pem") as fleet,
    ):
        fleet.register()
        cdk(aws, "bootstrap", f"aws://{aws.account}/{aws.region}")
        outputs = tmp_path / "outputs.json"
        out = ("--output", str(tmp_path / "cdk.out"))
        cdk(aws, "deploy", "--require-approval", "never", "--outputs-file", str(outputs), *out)
        deployed = json.loads(outputs.read_text())["BlinkyFirmware"]
        assert deployed["Status"] == "CREATE_COMPLETE"
        assert fleet.wait(deployed["JobId"]).succeeded == 3
        cdk(aws, "destroy", "--force", *out)
        assert not leftovers(aws)
