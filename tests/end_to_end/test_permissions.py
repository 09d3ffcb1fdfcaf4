"""Permissions for more than one stack, or more than one update in turn, with IAM enforced."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from aws_cdk import App, CfnOutput, CfnParameter, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from cdk_iot_ota import (
    CodeSigning,
    FileLocation,
    OtaFile,
    OtaServiceRole,
    OtaTarget,
    OtaUpdate,
    OtaUpdateProvider,
    RolloutGate,
)
from cdk_iot_ota_local import Fleet, LocalAws, leftovers
from tests.end_to_end.support.concurrency import in_background, wait_until
from tests.end_to_end.support.declarations import blinky, signed_file
from tests.end_to_end.support.deployment import Deployment, synthesizer
from tests.end_to_end.support.resources import create_bucket
from tests.signing_key import certificate


def firmware(folder: Path, content: str) -> OtaFile:
    """Return an unsigned file with this content."""
    path = folder / f"{content}.bin"
    path.write_text(content)
    return OtaFile(name="/a", location=FileLocation.from_asset(path), signing=CodeSigning.unsigned())


def test_stacks_can_share_a_provider_and_a_role(aws: LocalAws, tmp_path: Path) -> None:
    """Two stacks that use a third stack's provider and role can be created, updated and deleted in turn."""
    with Fleet(aws, "shared", 1) as fleet:
        fleet.register()
    names = ("Shared", "First", "Second")
    deployments = {name: Deployment(aws, name, tmp_path) for name in names}
    for content in ("one", "two"):
        app = App(outdir=str(tmp_path / content), analytics_reporting=False)
        stacks = {name: Stack(app, one.name, synthesizer=synthesizer(aws)) for name, one in deployments.items()}
        provider = OtaUpdateProvider(stacks["Shared"], "Provider")
        role = OtaServiceRole(stacks["Shared"], "Role")
        for name in names[1:]:
            file, target = firmware(tmp_path, content), OtaTarget.thing(fleet.things[0])
            OtaUpdate(stacks[name], "Blinky", targets=[target], files=[file], provider=provider, role=role)
        app.synth()
        for name in names:
            deployments[name].apply(tmp_path / content)
    assert len(leftovers(aws).ota_updates) == 2
    for name in reversed(names):
        deployments[name].delete()
    assert not leftovers(aws)


def test_another_stack_reads_each_new_update(aws: LocalAws, tmp_path: Path) -> None:
    """A role of another stack reads the update of new firmware, although only the stack with the firmware changes."""
    with Fleet(aws, "read", 1) as fleet:
        fleet.register()
    firmware_stack, reader = Deployment(aws, "Firmware", tmp_path), Deployment(aws, "Reader", tmp_path)

    def synth(content: str) -> Path:
        weak = {"@aws-cdk/core:defaultCrossStackReferences": "weak"}
        app = App(outdir=str(tmp_path / content), analytics_reporting=False, context=weak)
        here, there = (Stack(app, one.name, synthesizer=synthesizer(aws)) for one in (firmware_stack, reader))
        target = OtaTarget.thing(fleet.things[0])
        update = OtaUpdate(here, "Blinky", targets=[target], files=[firmware(tmp_path, content)])
        role = iam.Role(there, "Role", assumed_by=cast(iam.IPrincipal, iam.AccountRootPrincipal()))
        update.grant_read(role)
        for name, value in {"Id": update.ota_update_id, "Job": update.job_id, "Reader": role.role_arn}.items():
            CfnOutput(there if name != "Id" else here, name, value=value)
        app.synth()
        return tmp_path / content

    def read(update: str, role: str) -> str:
        keys = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="reader")["Credentials"]
        iot = aws.client(
            "iot",
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )
        job = iot.get_ota_update(otaUpdateId=update)["otaUpdateInfo"]["awsIotJobId"]
        return str(iot.describe_job(jobId=job)["job"]["jobId"])

    old = firmware_stack.apply(synth("one"))["Id"]
    declared = reader.apply(tmp_path / "one")
    assert read(old, declared["Reader"]) == declared["Job"]
    new = firmware_stack.apply(synth("two"))["Id"]
    assert new != old
    assert read(new, declared["Reader"]) == f"AFR_OTA-{new}"
    reader.delete()
    firmware_stack.delete()
    assert not leftovers(aws)


