"""Attributes and permissions of an update that another stack of the app uses."""

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, cast

import aws_cdk
import pytest
from aws_cdk import App, CfnOutput, CfnResource, Environment, NestedStack, Stack, assertions
from aws_cdk import aws_iam as iam

from cdk_iot_ota import IOtaUpdate, OtaUpdate
from cdk_iot_ota._synth.casts import as_principal
from cdk_iot_ota_handler.ota_update import identity

from .stacks import firmware, ota_update, template, updates

FLAG = "@aws-cdk/core:defaultCrossStackReferences"
PROJECT = json.loads((Path(__file__).parents[2] / "cdk.json").read_text())["context"][FLAG]
# Before it had weak references CDK had strong ones only, whatever the flag says.
HAS_WEAK = hasattr(aws_cdk, "ReferenceStrength")
STRENGTHS = ["strong", PROJECT] if HAS_WEAK else ["strong"]
HERE, THERE = (Environment(account="111122223333", region=region) for region in ("eu-west-1", "us-east-1"))
WARNING = "cdk-iot-ota:exported-attribute"


def pair(strength: str = "strong", *, apart: bool = False) -> tuple[Stack, Stack]:
    """Return the stacks Prod and Other of an app, in different Regions if apart."""
    app = App(analytics_reporting=False, context={FLAG: strength})
    if apart:
        return Stack(app, "Prod", env=HERE), Stack(app, "Other", env=THERE, cross_region_references=True)
    return Stack(app, "Prod"), Stack(app, "Other")


def reader(scope: Stack) -> iam.Role:
    """Return a role that reads updates."""
    return iam.Role(scope, "Reader", assumed_by=as_principal(iam.ServicePrincipal("lambda.amazonaws.com")))


def readable(of: Stack) -> list[str]:
    """Return the last parts of the ARNs that policies of a stack allow to read."""
    (policy,) = template(of).find_resources("AWS::IAM::Policy").values()
    statements = policy["Properties"]["PolicyDocument"]["Statement"]
    assert all(statement["Action"] == ["iot:DescribeJob", "iot:GetOTAUpdate"] for statement in statements)
    return [json.dumps(arn).rsplit(":", 1)[1].strip('"]}') for one in statements for arn in one["Resource"]]


def warnings(of: Stack) -> list[str]:
    """Return the warnings of this library about references from other stacks, with their paths."""
    cast(App, of.node.root).synth()
    found = assertions.Annotations.from_stack(of).find_warning("*", assertions.Match.any_value())
    return [f"{one.id} {one.entry.data}" for one in found if "import" in str(one.entry.data)]


@pytest.mark.parametrize("strength", STRENGTHS)
def test_read_access_of_another_stack_does_not_follow_the_firmware(tmp_path: Path, strength: str) -> None:
    """The policy of a grantee in another stack is the same for any firmware, without a reference to the update."""
    found = []
    for content in ("old", "new"):
        prod, other = pair(strength)
        ota_update(prod, "Blinky", firmware(tmp_path, content)).grant_read(reader(other))
        assert warnings(prod) == []
        assert "Outputs" not in template(prod).to_json()
        found.append(template(other).to_json())
    assert found[0] == found[1]
    assert not re.search("Fn::ImportValue|Fn::GetStackOutput", json.dumps(found[0]))


@pytest.mark.parametrize("logical_id", [None, "Mine", "A" * 60])
def test_read_access_covers_each_generated_id_of_the_resource_and_no_other(
    tmp_path: Path, logical_id: str | None
) -> None:
    """The pattern has the prefix and the logical id of the template, cut like those of a generated id."""
    prod, other = pair()
    update = ota_update(prod, "Blinky", firmware(tmp_path))
    update.grant_read(reader(other))
    if logical_id is not None:
        cast(CfnResource, update.node.default_child).override_logical_id(logical_id)
    ((name, resource),) = updates(prod).items()
    generated = identity.generated_id(resource["Properties"]["IdPrefix"], name, "0123456789abcdef")
    patterns = readable(other)
    assert [
        fnmatchcase(text, pattern)
        for text, pattern in zip([f"otaupdate/{generated}", f"job/AFR_OTA-{generated}"], patterns, strict=True)
    ] == [True, True]
    start, sign, end = generated.rpartition("-")
    assert not any(fnmatchcase(f"otaupdate/{start}X{sign}{end}", pattern) for pattern in patterns)
    assert all(pattern.count("*") == 1 for pattern in patterns)


