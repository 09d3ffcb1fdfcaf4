"""The policies that an update adds for the handler and for AWS IoT."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from aws_cdk import App, Aws, Environment, Fn, RemovalPolicy, Stack, assertions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from cdk_iot_ota import CodeSigning, FileLocation, OtaServiceRole, OtaUpdate, OtaUpdateProvider
from cdk_iot_ota_handler.ota_update.contract import names

from .stacks import firmware, ota_file, ota_update, stack, template


def policies(made: Stack) -> dict[str, Any]:
    """Return the policies of a stack's updates by logical id, without those of CDK's framework."""
    found = {
        **template(made).find_resources("AWS::IAM::Policy"),
        **template(made).find_resources("AWS::IAM::ManagedPolicy"),
    }
    return {name: part for name, part in found.items() if name.startswith("OtaPermissions")}


def stated(policy: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the statements of a policy."""
    return list(policy["Properties"]["PolicyDocument"]["Statement"])


def of(made: Stack, *, handler: bool) -> list[dict[str, Any]]:
    """Return the statements of the handler's role, or those of the service's role."""
    role = "HandlerRole" if handler else "OtaServiceRole"
    roles = [policy for policy in policies(made).values() if role in json.dumps(policy["Properties"]["Roles"])]
    return [statement for policy in roles for statement in stated(policy)]


def sid(found: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Return the statement with this Sid."""
    (statement,) = [statement for statement in found if statement.get("Sid") == name]
    return statement


def resource(statement: dict[str, Any]) -> str:
    """Return the end of a statement's resource, after account and Region."""
    return str(statement["Resource"]["Fn::Join"][1][-1])


def test_the_handler_may_touch_updates_of_its_stack_only(tmp_path: Path) -> None:
    """The handler's OTA and job actions are limited to the stack's prefix, and its streams to those of OTA updates."""
    prod = stack()
    ota_update(prod, "Blinky", firmware(tmp_path))
    found = of(prod, handler=True)
    assert resource(sid(found, "Updates")) == ":otaupdate/Prod_*"
    assert resource(sid(found, "Jobs")) == ":job/AFR_OTA-Prod_*"
    assert resource(sid(found, "Streams")) == ":stream/AFR_OTA-*"


def test_the_handler_may_pass_the_declared_role_to_aws_iot_only(tmp_path: Path) -> None:
    """The handler may pass only the declared role, and only to AWS IoT."""
    prod = stack()
    ota_update(prod, "Blinky", firmware(tmp_path))
    statement = sid(of(prod, handler=True), "PassRole")
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "iot.amazonaws.com"}}
    assert statement["Resource"]["Fn::GetAtt"][1] == "Arn"


def test_the_handler_reads_the_versions_that_it_looks_up(tmp_path: Path) -> None:
    """The handler may read declared versions of an object, or its current one, but only what is declared."""
    declared = {"a": "v1", "b": None}
    for names_ in ("a", "b", "ab"):
        made = stack()
        bucket = s3.Bucket.from_bucket_name(made, "Bucket", "firmware")
        for name in names_:
            place = FileLocation.from_bucket(bucket, name, version=declared[name])
            ota_update(made, name, tmp_path, files=[ota_file(place)])
        found = [one for one in of(made, handler=True) if "s3:" in json.dumps(one["Action"])]
        actions = {one["Action"]: one["Resource"]["Fn::Join"][1][-1] for one in found}
        expected = {"a": ("s3:GetObjectVersion", ":s3:::firmware/a"), "b": ("s3:GetObject", ":s3:::firmware/b")}
        assert actions == dict(expected[name] for name in names_)


def test_the_handler_decrypts_the_versions_that_it_looks_up() -> None:
    """The handler may use the key of a bucket whose objects are declared with their versions only."""
    made = stack()
    with_bucket(made, version="v1", encryption_key=key_of(made, "key", "k"))
    assert [one["Sid"] for one in of(made, handler=True)][-2:] == ["Objects", "Decrypt"]


def test_content_with_a_declared_version_follows_its_own_policy(tmp_path: Path) -> None:
    """Another declared version of the same object needs no other policy: a policy names the object alone."""
    found = []
    for version in ("v1", "v2"):
        made = stack()
        bucket = s3.Bucket.from_bucket_name(made, "Bucket", "firmware")
        ota_update(made, "Blinky", tmp_path, files=[ota_file(FileLocation.from_bucket(bucket, "a", version=version))])
        found.append(set(policies(made)))
    assert found[0] == found[1]


