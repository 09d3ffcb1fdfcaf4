"""The places of what an update uses: Regions of buckets and keys, and things and groups that the app declares."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import jsii
import pytest
from aws_cdk import App, Environment, IResolveContext, IStringProducer, Lazy, Stack, Token
from aws_cdk import aws_iot as iot
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk_iot_ota import CodeSigning, FileLocation, OtaTarget, OtaUpdateProvider, Phase, PhasedRollout

from .stacks import firmware, only_update, ota_file, ota_update, stack, wrong

HERE, THERE = "eu-west-1", "us-east-1"
KEY = f"arn:aws:kms:{THERE}:111122223333:key/1"
Make = Callable[[Stack], Any]


def prod(region: str | None = HERE) -> Stack:
    """Return the stack Prod in a Region."""
    return stack(env=Environment(region=region) if region else None)


def sibling(of: Stack, region: str = THERE) -> Stack:
    """Return another stack of the same app."""
    return Stack(App.of(of) or of, "Other", env=Environment(region=region))


def named(scope: Construct, **attributes: Any) -> s3.IBucket:
    """Import a bucket by its name and further attributes."""
    return s3.Bucket.from_bucket_attributes(scope, "Bucket", bucket_name="firmware", **attributes)


ELSEWHERE: dict[str, tuple[Make, str]] = {
    "imported with a Region": (
        lambda made: named(made, region=THERE),
        f"bucket must .*, got Bucket 'Prod/Bucket' in {THERE}",
    ),
    "declared in a stack there": (
        lambda made: s3.Bucket(sibling(made), "Firmware", bucket_name="firmware"),
        f"bucket must .*, got Bucket 'Other/Firmware' in {THERE}",
    ),
    "with a key there": (
        lambda made: named(made, encryption_key=kms.Key.from_key_arn(made, "Key", KEY)),
        f"the key of .*bucket must .*, got construct 'Prod/Key' in {THERE}: a KMS key works in its own Region only",
    ),
    "with a key imported there": (
        lambda made: named(made, encryption_key=kms.Key.from_key_arn(sibling(made), "Key", KEY)),
        f"the key of .*bucket must .*, got construct 'Other/Key' in {THERE}: a KMS key works in its own Region only",
    ),
}
UNKNOWN: dict[str, tuple[str | None, Make]] = {
    "imported by name": (HERE, named),
    "imported by name in a stack there": (HERE, lambda made: named(sibling(made))),
    "imported with the same Region": (HERE, lambda made: named(made, region=HERE)),
    "imported with a token": (HERE, lambda made: named(made, region=Token.as_string({"Ref": "Region"}))),
    "declared in the stack": (HERE, lambda made: s3.Bucket(made, "Firmware", encryption=s3.BucketEncryption.KMS)),
    "in a stack without a Region": (None, lambda made: named(made, region=THERE)),
}


def loaded_from(scope: Construct, bucket: s3.IBucket) -> Any:
    """Return a file in a bucket."""
    return ota_file(FileLocation.from_bucket(bucket, "a.bin"))


def signed_into(scope: Construct, bucket: s3.IBucket) -> Any:
    """Return a file whose signed object AWS Signer writes to a bucket."""
    source = s3.Bucket.from_bucket_name(scope, "Source", "source")
    signing = CodeSigning.signer(destination_bucket=bucket, profile_name="profile")
    return ota_file(FileLocation.from_bucket(source, "a.bin"), signing=signing)


@pytest.mark.parametrize(("make", "message"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_bucket_or_key_in_another_region_is_refused(make: Make, message: str) -> None:
    """A bucket that is known to be in another Region, or its key, holds neither firmware nor signed files."""
    for as_file, name in ((loaded_from, ""), (signed_into, "destination_")):
        made = prod()
        with pytest.raises(
            ValueError, match=f"^Prod/Blinky: .*{name}bucket must be in the stack's Region {HERE}"
        ) as refused:
            ota_update(made, "Blinky", Path(), files=[as_file(made, make(made))])
        assert re.search(message, str(refused.value))


@pytest.mark.parametrize(("region", "make"), UNKNOWN.values(), ids=UNKNOWN)
def test_a_bucket_of_an_unknown_region_is_accepted(region: str | None, make: Make) -> None:
    """A bucket passes if synth does not know its Region, or the stack's; an import by name has only its stack's."""
    made = prod(region)
    ota_update(made, "Blinky", Path(), files=[ota_file(FileLocation.from_bucket(make(made), "a.bin"))])


def test_a_key_of_a_provider_in_another_region_is_refused() -> None:
    """CloudWatch Logs and Lambda only take keys of the provider's Region."""
    made = prod()
    message = f"^Prod/Provider: encryption_key must be in the stack's Region {HERE}, got .* 'Prod/Key' in {THERE}: "
    with pytest.raises(ValueError, match=message):
        OtaUpdateProvider(made, "Provider", encryption_key=kms.Key.from_key_arn(made, "Key", KEY))


