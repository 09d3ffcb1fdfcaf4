"""Permissions that stay the same from firmware to firmware, whether keys are known at synth or not."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import jsii
import pytest
from aws_cdk import (
    Annotations,
    App,
    Aws,
    CfnParameter,
    Fn,
    IResolveContext,
    IStringProducer,
    Lazy,
    LegacyStackSynthesizer,
    RemovalPolicy,
    Stack,
    Token,
    assertions,
)
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from cdk_iot_ota import (
    CodeSigning,
    FileLocation,
    OtaFile,
    OtaServiceRole,
    OtaTarget,
    OtaUpdate,
    Phase,
    PhasedRollout,
    SigningPlatform,
    SigningProfile,
)
from cdk_iot_ota._synth import tokens

from .stacks import only_update, ota_file, ota_update, stack, template

WARNING = "[ack: cdk-iot-ota:wide-permission]"


def parameter(made: Stack, value: str) -> str:
    """Return a template parameter with this default."""
    return CfnParameter(made, "Version", default=value).value_as_string


def asset(folder: Path, version: str, name: str) -> FileLocation:
    """Write a firmware file of this version, and return it as an asset."""
    path = folder / version / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(version)
    return FileLocation.from_asset(path)


def named(made: Stack, name: str = "firmware", **attributes: Any) -> s3.IBucket:
    """Import a bucket of this name once."""
    found = made.node.try_find_child(name)
    return cast(Any, found) or s3.Bucket.from_bucket_attributes(made, name, bucket_name=name, **attributes)


def declare(made: Stack, location: FileLocation | None, **options: Any) -> OtaUpdate:
    """Declare an update with a file at this location."""
    signing = options.pop("signing", None)
    file = OtaFile(name="/a", location=location, signing=signing or CodeSigning.unsigned())
    return ota_update(made, options.pop("id", "Blinky"), Path(), files=[file], **options)


def in_bucket(made: Stack, key: str, **options: Any) -> OtaUpdate:
    """Declare an update with an object of the bucket `firmware`."""
    return declare(made, FileLocation.from_bucket(named(made), key), **options)


def signed_into(made: Stack, prefix: str, profile: str = "blinky") -> CodeSigning:
    """Return a signature by AWS Signer into the bucket `signed`."""
    return CodeSigning.signer(destination_bucket=named(made, "signed"), destination_prefix=prefix, profile_name=profile)


def iam_resources(made: Stack) -> dict[str, Any]:
    """Return what `cdk diff` shows as IAM changes, and what the update waits for."""
    resources = template(made).to_json()["Resources"]
    found = {name: part for name, part in resources.items() if part["Type"].startswith("AWS::IAM::")}
    return {**found, "update": sorted(only_update(made)["DependsOn"])}


def allowed(made: Stack, role: str = "OtaServiceRole", sid: str = "Objects") -> list[str]:
    """Return the patterns of objects in the statements with this Sid of a role."""
    found = []
    for policy in template(made).find_resources("AWS::IAM::Policy").values():
        properties = policy["Properties"]
        for statement in properties["PolicyDocument"]["Statement"]:
            if statement.get("Sid") == sid and role in json.dumps(properties["Roles"]):
                resources = statement["Resource"]
                found += resources if isinstance(resources, list) else [resources]
    return [re.sub("^:s3:::[a-z]+/|^/", "", one["Fn::Join"][1][-1]) for one in found]


def warnings(made: Stack) -> list[str]:
    """Return the warnings of a stack about permissions."""
    found = assertions.Annotations.from_stack(made).find_warning(
        "*", assertions.Match.string_like_regexp(".*wide-permission")
    )
    return [str(one.entry.data) for one in found]


QUIET: dict[str, Callable[[Stack, Path, str], object]] = {
    "asset": lambda made, folder, version: declare(made, asset(folder, version, "blinky.bin")),
    "asset without extension": lambda made, folder, version: declare(made, asset(folder, version, "blinky")),
    "object in a folder": lambda made, _, version: in_bucket(made, f"firmware/{version}.bin"),
    "object with a version number in its name": lambda made, _, version: in_bucket(made, f"v/blinky-1.{version}"),
    "object named after its digest": lambda made, _, version: in_bucket(made, version * 64),
    "version of an object": lambda made, _, version: declare(
        made, FileLocation.from_bucket(named(made), "a", version=version)
    ),
    "parameter": lambda made, _, version: in_bucket(made, f"firmware/{parameter(made, version)}.bin"),
    "nothing but a parameter": lambda made, _, version: in_bucket(made, parameter(made, version)),
    "import": lambda made, _, version: in_bucket(made, f"firmware/{Fn.import_value(version)}.bin"),
    "lazy": lambda made, _, version: in_bucket(made, f"firmware/{Lazy.uncached_string(producer([version]))}.bin"),
    "retained with a parameter": lambda made, _, version: in_bucket(
        made, f"firmware/{parameter(made, version)}.bin", removal_policy=RemovalPolicy.RETAIN
    ),
    "signed": lambda made, _, version: in_bucket(made, f"a/{version}.bin", signing=signed_into(made, "signed/")),
    "signed below a parameter": lambda made, _, version: in_bucket(
        made, "a/1.bin", signing=signed_into(made, f"signed/{parameter(made, version)}/")
    ),
    "finished signing job": lambda made, _, version: declare(made, None, signing=CodeSigning.signer_job(version)),
}


def producer(values: list[str]) -> Any:
    """Return a producer of the last of some values, which fails as long as there is none."""

    @jsii.implements(IStringProducer)
    class Last:
        def produce(self, context: IResolveContext) -> str:
            return values[-1]

    return Last()


@pytest.mark.parametrize("declare", QUIET.values(), ids=QUIET)
def test_other_firmware_changes_no_permission(declare: Callable[[Stack, Path, str], object], tmp_path: Path) -> None:
    """A deploy of other firmware changes no IAM resource, so its running update keeps what it needs."""
    found = []
    for version in ("1", "2"):
        made = stack()
        declare(made, tmp_path, version)
        found.append(iam_resources(made))
    assert found[0] == found[1]
    assert '"Version"}' not in json.dumps(found), "the policies do not contain the parameter"


def test_a_changed_folder_replaces_the_two_policies_for_objects() -> None:
    """Of the IAM resources, another folder changes the policies for objects, which get other names."""
    found = []
    for version in ("1", "2"):
        made = stack()
        in_bucket(made, f"{version}/blinky.bin")
        found.append({name: part for name, part in iam_resources(made).items() if name != "update"})
    one, other = found
    assert {name for name, part in one.items() if other.get(name) != part} == set(one) - set(other)
    assert [len(set(one) - set(other)), len(set(other) - set(one))] == [2, 2]
    assert all("Reads" in name for name in set(one) ^ set(other))


PATTERNS = {
    "firmware/1.0.bin": "firmware/*.bin",
    "firmware/.bin": "firmware/*.bin",
    "firmware/": "firmware/*",
    "blinky.bin": "*.bin",
    "blinky": "blinky",
    "blinky-1.4.2": "blinky-1.4.2",
    "1/blinky-1.4.2": "1/*",
    "1.bin/blinky": "1.bin/*",
    "a" * 64: "?" * 64,
    f"blinky-{'a' * 64}": f"blinky-{'?' * 64}",
    f"{'a' * 64}.{'a' * 64}": f"{'?' * 64}.{'?' * 64}",
    f"{'a' * 64}.1": f"{'?' * 64}*",
    "firmware/{}.bin": "firmware/*.bin",
    "firmware/blinky-{}.bin": "firmware/*.bin",
    "{}.bin": "*.bin",
    "firmware/{}": "firmware/*",
    "firmware/{}.{}": "firmware/*",
    "firmware/{}/blinky.bin": "firmware/*.bin",
    "{}/blinky.bin": "*.bin",
    "{}/blinky-{}.bin": "*.bin",
    "blinky-{}": "*",
    "{}": "*",
}
WIDE = {
    "firmware/{}",
    "firmware/{}.{}",
    "firmware/{}/blinky.bin",
    "{}/blinky.bin",
    "{}/blinky-{}.bin",
    "blinky-{}",
    "{}",
}


@pytest.mark.parametrize(("key", "pattern"), PATTERNS.items(), ids=[one[:30] for one in PATTERNS])
def test_a_key_gives_a_pattern(key: str, pattern: str) -> None:
    """Both roles may read the folder and extension, as far as they are known; a token that hides them is a warning."""
    made = stack()
    in_bucket(made, key.replace("{}", Aws.REGION))
    assert allowed(made) == allowed(made, "HandlerRole") == [pattern]
    shown = (
        f"files[0]: synth does not know its key, so roles may read {pattern} of its bucket: give its folder and "
        f'extension as literal text, such as f"firmware/{{version}}.bin" {WARNING}'
    )
    assert warnings(made) == ([shown] if key in WIDE else [])


@pytest.mark.parametrize("retained", [{"removal_policy": RemovalPolicy.RETAIN}, {"force_delete_job": False}])
@pytest.mark.parametrize(
    "key", ["firmware/1.bin", "a" * 64, f"firmware/{Aws.REGION}.bin"], ids=["known", "digest", "x"]
)
def test_a_retained_update_shares_the_pattern(key: str, retained: dict[str, Any]) -> None:
    """An update that may outlive its declaration has the pattern of any other."""
    found = []
    for options in ({}, retained):
        made = stack()
        in_bucket(made, key)
        in_bucket(made, key, id="Other", **options)
        found.append((allowed(made), allowed(made, "HandlerRole"), warnings(made)))
    assert found[0] == found[1]
    assert len(found[0][0]) == 1


def test_a_key_that_opens_its_bucket_leaves_no_narrower_pattern() -> None:
    """A bucket that is open because of one key is one pattern, not several."""
    made = stack()
    in_bucket(made, Aws.REGION)
    in_bucket(made, "firmware/1.bin", id="Other")
    assert allowed(made) == allowed(made, "HandlerRole") == ["*"]


def test_one_of_several_updates_that_is_retained_opens_the_bucket_of_a_bare_key() -> None:
    """Another update with the same key that leaves with its declaration does not close it."""
    made = stack()
    in_bucket(made, "blinky", removal_policy=RemovalPolicy.RETAIN)
    in_bucket(made, "blinky", id="Other")
    assert allowed(made) == ["*"]


def test_a_retained_update_of_a_bare_key_opens_its_bucket_with_a_warning() -> None:
    """Only the whole bucket keeps a key without folder and extension readable; a role of the app's own is not ours."""
    made, other = stack(), stack()
    in_bucket(made, "blinky", removal_policy=RemovalPolicy.RETAIN)
    assert (allowed(made), allowed(made, "HandlerRole")) == (["*"], ["blinky"])
    shown = (
        "files[0]: its key 'blinky' has no folder and no extension, and its update may outlive its declaration, so AWS "
        f"IoT may read the whole bucket: give the key a folder or an extension, such as firmware/1.bin {WARNING}"
    )
    assert warnings(made) == [shown]
    role = iam.Role.from_role_arn(other, "Role", "arn:aws:iam::111122223333:role/ota")
    in_bucket(other, "blinky", removal_policy=RemovalPolicy.RETAIN, role=role)
    assert warnings(other) == []


