"""The template of an `OtaUpdate`."""

import base64
import json
import re
from pathlib import Path
from typing import cast

import pytest
from aws_cdk import App, CfnOutput, NestedStack, RemovalPolicy, Stack, Tags
from aws_cdk import aws_iam as iam
from aws_cdk import aws_iot as iot
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from cdk_iot_ota import (
    CodeSigning,
    FileLocation,
    HashAlgorithm,
    OtaServiceRole,
    OtaTarget,
    OtaUpdateProvider,
    SignatureAlgorithm,
)
from cdk_iot_ota._synth.casts import as_principal
from cdk_iot_ota_handler.ota_update.contract import timeouts

from .stacks import SIGNATURE, firmware, only_update, ota_file, ota_update, stack, template, updates


def test_the_request_reads_like_the_api(tmp_path: Path) -> None:
    """`Request` has every given argument under the API's own name, and nothing else."""
    prod = stack()
    bucket = s3.Bucket.from_bucket_name(prod, "Bucket", "firmware")
    ota_update(
        prod,
        "Blinky",
        tmp_path,
        targets=[
            OtaTarget.thing_group("fleet"),
            OtaTarget.thing("bench-1"),
            OtaTarget.from_arn("arn:aws:iot:eu-central-1:111122223333:thing/bench-2"),
        ],
        files=[ota_file(FileLocation.from_bucket(bucket, "a.bin"), version="1.4.2", type=3, attributes={"k": "v"})],
        role=iam.Role.from_role_arn(prod, "Role", "arn:aws:iam::111122223333:role/ota"),
        description="blinky 1.4.2",
    )
    request = only_update(prod)["Properties"]["Request"]
    assert set(request) == {"description", "targets", "awsJobTimeoutConfig", "files", "roleArn"}
    assert request["awsJobTimeoutConfig"] == {"inProgressTimeoutInMinutes": 1440}
    assert [json.dumps(target).rsplit(":", 1)[1].strip('"]}') for target in request["targets"]] == [
        "thinggroup/fleet",
        "thing/bench-1",
        "thing/bench-2",
    ]
    assert request["roleArn"] == "arn:aws:iam::111122223333:role/ota"
    (file,) = request["files"]
    assert file["fileLocation"] == {"s3Location": {"bucket": "firmware", "key": "a.bin"}}
    assert (file["fileName"], file["fileVersion"], file["fileType"]) == ("/firmware/blinky.bin", "1.4.2", 3)
    assert file["attributes"] == {"k": "v"}


def test_a_signature_is_on_the_wire_as_devices_expect_it(tmp_path: Path) -> None:
    """The signature property is base64 of the base64 text that devices expect."""
    prod, raw = stack(), tmp_path / "blinky.sig"
    raw.write_bytes(SIGNATURE)
    signed = CodeSigning.custom(
        signature=raw,
        hash_algorithm=HashAlgorithm.SHA256,
        signature_algorithm=SignatureAlgorithm.ECDSA,
        certificate_name="/certificates/signer.pem",
    )
    ota_update(prod, "Blinky", tmp_path, files=[ota_file(FileLocation.from_asset(firmware(tmp_path)), signing=signed)])
    signing = only_update(prod)["Properties"]["Request"]["files"][0]["codeSigning"]["customCodeSigning"]
    assert base64.b64decode(base64.b64decode(signing["signature"]["inlineDocument"])) == raw.read_bytes()
    assert signing["certificateChain"] == {"certificateName": "/certificates/signer.pem"}
    assert (signing["hashAlgorithm"], signing["signatureAlgorithm"]) == ("SHA256", "ECDSA")


def test_an_unsigned_file_has_no_code_signing(tmp_path: Path) -> None:
    """A file with CodeSigning.unsigned() has no codeSigning in the request."""
    prod = stack()
    location = FileLocation.from_asset(firmware(tmp_path))
    ota_update(prod, "Blinky", tmp_path, files=[ota_file(location, signing=CodeSigning.unsigned())])
    assert "codeSigning" not in only_update(prod)["Properties"]["Request"]["files"][0]


