"""Who may do what: the statements that an update brings along."""

import json
from pathlib import Path
from typing import Any, cast

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from cdk_iot_ota import FileLocation
from cdk_iot_ota_handler.ota_update import identity

from .stacks import firmware, ota_file, ota_update, stack, statements, template


def of(made: Stack, *, handler: bool) -> list[dict[str, Any]]:
    """The statements of the handler's role, or those of the service's."""
    policies = template(made).find_resources("AWS::IAM::Policy").values()
    role = "HandlerRole" if handler else "OtaServiceRole"
    return [
        statement
        for policy in policies
        if role in json.dumps(policy["Properties"]["Roles"])
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]


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


def test_what_a_running_update_reads_stays_readable(tmp_path: Path) -> None:
    """Devices load the old firmware until the new update is there: the permission covers both, and nothing else."""
    found = []
    for version in ("1.0", "1.1"):
        prod = stack()
        bucket = s3.Bucket.from_bucket_name(prod, "Bucket", "firmware")
        files = [ota_file(FileLocation.from_bucket(bucket, f"blinky/{version}.bin"))]
        ota_update(prod, "Blinky", tmp_path, files=files)
        reads = [statement for statement in of(prod, handler=False) if "s3:GetObject" in statement["Action"]]
        found.append([json.dumps(statement["Resource"]) for statement in reads])
    assert found[0] == found[1]
    assert "firmware/blinky/*.bin" in found[0][0]


@pytest.mark.parametrize(
    ("key", "pattern"), [("a.bin", "/*.bin"), ("v1/a", "/v1/*"), ("a", "/*"), ("x/y/a.tar.gz", "/x/y/*.gz")]
)
def test_objects_beside_the_declared_one_are_readable(tmp_path: Path, key: str, pattern: str) -> None:
    """The same folder and the same ending: no more than the next firmware needs."""
    prod = stack()
    bucket = s3.Bucket.from_bucket_name(prod, "Bucket", "firmware")
    ota_update(prod, "Blinky", tmp_path, files=[ota_file(FileLocation.from_bucket(bucket, key))])
    (reads,) = [statement for statement in of(prod, handler=True) if statement["Action"] == "s3:GetObject"]
    assert reads["Resource"]["Fn::Join"][1][-1] == f":s3:::firmware{pattern}"


@pytest.mark.parametrize("flags", [{}, {"@aws-cdk/aws-iam:minimizePolicies": True}])
def test_policies_do_not_grow_with_the_number_of_updates(tmp_path: Path, flags: dict[str, bool]) -> None:
    """A further update with firmware of its own makes no policy longer, so that any number fits into IAM's limits."""
    one, twenty = (Stack(App(analytics_reporting=False, context=flags), "Prod") for _ in range(2))
    for made, count in ((one, 1), (twenty, 20)):
        for index in range(count):
            ota_update(made, f"U{index}", firmware(tmp_path, f"f{index}"))
    for handler in (True, False):
        assert of(one, handler=handler) == of(twenty, handler=handler)
        assert len(json.dumps(of(one, handler=handler))) < 6000


def test_no_managed_policy_and_no_open_resource(tmp_path: Path) -> None:
    """Roles of ours have no AWS managed policy, and no statement is for every resource."""
    prod = stack()
    ota_update(prod, "Blinky", firmware(tmp_path), ota_update_id="mine")
    roles = template(prod).find_resources("AWS::IAM::Role").values()
    assert all("ManagedPolicyArns" not in role["Properties"] for role in roles)
    assert all(statement["Resource"] != "*" for statement in statements(prod))
