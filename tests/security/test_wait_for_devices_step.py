"""The commands of the step of ``WaitForDevices`` in CodeBuild, its credentials and its installation."""

import json
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path
from threading import Thread
from typing import Any, cast
from urllib.parse import parse_qs

import boto3
import pytest
from packaging.requirements import Requirement

from cdk_iot_ota import WaitForDevices, wait_for_devices
from cdk_iot_ota.request import rollout_gate
from cdk_iot_ota_cli import wait
from tests.cli.test_wait import CRITERIA
from tools.licences import required

from ..construct.pipeline import FLEET, PACKAGE, CanaryStage, Made, tools

GATES = (Path(__file__).parents[2] / "docs" / "gates.md").read_text()
PROFILE = r"[profile devices]\nrole_arn = %s\ncredential_source = EcsContainer\n"


def test_the_step_runs_the_command_with_all_arguments(whole: Made) -> None:
    """The project runs `cdk-iot-ota wait` with the stack, the update, its Region and each argument, for eight hours."""
    steps = whole.project["spec"]["phases"]
    role_arn = f"arn:aws:iam::{FLEET}:role/{whole.role['RoleName']}"
    (logical_id,) = (name for name, one in whole.canary["Resources"].items() if one["Type"] == "Custom::IoTOTAUpdate")
    write, command = steps["build"]["commands"]
    assert write == f"printf '{PROFILE}' {role_arn} > /tmp/cdk-iot-ota.ini"
    assert command == (
        "AWS_CONFIG_FILE=/tmp/cdk-iot-ota.ini AWS_PROFILE=devices cdk-iot-ota wait --stack Canary-Firmware "
        f"--update {logical_id} --region eu-central-1 --success-percentage 98.5 --maximum-failures 5 "
        "--maximum-failure-percentage 1.25 --minimum-devices 10 --timeout 420 --bake-time 30 --alarm crash-rate"
    )
    assert whole.project["TimeoutInMinutes"] == 480


def test_the_command_understands_the_step(whole: Made) -> None:
    """The parser of the command reads each argument of the step as it was given."""
    *_, command = whole.project["spec"]["phases"]["build"]["commands"]
    words = shlex.split(command)
    assert words[2:4] == ["cdk-iot-ota", "wait"]
    given = wait.wait.make_context("wait", words[4:]).params
    gate = wait.gate_of(**{name: given[name] for name in CRITERIA})
    assert (given["stack"], given["region"]) == ("Canary-Firmware", "eu-central-1")
    assert (gate.success_percentage, gate.maximum_failures, gate.maximum_failure_percentage) == ("98.5", 5, "1.25")
    assert (gate.minimum_devices, gate.timeout, gate.bake, gate.alarms) == (10, 25_200, 1_800, ("crash-rate",))


def test_the_defaults_of_the_step_are_those_of_the_command() -> None:
    """Leave what is not given to the command; only the timeout is shorter, and a bake time comes with alarms."""
    canary = CanaryStage(tools(), "Canary", Path(__file__))
    step = WaitForDevices("Wait", update=canary.update, package=PACKAGE)
    words = shlex.split(step.commands[1])
    assert words[8:] == ["--region", "eu-central-1", "--minimum-devices", "1", "--timeout", "420"]
    other = WaitForDevices("Wait2", update=canary.update, alarms=[canary.alarm], package=PACKAGE)
    assert "--bake-time 10 --alarm crash-rate" in other.commands[1]
    assert wait._BAKE_WITH_ALARMS == rollout_gate.DEFAULT_BAKE


def test_the_step_gets_and_renews_the_credentials_of_the_role(
    whole: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK reads the profile that the step writes: it assumes the role with the credentials of the container."""
    write, _ = whole.project["spec"]["phases"]["build"]["commands"]
    subprocess.run(["sh", "-ec", write.replace("/tmp/cdk-iot-ota.ini", "config.ini")], cwd=tmp_path, check=True)
    with aws() as asked:
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config.ini"))
        monkeypatch.setenv("AWS_PROFILE", "devices")
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{asked.url}/credentials")
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", asked.url)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
            monkeypatch.delenv(name, raising=False)
        found: Any = boto3.Session(region_name="eu-central-1").get_credentials()
        assert found.get_frozen_credentials().access_key == "ROLE"
    assert found.method == "assume-role"
    (request,) = asked.requests
    assert request["RoleArn"] == [f"arn:aws:iam::{FLEET}:role/{whole.role['RoleName']}"]


class _Server(ThreadingHTTPServer):
    """The credentials of a container, and AWS STS."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[dict[str, list[str]]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        times = {"Expiration": "2099-01-01T00:00:00Z"}
        self._answer(json.dumps({"AccessKeyId": "BUILD", "SecretAccessKey": "s", "Token": "t", **times}))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        cast(_Server, self.server).requests.append(parse_qs(body))
        self._answer(
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ROLE</AccessKeyId><SecretAccessKey>s"
            "</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>"
            "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
        )

    def _answer(self, text: str) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *_: Any) -> None:
        """Print nothing."""


@contextmanager
def aws() -> Iterator[_Server]:
    """Serve the two on this machine."""
    with _Server() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_step_installs_the_command_without_the_cdk(whole: Made) -> None:
    """The step and docs/gates.md install the package without dependencies, and then those of the extra `cli`."""
    first, second = (shlex.split(line) for line in whole.project["spec"]["phases"]["install"]["commands"])
    assert first[-2:] == ["--no-deps", PACKAGE]
    wanted = {one.name: str(one.specifier) for one in map(Requirement, second[6:])}
    assert wanted == {name: str(versions) for name, versions in required("cli").items()}
    (by_hand,) = (line for line in GATES.splitlines() if line.startswith('pip install "boto3'))
    assert {one.name: str(one.specifier) for one in map(Requirement, shlex.split(by_hand)[2:])} == wanted


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        (None, f"cdk-iot-ota=={metadata.version('cdk-iot-ota')}"),
        (
            {"url": "https://git.example/ota", "vcs_info": {"vcs": "git", "commit_id": "1a2b3c"}},
            "cdk-iot-ota @ git+https://git.example/ota@1a2b3c",
        ),
        (
            {"url": "https://files.example/cdk_iot_ota-1.whl", "archive_info": {}},
            "cdk-iot-ota @ https://files.example/cdk_iot_ota-1.whl",
        ),
        ({"url": "file:///home/me/ota", "dir_info": {"editable": True}}, "package must be given, because synth has"),
    ],
)
def test_the_step_installs_what_synth_was_installed_from(
    recorded: Any, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without `package`, CodeBuild gets the release or the commit that synth runs with; a local one is refused."""
    text = None if recorded is None else json.dumps(recorded)
    monkeypatch.setattr(metadata.Distribution, "read_text", _with_direct_url(metadata.PathDistribution.read_text, text))
    monkeypatch.setattr(metadata.PathDistribution, "read_text", metadata.Distribution.read_text)
    try:
        found = wait_for_devices._installed_from()
    except ValueError as error:
        found = str(error)
    assert found.startswith(expected)


def _with_direct_url(read: Any, text: str | None) -> Any:
    return lambda self, name: text if name == "direct_url.json" else read(self, name)
