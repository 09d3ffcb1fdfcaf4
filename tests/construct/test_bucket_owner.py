"""Reads of firmware are bound to the account that owns the bucket, where synth knows it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, DefaultStackSynthesizer, Environment, Fn, NestedStack, Stack
from aws_cdk import aws_s3 as s3

from cdk_iot_ota import CodeSigning, FileLocation, OtaFile

from .stacks import firmware, new_app, only_update, ota_file, ota_update, stack, template

HERE, THERE = "111122223333", "444455556666"
REF = {"Ref": "AWS::AccountId"}
READS = {"Objects", "Bucket", "Signed", "SignedBucket"}
Make = Callable[[Stack], s3.IBucket]


def app_with(account: str | None) -> Stack:
    """Return the stack Prod, with a fixed account or without one."""
    env = Environment(account=account, region="eu-central-1") if account else None
    return Stack(new_app(), "Prod", env=env)


def sibling(made: Stack, account: str | None) -> Stack:
    """Return another stack of the same app."""
    env = Environment(account=account, region="eu-central-1") if account else None
    return Stack(App.of(made) or made, "Other", env=env)


def named(made: Stack, **attributes: Any) -> s3.IBucket:
    """Import a bucket by its name and further attributes."""
    given = {"bucket_name": "firmware", **attributes}
    return s3.Bucket.from_bucket_attributes(made, f"Bucket{len(made.node.children)}", **given)


def in_bucket(bucket: s3.IBucket, key: str = "a.bin") -> OtaFile:
    """Return a signed file in a bucket."""
    return ota_file(FileLocation.from_bucket(bucket, key), name=f"/{key}")


def owners_in_policies(made: Stack) -> dict[str, Any]:
    """Return the accounts that the reads of all roles are bound to, by statement; each role must have the same."""
    found: dict[str, Any] = {}
    for policy in template(made).find_resources("AWS::IAM::Policy").values():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            if (sid := statement.get("Sid")) in READS:
                condition = statement.get("Condition")
                account = None if condition is None else condition["StringEquals"]["aws:ResourceAccount"]
                assert found.setdefault(sid, account) == account
                assert condition in (None, {"StringEquals": {"aws:ResourceAccount": account}})
    return found


KNOWN: dict[str, tuple[str | None, Make, Any]] = {
    "declared in the stack": (None, lambda made: s3.Bucket(made, "Firmware"), REF),
    "declared in the stack of a known account": (HERE, lambda made: s3.Bucket(made, "Firmware"), HERE),
    "declared in another stack": (None, lambda made: s3.Bucket(sibling(made, None), "Firmware"), REF),
    "declared in a nested stack": (None, lambda made: s3.Bucket(NestedStack(made, "Nested"), "Firmware"), REF),
    "declared in another account": (
        HERE,
        lambda made: s3.Bucket(sibling(made, THERE), "Firmware", bucket_name="firmware"),
        THERE,
    ),
    "declared as a CfnBucket": (None, lambda made: s3.Bucket.from_cfn_bucket(s3.CfnBucket(made, "Firmware")), REF),
    "imported with another account": (HERE, lambda made: named(made, account=THERE), THERE),
    "imported with an account": (None, lambda made: named(made, account=THERE), THERE),
    "imported with a token": (
        HERE,
        lambda made: named(made, account=Fn.import_value("there")),
        {"Fn::ImportValue": "there"},
    ),
}
UNKNOWN: dict[str, tuple[str | None, Make]] = {
    "imported by name": (None, named),
    "imported by name into a known account": (HERE, named),
    "imported with an empty account": (None, lambda made: named(made, account="")),
    "imported by ARN": (HERE, lambda made: s3.Bucket.from_bucket_arn(made, "Firmware", "arn:aws:s3:::firmware")),
    "imported with the account that CDK assumes anyway": (HERE, lambda made: named(made, account=HERE)),
    "declared in a stack without an account": (
        HERE,
        lambda made: s3.Bucket(sibling(made, None), "Firmware", bucket_name="firmware"),
    ),
}


@pytest.mark.parametrize(("account", "make", "owner"), KNOWN.values(), ids=KNOWN)
def test_a_known_owner_binds_all_reads(account: str | None, make: Make, owner: Any) -> None:
    """The policies of both roles and the resource have the account of the bucket."""
    made = app_with(account)
    ota_update(made, "Blinky", Path(), files=[in_bucket(make(made))])
    assert owners_in_policies(made) == {"Objects": owner, "Bucket": owner}
    assert only_update(made)["Properties"]["BucketOwners"] == [owner]


@pytest.mark.parametrize(("account", "make"), UNKNOWN.values(), ids=UNKNOWN)
def test_an_unknown_owner_binds_nothing(account: str | None, make: Make) -> None:
    """A bucket that may be another account's works as before."""
    made = app_with(account)
    ota_update(made, "Blinky", Path(), files=[in_bucket(make(made))])
    assert owners_in_policies(made) == {"Objects": None, "Bucket": None}
    assert "BucketOwners" not in only_update(made)["Properties"]


