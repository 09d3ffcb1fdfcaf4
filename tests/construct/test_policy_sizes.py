"""Policies stay within IAM's size limits, for as many updates as fit into a stack."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from cdk_iot_ota import CodeSigning, FileLocation, OtaFile, OtaUpdateProvider

from .stacks import firmware, new_app, ota_file, ota_update, stack, template

# A stack has at most 500 resources, including those that the updates share.
UPDATES = 450
INLINE, MANAGED, ATTACHED = 10_240, 6_144, 10
# The longest values of intrinsics.
LONGEST = {"AWS::AccountId": 12, "AWS::Partition": 10, "AWS::Region": 14}


def characters(value: Any) -> int:
    """Return the size of a policy document in IAM, without white space and with intrinsics at their longest."""

    def filled(part: Any) -> Any:
        match part:
            case {"Fn::Join": [str(separator), list(parts)]}:
                return separator.join(filled(one) for one in parts)
            case {"Fn::Sub": str(text)}:
                return re.sub(r"\$\{(.*?)\}", lambda found: "x" * LONGEST.get(found.group(1), 100), text)
            case {"Ref": name}:
                return "x" * LONGEST.get(str(name), 100)
            case {"Fn::GetAtt": _}:
                return "x" * 100
            case dict():
                return {name: filled(one) for name, one in part.items()}
            case list():
                return [filled(one) for one in part]
        return part

    return len(json.dumps(filled(value), separators=(",", ":")))


def resources_of(made: Stack) -> dict[str, Any]:
    """Return the resources of the stack's template by logical id."""
    return dict(template(made).to_json()["Resources"])


def inline(resources: dict[str, Any]) -> dict[str, int]:
    """Return the total size of each role's inline policies."""
    sizes = {
        name: sum(characters(policy["PolicyDocument"]) for policy in part["Properties"].get("Policies", []))
        for name, part in resources.items()
        if part["Type"] == "AWS::IAM::Role"
    }
    for part in resources.values():
        if part["Type"] == "AWS::IAM::Policy":
            (role,) = part["Properties"]["Roles"]
            sizes[role["Ref"]] += characters(part["Properties"]["PolicyDocument"])
    return sizes


def managed(resources: dict[str, Any]) -> list[int]:
    """Return the sizes of the managed policies."""
    return [
        characters(part["Properties"]["PolicyDocument"])
        for part in resources.values()
        if part["Type"] == "AWS::IAM::ManagedPolicy"
    ]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the resources of as many updates as fit, each with the longest explicit id, its own object and signing."""
    made = Stack(new_app(), "Prod-stack-with-a-name-of-128-characters".ljust(128, "x"))
    key = kms.Key.from_key_arn(made, "Key", made.format_arn(service="kms", resource="key", resource_name="k"))
    bucket = s3.Bucket.from_bucket_attributes(made, "Bucket", bucket_name="b" * 63, encryption_key=key)
    path = firmware(tmp_path_factory.mktemp("firmware"))
    signing = CodeSigning.signer(destination_bucket=bucket, profile_name="p" * 64, destination_prefix="x" * 900)
    signed_file = OtaFile(name="/c", signing=CodeSigning.signer_job("j" * 128))
    for index in range(UPDATES):
        place = FileLocation.from_bucket(bucket, f"{index:x>900}/firmware.bin")
        files = [ota_file(place, name="/a"), ota_file(place, name="/b", signing=signing), signed_file]
        ota_update(made, f"U{index}", path, files=files, ota_update_id=f"{index:x>56}")
    return resources_of(made)


def test_policies_of_450_updates_fit(many: dict[str, Any]) -> None:
    """The policies of 450 updates fit into IAM's limits, with old and new ones together."""
    assert 2 * max(inline(many).values()) <= INLINE
    assert max(managed(many)) <= MANAGED
    assert len(managed(many)) <= ATTACHED


def test_policies_of_many_generated_ids_and_assets_do_not_grow(tmp_path: Path) -> None:
    """Further updates with their own firmware assets do not make policies longer."""
    found = []
    for count in (12, 24):
        made = stack()
        for index in range(count):
            ota_update(made, f"U{index}", firmware(tmp_path, f"f{index}"))
        resources = resources_of(made)
        found.append(inline(resources))
        assert not managed(resources)
    assert found[0] == found[1]


def test_what_does_not_fit_is_refused_at_synth(tmp_path: Path) -> None:
    """Too many buckets for one role are an error at synth that names the remedy."""
    prod = stack()
    for index in range(30):
        bucket = s3.Bucket.from_bucket_name(prod, f"Bucket{index}", f"firmware-{index}")
        ota_update(prod, f"U{index}", tmp_path, files=[ota_file(FileLocation.from_bucket(bucket, "a.bin"))])
    expected = r"\[Prod/OtaServiceRole\] its inline policies need up to \d+ characters, and IAM takes 10240: use fewer"
    with pytest.raises(RuntimeError, match=expected):
        template(prod)


def test_some_roles_and_buckets_fit(tmp_path: Path) -> None:
    """A stack with five roles and five buckets stays within the limits."""
    prod = stack()
    for index in range(5):
        bucket = s3.Bucket.from_bucket_name(prod, f"Bucket{index}", f"firmware-{index}")
        role = iam.Role.from_role_arn(prod, f"Role{index}", f"arn:aws:iam::111122223333:role/ota-{index}")
        files = [ota_file(FileLocation.from_bucket(bucket, "a.bin"))]
        ota_update(prod, f"U{index}", tmp_path, files=files, role=role)
        ota_update(prod, f"V{index}", tmp_path, files=files)
    assert max(inline(resources_of(prod)).values()) <= INLINE


def test_what_all_stacks_give_to_a_role_is_counted(tmp_path: Path) -> None:
    """Policies that several stacks add to a shared provider are counted together."""
    app = new_app()
    provider = OtaUpdateProvider(Stack(app, "Shared"), "Provider")
    for number in range(12):
        made = Stack(app, f"S{number}")
        for index in range(2):
            bucket = s3.Bucket.from_bucket_name(made, f"Bucket{index}", f"firmware-{index}")
            files = [ota_file(FileLocation.from_bucket(bucket, "a.bin"))]
            ota_update(made, f"U{index}", tmp_path, files=files, provider=provider)
    with pytest.raises(RuntimeError, match=r"\[Shared/Provider/HandlerRole\] its inline policies need up to"):
        app.synth()


def test_managed_policies_are_counted(tmp_path: Path) -> None:
    """More than ten managed policies on a shared provider's role are an error at synth."""
    app = new_app()
    provider = OtaUpdateProvider(Stack(app, "Shared"), "Provider")
    for number in range(11):
        made = Stack(app, f"S{number}")
        ota_update(made, "U", firmware(tmp_path), ota_update_id=f"mine-{number}", provider=provider)
    with pytest.raises(RuntimeError, match="it has 11 managed policies, and IAM takes 10: give some of the updates a"):
        app.synth()