@pytest.mark.parametrize(("name", "pattern"), [("a.bin", "*.bin"), ("a.tar.gz", "*.gz"), ("a", "*")])
def test_assets_of_the_legacy_synthesizer_have_the_extension_of_the_file(
    tmp_path: Path, name: str, pattern: str
) -> None:
    """The key of an asset may be a token; its extension is that of the local file, and without one synth warns."""
    made = Stack(App(analytics_reporting=False), "Prod", synthesizer=LegacyStackSynthesizer())
    declare(made, asset(tmp_path, "1", name))
    assert allowed(made) == allowed(made, "HandlerRole") == [pattern]
    remedy = "so roles may read * of its bucket: give the local file an extension, such as .bin"
    assert [remedy in one for one in warnings(made)] == ([True] if pattern == "*" else [])


@pytest.mark.parametrize(
    ("prefix", "pattern"),
    [("a", "a*"), ("a/{}/", "a/*"), ("a/b-{}", "a/b-*"), ("{}/", "*"), ("a-{}", "a-*")],
)
def test_a_prefix_is_known_up_to_its_first_token(prefix: str, pattern: str) -> None:
    """AWS Signer may write below the known part of the prefix, with a warning if no folder is in it."""
    made = stack()
    in_bucket(made, "a.bin", signing=signed_into(made, prefix.replace("{}", Aws.REGION)))
    assert allowed(made, sid="Signed") == [pattern]
    shown = (
        f"files[0]: synth does not know its destination_prefix, so AWS IoT may read and write {pattern} of the bucket: "
        f'begin it with a folder as literal text, such as f"signed/{{version}}/" {WARNING}'
    )
    assert warnings(made) == ([shown] if prefix in ("{}/", "a-{}") else [])