def test_read_access_to_an_id_that_is_known_is_exact(tmp_path: Path) -> None:
    """An explicit id and that of an imported update are granted without a pattern."""
    prod, other = pair()
    found: list[IOtaUpdate] = [
        ota_update(prod, "Blinky", firmware(tmp_path), ota_update_id="mine"),
        OtaUpdate.from_ota_update_id(other, "Imported", "theirs"),
    ]
    role = reader(other)
    for update in found:
        update.grant_read(role)
    expected = [f"{kind}{name}" for name in ("mine", "theirs") for kind in ("otaupdate/", "job/AFR_OTA-")]
    assert readable(other) == expected


def use(scope: Stack, *values: str) -> None:
    """Use values in a stack."""
    for index, value in enumerate(values):
        CfnResource(scope, f"User{index}", type="Custom::User", properties={"Value": value})


EXPORT = r"\(export '.*'\): CloudFormation would refuse the next firmware, after devices have got it; make the "


@pytest.mark.parametrize(
    "where", ["other stack", "other Region", "nested producer", "named export", "nested named export"]
)
def test_an_exported_attribute_is_a_warning(tmp_path: Path, where: str) -> None:
    """A strong reference of another stack, or an export by name, is a warning that names the attributes."""
    prod, other = pair(apart=where == "other Region")
    scope = NestedStack(prod, "Nested") if "nested" in where else prod
    update, _ = (ota_update(scope, name, firmware(tmp_path)) for name in ("Blinky", "Unused"))
    if "named" in where:
        CfnOutput(scope, "Job", value=update.job_id, export_name="job")
        CfnOutput(scope, "Id", value=update.ota_update_id, export_name="id")
    else:
        use(other, update.job_id, update.ota_update_id, update.status)
    (found,) = warnings(prod)
    message = f"/{update.node.path} ota_update_id, job_id change with the firmware, and another stack can import them "
    assert re.match(re.escape(message) + EXPORT, found)
    assert warnings(prod) == [found]


def test_one_attribute_is_named_alone(tmp_path: Path) -> None:
    """The warning about one attribute has its name and that of the export."""
    prod, _ = pair()
    CfnOutput(prod, "Job", value=f"job/{ota_update(prod, 'Blinky', firmware(tmp_path)).job_id}", export_name="job")
    (found,) = warnings(prod)
    assert "job_id changes with the firmware, and another stack can import it (export 'job')" in found


@pytest.mark.parametrize(
    "where", ["same stack", "own output", "nested consumer", "status", *(["weak", "weak update"] if HAS_WEAK else [])]
)
def test_what_cloudformation_can_change_is_no_warning(tmp_path: Path, where: str) -> None:
    """Values within a stack, in its outputs and in nested stacks may change, and so may weak references."""
    prod, other = pair(PROJECT if where == "weak" else "strong")
    update = ota_update(prod, "Blinky", firmware(tmp_path))
    if where == "own output":
        CfnOutput(prod, "Job", value=update.job_id)
    elif where == "status":
        use(other, update.status)
    else:
        use({"same stack": prod, "nested consumer": NestedStack(prod, "Nested")}.get(where, other), update.job_id)
    if where == "weak update":
        cast(Any, update).apply_cross_stack_reference_strength(cast(Any, aws_cdk).ReferenceStrength.WEAK)
    assert warnings(prod) == []


def test_the_warning_can_be_acknowledged(tmp_path: Path) -> None:
    """Acknowledging the warning on the stack of the update removes it."""
    prod, other = pair()
    use(other, ota_update(prod, "Blinky", firmware(tmp_path)).job_id)
    aws_cdk.Annotations.of(prod).acknowledge_warning(WARNING, "the other stack is gone")
    assert warnings(prod) == []


def test_the_project_uses_the_strength_of_new_apps() -> None:
    """The project's `cdk.json` has the strength of references that `cdk init` gives new apps."""
    assert PROJECT == "weak"