def test_a_delete_with_an_id_invented_by_cloudformation(aws: LocalAws, deployment: Deployment, tmp_path: Path) -> None:
    """The deployed function handles a Delete with an id that CloudFormation invented after an interrupted Create."""
    with Fleet(aws, "invented", 1) as fleet:
        fleet.register()

    def declare(stack: Stack) -> None:
        files = [firmware(tmp_path, "one")]
        OtaUpdate(stack, "Blinky", targets=[OtaTarget.thing(fleet.things[0])], files=files)
        provider = OtaUpdateProvider.get_or_create(stack)
        CfnOutput(stack, "Function", value=provider.handler.function_name)

    function = deployment.deploy(declare)["Function"]
    cloudformation = aws.client("cloudformation")
    resources = cloudformation.list_stack_resources(StackName=deployment.name)["StackResourceSummaries"]
    (update,) = [one for one in resources if one["ResourceType"] == "Custom::IoTOTAUpdate"]
    stack_id = cloudformation.describe_stacks(StackName=deployment.name)["Stacks"][0]["StackId"]
    event = {
        "RequestType": "Delete",
        "RequestId": "request",
        "StackId": stack_id,
        "LogicalResourceId": update["LogicalResourceId"],
        "PhysicalResourceId": f"{deployment.name}-{update['LogicalResourceId']}-1A2B3C4D5E6F7",
        "ResourceProperties": {"IdPrefix": update["PhysicalResourceId"].partition("_")[0] + "_", "Request": {}},
    }
    response = aws.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    payload = json.loads(response["Payload"].read())
    assert "FunctionError" not in response, payload
    assert payload["PhysicalResourceId"] == event["PhysicalResourceId"]
    assert payload["TargetId"].startswith(event["ResourceProperties"]["IdPrefix"])


KEYS: dict[str, Callable[[Stack, str], str]] = {
    "parameter": lambda stack, _: f"{CfnParameter(stack, 'Folder').value_as_string}/blinky.bin",
    "folder": lambda _, version: f"{version}/blinky.bin",
}


@pytest.mark.parametrize("kind", KEYS)
def test_devices_load_the_old_firmware_while_the_gate_waits(aws: LocalAws, deployment: Deployment, kind: str) -> None:
    """Devices load the files of the old update as long as it exists, also if the key of the new one is elsewhere."""
    name = aws.named(f"old-firmware-{kind}")
    create_bucket(aws, name)

    def synth(version: str, gate: RolloutGate | None = None) -> Path:
        aws.client("s3").put_object(Bucket=name, Key=f"{version}/blinky.bin", Body=version.encode())

        def declare(stack: Stack) -> None:
            bucket = s3.Bucket.from_bucket_name(stack, "Bucket", name)
            file = signed_file(FileLocation.from_bucket(bucket, KEYS[kind](stack, version)), version.encode())
            blinky(stack, targets=[OtaTarget.thing_group(fleet.name)], files=[file], gate=gate)

        return deployment.synth(declare)

    def deploy(folder: Path, version: str) -> dict[str, str]:
        parameters = [{"ParameterKey": "Folder", "ParameterValue": version}] if kind == "parameter" else []
        return deployment.apply(folder, Parameters=parameters)

    with Fleet(aws, f"old-{kind}", 2, certificate=certificate()) as fleet:
        fleet.register()
        old = deploy(synth("one"), "one")["Job"]
        next_folder = synth("two", RolloutGate())
        with in_background(lambda: deploy(next_folder, "two")) as deployed:
            wait_until(lambda: len(leftovers(aws).jobs) == 2)
            assert fleet.wait(old).succeeded == 2, fleet.problems
            (new,) = set(leftovers(aws).jobs) - {old}
            assert fleet.wait(new).succeeded == 2, fleet.problems
        assert deployed.result()["Job"] == new
