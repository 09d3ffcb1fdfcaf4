"""Removal policies, however they are set: the argument, the method, an aspect or the options of the resource."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from aws_cdk import App, CfnDeletionPolicy, CfnResource, Environment, NestedStack, RemovalPolicies, RemovalPolicy, Stack
from aws_cdk import aws_s3 as s3

from cdk_iot_ota import CodeSigning, FileLocation, OtaFile, OtaServiceRole, OtaTarget, OtaUpdate, Phase, PhasedRollout

from .stacks import firmware, ota_file, ota_update, stack, template

Change = Callable[[OtaUpdate], None]


def resource(update: OtaUpdate) -> CfnResource:
    """Return the resource of an update."""
    return cast(CfnResource, update.node.default_child)


def set_options(update: OtaUpdate, *, deletion: CfnDeletionPolicy, replacement: CfnDeletionPolicy) -> None:
    """Set the options of the resource, as escape hatches do."""
    options = resource(update).cfn_options
    options.deletion_policy, options.update_replace_policy = deletion, replacement


RETAIN, DELETE, SNAPSHOT = CfnDeletionPolicy.RETAIN, CfnDeletionPolicy.DELETE, CfnDeletionPolicy.SNAPSHOT
EXCEPT_ON_CREATE = CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE
# The object "image" has neither folder nor extension, so only the whole bucket keeps an earlier one readable.
OPEN = ":s3:::firmware/*"


def declared(scope: Stack, change: Change, **options: Any) -> OtaUpdate:
    """Declare an update of an object in a bucket and change its removal policy."""
    bucket = s3.Bucket.from_bucket_name(scope, "Bucket", "firmware")
    files = [ota_file(FileLocation.from_bucket(bucket, "image"))]
    update = ota_update(scope, "Blinky", Path(), files=files, **options)
    change(update)
    return update


def rendered(change: Change, **options: Any) -> Any:
    """Return the template of a stack with such an update."""
    prod = stack()
    declared(prod, change, **options)
    return template(prod).to_json()


@pytest.mark.parametrize("policy", [RemovalPolicy.RETAIN, RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE])
@pytest.mark.parametrize("given", [RemovalPolicy.DESTROY, RemovalPolicy.RETAIN])
@pytest.mark.parametrize(
    "change",
    [
        lambda update, policy: update.apply_removal_policy(policy),
        lambda update, policy: resource(update).apply_removal_policy(policy),
        lambda update, policy: RemovalPolicies.of(update).apply(policy),
    ],
    ids=["method", "resource", "aspect"],
)
def test_each_way_to_retain_gives_the_template_of_the_argument(
    change: Callable[[OtaUpdate, RemovalPolicy], None], given: RemovalPolicy, policy: RemovalPolicy
) -> None:
    """A removal policy that is set later renders as if it had been the argument, permissions included."""
    expected = rendered(lambda _: None, removal_policy=policy)
    assert rendered(lambda update: change(update, policy), removal_policy=given) == expected
    assert OPEN in str(expected)


def test_an_aspect_that_destroys_overrides_the_argument() -> None:
    """An update that an aspect no longer retains gets the permissions of one that never was retained."""
    plain = rendered(lambda _: None)
    assert OPEN not in str(plain)
    assert rendered(lambda update: RemovalPolicies.of(update).destroy(), removal_policy=RemovalPolicy.RETAIN) == plain


@pytest.mark.parametrize(("deletion", "replacement"), [(RETAIN, DELETE), (DELETE, RETAIN), (EXCEPT_ON_CREATE, DELETE)])
def test_either_option_of_the_resource_keeps_permissions(
    deletion: CfnDeletionPolicy, replacement: CfnDeletionPolicy
) -> None:
    """An update that is retained in one of the two cases keeps its bucket readable."""
    made = rendered(lambda update: set_options(update, deletion=deletion, replacement=replacement))
    assert OPEN in str(made)


def test_permissions_in_a_nested_stack_follow_an_aspect() -> None:
    """The template of a nested stack has the permissions for what an aspect of its parent retains."""
    found = []
    for late in (True, False):
        prod = stack()
        nested = NestedStack(prod, "Nested")
        declared(nested, lambda _: None, **({} if late else {"removal_policy": RemovalPolicy.RETAIN}))
        if late:
            RemovalPolicies.of(nested).retain(apply_to_resource_types=["Custom::IoTOTAUpdate"])
        found.append(template(nested).to_json())
    assert found[0] == found[1]


def test_a_folder_is_the_same_whether_its_update_is_retained() -> None:
    """Updates that share a policy keep it when one of them is retained: the folders of both are readable anyway."""

    def made(*, retained: bool) -> Any:
        prod = stack()
        bucket = s3.Bucket.from_bucket_name(prod, "Bucket", "firmware")
        for name in ("A", "B"):
            files = [ota_file(FileLocation.from_bucket(bucket, f"{name}/1.bin"))]
            update = ota_update(prod, name, Path(), files=files)
        if retained:
            RemovalPolicies.of(update).retain()
        return template(prod).find_resources("AWS::IAM::Policy")

    assert made(retained=True) == made(retained=False)
    assert "/A/*.bin" in str(made(retained=True))
    assert "/B/*.bin" in str(made(retained=True))


def test_a_role_of_another_stack_follows_too() -> None:
    """The policies for a role that another stack declares follow what an aspect retains."""
    app = App(analytics_reporting=False)
    env = Environment(account="111122223333", region="eu-central-1")
    role = OtaServiceRole(Stack(app, "Roles", env=env), "Role")
    prod = Stack(app, "Prod", env=env)
    declared(prod, lambda update: RemovalPolicies.of(update).retain(), role=role)
    assert OPEN in str(template(prod).to_json())


def test_phases_are_retained_together() -> None:
    """An aspect on a phased rollout retains the updates of all phases."""
    prod = stack()
    bucket = s3.Bucket.from_bucket_name(prod, "Bucket", "firmware")
    phases = [Phase(name, targets=[OtaTarget.thing_group(name)]) for name in ("canary", "fleet")]
    files = [ota_file(FileLocation.from_bucket(bucket, "image"))]
    rollout = PhasedRollout(prod, "Rollout", phases=phases, files=files)
    RemovalPolicies.of(rollout).retain()
    made = template(prod)
    made.all_resources("Custom::IoTOTAUpdate", {"DeletionPolicy": "Retain"})
    assert OPEN in str(made.to_json())


def test_the_method_refuses_a_snapshot_at_once() -> None:
    """``apply_removal_policy`` raises the errors of the argument, with the path of the construct."""
    with pytest.raises(ValueError, match=re.escape("Prod/Blinky: removal_policy must be DESTROY or RETAIN, got SNAPS")):
        rendered(lambda update: update.apply_removal_policy(RemovalPolicy.SNAPSHOT))
    with pytest.raises(TypeError, match="Prod/Blinky: removal_policy must be one of RemovalPolicy"):
        rendered(lambda update: update.apply_removal_policy(cast(RemovalPolicy, "retain")))


@pytest.mark.parametrize(
    "change",
    [
        lambda update: RemovalPolicies.of(update).snapshot(),
        lambda update: resource(update).apply_removal_policy(RemovalPolicy.SNAPSHOT),
        lambda update: set_options(update, deletion=SNAPSHOT, replacement=DELETE),
        lambda update: set_options(update, deletion=DELETE, replacement=SNAPSHOT),
    ],
    ids=["aspect", "resource", "deletion", "replacement"],
)
def test_a_snapshot_is_refused_at_the_end_of_synth(change: Change) -> None:
    """SNAPSHOT is an error of the update, whichever way it is set."""
    message = "[Prod/Blinky] removal policy must be DESTROY or RETAIN, got SNAPSHOT: an OTA update has no snapshots"
    with pytest.raises(RuntimeError, match=re.escape(message)):
        rendered(change)


def test_retaining_a_replaced_update_except_on_create_is_refused() -> None:
    """A policy for replacements that CloudFormation does not know is an error that names what does both."""
    with pytest.raises(
        RuntimeError, match="update_replace_policy must be DELETE or RETAIN, got RETAIN_EXCEPT_ON_CREATE"
    ):
        rendered(lambda update: set_options(update, deletion=EXCEPT_ON_CREATE, replacement=EXCEPT_ON_CREATE))


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the resources of a stack of which everything is retained."""
    return everything_retained(firmware(tmp_path_factory.mktemp("firmware")), job="job-1")