def test_an_explicit_id_is_deleted_by_its_tag(tmp_path: Path) -> None:
    """Updates with explicit ids may only be deleted if they carry the stack's ownership tag."""
    prod = stack()
    ota_update(prod, "Blinky", firmware(tmp_path), ota_update_id="mine")
    found = of(prod, handler=True)
    owned = sid(found, "OwnUpdates")
    assert owned["Action"] == ["iot:DeleteOTAUpdate", "iot:UntagResource"]
    assert owned["Condition"] == {"StringEquals": {f"aws:ResourceTag/{names.STACK_TAG}": {"Ref": "AWS::StackId"}}}
    assert sid(found, "AnyUpdates")["Action"] == ["iot:GetOTAUpdate", "iot:ListTagsForResource"]


def test_the_service_role_trusts_aws_iot_of_this_account_only(tmp_path: Path) -> None:
    """The service role's trust policy is limited to AWS IoT of this account."""
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
    """The service role may use the stack's jobs, streams, itself and the declared objects."""
    prod = stack()
    ota_update(prod, "Blinky", firmware(tmp_path))
    found = of(prod, handler=False)
    assert sid(found, "Jobs")["Action"] == ["iot:CreateJob", "iot:DeleteJob", "iot:DescribeJob"]
    assert resource(sid(found, "Jobs")) == ":job/AFR_OTA-Prod_*"
    assert sid(found, "Self")["Action"] == ["iam:GetRole", "iam:PassRole"]
    assert any(statement["Action"] == ["s3:GetObject", "s3:GetObjectVersion"] for statement in found)


def test_an_encrypted_bucket_brings_its_key(tmp_path: Path) -> None:
    """Both roles may decrypt with the key of an encrypted bucket, through S3 only."""
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
    """Return the keys or patterns of the objects that a policy allows to read."""
    reads = sid(of(made, handler=handler), "Objects")["Resource"]
    listed = reads if isinstance(reads, list) else [reads]
    return [str(arn["Fn::Join"][1][-1]).removeprefix(":s3:::firmware/") for arn in listed]


def test_folders_and_extensions_of_the_declared_objects_are_readable_and_nothing_else() -> None:
    """Handler and service may read the folders of the declared objects, with their extensions."""
    prod = stack()
    in_bucket(prod, "blinky/1.0.bin", "data.bin")
    for handler in (True, False):
        assert readable(prod, handler=handler) == ["*.bin", "blinky/*.bin"]


def test_another_folder_is_another_policy() -> None:
    """A changed folder creates a new policy, so devices can download the old firmware until the new update exists."""
    found: list[dict[str, Any]] = []
    for version in ("1.0", "1.1"):
        prod = stack()
        in_bucket(prod, f"{version}/blinky.bin")
        found.append({name: part["Properties"] for name, part in policies(prod).items() if "Reads" in name})
    old, new = found
    assert len(old) == len(new) == 2
    assert not set(old) & set(new)
    assert not {part["PolicyName"] for part in old.values()} & {part["PolicyName"] for part in new.values()}


def test_the_same_folder_is_the_same_policy() -> None:
    """Content changes keep the policy, and so do other objects in the same folder."""
    names = []
    for key, options in (("blinky/1.0.bin", {}), ("blinky/1.1.bin", {"description": "other"})):
        prod = stack()
        in_bucket(prod, key, **options)
        names.append([name for name in policies(prod) if "Reads" in name])
    assert names[0] == names[1]


@pytest.mark.parametrize(
    ("key", "pattern"), [("a.bin", "*.bin"), ("v1/a", "v1/*"), ("a", "*"), ("x/y/a.tar.gz", "x/y/*.gz")]
)
def test_what_a_retained_update_reads_stays_readable(key: str, pattern: str) -> None:
    """The service may read later objects like those of a retained update, and the whole bucket if all names differ."""
    prod = stack()
    in_bucket(prod, key, removal_policy=RemovalPolicy.RETAIN)
    assert readable(prod, handler=False) == [pattern]
    assert readable(prod, handler=True) == ["a" if key == "a" else pattern]


def test_what_is_deleted_without_force_stays_readable() -> None:
    """An update that is deleted without force stays readable, since its job may outlive the deploy."""
    found = []
    for force in (True, False):
        prod = stack()
        in_bucket(prod, "firmware", force_delete_job=force)
        found.append(readable(prod, handler=False))
    assert found == [["firmware"], ["*"]]