def test_an_id_is_generated_unless_it_is_given(tmp_path: Path) -> None:
    """The template has either the prefix of generated ids or the explicit id."""
    prod = stack()
    generated, explicit = (
        ota_update(prod, "A", firmware(tmp_path)),
        ota_update(prod, "B", firmware(tmp_path), ota_update_id="blinky-1"),
    )
    found = updates(prod)
    first = found[prod.resolve(generated.ota_update_id)["Ref"]]["Properties"]
    second = found[prod.resolve(explicit.ota_update_id)["Ref"]]["Properties"]
    assert first["IdPrefix"] == "Prod_"
    assert "OtaUpdateId" not in first
    assert second["OtaUpdateId"] == "blinky-1"
    assert "IdPrefix" not in second


def test_stacks_with_like_names_have_unlike_prefixes(tmp_path: Path) -> None:
    """No stack's prefix is a prefix of another stack's, however long or similar their names are."""
    names = ["prod", "prod-eu", "a" * 40 + "1", "a" * 40 + "2"]
    prefixes = []
    for name in names:
        made = stack(name)
        ota_update(made, "Blinky", firmware(tmp_path))
        prefixes.append(only_update(made)["Properties"]["IdPrefix"])
    assert all(len(prefix) <= 21 for prefix in prefixes)
    assert not any(a != b and a.startswith(b) for a in prefixes for b in prefixes)
    assert len(set(prefixes)) == len(names)


def test_a_nested_stack_has_its_own_prefix(tmp_path: Path) -> None:
    """A nested stack's prefix is known at synth, although its name is not."""
    prod = stack()
    nested = NestedStack(prod, "My Nested*")
    ota_update(nested, "Blinky", firmware(tmp_path))
    prefix = only_update(nested)["Properties"]["IdPrefix"]
    assert re.fullmatch(r"ProdMyNeste-[0-9a-f]{8}_", prefix)


def test_tags_come_from_the_update_and_from_its_scopes(tmp_path: Path) -> None:
    """An update's tags override those that Tags.of adds, and Tags.of removes both."""
    prod = stack()
    ota_update(prod, "Blinky", firmware(tmp_path), tags={"team": "devices", "gone": "x"})
    Tags.of(prod).add("team", "platform")
    Tags.of(prod).add("env", "prod")
    Tags.of(prod).remove("gone")
    assert only_update(prod)["Properties"]["Tags"] == [
        {"Key": "env", "Value": "prod"},
        {"Key": "team", "Value": "devices"},
    ]


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"cdk-iot-ota:deployed": "true"}, "tags key must not begin with cdk-iot-ota:, got 'cdk-iot-ota:deployed'"),
        ({f"k{index}": "x" for index in range(47)}, "tags must have 0 to 46 members, got 47"),
        ({"a!": "x"}, "tags key must be of letters, digits, spaces"),
    ],
)
def test_tags_of_the_scope_are_checked_too(tmp_path: Path, tags: dict[str, str], message: str) -> None:
    """Invalid tags that Tags.of adds are an error at the end of synth."""
    prod = stack()
    ota_update(prod, "Blinky", firmware(tmp_path))
    for key, value in tags.items():
        Tags.of(prod).add(key, value)
    with pytest.raises(RuntimeError, match=re.escape(f"[Prod/Blinky] {message}")):
        cast(App, prod.node.root).synth()


