"""Who may do what: the statements that an update brings along."""

import json
from pathlib import Path
from typing import Any, cast

import pytest
from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from cdk_iot_ota import CodeSigning, FileLocation
from cdk_iot_ota_handler.ota_update import identity

from .stacks import firmware, ota_file, ota_update, stack, template


def policies(made: Stack) -> dict[str, Any]:
    """The policies of a stack's updates, by logical id: those of CDK's framework are left out."""
    found = {
        **template(made).find_resources("AWS::IAM::Policy"),
        **template(made).find_resources("AWS::IAM::ManagedPolicy"),
    }
    return {name: part for name, part in found.items() if name.startswith("OtaPermissions")}


def stated(policy: dict[str, Any]) -> list[dict[str, Any]]:
    """The statements of a policy."""
    return list(policy["Properties"]["PolicyDocument"]["Statement"])


def of(made: Stack, *, handler: bool) -> list[dict[str, Any]]:
    """The statements of the handler's role, or those of the service's."""
    role = "HandlerRole" if handler else "OtaServiceRole"
    roles = [policy for policy in policies(made).values() if role in json.dumps(policy["Properties"]["Roles"])]
    return [statement for policy in roles for statement in stated(policy)]


def sid(found: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """The statement of this name."""
    (statement,) = [statement for statement in found if statement.get("Sid") == name]
    return statement


def resource(statement: dict[str, Any]) -> str:
    """The end of a statement's resource, behind account and Region."""
    return str(statement["Resource"]["Fn::Join"][1][-1])


def test_the_handler_may_touch_updates_of_its_stack_only(tmp_path: Path) -> None:
    """OTA actions are scoped by the stack's prefix, and so are jobs; streams are named by AWS."""
    prod = stack()
    ota_update(prod, "Blinky", firmware(tmp_path))
    found = of(prod, handler=True)
    assert resource(sid(found, "Updates")) == ":otaupdate/Prod_*"
    assert resource(sid(found, "Jobs")) == ":job/AFR_OTA-Prod_*"
    assert resource(sid(found, "Streams")) == ":stream/AFR_OTA-*"


def test_the_handler_may_pass_the_declared_role_to_aws_iot_only(tmp_path: Path) -> None:
    """iam:PassRole names the role and the service."""
    prod = stack()
    ota_update(prod, "Blinky", firmware(tmp_path))
    statement = sid(of(prod, handler=True), "PassRole")
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "iot.amazonaws.com"}}
    assert statement["Resource"]["Fn::GetAtt"][1] == "Arn"


def test_the_handler_reads_objects_whose_version_it_looks_up(tmp_path: Path) -> None:
    """A declared version needs no look, and so no permission."""
    pinned, open_ = stack(), stack()
    for made, version in ((pinned, "v1"), (open_, None)):
        bucket = s3.Bucket.from_bucket_name(made, "Bucket", "firmware")
        ota_update(made, "Blinky", tmp_path, files=[ota_file(FileLocation.from_bucket(bucket, "a", version=version))])
    assert not any("s3:" in json.dumps(statement["Action"]) for statement in of(pinned, handler=True))
    assert any(statement["Action"] == "s3:GetObject" for statement in of(open_, handler=True))


def test_an_explicit_id_is_deleted_by_its_tag(tmp_path: Path) -> None:
    """Without the stack's prefix, the tag that says whose an update is limits what may be deleted."""
    prod = stack()
    ota_update(prod, "Blinky", firmware(tmp_path), ota_update_id="mine")
    found = of(prod, handler=True)
    owned = sid(found, "OwnUpdates")
    assert owned["Action"] == ["iot:DeleteOTAUpdate", "iot:UntagResource"]
    assert owned["Condition"] == {"StringEquals": {f"aws:ResourceTag/{identity.STACK_TAG}": {"Ref": "AWS::StackId"}}}
    assert sid(found, "AnyUpdates")["Action"] == ["iot:GetOTAUpdate", "iot:ListTagsForResource"]


def test_the_service_role_trusts_aws_iot_of_this_account_only(tmp_path: Path) -> None:
    """The trust is narrowed by account and source ARN, against a confused deputy."""
    prod = stack()
    ota_update(prod, "Blinky", firmware(tmp_path))
    (role,) = [
        role
        for name, role in template(prod).find_resources("AWS::IAM::Role").items()
        if name.startswith("OtaServiceRole")
    ]
    (statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "iot.amazonaws.com"}
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert statement["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Join"][1][0] == "arn:"