def test_too_many_folders_are_a_warning() -> None:
    """A policy that allows a whole bucket because of the number of folders adds a warning."""
    few, many = stack(), stack()
    in_bucket(few, *(f"{index}/a.bin" for index in range(10)))
    in_bucket(many, *(f"{index}/a.bin" for index in range(11)))
    warned = assertions.Match.string_like_regexp(
        "too many for a policy: roles may read all objects of their bucket; use fewer folders, or give .*many-objects"
    )
    assert not assertions.Annotations.from_stack(few).find_warning("*", warned)
    assert assertions.Annotations.from_stack(many).find_warning("*", warned)


def test_the_bucket_of_all_assets_is_never_readable_as_a_whole(tmp_path: Path) -> None:
    """Too many different assets are an error: the asset bucket is never readable as a whole."""
    prod = stack()
    paths = [tmp_path / f"firmware.v{index}" for index in range(11)]
    for path in paths:
        path.write_text(path.name)
    files = [ota_file(FileLocation.from_asset(path), name=path.name) for path in paths]
    with pytest.raises(ValueError, match=r"files of a stack must have at most 10 endings, got 11 of assets: name them"):
        ota_update(prod, "Blinky", tmp_path, files=files)


def test_many_folders_are_readable_one_by_one_or_all() -> None:
    """Objects of a folder are one pattern, and too many folders for a policy become the whole bucket."""
    objects, few, many = stack(), stack(), stack()
    in_bucket(objects, *(f"a/{index}.bin" for index in range(11)))
    in_bucket(few, *(f"{index}/a.bin" for index in range(10)))
    in_bucket(many, *(f"{index}/a.bin" for index in range(11)))
    assert readable(objects, handler=True) == ["a/*.bin"]
    assert readable(few, handler=True) == [f"{index}/*.bin" for index in range(10)]
    assert readable(many, handler=True) == ["*"]


def with_role(made: Stack, role: iam.IRole) -> OtaUpdate:
    """Declare an update with this role."""
    bucket = s3.Bucket.from_bucket_name(made, "Bucket", "firmware")
    return ota_update(made, "Blinky", Path(), role=role, files=[ota_file(FileLocation.from_bucket(bucket, "a"))])


def with_bucket(made: Stack, key: str = "a.bin", version: str | None = None, **attributes: Any) -> OtaUpdate:
    """Declare an update with an object of an imported bucket."""
    bucket = s3.Bucket.from_bucket_attributes(made, "Bucket", **{"bucket_name": "firmware", **attributes})
    return ota_update(made, "Blinky", Path(), files=[ota_file(FileLocation.from_bucket(bucket, key, version=version))])


def key_of(made: Stack, resource: str, name: str) -> kms.IKey:
    """Import a KMS key by an ARN with this resource."""
    return kms.Key.from_key_arn(made, "Key", made.format_arn(service="kms", resource=resource, resource_name=name))