def test_things_and_groups_of_the_app_are_targets(tmp_path: Path) -> None:
    """A declared thing or group is the target that its `attr_arn` is, and renders like that."""
    made = prod()
    group, thing = iot.CfnThingGroup(made, "Group"), iot.CfnThing(made, "Thing")
    ota_update(made, "Blinky", firmware(tmp_path), targets=[OtaTarget.thing_group(group), OtaTarget.thing(thing)])
    arns = [{"Fn::GetAtt": ["Group", "Arn"]}, {"Fn::GetAtt": ["Thing", "Arn"]}]
    assert only_update(made)["Properties"]["Request"]["targets"] == arns
    assert [made.resolve(OtaTarget.from_arn(one.attr_arn).bind(made)) for one in (group, thing)] == arns


def test_a_reference_to_a_group_outside_of_the_app_is_a_target() -> None:
    """Any object of the form of CDK's `IThingGroupRef` is accepted, and its ARN is checked."""

    class Reference:
        def __init__(self, arn: str) -> None:
            self.thing_group_ref = iot.CfnThingGroup(stack(), "Group").thing_group_ref.__class__(
                thing_group_arn=arn, thing_group_name="fleet"
            )

    arn = f"arn:aws:iot:{HERE}:111122223333:thinggroup/fleet"
    assert OtaTarget.thing_group(Reference(arn)).bind(prod()) == arn
    with pytest.raises(
        ValueError, match="ARN of thing_group_name must be the ARN of a thing or a thing group, got 'a'"
    ):
        OtaTarget.thing_group(Reference("a"))


def test_a_thing_is_no_group() -> None:
    """The error for another resource names it by class and path, and the class that is meant."""
    made = prod()
    message = "thing_group_name must be a str, got CfnThing 'Prod/Thing': give a name, or a CfnThingGroup"
    with pytest.raises(TypeError, match=f"^{message}$"):
        OtaTarget.thing_group(wrong(iot.CfnThing(made, "Thing")))


def lazy(names: list[str]) -> str:
    """Return a token for the last of some names at the time when it is resolved."""

    @jsii.implements(IStringProducer)
    class Last:
        def produce(self, context: IResolveContext) -> str:
            return names[-1]

    return Lazy.uncached_string(cast(IStringProducer, Last()))


def test_a_resource_twice_is_found_in_an_update_and_across_phases(tmp_path: Path) -> None:
    """A group that is given as itself and by its ARN is one target, and an error at its line."""
    made = prod()
    group = iot.CfnThingGroup(made, "Group")
    one, other = OtaTarget.thing_group(group), OtaTarget.from_arn(group.attr_arn)
    files = [ota_file(FileLocation.from_asset(firmware(tmp_path)))]
    message = "must be different from one another, got '<Group.Arn>' twice"
    with pytest.raises(ValueError, match=f"^Prod/Blinky: targets {message}$"):
        ota_update(made, "Blinky", tmp_path, files=files, targets=[one, other])
    with pytest.raises(ValueError, match=f"^Prod/Phases: targets of phases {message}$"):
        PhasedRollout(made, "Phases", phases=[Phase("a", targets=[one]), Phase("b", targets=[other])], files=files)


@pytest.mark.parametrize(
    "another", [lambda: Token.as_string({"Ref": "Name"}), lambda: lazy(["fleet"])], ids=["parameter", "lazy"]
)
def test_a_token_twice_is_found_in_an_update_and_across_phases(tmp_path: Path, another: Callable[[], str]) -> None:
    """Names that render the same in the template are one target, whatever tokens they come from."""
    made, phased = prod(), prod()
    files = [ota_file(FileLocation.from_asset(firmware(tmp_path)))]
    targets = [OtaTarget.thing_group(another()), OtaTarget.thing_group(another())]
    ota_update(made, "Blinky", tmp_path, files=files, targets=targets)
    phases = [Phase(name, targets=[target]) for name, target in zip("ab", targets, strict=True)]
    PhasedRollout(phased, "Phases", phases=phases, files=files)
    start = f"arn:<AWS::Partition>:iot:{HERE}:<AWS::AccountId>:thinggroup/"
    for scope, message in ((made, "Prod/Blinky] targets"), (phased, "Prod/Phases] targets of phases")):
        with pytest.raises(
            RuntimeError, match=re.escape(f"[{message} must be different from one another, got '{start}")
        ):
            only_update(scope)


def test_a_lazy_target_is_read_at_the_end(tmp_path: Path) -> None:
    """Lazy names that are not known yet when the update is declared are different targets."""
    made, names = prod(), [["early"], ["early"]]
    targets = [OtaTarget.thing_group(lazy(each)) for each in names]
    ota_update(made, "Blinky", firmware(tmp_path), targets=targets)
    names[0].append("a")
    names[1].append("b")
    rendered = only_update(made)["Properties"]["Request"]["targets"]
    assert [json.dumps(arn).rsplit("/", 1)[1].strip('"]}') for arn in rendered] == ["a", "b"]