def test_the_prefix_does_not_matter_with_a_role_of_the_app() -> None:
    """A role that is not an ``OtaServiceRole`` is not changed, so there is nothing to warn of."""
    made = stack()
    role = iam.Role.from_role_arn(made, "Role", "arn:aws:iam::111122223333:role/ota")
    in_bucket(made, "a.bin", signing=signed_into(made, Aws.REGION), role=role)
    assert warnings(made) == []


def test_phases_have_one_warning_that_can_be_acknowledged() -> None:
    """The phases of a rollout share the warning about their files, which its id turns off."""
    for acknowledged in (False, True):
        made = stack()
        files = [ota_file(FileLocation.from_bucket(named(made), Aws.REGION))]
        phases = [Phase(name, targets=[OtaTarget.thing_group(name)]) for name in ("a", "b")]
        PhasedRollout(made, "Rollout", phases=phases, files=files)
        if acknowledged:
            # CDK 2.233 acknowledges what comes later for what is in a construct, and not for the construct itself.
            Annotations.of(made).acknowledge_warning("cdk-iot-ota:wide-permission")
        assert len(warnings(made)) == (0 if acknowledged else 1)


def test_nothing_lazy_is_resolved_before_the_end() -> None:
    """Lazy values are read once all of them are known, and are in the template then."""
    made, values = stack(), cast(list[str], [])
    late = {name: Lazy.uncached_string(producer(values)) for name in ("key", "prefix", "profile", "job", "id", "name")}
    key_arn = made.format_arn(service="kms", resource="key", resource_name=late["name"])
    bucket = named(made, late["name"], encryption_key=kms.Key.from_key_arn(made, "Key", key_arn))
    role = OtaServiceRole(made, "Role")
    profile = SigningProfile(
        certificate_arn="arn:aws:acm:eu-west-1:111122223333:certificate/c",
        platform=SigningPlatform.AMAZON_FREERTOS_DEFAULT,
        certificate_path_on_device="/signer.pem",
    )
    signing = CodeSigning.signer(
        destination_bucket=bucket, destination_prefix=late["prefix"], profile_name=late["profile"], profile=profile
    )
    place = FileLocation.from_bucket(bucket, late["key"])
    declare(made, place, signing=signing, ota_update_id=late["id"], role=role)
    declare(made, None, id="Other", signing=CodeSigning.signer_job(late["job"]), ota_update_id="other", role=role)
    values.append("latevalue")
    text = json.dumps(template(made).find_resources("AWS::IAM::Policy"))
    for resource in ("signing-profiles/latevalue", ":key/latevalue", ":s3:::latevalue/*"):
        assert resource in text
    assert "otaupdate/latevalue" in json.dumps(template(made).find_resources("AWS::IAM::ManagedPolicy"))


