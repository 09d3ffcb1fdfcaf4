"""The policies that an update depends on, and how they are divided."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from cdk_iot_ota import CodeSigning, FileLocation, OtaFile, OtaServiceRole, OtaUpdateProvider, RolloutGate
from cdk_iot_ota._iam.role_policy import RolePolicy
from cdk_iot_ota._iam.statements import Statement
from cdk_iot_ota._synth import once
from cdk_iot_ota.permissions.objects import DeclaredObjects
from cdk_iot_ota.permissions.ota_permissions import OtaPermissions
from cdk_iot_ota.permissions.policies import Policies
from cdk_iot_ota.request.file_location import InBucket

from .stacks import firmware, only_update, ota_file, ota_update, stack, template
from .test_border import counted


def stream_update(made: Stack, id: str = "Blinky", **options: Any) -> None:
    """Declare an update with a file in a stream."""
    ota_update(made, id, Path(), files=[ota_file(FileLocation.from_stream("s", 0))], **options)


def test_an_update_depends_on_all_its_policies(tmp_path: Path) -> None:
    """An update is created after each policy that it needs, and deleted before it."""
    prod = stack()
    ota_update(prod, "Blinky", firmware(tmp_path), ota_update_id="mine", gate=RolloutGate())
    found = template(prod).to_json()["Resources"]
    policies = {
        name
        for name, part in found.items()
        if part["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy") and name.startswith("OtaPermissions")
    }
    assert len(policies) == 8
    assert policies <= set(only_update(prod)["DependsOn"])


def test_explicit_ids_fill_one_policy_after_the_other() -> None:
    """A managed policy takes fifty explicit ids, in the order of their declaration."""
    prod = stack()
    provider = OtaUpdateProvider(prod, "Provider")
    ids = OtaPermissions(prod, "Permissions", provider=provider)._handler._explicit_ids
    for number in range(101):
        ids.needed_for(f"id-{number}")
    found = template(prod).find_resources("AWS::IAM::ManagedPolicy")
    resources = {name: part["Properties"]["PolicyDocument"]["Statement"][0]["Resource"] for name, part in found.items()}
    lengths = {
        name.split("HandlerExplicitIds")[1][0]: len(arns) if isinstance(arns, list) else 1
        for name, arns in resources.items()
    }
    assert lengths == {"0": 50, "1": 50, "2": 1}


def test_an_explicit_id_may_be_used_once() -> None:
    """The second update of a stack with the same explicit id is refused."""
    prod = stack()
    stream_update(prod, ota_update_id="mine")
    with pytest.raises(ValueError, match=r"Prod/B: ota_update_id must be different for each update, got 'mine' twice"):
        stream_update(prod, "B", ota_update_id="mine")


def test_the_permissions_of_the_default_provider_have_a_fixed_name() -> None:
    """The name of the permissions is the same for the default provider of the stack, and has digits for any other."""
    prod, other = stack(), stack("Other")
    stream_update(prod)
    stream_update(prod, "B", provider=OtaUpdateProvider(prod, "Own"))
    stream_update(other, provider=OtaUpdateProvider.get_or_create(other))
    names = sorted(child.node.id for child in prod.node.children if isinstance(child, OtaPermissions))
    assert [len(name) for name in names] == [len("OtaPermissions"), len("OtaPermissions") + 8]
    assert names[0] == "OtaPermissions"
    assert [child.node.id for child in other.node.children if isinstance(child, OtaPermissions)] == ["OtaPermissions"]


def test_statements_of_a_constant_policy_are_asked_for_once() -> None:
    """A later call for a constant policy returns it as it is; a policy of another kind is replaced when it changes."""
    prod = stack()
    policies, role = Policies(prod), OtaServiceRole(prod, "Role")
    first = policies.constant("A", role, dict)
    assert policies.constant("A", role, lambda: pytest.fail("asked for the statements again")) is first
    assert policies.replaced("B", role) is policies.replaced("B", role)
    assert policies.prefix == "Prod_"


def test_a_constant_policy_whose_statements_are_refused_does_not_exist() -> None:
    """An error of the statements is raised each time, so that an app that goes on does not get an empty policy."""
    prod = stack()
    policies, role = Policies(prod), OtaServiceRole(prod, "Role")

    def refused() -> dict[str, Statement]:
        raise ValueError("refused")

    for _ in range(2):
        with pytest.raises(ValueError, match="refused"):
            policies.constant("A", role, refused)


def test_the_digest_of_a_value_is_that_of_its_template() -> None:
    """A digest has eight digits, and is the same for tokens that render the same."""
    prod = stack()
    assert len(once.digest(prod, "a")) == 8
    assert once.digest(prod, f"{prod.account}") == once.digest(prod, Aws.ACCOUNT_ID)
    assert once.digest(prod, prod.account) != once.digest(prod, prod.region)


def test_ten_folders_are_named_one_by_one() -> None:
    """Up to ten patterns are named, in order; more of them become the bucket, unless others share it."""
    prod = stack()
    bucket = s3.Bucket.from_bucket_name(prod, "Bucket", "firmware")
    for is_asset in (False, True):
        declared = DeclaredObjects(bucket, ["s3:GetObject"])
        for number in range(9, -1, -1):
            for name in ("a", "b"):
                declared.add(InBucket(bucket=bucket, key=f"{number}/{name}.bin", is_asset=is_asset), lambda: False)
        assert not declared.are_many
        assert declared.statement().resources == [bucket.arn_for_objects(f"{number}/*.bin") for number in range(10)]
        declared.add(InBucket(bucket=bucket, key="x/a.bin"), lambda: False)
        assert declared.are_many
        if not is_asset:
            assert declared.statement().resources == [bucket.arn_for_objects("*")]
            continue
        with pytest.raises(ValueError, match="files of a stack must have at most 10 endings, got 11 of assets"):
            declared.statement()


def test_only_another_folder_or_another_import_of_the_bucket_changes_a_policy() -> None:
    """A policy is rendered again for these alone: an import may know the owner of the bucket, or its key."""
    prod = stack()
    imports = [s3.Bucket.from_bucket_name(prod, name, "firmware") for name in ("One", "Two")]
    declared = DeclaredObjects(imports[0], ["s3:GetObject"])
    changes = [
        declared.add(InBucket(bucket=bucket, key=key), lambda: False)
        for bucket in imports
        for key in ("a/1.bin", "a/2.bin", "b/1.bin")
    ]
    assert changes == [True, False, True, True, False, False]


def test_a_policy_is_rendered_again_only_for_other_statements() -> None:
    """An update that needs what an earlier one has needed asks CDK nothing for it."""
    prod = stack()
    stream_update(prod)
    policy = next(one for one in prod.node.find_all() if isinstance(one, RolePolicy))
    (sid, *_) = policy.statements
    with counted() as calls:
        policy.put_all(policy.statements)
        policy.put(sid, policy.statements[sid])
    assert not calls


def test_a_warning_of_many_objects_appears_once() -> None:
    """Buckets with too many folders are warned of once, however many policies and updates they have."""
    prod = stack()
    for name in ("a", "b"):
        bucket = s3.Bucket.from_bucket_name(prod, name, f"firmware-{name}")
        files = [ota_file(FileLocation.from_bucket(bucket, f"{index}/a"), name=f"/{index}") for index in range(11)]
        ota_update(prod, name.upper(), Path(), files=files)
    template(prod)
    permissions = prod.node.find_child("OtaPermissions")
    (entry,) = [one for one in permissions.node.metadata if "warning" in one.type]
    assert "[ack: cdk-iot-ota:many-objects]" in str(entry.data)


def test_any_provider_of_another_stack_has_its_own_permissions() -> None:
    """A provider of another stack gets policies of this stack under a name with digits, even a default one."""
    app = App(analytics_reporting=False)
    prod, other = Stack(app, "Prod"), Stack(app, "Other")
    stream_update(prod, provider=OtaUpdateProvider.get_or_create(other))
    (name,) = [child.node.id for child in prod.node.children if isinstance(child, OtaPermissions)]
    assert name.startswith("OtaPermissions")
    assert len(name) == len("OtaPermissions") + 8


def test_a_role_of_the_app_gets_no_policy() -> None:
    """A role that is not an ``OtaServiceRole`` is only passed on."""
    prod = stack()
    stream_update(prod, role=iam.Role.from_role_arn(prod, "Role", "arn:aws:iam::111122223333:role/ota"))
    names = {part["Properties"]["PolicyName"] for part in template(prod).find_resources("AWS::IAM::Policy").values()}
    assert not [name for name in names if "Service" in name.removeprefix("Prod_OtaPermissions")]


def test_the_names_of_policies_are_stable() -> None:
    """A policy's name has the stack's prefix, its purpose, and eight digits for each role, bucket and content.

    Another name would be another policy, which an update in the account has never heard of.
    """
    prod = stack()
    bucket, signed = (s3.Bucket.from_bucket_name(prod, name, name) for name in ("firmware", "signed"))
    signing = CodeSigning.signer(destination_bucket=signed, profile_name="blinky")
    files = [
        ota_file(FileLocation.from_bucket(bucket, "a"), name="/a", signing=signing),
        OtaFile(name="/b", signing=CodeSigning.signer_job("job-1")),
    ]
    ota_update(prod, "Blinky", Path(), files=files, ota_update_id="mine")
    found = template(prod).find_resources("AWS::IAM::Policy").values()
    names = sorted(
        part["Properties"]["PolicyName"] for part in found if part["Properties"]["PolicyName"].startswith("Prod_")
    )
    digits = "[0-9a-f]{8}"
    expected = [
        "HandlerAnyJobsStreams",
        "HandlerOwnUpdates",
        f"HandlerReads{digits}-{digits}",
        f"PassRole{digits}",
        f"Service{digits}",
        f"ServiceExplicitIds{digits}",
        f"ServiceReads{digits}{digits}-{digits}",
        f"ServiceSigns{digits}{digits}-{digits}",
        f"ServiceSigns{digits}Jobs",
    ]
    unmatched = [name for name in names if not any(re.fullmatch(f"Prod_OtaPermissions{one}", name) for one in expected)]
    assert unmatched == []
    assert len(names) == len(expected)


def in_bucket(made: Stack, *, key: str = "a", signing: CodeSigning | None = None, **attributes: Any) -> None:
    """Declare an update with an object of a bucket."""
    bucket = s3.Bucket.from_bucket_attributes(made, "Bucket", **{"bucket_name": "firmware", **attributes})
    file = ota_file(FileLocation.from_bucket(bucket, key), **({} if signing is None else {"signing": signing}))
    ota_update(made, "Blinky", Path(), files=[file])


def into(made: Stack, **options: Any) -> CodeSigning:
    """Return a signature by AWS Signer into a bucket with these attributes."""
    attributes = {"bucket_name": "signed", **options.pop("bucket", {})}
    signed = s3.Bucket.from_bucket_attributes(made, "Signed", **attributes)
    return CodeSigning.signer(destination_bucket=signed, **{"profile_name": "blinky", **options})


def key_of(made: Stack, resource: str) -> kms.IKey:
    """Import a key by an ARN with this resource."""
    return kms.Key.from_key_arn(made, "Key", f"arn:aws:kms:eu-west-1:111122223333:{resource}")


def stream_role(made: Stack, name: str) -> None:
    """Declare an update with a role of this name."""
    stream_update(made, role=iam.Role.from_role_arn(made, "Role", f"arn:{Aws.PARTITION}:iam::111122223333:role/{name}"))


STAR = f"{Aws.REGION}*"
PATTERNS: dict[str, Callable[[Stack], object]] = {
    "ota_update_id": lambda made: stream_update(made, ota_update_id=STAR),
    "ARN of role": lambda made: stream_role(made, STAR),
    "key": lambda made: in_bucket(made, key=STAR),
    "the ARN of bucket": lambda made: in_bucket(made, bucket_arn=f"arn:{Aws.PARTITION}:s3:::*"),
    "the key of bucket": lambda made: in_bucket(made, encryption_key=key_of(made, "key/*")),
    "profile_name": lambda made: in_bucket(made, signing=into(made, profile_name=STAR)),
    "destination_prefix": lambda made: in_bucket(made, signing=into(made, destination_prefix=STAR)),
    "the ARN of destination_bucket": lambda made: in_bucket(
        made, signing=into(made, bucket={"bucket_arn": f"arn:{Aws.PARTITION}:s3:::*"})
    ),
    "the key of destination_bucket": lambda made: in_bucket(
        made, signing=into(made, bucket={"encryption_key": key_of(made, "key/*")})
    ),
}


@pytest.mark.parametrize(("name", "declare"), PATTERNS.items(), ids=PATTERNS)
def test_a_pattern_is_refused_with_the_name_of_what_it_is(name: str, declare: Callable[[Stack], object]) -> None:
    """The error for a wildcard in a policy has the name of the argument or resource."""
    with pytest.raises(ValueError, match=rf"^Prod/Blinky: {name} must be one resource, got "):
        declare(stack())