def policies_of(resources: dict[str, Any]) -> dict[str, Any]:
    """Return the inline policies of a stack."""
    return {name: part for name, part in resources.items() if part["Type"] == "AWS::IAM::Policy"}


def everything_retained(path: Path, *, job: str) -> dict[str, Any]:
    """Return the resources of a stack with this firmware and finished signing job, of which everything is retained."""
    prod = stack()
    ota_update(prod, "Blinky", path)
    ota_update(prod, "Mine", path, ota_update_id="mine", role=OtaServiceRole(prod, "Role"))
    signed = OtaFile(name="/c", signing=CodeSigning.signer_job(job))
    ota_update(prod, "Signed", path, files=[signed])
    RemovalPolicies.of(prod).retain()
    found: dict[str, Any] = template(prod).to_json()["Resources"]
    return found


def test_folders_of_creations_leave_no_policy_behind() -> None:
    """Policies that only a creation reads with are not retained with the rest, so that folders do not fill the role."""
    prod = stack()
    bucket = s3.Bucket.from_bucket_name(prod, "Bucket", "firmware")
    ota_update(prod, "Blinky", Path(), files=[ota_file(FileLocation.from_bucket(bucket, "releases/1.4.2/a.bin"))])
    RemovalPolicies.of(prod).retain()
    policies = template(prod).find_resources("AWS::IAM::Policy")
    kept = {name.split("Reads")[0]: part["DeletionPolicy"] for name, part in policies.items() if "Reads" in name}
    assert kept == {"OtaPermissionsHandler": "Delete", "OtaPermissionsService": "Retain"}


def test_what_is_retained_blocks_no_later_stack(everything: dict[str, Any]) -> None:
    """With everything retained, each physical name that this library gives contains the id of its stack."""
    of_stack = {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}
    # An inline policy is named within its role.
    resources = [part for part in everything.values() if part["Type"] != "AWS::IAM::Policy"]
    names = [
        part["Properties"][name]
        for part in resources
        for name in ("Name", f"{part['Type'].rsplit('::', 1)[-1]}Name")
        if name in part["Properties"]
    ]
    assert [name["Fn::Join"][1][-1] for name in names] == [of_stack]


def test_a_log_group_that_is_renamed_leaves_none_behind(everything: dict[str, Any]) -> None:
    """The log group with a name is retained after its stack, but not when its name changes."""
    (group,) = (part for part in everything.values() if "LogGroupName" in part["Properties"])
    assert (group["DeletionPolicy"], group["UpdateReplacePolicy"]) == ("Retain", "Delete")


def test_roles_do_not_fill_with_each_content(everything: dict[str, Any], tmp_path: Path) -> None:
    """Other firmware and another signing job leave no policy behind, although everything is retained."""
    other = everything_retained(firmware(tmp_path, "other"), job="job-2")
    assert policies_of(other) == policies_of(everything)
    names = " ".join(policies_of(other))
    assert all(purpose in names for purpose in ("HandlerReads", "ServiceReads", "ServiceSigns"))