def test_delete_options_and_removal_policy(tmp_path: Path) -> None:
    """Stream, job and update are deleted by default, and each can be kept."""
    default, kept = stack(), stack()
    ota_update(default, "Blinky", firmware(tmp_path))
    ota_update(
        kept,
        "Blinky",
        firmware(tmp_path),
        delete_stream=False,
        force_delete_job=False,
        removal_policy=RemovalPolicy.RETAIN,
    )
    resource, retained = only_update(default), only_update(kept)
    assert (resource["Properties"]["DeleteStream"], resource["Properties"]["ForceDeleteJob"]) == (True, True)
    assert resource["DeletionPolicy"] == "Delete"
    assert (retained["Properties"]["DeleteStream"], retained["Properties"]["ForceDeleteJob"]) == (False, False)
    assert (retained["DeletionPolicy"], retained["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_the_assembly_keeps_the_resource_out_of_refactorings(tmp_path: Path) -> None:
    """The manifest, and not the template, says that ``cdk refactor`` is to leave the resource alone."""
    prod = stack()
    ota_update(prod, "Blinky", firmware(tmp_path))
    artifact = cast(App, prod.node.root).synth().get_stack_artifact(prod.artifact_id)
    found = [(entry.path, entry.data) for entry in artifact.find_metadata_by_type("aws:cdk:do-not-refactor")]
    assert found == [("/Prod/Blinky/Resource/Default", True)]
    assert "do-not-refactor" not in json.dumps(artifact.template)


def test_outputs_are_attributes_of_the_resource(tmp_path: Path) -> None:
    """ARN, job and status of an update are attributes of its resource."""
    prod = stack()
    update = ota_update(prod, "Blinky", firmware(tmp_path))
    names = {"ota_update_arn": "OtaUpdateArn", "job_id": "JobId", "job_arn": "JobArn", "status": "Status"}
    for attribute, name in names.items():
        CfnOutput(prod, name, value=getattr(update, attribute))
    outputs = template(prod).to_json()["Outputs"]
    (logical_id,) = updates(prod)
    assert {name: output["Value"]["Fn::GetAtt"] for name, output in outputs.items()} == {
        name: [logical_id, name] for name in names.values()
    }


def test_escape_hatches_reach_the_resource(tmp_path: Path) -> None:
    """The construct's default child is the CloudFormation resource."""
    prod = stack()
    update = ota_update(prod, "Blinky", firmware(tmp_path))
    update.node.default_child.add_property_override("Request.description", "overridden")  # type: ignore[union-attr]
    assert only_update(prod)["Properties"]["Request"]["description"] == "overridden"


def test_cloudformation_waits_a_little_longer_than_the_handler(tmp_path: Path) -> None:
    """ServiceTimeout is set, so that a crashed handler does not block a stack for CloudFormation's default hour."""
    prod = stack()
    ota_update(prod, "Blinky", firmware(tmp_path))
    assert only_update(prod)["Properties"]["ServiceTimeout"] == str(timeouts.SERVICE_TIMEOUT)


def test_the_deletion_still_has_its_permissions(tmp_path: Path) -> None:
    """The resource depends on its role and on every policy that its deletion needs."""
    prod = stack()
    bucket = s3.Bucket(prod, "Bucket")
    ota_update(prod, "Blinky", tmp_path, files=[ota_file(FileLocation.from_bucket(bucket, "a.bin"))])
    resources = template(prod).to_json()["Resources"]
    needed = {name for name, resource in resources.items() if name.startswith(("OtaPermissions", "OtaServiceRole"))}
    assert needed <= set(only_update(prod)["DependsOn"])
    assert len(needed) == 6


def test_one_update_can_depend_on_another(tmp_path: Path) -> None:
    """Updates with their own buckets and roles can depend on each other without a cycle."""

    class Phase(Construct):
        def __init__(self, scope: Construct, id: str) -> None:
            super().__init__(scope, id)
            bucket = s3.Bucket(self, "Bucket")
            location = FileLocation.from_bucket(bucket, "a.bin")
            ota_update(self, "Update", tmp_path, files=[ota_file(location)], role=OtaServiceRole(self, "Role"))

    prod = stack()
    first, second = Phase(prod, "First"), Phase(prod, "Second")
    second.node.add_dependency(first)
    assert len(updates(prod)) == 2  # Template.from_stack raises for a template with a cycle


def test_two_updates_that_share_everything_can_follow_one_another(tmp_path: Path) -> None:
    """Updates that share role and provider can depend on each other without a cycle."""
    prod = stack()
    first, second = ota_update(prod, "First", firmware(tmp_path)), ota_update(prod, "Second", firmware(tmp_path))
    second.node.add_dependency(first)
    assert len(updates(prod)) == 2


def test_targets_of_the_same_stack_come_first(tmp_path: Path) -> None:
    """L1 things and thing groups can be targets by ref or ARN, so CloudFormation creates them before the update."""
    prod = stack()
    thing, group = iot.CfnThing(prod, "Thing"), iot.CfnThingGroup(prod, "Group")
    targets = [OtaTarget.thing(thing.ref), OtaTarget.from_arn(group.attr_arn)]
    ota_update(prod, "Blinky", firmware(tmp_path), targets=targets)
    first, second = only_update(prod)["Properties"]["Request"]["targets"]
    assert {"Ref": "Thing"} in first["Fn::Join"][1]
    assert second == {"Fn::GetAtt": ["Group", "Arn"]}


def test_updates_share_one_provider_and_one_role(tmp_path: Path) -> None:
    """Each further update in a stack adds exactly one resource."""
    one, twenty = stack(), stack()
    for made, count in ((one, 1), (twenty, 20)):
        for index in range(count):
            ota_update(made, f"Blinky{index}", firmware(tmp_path))
    sizes = [len(template(made).to_json()["Resources"]) for made in (one, twenty)]
    assert sizes[1] - sizes[0] == 19


def test_a_provider_and_a_role_can_be_shared_across_stacks(tmp_path: Path) -> None:
    """Stacks that share a provider and a role add policies with different names to it."""
    app = App(analytics_reporting=False)
    shared, first, second = (Stack(app, name) for name in ("Shared", "First", "Second"))
    provider, role = OtaUpdateProvider(shared, "Provider"), OtaServiceRole(shared, "Role")
    names: list[str] = []
    for using in (first, second):
        ota_update(using, "Blinky", firmware(tmp_path), provider=provider, role=role)
    for using in (first, second):
        template(using).resource_count_is("AWS::Lambda::Function", 0)
        policies = template(using).find_resources("AWS::IAM::Policy").values()
        names += [policy["Properties"]["PolicyName"] for policy in policies]
    assert len(names) == 10
    assert len(set(names)) == 10


def test_two_providers_of_a_stack_have_separate_permissions(tmp_path: Path) -> None:
    """Two providers in one stack both get the permissions that their updates need."""
    prod = stack()
    for name in ("One", "Two"):
        ota_update(prod, name, firmware(tmp_path), provider=OtaUpdateProvider(prod, f"Provider{name}"))
    roles = {
        json.dumps(policy["Properties"]["Roles"])
        for name, policy in template(prod).find_resources("AWS::IAM::Policy").items()
        if "PassRole" in name
    }
    assert len(roles) == 2


def test_a_given_role_of_another_kind_is_left_alone(tmp_path: Path) -> None:
    """A role that is not an OtaServiceRole gets no policies."""
    prod = stack()
    role = iam.Role(prod, "Mine", assumed_by=as_principal(iam.ServicePrincipal("iot.amazonaws.com")))
    ota_update(prod, "Blinky", firmware(tmp_path), role=role)
    policies = template(prod).find_resources("AWS::IAM::Policy").values()
    mine = prod.resolve(role.role_name)
    assert all(mine not in policy["Properties"]["Roles"] for policy in policies)
    assert prod.resolve(role.role_name)["Ref"] in only_update(prod)["DependsOn"]


def test_an_id_that_is_taken_is_an_error(tmp_path: Path) -> None:
    """Another construct under the id of the shared provider is an error."""
    prod = stack()
    sns.Topic(prod, "OtaUpdateProvider")
    with pytest.raises(ValueError, match="Prod/OtaUpdateProvider: this id is taken"):
        ota_update(prod, "Blinky", firmware(tmp_path))


def test_no_account_or_region_is_written_into_the_template(tmp_path: Path) -> None:
    """The template of a stack without a fixed environment names no partition and no Region."""
    prod = stack()
    ota_update(prod, "Blinky", firmware(tmp_path))
    text = json.dumps(template(prod).to_json()["Resources"])
    assert "arn:aws:" not in text
    assert "us-east-1" not in text


def test_the_construct_is_a_resource_of_cdk(tmp_path: Path) -> None:
    """An update has a tag manager and knows its stack, like every resource of CDK."""
    prod = stack()
    update = ota_update(prod, "Blinky", firmware(tmp_path))
    assert update.stack is prod
    assert update.cdk_tag_manager.has_tags() is False