def role_of(made: Stack, name: str) -> iam.IRole:
    """Import a role of the stack's account by its ARN."""
    return iam.Role.from_role_arn(made, "Role", f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/{name}")


PATTERNS: dict[str, Callable[[Stack], Any]] = {
    "role by name": lambda made: with_role(made, iam.Role.from_role_name(made, "Role", "ota-*")),
    "role by ARN": lambda made: with_role(made, role_of(made, "?")),
    "bucket by ARN": lambda made: with_bucket(made, bucket_arn="arn:aws:s3:::*"),
    "key of a bucket": lambda made: with_bucket(made, encryption_key=key_of(made, "key", "*")),
    "object": lambda made: with_bucket(made, f"{Aws.REGION}/*"),
    "object by Sub": lambda made: with_bucket(made, Fn.sub("${AWS::Region}/*.bin")),
    "variable": lambda made: with_bucket(made, f"{Aws.REGION}/${{aws:username}}"),
    "id": lambda made: ota_update(made, "Blinky", Path(__file__), ota_update_id=f"{Aws.REGION}*"),
    "provider's key": lambda made: OtaUpdateProvider(made, "Provider", encryption_key=key_of(made, "key", "*")),
}


@pytest.mark.parametrize("declare", PATTERNS.values(), ids=PATTERNS)
def test_a_name_is_not_a_pattern(declare: Callable[[Stack], Any]) -> None:
    """A name or ARN that contains a wildcard or variable is rejected, even if only a part of it is known."""
    with pytest.raises(ValueError, match=r"Prod/\w+: .* must be one resource, got .* with .*: policies are made of it"):
        declare(stack())


ALIASES: dict[str, Callable[[Stack], Any]] = {
    "bucket's": lambda made: with_bucket(made, encryption_key=key_of(made, "alias", "a")),
    "provider's": lambda made: OtaUpdateProvider(made, "Provider", encryption_key=key_of(made, "alias", "a")),
}


@pytest.mark.parametrize("declare", ALIASES.values(), ids=ALIASES)
def test_an_alias_is_not_a_key(declare: Callable[[Stack], Any]) -> None:
    """The alias of a KMS key is rejected in place of the key."""
    with pytest.raises(ValueError, match=r"Prod/\w+: .* must be a key, got the alias .*: give the key that it stands"):
        declare(stack())


@pytest.mark.parametrize(
    ("region", "account", "message"),
    [
        ("us-east-1", "111122223333", "role must be in the update's Region eu-west-1, got one for us-east-1: declare"),
        ("eu-west-1", "999999999999", "role must be in the update's account 111122223333, got one in 999999999999"),
    ],
)
def test_a_role_of_another_environment_is_rejected(tmp_path: Path, region: str, account: str, message: str) -> None:
    """An OtaServiceRole of another account or Region is rejected."""
    app = App(analytics_reporting=False)
    here = Stack(app, "Here", env=Environment(account="111122223333", region="eu-west-1"))
    there = Stack(app, "There", env=Environment(account=account, region=region))
    with pytest.raises(ValueError, match=message):
        ota_update(here, "Blinky", firmware(tmp_path), role=OtaServiceRole(there, "Role", role_name="ota"))


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
    """The handler may delete jobs and streams only if the delete options ask for it."""
    prod = stack()
    ota_update(prod, "Blinky", firmware(tmp_path), **options)
    found = {statement["Sid"] for statement in of(prod, handler=True)}
    assert found & {"AnyJobs", "Jobs", "Streams"} == expected


def test_other_delete_options_are_another_policy(tmp_path: Path) -> None:
    """Changed delete options create a new policy, and the old one outlives the updates that were created with it."""
    names = []
    for force in (True, False):
        prod = stack()
        ota_update(prod, "Blinky", firmware(tmp_path), force_delete_job=force)
        names.append({name for name in policies(prod) if "PermissionsHandler" in name and "Reads" not in name})
    assert len(names[0]) == len(names[1]) == 1
    assert names[0] != names[1]


def test_the_service_signs_with_the_declared_profile_only(tmp_path: Path) -> None:
    """The service may sign with the declared profile into the declared prefix, and with nothing else."""
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


def test_many_profiles_are_named_one_by_one(tmp_path: Path) -> None:
    """Signing profiles are allowed by name, however many there are."""
    prod = stack()
    source, signed = (s3.Bucket.from_bucket_name(prod, name, name) for name in ("source", "signed"))
    for index in range(12):
        signing = CodeSigning.signer(
            destination_bucket=signed, profile_name=f"p{index}", destination_prefix=f"{index}/"
        )
        ota_update(
            prod, f"U{index}", tmp_path, files=[ota_file(FileLocation.from_bucket(source, "a"), signing=signing)]
        )
    found = of(prod, handler=False)
    assert len(sid(found, "SigningProfiles")["Resource"]) == 12
    assert len(sid(found, "Signed")["Resource"]) == 12


def test_a_signature_of_the_builds_needs_nothing_of_aws_signer(tmp_path: Path) -> None:
    """An update that AWS Signer does not sign adds no permission for AWS Signer."""
    prod = stack()
    ota_update(prod, "Blinky", firmware(tmp_path))
    assert "signer:" not in json.dumps(policies(prod))


def test_a_role_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    """Neither a role of the app nor an imported role gets a policy."""
    prod = stack()
    own = iam.Role(prod, "Own", assumed_by=cast(iam.IPrincipal, iam.ServicePrincipal("iot.amazonaws.com")))
    imported = iam.Role.from_role_arn(prod, "Imported", "arn:aws:iam::111122223333:role/ota")
    for name, role in (("A", own), ("B", imported)):
        ota_update(prod, name, firmware(tmp_path), role=role)
    assert not [
        part for part in policies(prod).values() if "HandlerRole" not in json.dumps(part["Properties"]["Roles"])
    ]


def test_no_managed_policy_of_aws_and_no_open_resource(tmp_path: Path) -> None:
    """The library's roles have no AWS managed policy and no statement for every resource."""
    prod = stack()
    ota_update(prod, "Blinky", firmware(tmp_path), ota_update_id="mine")
    roles = template(prod).find_resources("AWS::IAM::Role").values()
    assert all("ManagedPolicyArns" not in role["Properties"] for role in roles)
    assert all(statement["Resource"] != "*" for part in policies(prod).values() for statement in stated(part))