LATE: dict[str, tuple[str, Callable[[Stack, str], object]]] = {
    "key": ("OtaPermissions] key", lambda made, late: in_bucket(made, late)),
    "destination_prefix": (
        "Prod] destination_prefix",
        lambda made, late: in_bucket(made, "a", signing=signed_into(made, late)),
    ),
    "profile_name": (
        "Prod] profile_name",
        lambda made, late: in_bucket(made, "a", signing=signed_into(made, "signed/", profile=late)),
    ),
    "ota_update_id": ("OtaPermissions] ota_update_id", lambda made, late: in_bucket(made, "a", ota_update_id=late)),
}


@pytest.mark.parametrize(("where", "declare"), LATE.values(), ids=LATE)
def test_a_lazy_pattern_is_refused_at_the_end(where: str, declare: Callable[[Stack, str], object]) -> None:
    """A wildcard that appears at the end of synth is an error then, which shows the value."""
    made, values = stack(), cast(list[str], [])
    declare(made, Lazy.uncached_string(producer(values)))
    values.append("a*")
    with pytest.raises(RuntimeError, match=re.escape(f"{where} must be one resource, got 'a*' with *")):
        template(made)


def test_a_lazy_alias_is_refused_at_the_end() -> None:
    """The alias of a KMS key is an error at the end if it is not known before."""
    made, values = stack(), cast(list[str], [])
    arn = Lazy.uncached_string(producer(values))
    bucket = named(made, encryption_key=kms.Key.from_key_arn(made, "Key", arn))
    declare(made, FileLocation.from_bucket(bucket, "a"))
    values.append("arn:aws:kms:eu-west-1:111122223333:alias/a")
    with pytest.raises(RuntimeError, match=r"OtaPermissions\] the key of bucket must be a key, got the alias"):
        template(made)