def test_the_service_role_has_what_the_service_needs(tmp_path: Path) -> None:
    """Jobs of the stack's updates, streams, itself, and the declared objects."""
    prod = stack()
    ota_update(prod, "Blinky", firmware(tmp_path))
    found = of(prod, handler=False)
    assert sid(found, "Jobs")["Action"] == ["iot:CreateJob", "iot:DeleteJob", "iot:DescribeJob"]
    assert resource(sid(found, "Jobs")) == ":job/AFR_OTA-Prod_*"
    assert sid(found, "Self")["Action"] == ["iam:GetRole", "iam:PassRole"]
    assert any(statement["Action"] == ["s3:GetObject", "s3:GetObjectVersion"] for statement in found)


def test_an_encrypted_bucket_brings_its_key(tmp_path: Path) -> None:
    """Firmware in a bucket with a key of its own is decrypted through S3 only."""
    prod = stack()
    bucket = s3.Bucket(prod, "Bucket", encryption_key=cast(kms.IKey, kms.Key(prod, "Key")))
    ota_update(prod, "Blinky", tmp_path, files=[ota_file(FileLocation.from_bucket(bucket, "a.bin"))])
    for found in (of(prod, handler=True), of(prod, handler=False)):
        assert sid(found, "Decrypt")["Action"] == "kms:Decrypt"
        assert "kms:ViaService" in sid(found, "Decrypt")["Condition"]["StringEquals"]


def in_bucket(made: Stack, *keys: str, **options: Any) -> None:
    """Declare an update with these objects of one bucket."""
    bucket = s3.Bucket.from_bucket_name(made, "Bucket", "firmware")
    files = [ota_file(FileLocation.from_bucket(bucket, key), name=f"/{index}") for index, key in enumerate(keys)]
    ota_update(made, "Blinky", Path(), files=files, **options)


def readable(made: Stack, *, handler: bool) -> list[str]:
    """The keys of the objects that may be read, as a policy says them."""
    reads = sid(of(made, handler=handler), "Objects")["Resource"]
    listed = reads if isinstance(reads, list) else [reads]
    return [str(arn["Fn::Join"][1][-1]).removeprefix(":s3:::firmware/") for arn in listed]


def test_the_declared_objects_are_readable_and_no_others() -> None:
    """Neither the handler nor the service reads what lies beside the declared objects."""
    prod = stack()
    in_bucket(prod, "blinky/1.0.bin", "data.bin")
    for handler in (True, False):
        assert readable(prod, handler=handler) == ["blinky/1.0.bin", "data.bin"]


def test_other_objects_are_another_policy() -> None:
    """Devices load the old firmware until the new update is there: its policy must not be changed, but be followed."""
    found: list[dict[str, Any]] = []
    for version in ("1.0", "1.1"):
        prod = stack()
        in_bucket(prod, f"blinky/{version}.bin")
        found.append({name: part["Properties"] for name, part in policies(prod).items() if "Reads" in name})
    old, new = found
    assert len(old) == len(new) == 2
    assert not set(old) & set(new)
    assert not {part["PolicyName"] for part in old.values()} & {part["PolicyName"] for part in new.values()}


def test_the_same_objects_are_the_same_policy() -> None:
    """Content that names no other objects leaves the policy as it is."""
    names = []
    for options in ({}, {"description": "other"}):
        prod = stack()
        in_bucket(prod, "blinky.bin", **options)
        names.append([name for name in policies(prod) if "Reads" in name])
    assert names[0] == names[1]


@pytest.mark.parametrize(
    ("key", "pattern"), [("a.bin", "*.bin"), ("v1/a", "v1/*"), ("a", "*"), ("x/y/a.tar.gz", "x/y/*.gz")]
)
def test_what_a_retained_update_reads_stays_readable(key: str, pattern: str) -> None:
    """Nobody knows when its devices are done: the role reads the same folder and ending, whatever is declared later."""
    prod = stack()
    in_bucket(prod, key, removal_policy=RemovalPolicy.RETAIN)
    assert readable(prod, handler=False) == [pattern]
    assert readable(prod, handler=True) == [key]