@pytest.mark.parametrize(("account", "owner"), [(None, REF), (HERE, HERE)])
def test_assets_are_in_the_accounts_own_bucket(tmp_path: Path, account: str | None, owner: Any) -> None:
    """The bucket of cdk bootstrap belongs to the account of the stack, whose account is in its name."""
    made = app_with(account)
    ota_update(made, "Blinky", firmware(tmp_path))
    assert owners_in_policies(made) == {"Objects": owner, "Bucket": owner}
    assert only_update(made)["Properties"]["BucketOwners"] == [owner]


def test_a_bucket_of_assets_with_another_name_binds_nothing(tmp_path: Path) -> None:
    """A synthesizer may upload assets to a bucket of another account."""
    synthesizer = DefaultStackSynthesizer(file_assets_bucket_name="central-assets")
    made = stack(synthesizer=synthesizer)
    ota_update(made, "Blinky", firmware(tmp_path))
    assert owners_in_policies(made) == {"Objects": None, "Bucket": None}
    assert "BucketOwners" not in only_update(made)["Properties"]


def test_the_owners_are_in_the_order_of_the_files(tmp_path: Path) -> None:
    """Each file has an entry, which is empty where the owner is unknown or the file is not in a bucket."""
    made = stack()
    files = [
        ota_file(FileLocation.from_stream("s", 0), name="/stream"),
        in_bucket(named(made), "named.bin"),
        ota_file(FileLocation.from_asset(firmware(tmp_path)), name="/asset"),
        OtaFile(name="/job", signing=CodeSigning.signer_job("job")),
        in_bucket(named(made, bucket_name="theirs", account=THERE), "theirs.bin"),
    ]
    ota_update(made, "Blinky", tmp_path, files=files)
    assert only_update(made)["Properties"]["BucketOwners"] == ["", "", REF, "", THERE]


def test_the_owner_is_not_part_of_the_content() -> None:
    """The request, whose digest is in the generated id, is the same whether the owner is known or not."""
    requests = []
    for attributes in ({}, {"account": THERE}):
        made = stack()
        ota_update(made, "Blinky", Path(), files=[in_bucket(named(made, **attributes))])
        requests.append(only_update(made)["Properties"]["Request"])
    assert requests[0] == requests[1]


@pytest.mark.parametrize(
    ("accounts", "owner"), [((None, THERE), THERE), ((THERE, None), THERE), ((THERE, None, HERE), [HERE, THERE])]
)
def test_declarations_of_one_bucket_share_what_is_known(accounts: tuple[str | None, ...], owner: Any) -> None:
    """A bucket has one policy for each role, bound to every account that one of its declarations gives."""
    made = stack()
    for index, account in enumerate(accounts):
        ota_update(made, f"U{index}", Path(), files=[in_bucket(named(made, account=account), f"{index}.bin")])
    assert owners_in_policies(made) == {"Objects": owner, "Bucket": owner}


@pytest.mark.parametrize(("attributes", "owner"), [({}, None), ({"account": THERE}, THERE)])
def test_the_bucket_of_aws_signer_is_bound_too(attributes: dict[str, str], owner: str | None) -> None:
    """The bucket that AWS Signer writes to is bound to its owner like the one of the firmware."""
    made = stack()
    destination = named(made, bucket_name="signed", **attributes)
    signing = CodeSigning.signer(destination_bucket=destination, profile_name="blinky")
    ota_update(made, "Blinky", Path(), files=[ota_file(FileLocation.from_bucket(named(made), "a"), signing=signing)])
    assert owners_in_policies(made) == {"Objects": None, "Bucket": None, "Signed": owner, "SignedBucket": owner}


@pytest.mark.parametrize("account", ["1234", "${aws:PrincipalAccount}", "*"])
def test_an_account_that_is_not_one_is_refused(account: str) -> None:
    """The account of an imported bucket, which policies contain, is checked."""
    made = stack()
    with pytest.raises(ValueError, match=r"^Prod/Blinky: account of bucket must be an account of 12 digits, got '"):
        ota_update(made, "Blinky", Path(), files=[in_bucket(named(made, account=account))])
