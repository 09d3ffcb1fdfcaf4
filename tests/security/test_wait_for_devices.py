"""Tests of ``WaitForDevices``: the step of CDK Pipelines, its role, and its command line."""

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path
from threading import Thread
from typing import Any, cast
from urllib.parse import parse_qs

import boto3
import pytest
from aws_cdk import App, Duration, Environment, NestedStack, Stack, Stage, Token, assertions, pipelines
from aws_cdk import aws_cloudwatch as cloudwatch
from cdk_nag import AwsSolutionsChecks, HIPAASecurityChecks
from packaging.requirements import Requirement

from cdk_iot_ota import WaitForDevices, wait_for_devices
from cdk_iot_ota.request import rollout_gate
from cdk_iot_ota_cli import wait
from tests.cli.account import NOW, counts, execution
from tests.cli.account import alarm as alarm_answer
from tests.cli.moments import CANARY, phases
from tests.cli.test_wait import CRITERIA, run
from tests.security.simulated import Simulated
from tools.licences import required

from ..construct.stacks import firmware, new_app, ota_update

TOOLS, FLEET = "999999999999", "111122223333"
PACKAGE = "cdk-iot-ota @ git+https://git.example/ota@1a2b3c"
GATES = (Path(__file__).parents[2] / "docs" / "gates.md").read_text()
PROFILE = r"[profile devices]\nrole_arn = %s\ncredential_source = EcsContainer\n"
IOT = f"arn:aws:iot:eu-central-1:{FLEET}"


@dataclass(frozen=True)
class Made:
    """A pipeline that waits for the canary of another account and Region."""

    step: WaitForDevices
    pipeline: Mapping[str, Any]
    canary: Mapping[str, Any]

    @property
    def project(self) -> Mapping[str, Any]:
        """The build specification of the step's project, with what CloudFormation fills in."""
        (project,) = (
            one["Properties"]
            for one in self.pipeline["Resources"].values()
            if one["Type"] == "AWS::CodeBuild::Project" and "cdk-iot-ota wait" in json.dumps(one)
        )
        return {**project, "spec": json.loads(_filled_in(project["Source"]["BuildSpec"]))}

    @property
    def role(self) -> Mapping[str, Any]:
        """The role in the stack of the canary that the step assumes."""
        (role,) = (
            one["Properties"]
            for name, one in self.canary["Resources"].items()
            if one["Type"] == "AWS::IAM::Role" and "WaitForCanary" in name
        )
        return cast(Mapping[str, Any], role)


def _filled_in(value: Any) -> Any:
    match value:
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(_filled_in(part) for part in parts)
        case {"Ref": "AWS::Partition"}:
            return "aws"
        case dict():
            return {name: _filled_in(part) for name, part in value.items()}
        case list():
            return [_filled_in(part) for part in value]
    return value


class CanaryStage(Stage):
    """A stage with one update, and an alarm of a given name."""

    def __init__(self, scope: Any, id: str, path: Path, *, region: str = "eu-central-1") -> None:
        super().__init__(scope, id, env=Environment(account=FLEET, region=region))
        self.stack = Stack(self, "Firmware")
        self.update = ota_update(self.stack, "Blinky", path)
        metric = cloudwatch.Metric(namespace="Fleet", metric_name="Crashes")
        self.alarm = cloudwatch.Alarm(
            self.stack, "Crashes", alarm_name="crash-rate", metric=metric, threshold=1, evaluation_periods=1
        )
        self.unnamed = cloudwatch.Alarm(self.stack, "Unnamed", metric=metric, threshold=1, evaluation_periods=1)


def tools(app: App | None = None) -> Stack:
    """Return the stack of a pipeline."""
    return Stack(app or new_app(), "Tools", env=Environment(account=TOOLS, region="us-east-1"))


