"""CDK's Provider framework logs no response URL: who has one can answer CloudFormation for the resource."""

import json
import subprocess
from pathlib import Path

from aws_cdk import App, Stack

from .stacks import firmware, ota_update, stack, template

SCRIPT = Path(__file__).with_name("framework_logs.js")
URL = "https://cloudformation-custom-resource-response.s3.amazonaws.com/arn?X-Amz-Signature=0123secret"
BELOW_FATAL = {"trace", "debug", "info", "log", "warn", "error"}


def test_the_functions_of_the_framework_log_at_level_fatal(tmp_path: Path) -> None:
    """Lambda drops everything below FATAL that the framework's three functions write."""
    made = stack()
    ota_update(made, "Blinky", firmware(tmp_path))
    functions = template(made).find_resources("AWS::Lambda::Function").values()
    logging = [
        one["Properties"]["LoggingConfig"] for one in functions if one["Properties"]["Handler"] != "index.handler"
    ]
    framework = [config for config in logging if config.get("LogFormat") == "JSON"]
    assert [config["ApplicationLogLevel"] for config in framework] == ["FATAL"] * 3


def test_the_framework_writes_everything_below_level_fatal(tmp_path: Path) -> None:
    """The framework's JavaScript, as it is deployed, writes nothing that the level would not drop, in any outcome."""
    app = App(analytics_reporting=False, outdir=str(tmp_path / "out"))
    ota_update(Stack(app, "Prod"), "Blinky", firmware(tmp_path))
    (script,) = {path.parent for path in Path(app.synth().directory).glob("asset.*/framework.js")}
    run = subprocess.run(["node", SCRIPT, script, URL], capture_output=True, text=True, check=True, timeout=60)
    found = json.loads(run.stdout)
    assert found["raised"]
    assert len(found["written"]) > found["calls"]
    assert {level for level, _ in found["written"]} <= BELOW_FATAL