def test_a_lazy_id_may_be_used_once() -> None:
    """Lazy ids are compared at the end of synth, and with ids that are known."""
    for others in (["late"], ["other"]):
        made, values = stack(), cast(list[str], [])
        in_bucket(made, "a", ota_update_id=Lazy.uncached_string(producer(values)))
        in_bucket(made, "a", id="Other", ota_update_id=others[0])
        values.append("late")
        if others == ["other"]:
            template(made)
            continue
        with pytest.raises(RuntimeError, match="ota_update_id must be different for each update, got "):
            template(made)


def test_two_lazy_buckets_have_separate_policies() -> None:
    """Buckets whose names are not known yet are told apart by their constructs."""
    made, values = stack(), [["early"], ["early"]]
    for index, names in enumerate(values):
        bucket = s3.Bucket.from_bucket_name(made, f"B{index}", Lazy.uncached_string(producer(names)))
        declare(made, FileLocation.from_bucket(bucket, "a/1.bin"), id=f"U{index}")
        names.append(f"late-{index}")
    text = json.dumps(template(made).find_resources("AWS::IAM::Policy"))
    assert "late-0/a/*.bin" in text
    assert "late-1/a/*.bin" in text


def test_tokens_are_told_apart() -> None:
    """References can be resolved at once; lazy values, and functions that may contain them, at the end only."""
    made = stack()
    late = Lazy.uncached_string(producer(["x"]))
    assert tokens.literal_parts(f"a/{made.region}-{late}.bin") == ["a/", "-", ".bin"]
    assert tokens.literal_parts("a") == ["a"]
    assert tokens.literal_parts(f"a/{CfnParameter(made, 'N', type='Number').value_as_number}.bin") == ["a/", ".bin"]
    assert tokens.is_settled(f"a {made.region} {Fn.import_value('x')} {s3.Bucket(made, 'B').bucket_arn}")
    assert tokens.is_settled(Token.as_string({"Ref": "X"}))
    assert not tokens.is_settled(f"{made.region} {late}")
    assert not tokens.is_settled(Fn.join("", ["a", late]))
    assert tokens.settled({"a": (f"{made.region}{late}", 7, None)}) == {"a": [f"{made.region}<late>", 7, None]}