@cache
def made(folder: Path) -> Made:
    """Return the templates of a pipeline with every argument of the step."""
    stack = tools()
    source = pipelines.CodePipelineSource.connection("a/b", "main", connection_arn="arn:aws:codestar-connections:::1")
    pipeline = pipelines.CodePipeline(
        stack,
        "Pipeline",
        cross_account_keys=True,
        synth=pipelines.ShellStep("Synth", input=source, commands=["cdk synth"]),
    )
    canary = CanaryStage(stack, "Canary", firmware(folder))
    step = WaitForDevices(
        "WaitForCanary",
        update=canary.update,
        success_percentage=98.5,
        maximum_failures=5,
        maximum_failure_percentage=1.25,
        minimum_devices=10,
        alarms=[canary.alarm],
        bake_time=Duration.minutes(30),
        timeout=Duration.hours(7),
        package=PACKAGE,
    )
    pipeline.add_stage(canary, post=[step])
    return Made(
        step=step,
        pipeline=dict(assertions.Template.from_stack(stack).to_json()),
        canary=dict(assertions.Template.from_stack(canary.stack).to_json()),
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Return a pipeline with every argument of the step."""
    return made(tmp_path_factory.mktemp("pipeline"))


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


def test_the_step_may_only_assume_its_role(whole: Made) -> None:
    """Besides what CDK gives each project, its role has one statement: to assume the one role in the other account."""
    found = [
        statement
        for name, one in whole.pipeline["Resources"].items()
        if one["Type"] == "AWS::IAM::Policy" and "WaitForCanary" in name
        for statement in one["Properties"]["PolicyDocument"]["Statement"]
        if "sts:AssumeRole" in statement["Action"]
    ]
    assert _filled_in(found) == [
        {
            "Action": "sts:AssumeRole",
            "Effect": "Allow",
            "Resource": f"arn:aws:iam::{FLEET}:role/{whole.role['RoleName']}",
        }
    ]


def test_the_account_of_the_pipeline_may_assume_the_role(whole: Made) -> None:
    """The role trusts the account of the pipeline alone, and its name fits into IAM's 64 characters."""
    (trust,) = _filled_in(whole.role["AssumeRolePolicyDocument"]["Statement"])
    assert trust == {
        "Action": "sts:AssumeRole",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{TOOLS}:root"},
    }
    assert len(whole.role["RoleName"]) <= 64


STACK = f"arn:aws:cloudformation:eu-central-1:{FLEET}:stack/Canary-Firmware/1"
ALLOWED = [
    ("cloudformation:DescribeStacks", STACK),
    ("cloudformation:ListStackResources", STACK),
    ("iot:GetOTAUpdate", f"{IOT}:otaupdate/Canary-Firmware_Blinky0-1"),
    ("iot:DescribeJob", f"{IOT}:job/AFR_OTA-Canary-Firmware_Blinky0-1"),
    ("iot:ListJobExecutionsForJob", f"{IOT}:job/AFR_OTA-Canary-Firmware_Blinky0-1"),
    ("iot:DescribeJobExecution", f"{IOT}:job/AFR_OTA-Canary-Firmware_Blinky0-1"),
    ("iot:DescribeJobExecution", f"{IOT}:thing/pump-1"),
    ("cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:eu-central-1:{FLEET}:alarm:Crashes0"),
]
DENIED = [
    ("cloudformation:DescribeStacks", STACK.replace("Canary-Firmware", "Canary-Firmware2")),
    ("iot:GetOTAUpdate", f"{IOT}:otaupdate/Prod_Blinky0-1"),
    ("iot:DescribeJob", f"{IOT}:job/AFR_OTA-Canary-Firmware_Other-1"),
    ("iot:CancelJob", f"{IOT}:job/AFR_OTA-Canary-Firmware_Blinky0-1"),
    ("cloudwatch:DescribeAlarms", "*"),
    ("s3:GetObject", "arn:aws:s3:::anything/else"),
]


@pytest.mark.parametrize(("action", "resource"), ALLOWED)
def test_the_role_may_read_what_the_command_asks(whole: Made, action: str, resource: str) -> None:
    """The role may read the update of the step, its job and its stack."""
    assert _allows(whole, action, resource)


@pytest.mark.parametrize(("action", "resource"), DENIED)
def test_the_role_may_do_nothing_else(whole: Made, action: str, resource: str) -> None:
    """The role may not read another update, stack or alarm, nor anything in S3, and change nothing."""
    assert not _allows(whole, action, resource)


def _allows(whole: Made, action: str, resource: str) -> bool:
    simulated = Simulated(dict(whole.canary))
    logical_id = simulated.find("Custom::IoTOTAUpdate", "Blinky")
    alarm = simulated.find("AWS::CloudWatch::Alarm", "Crashes")
    role = simulated.find("AWS::IAM::Role", "BlinkyWaitForCanary")
    return simulated.allows(role, action, resource.replace("Blinky0", logical_id).replace("Crashes0", alarm))


def test_the_alarms_of_the_step_are_readable(whole: Made) -> None:
    """The statement on alarms names the alarm; an imported one may be composite, which takes access to all."""
    *_, statement = whole.role["Policies"][0]["PolicyDocument"]["Statement"]
    assert json.dumps(statement["Resource"]).count("alarm:") == 1
    canary = CanaryStage(tools(), "Canary", Path(__file__))
    imported = cloudwatch.Alarm.from_alarm_name(canary.stack, "Imported", "any")
    WaitForDevices("Wait", update=canary.update, alarms=[imported], package=PACKAGE)
    found = assertions.Template.from_stack(canary.stack).find_resources("AWS::IAM::Role")
    (role,) = (one for one in found.values() if "Wait" in one["Properties"].get("RoleName", "-").title())
    *_, statement = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    assert statement["Resource"] == "*"


@pytest.mark.parametrize("pack", [AwsSolutionsChecks, HIPAASecurityChecks])
def test_findings_about_the_role_have_a_reason(canary: CanaryStage, pack: Any) -> None:
    """cdk-nag finds nothing about the role that is not acknowledged, whatever the alarms."""
    imported = cloudwatch.Alarm.from_alarm_name(canary.stack, f"Imported{pack.__name__}", "any")
    for index, alarm in enumerate((canary.alarm, imported)):
        WaitForDevices(f"{pack.__name__}{index}", update=canary.update, alarms=[alarm], package=PACKAGE)
    found = pack(canary).validate_scope(canary).violations
    paths = [str(resource.construct_path) for one in found for resource in one.violating_resources]
    assert [path for path in paths if pack.__name__ in path] == []


def test_the_command_makes_the_calls_that_are_granted(whole: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """The calls of `wait` with alarms and failed devices are the actions of the role: each, and nothing else."""
    account = phases()
    account.jobs = {name: counts("COMPLETED", succeeded=1, failed=1) for name in account.jobs}
    account.executions = {"FAILED": [execution("pump-17", began=NOW)]}
    account.alarms = [alarm_answer("crashes", "OK", since=time.time())]
    criteria = ["--maximum-failures=1", "--success-percentage=50", "--bake-time=0"]
    assert run(account, monkeypatch, f"--update={CANARY}", "--alarm=crashes", *criteria) == 0
    (policy,) = whole.role["Policies"]
    granted = [statement["Action"] for statement in policy["PolicyDocument"]["Statement"]]
    actions = {action for one in granted for action in ([one] if isinstance(one, str) else one)}
    assert set(account.calls) == actions == wait_for_devices.ACTIONS


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


TOKEN = Token.as_number({"Ref": "Number"})
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "percentage": ({"success_percentage": 0}, "Wait: success_percentage must be between 0.01 and 100, got 0"),
    "failures": ({"maximum_failures": -1}, "Wait: maximum_failures must be at least 0, got -1"),
    "share": ({"maximum_failure_percentage": 101}, "maximum_failure_percentage must be between 0.01 and 100, got 101"),
    "devices": ({"minimum_devices": 1.5}, "minimum_devices must be a whole number, got 1.5"),
    "token": ({"maximum_failures": TOKEN}, "maximum_failures must be known at synth, got a token"),
    "timeout": ({"timeout": Duration.hours(8)}, "timeout in minutes must be between 1 and 470, got 480"),
    "late": ({"timeout": Duration.minutes(TOKEN)}, "timeout must be known at synth, got a token"),
    "times": (
        {"timeout": Duration.hours(7), "bake_time": Duration.minutes(51)},
        "timeout and bake_time must be at most 470 minutes together, got 420 and 51",
    ),
    "package": ({"package": ""}, "package must have at least 1 characters, got 0"),
    "update": ({"update": "Blinky"}, "update must be an OtaUpdate, got 'Blinky'"),
    "alarms": ({"alarms": []}, "alarms must have 1 to 10 members, got 0"),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_argument_is_refused(canary: CanaryStage, arguments: dict[str, Any], message: str) -> None:
    """The error names the step, the argument, the value and the limit, and no role is declared."""
    before = len(canary.update.node.children)
    with pytest.raises((TypeError, ValueError), match=message):
        WaitForDevices("Wait", **{"update": canary.update, "package": PACKAGE, **arguments})
    assert len(canary.update.node.children) == before


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> CanaryStage:
    """Return a stage that no test synthesizes."""
    return CanaryStage(tools(), "Canary", firmware(tmp_path_factory.mktemp("canary")))


def test_an_alarm_without_a_known_name_is_refused(canary: CanaryStage) -> None:
    """CloudFormation generates the name of such an alarm, which no stack outside of the stage can refer to."""
    with pytest.raises(
        ValueError, match=r"alarms\[0\] must have a name that synth knows, got Alarm .*: give it alarm_name"
    ):
        WaitForDevices("Wait", update=canary.update, alarms=[canary.unnamed], package=PACKAGE)


def test_an_update_outside_of_a_stage_of_the_pipeline_is_refused(tmp_path: Path) -> None:
    """The step has to know the account of the pipeline, and the name of the stack."""
    path, app = firmware(tmp_path), new_app()
    alone = ota_update(Stack(app, "Alone"), "Blinky", path)
    with pytest.raises(ValueError, match="declared in the stack of the pipeline, got OtaUpdate 'Alone/Blinky'"):
        WaitForDevices("Wait", update=alone, package=PACKAGE)
    of_app = CanaryStage(app, "Canary", path)
    with pytest.raises(ValueError, match="declare the stage as CanaryStage"):
        WaitForDevices("Wait", update=of_app.update, package=PACKAGE)
    stage = CanaryStage(tools(app), "Nested", path)
    nested = ota_update(NestedStack(stage.stack, "Inner"), "Blinky", path)
    with pytest.raises(ValueError, match="in one that is nested"):
        WaitForDevices("Wait", update=nested, package=PACKAGE)


def test_a_step_after_the_synthesis_of_the_stage_is_refused(tmp_path: Path) -> None:
    """`add_stage` synthesizes the stage: a role that is declared after that would not be deployed."""
    stage = CanaryStage(tools(), "Canary", firmware(tmp_path))
    stage.synth()
    with pytest.raises(ValueError, match="create the step before add_stage, or as one of its post steps"):
        WaitForDevices("Wait", update=stage.update, package=PACKAGE)


def test_a_logical_id_that_changes_after_the_step_is_refused(tmp_path: Path) -> None:
    """The command line of the step has the logical id already."""
    stage = CanaryStage(tools(), "Canary", firmware(tmp_path))
    WaitForDevices("Wait", update=stage.update, package=PACKAGE)
    stage.update._rendered.override_logical_id("Other")
    with pytest.raises(RuntimeError, match="for a WaitForDevices, got Other: override it before the step"):
        stage.synth()


def test_what_few_apps_need_is_imported_when_they_need_it() -> None:
    """Importing the library imports neither the step, CDK Pipelines nor aws_iot; a wrong name is an AttributeError."""
    script = (
        "import sys, cdk_iot_ota; "
        "assert not {'aws_cdk.aws_iot', 'aws_cdk.pipelines', 'cdk_iot_ota.wait_for_devices'} & set(sys.modules); "
        "cdk_iot_ota.WaitForDevices; assert not hasattr(cdk_iot_ota, 'WaitForGodot')"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