def test_many_objects_are_readable_by_folder_and_ending_or_all() -> None:
    """More objects than a policy has room for become their folders, and more folders than that the bucket."""
    few, folders, bucket = stack(), stack(), stack()
    in_bucket(few, *(f"a/{index}.bin" for index in range(10)))
    in_bucket(folders, *(f"a/{index}.bin" for index in range(11)))
    in_bucket(bucket, *(f"{index}/a.bin" for index in range(11)))
    assert len(readable(few, handler=True)) == 10
    assert readable(folders, handler=True) == ["a/*.bin"]
    assert readable(bucket, handler=True) == ["*"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"Jobs", "Streams"}),
        ({"force_delete_job": False}, {"Streams"}),
        ({"delete_stream": False}, {"Jobs"}),
        ({"force_delete_job": False, "delete_stream": False}, set()),
        ({"ota_update_id": "mine"}, {"AnyJobs", "Streams"}),
    ],
)
def test_jobs_and_streams_are_the_handlers_only_where_it_deletes_them(
    tmp_path: Path, options: dict[str, Any], expected: set[str]
) -> None:
    """The delete options say what the handler may delete beside the update."""
    prod = stack()
    ota_update(prod, "Blinky", firmware(tmp_path), **options)
    found = {statement["Sid"] for statement in of(prod, handler=True)}
    assert found & {"AnyJobs", "Jobs", "Streams"} == expected


def test_other_delete_options_are_another_policy(tmp_path: Path) -> None:
    """An update that was made with other options is still deleted with them, after the new template's policies."""
    names = []
    for force in (True, False):
        prod = stack()
        ota_update(prod, "Blinky", firmware(tmp_path), force_delete_job=force)
        names.append({name for name in policies(prod) if "PermissionsHandler" in name and "Reads" not in name})
    assert len(names[0]) == len(names[1]) == 1
    assert names[0] != names[1]


def test_the_service_signs_with_the_declared_profile_only(tmp_path: Path) -> None:
    """AWS Signer only where it signs, with the declared profile, into the declared place."""
    prod = stack()
    source, signed = (s3.Bucket.from_bucket_name(prod, name, name) for name in ("source", "signed"))
    signing = CodeSigning.signer(destination_bucket=signed, profile_name="blinky", destination_prefix="ota/")
    ota_update(prod, "Blinky", tmp_path, files=[ota_file(FileLocation.from_bucket(source, "a"), signing=signing)])
    found = of(prod, handler=False)
    profiles = sid(found, "SigningProfiles")
    assert profiles["Action"] == ["signer:GetSigningProfile", "signer:StartSigningJob"]
    assert resource(profiles) == ":/signing-profiles/blinky"
    assert resource(sid(found, "Signed")) == ":s3:::signed/ota/*"
    assert not [statement for statement in found if "signer:PutSigningProfile" in json.dumps(statement["Action"])]
    assert not [statement for statement in of(prod, handler=True) if "signer" in json.dumps(statement["Action"])]


def test_a_signature_of_the_builds_needs_nothing_of_aws_signer(tmp_path: Path) -> None:
    """No action of AWS Signer where it does not sign."""
    prod = stack()
    ota_update(prod, "Blinky", firmware(tmp_path))
    assert "signer:" not in json.dumps(policies(prod))


def test_a_role_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    """Neither a role of the app nor an imported one is given a permission."""
    prod = stack()
    own = iam.Role(prod, "Own", assumed_by=cast(iam.IPrincipal, iam.ServicePrincipal("iot.amazonaws.com")))
    imported = iam.Role.from_role_arn(prod, "Imported", "arn:aws:iam::111122223333:role/ota")
    for name, role in (("A", own), ("B", imported)):
        ota_update(prod, name, firmware(tmp_path), role=role)
    assert not [
        part for part in policies(prod).values() if "HandlerRole" not in json.dumps(part["Properties"]["Roles"])
    ]


def test_no_managed_policy_of_aws_and_no_open_resource(tmp_path: Path) -> None:
    """Roles of ours have no AWS managed policy, and no statement is for every resource."""
    prod = stack()
    ota_update(prod, "Blinky", firmware(tmp_path), ota_update_id="mine")
    roles = template(prod).find_resources("AWS::IAM::Role").values()
    assert all("ManagedPolicyArns" not in role["Properties"] for role in roles)
    assert all(statement["Resource"] != "*" for part in policies(prod).values() for statement in stated(part))
