"""Values that are not known yet are not judged: tokens, Lazy values, and CDK's dummies of lookups."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import hypothesis
import jsii
import pytest
from aws_cdk import (
    App,
    CfnParameter,
    Duration,
    Environment,
    Fn,
    IStableNumberProducer,
    IStableStringProducer,
    Lazy,
    Stack,
    Stage,
    Tags,
    Token,
    assertions,
)
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_iot as iot
from aws_cdk import aws_kms as kms
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ssm as ssm
from hypothesis import strategies as st

from cdk_iot_ota import (
    CodeSigning,
    FileLocation,
    OtaFile,
    OtaTarget,
    OtaUpdate,
    OtaUpdateProvider,
    Phase,
    PhasedRollout,
    RolloutGate,
    SigningPlatform,
    WaitForDevices,
)
from cdk_iot_ota._synth import tokens
from cdk_iot_ota._synth.casts import as_principal

from .stacks import custom, firmware, only_update, ota_update, profile
from .test_numbers import DURATIONS, arguments

HERE = Environment(account="111122223333", region="eu-central-1")
DUMMY = "dummy-value-for-/ota/value"
TOKEN = Token.as_string({"Ref": "Parameter"})
NUMBER = Token.as_number({"Ref": "Parameter"})
(ITEM,) = Token.as_list({"Ref": "Parameter"})
PEM = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"


def stack() -> Stack:
    """Return a stack in a fixed environment, as lookups need it."""
    return Stack(App(analytics_reporting=False), "Prod", env=HERE)


def bucket(scope: Stack, id: str = "Bucket", **attributes: Any) -> s3.IBucket:
    """Import a bucket."""
    return s3.Bucket.from_bucket_attributes(scope, id, **{"bucket_name": "firmware", **attributes})


def a_file(**options: Any) -> OtaFile:
    """Return a file of a stream with these changes."""
    given = {"name": "/a", "location": FileLocation.from_stream("s", 0), "signing": CodeSigning.unsigned(), **options}
    return OtaFile(**given)


def update(scope: Stack, id: str = "Blinky", **options: Any) -> OtaUpdate:
    """Declare an update with these changes."""
    given: dict[str, Any] = {"targets": [OtaTarget.thing("a")], "files": [a_file()], **options}
    return OtaUpdate(scope, id, **given)


def signer(**options: Any) -> CodeSigning:
    """Return a signature by AWS Signer with these changes."""
    given: dict[str, Any] = {"destination_bucket": bucket(stack()), "profile_name": "blinky", **options}
    return CodeSigning.signer(**given)


def update_in_a_stage() -> OtaUpdate:
    """Declare an update in a stage of a pipeline's stack."""
    return update(Stack(Stage(stack(), "Canary"), "Firmware"))


# Each public argument that takes a text, by the function that takes it; not the ids of constructs.
TEXTS: dict[str, Callable[[Any], object]] = {
    "OtaUpdate ota_update_id": lambda value: update(stack(), ota_update_id=value),
    "OtaUpdate description": lambda value: update(stack(), description=value),
    "OtaUpdate.from_ota_update_id ota_update_id": lambda value: OtaUpdate.from_ota_update_id(stack(), "Old", value),
    "OtaUpdate.from_ota_update_arn ota_update_arn": lambda value: OtaUpdate.from_ota_update_arn(stack(), "Old", value),
    "PhasedRollout description": lambda value: PhasedRollout(
        stack(), "Blinky", phases=[Phase("A", targets=[OtaTarget.thing("a")])], files=[a_file()], description=value
    ),
    "Phase name": lambda value: Phase(value, targets=[OtaTarget.thing("a")]),
    "OtaTarget.thing thing_name": OtaTarget.thing,
    "OtaTarget.thing_group thing_group_name": OtaTarget.thing_group,
    "OtaTarget.from_arn arn": OtaTarget.from_arn,
    "OtaFile name": lambda value: a_file(name=value),
    "OtaFile version": lambda value: a_file(version=value),
    "FileLocation.from_asset path": FileLocation.from_asset,
    "FileLocation.from_bucket key": lambda value: FileLocation.from_bucket(bucket(stack()), value),
    "FileLocation.from_bucket version": lambda value: FileLocation.from_bucket(bucket(stack()), "a", version=value),
    "FileLocation.from_stream stream_id": lambda value: FileLocation.from_stream(value, 0),
    "CodeSigning.custom certificate_name": lambda value: custom(certificate_name=value),
    "CodeSigning.custom certificate_chain": lambda value: custom(certificate_chain=value),
    "CodeSigning.signer profile_name": lambda value: signer(profile_name=value),
    "CodeSigning.signer destination_prefix": lambda value: signer(destination_prefix=value),
    "CodeSigning.signer_job job_id": CodeSigning.signer_job,
    "SigningPlatform value": SigningPlatform,
    "SigningPlatform.of platform_id": SigningPlatform.of,
    "SigningProfile certificate_arn": lambda value: profile(certificate_arn=value),
    "SigningProfile certificate_path_on_device": lambda value: profile(certificate_path_on_device=value),
    "WaitForDevices package": lambda value: WaitForDevices("Wait", update=update_in_a_stage(), package=value),
}
# CDK itself checks the name of a role, and refuses the dummy of a parameter with a slash in its name.
OF_CDK = {"OtaServiceRole role_name"}
# A construct's id, a file that is read at synth, and what is in the template of a pipeline.
KNOWN_AT_SYNTH = {"Phase name", "FileLocation.from_asset path", "WaitForDevices package"}


def test_every_text_is_tried() -> None:
    """The table has each public argument that takes a text."""
    found = {argument for argument in arguments({str}) if not argument.endswith(" id")}
    assert set(TEXTS) == found - OF_CDK


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize(
    "value",
    [DUMMY, f"a {DUMMY}", TOKEN, f"{TOKEN}é", f"arn:aws:iot:eu-central-1:111122223333:otaupdate/{NUMBER}"],
    ids=["dummy", "in text", "token", "part", "number"],
)
def test_an_unknown_text_is_accepted(name: str, value: str) -> None:
    """Each text argument accepts a lookup's dummy and a token, alone and as a part of a text."""
    if value in (DUMMY, f"a {DUMMY}") or name not in KNOWN_AT_SYNTH:
        TEXTS[name](value)


@pytest.mark.parametrize("name", sorted(KNOWN_AT_SYNTH))
def test_a_token_is_refused_where_synth_needs_the_value(name: str) -> None:
    """The name of a phase, the path of a local file and a step's package are refused as tokens, with the reason."""
    with pytest.raises(ValueError, match=rf"^(Wait: )?{name.split()[1]} must be known at synth, .* got a token"):
        TEXTS[name](TOKEN)


@pytest.mark.parametrize("name", [name for name in TEXTS if name not in KNOWN_AT_SYNTH])
def test_an_item_of_a_list_token_is_refused(name: str) -> None:
    """The placeholder in a list that is a token is an error that names the argument and Fn.select."""
    argument = "platform_id" if name.startswith("SigningPlatform ") else name.split()[1]
    message = rf"{argument} must be one text, got an item of a list that is a token: use Fn\.select\(index, list\)$"
    for value in (ITEM, f"a/{ITEM}"):
        with pytest.raises(ValueError, match=message):
            TEXTS[name](value)


@pytest.mark.parametrize("name", DURATIONS)
def test_a_duration_of_a_token_has_the_unit_of_the_argument(name: str) -> None:
    """A token in a unit that CloudFormation would have to convert is an error with the argument and both units."""
    unit = "seconds" if "expiry" in name else "minutes"
    message = rf"{name.split()[1]} must be Duration\.{unit}\(…\) for a token, got one in hours: CloudFormation cannot"
    with pytest.raises(ValueError, match=message):
        DURATIONS[name](Duration.hours(NUMBER))
    if not name.startswith("WaitForDevices "):
        DURATIONS[name](getattr(Duration, unit)(NUMBER))


@pytest.mark.parametrize("name", [name for name in DURATIONS if name.startswith("WaitForDevices ")])
def test_a_duration_in_the_template_of_a_pipeline_is_no_token(name: str) -> None:
    """A step's times are refused as tokens, in their own unit too, since the pipeline cannot resolve them."""
    with pytest.raises(ValueError, match=rf"^Wait: {name.split()[1]} must be known at synth, got a token"):
        DURATIONS[name](Duration.minutes(NUMBER))


WRONG_TOKENS: dict[str, tuple[Callable[[], object], str]] = {
    "list for a list": (
        lambda: update(stack(), targets=[ITEM]),
        r"^Prod/Blinky: targets must be a list of OtaTarget, got a list that is a token: use Fn\.select\(",
    ),
    "list for a text": (
        lambda: update(stack(), description=[ITEM]),
        r"^Prod/Blinky: description must be a str, got a list that is a token: use Fn\.select\(",
    ),
    "number for a text": (
        lambda: update(stack(), description=NUMBER),
        r"description must be a str, got a token of another type: convert it with Token\.as_string$",
    ),
    "text for a number": (
        lambda: a_file(type=TOKEN),
        r"^type must be a number, got a token of another type: convert it with Token\.as_number$",
    ),
    "object for a text": (
        lambda: a_file(name=Token.as_any({"Ref": "Parameter"})),
        r"^name must be a str, got a token of another type: convert it with Token\.as_string$",
    ),
    "key": (lambda: a_file(attributes={TOKEN: "a"}), "^attributes key must be known at synth, got a token: CloudForm"),
    "parameter's key": (
        lambda: update(stack(), additional_parameters={TOKEN: "a"}),
        "^Prod/Blinky: additional_parameters key must be known at synth, got a token",
    ),
    "item as a key": (lambda: a_file(attributes={ITEM: "a"}), "^attributes key must be one text, got an item of a l"),
    "item as a value": (lambda: update(stack(), tags={"a": ITEM}), r"^Prod/Blinky: tags\['a'\] must be one text, got"),
    "item in a role": (
        lambda: update(stack(), role=iam.Role.from_role_arn(stack(), "R", f"arn:aws:iam::111122223333:role/{ITEM}")),
        "^Prod/Blinky: ARN of role must be one text, got an item of a list",
    ),
}


@pytest.mark.parametrize(("declare", "message"), WRONG_TOKENS.values(), ids=WRONG_TOKENS)
def test_a_token_in_the_wrong_place_is_refused(declare: Callable[[], object], message: str) -> None:
    """A token of another type, or where CloudFormation fills in nothing, is an error with argument and remedy."""
    with pytest.raises((TypeError, ValueError), match=message):
        declare()


fragments = st.sampled_from(
    ["${Token[", "#{Token[", "Token[", "A.1", "a:b_c-9", "]}", "$", "é", "\n", "-1.8881545897087503e+289", " "]
)
texts = st.lists(fragments, max_size=6).map("".join)
marked = st.binary(min_size=6, max_size=6).map(lambda rest: float(struct.unpack(">d", b"\xfb\xff" + rest)[0]))
values = st.one_of(
    texts,
    marked,
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**63), 2**63),
    st.lists(texts, max_size=2),
    st.booleans(),
    st.none(),
)


@hypothesis.settings(max_examples=150, deadline=None, database=None)
@hypothesis.given(values)
def test_tokens_are_what_cdk_takes_for_tokens(value: Any) -> None:
    """The answer in Python is CDK's, except for the number of a token in a text, which CDK resolves all the same."""
    only_number = isinstance(value, str) and "e+289" in value and "Token[" not in value
    assert tokens.is_token(value) == (only_number or Token.is_unresolved(value))


def test_nothing_is_asked_of_jsii(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python alone tells whether a value is known: NaN and infinity would end jsii's process."""
    resolvable, parameter = Token.as_any({"Ref": "a"}), CfnParameter(stack(), "Parameter")

    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("jsii was asked")

    for name in ("invoke", "sinvoke", "get", "sget", "create"):
        monkeypatch.setattr(f"jsii._kernel.Kernel.{name}", fail)
    for value in (TOKEN, NUMBER, int(NUMBER), [ITEM], ITEM, DUMMY, resolvable, parameter):
        assert not tokens.known(value), value
    for plain in ("a", 1, 1.5, True, None, [], ["a"], b"a", Path("a"), float("nan"), float("inf"), -(10**400)):
        assert tokens.known(plain), plain


def test_the_dummies_of_cdk_are_recognized() -> None:
    """Each lookup's dummy is recognized, also as a part of a name."""
    made = stack()
    vpc = ec2.Vpc.from_lookup(made, "Vpc", vpc_name="a")
    balancer = elb.ApplicationLoadBalancer.from_lookup(made, "Balancer", load_balancer_tags={"a": "b"})
    listener = elb.ApplicationListener.from_lookup(made, "Listener", load_balancer_tags={"a": "b"})
    repository = ecr.Repository.from_lookup(made, "Repository", repository_name="a")
    role = iam.Role.from_lookup(made, "Role", role_name="a")
    found = [
        ssm.StringParameter.value_from_lookup(made, "/ota/value"),
        role.role_arn,
        repository.repository_arn,
        kms.Key.from_lookup(made, "Key", alias_name="alias/a").key_id,
        route53.HostedZone.from_lookup(made, "Zone", domain_name="a.example").hosted_zone_id,
        ec2.SecurityGroup.from_lookup_by_id(made, "Group", "sg-1").security_group_id,
        ec2.PrefixList.from_lookup(made, "List", prefix_list_name="a").prefix_list_id,
        ec2.MachineImage.lookup(name="a").get_image(made).image_id,
        vpc.vpc_id,
        vpc.vpc_cidr_block,
        *(subnet.subnet_id for subnet in [*vpc.public_subnets, *vpc.private_subnets, *vpc.isolated_subnets]),
        *made.availability_zones,
        balancer.load_balancer_arn,
        balancer.load_balancer_dns_name,
        balancer.load_balancer_canonical_hosted_zone_id,
        listener.listener_arn,
    ]
    for dummy in found:
        assert tokens.is_dummy(dummy), dummy
        assert tokens.is_dummy(f"fleet-{dummy}"), dummy


@pytest.mark.parametrize("name", ["dummy", "dummy-1", "my-dummy", "DUMMYS", "sg-12345", "vpc-123456"])
def test_a_name_like_a_dummy_is_judged(name: str) -> None:
    """A real name that resembles a dummy is accepted, and refused where it is wrong."""
    assert tokens.known(name)
    OtaTarget.thing(name)
    with pytest.raises(ValueError, match=rf"^Prod/Blinky: ota_update_id must be of a-z.* got '{name} value!'$"):
        update(stack(), ota_update_id=f"{name} value!")


def everything(value: str) -> Stack:
    """Declare updates that have a value in each argument, and may have it more than once."""
    made = stack()
    arn = f"arn:aws:iot:eu-central-1:111122223333:thing/{value}"
    files = [
        a_file(name=value, version=value, attributes={"a": value}),
        a_file(name="/b", location=FileLocation.from_stream(value, 0), signing=custom(certificate_chain=value)),
        a_file(name="/c", location=FileLocation.from_bucket(bucket(made), value, version=value)),
        a_file(name="/d", location=None, signing=CodeSigning.signer_job(value)),
        a_file(
            name="/e",
            location=FileLocation.from_bucket(bucket(made, "Other", account=value, region=value), "e"),
            signing=CodeSigning.signer(
                destination_bucket=bucket(made, "Signed"),
                profile_name=value,
                destination_prefix=value,
                profile=profile(certificate_arn=value, platform=SigningPlatform.of(value)),
            ),
        ),
    ]
    role = iam.Role.from_role_arn(made, "Role", f"arn:aws:iam::{value}:role/ota")
    targets = [OtaTarget.thing(value), OtaTarget.from_arn(arn.replace("thing/", "thinggroup/"))]
    options: dict[str, Any] = {"description": value, "tags": {value: value}, "gate": RolloutGate()}
    Tags.of(made).add("team", value)
    update(made, targets=targets, files=files, role=role, ota_update_id=value, **options)
    imported = OtaUpdate.from_ota_update_arn(made, "Imported", arn.replace("thing/", "otaupdate/"))
    imported.grant_read(iam.Role(made, "Reader", assumed_by=as_principal(iam.ServicePrincipal("lambda.amazonaws.com"))))
    return made


@pytest.mark.parametrize("value", [DUMMY + "/x" * 150, TOKEN], ids=["dummy", "token"])
def test_a_stack_of_unknown_values_is_synthesized(value: str) -> None:
    """A stack whose every text is unknown gets to the end of synth, where the CDK CLI looks the values up."""
    made = everything(value)
    assert only_update(made)["Properties"]["Request"]["files"]


def warnings(of: Stack) -> list[Any]:
    """Return the warnings of a stack."""
    found = assertions.Annotations.from_stack(of).find_warning("*", assertions.Match.any_value())
    return [each.entry.data for each in found]


def test_a_dummy_is_neither_compared_nor_shown(tmp_path: Path) -> None:
    """Dummies are not the same target or file, in no environment, and in no warning."""
    made = stack()
    iot.CfnThingGroup(made, "Group", thing_group_name=DUMMY)
    role = iam.Role.from_lookup(made, "Role", role_name="a")
    targets = [OtaTarget.thing_group(DUMMY), OtaTarget.thing_group(DUMMY)]
    update(made, targets=targets, role=role, gate=RolloutGate(), files=[a_file(name=DUMMY + '"' * 300)])
    update(made, "Role name", role=iam.Role.from_role_arn(made, "Plain", "arn:aws:iam::123456789012:role/DUMMY_ARN"))
    phases = [Phase(name, targets=targets[:1]) for name in "ab"]
    PhasedRollout(made, "Phases", phases=phases, files=[a_file()])
    assert [found for found in warnings(made) if "dummy" in found or "group" in found] == []


def test_files_that_are_dummies_are_not_read() -> None:
    """A path, a signature, a chain and a certificate that are dummies pass, and nothing is verified or measured."""
    made = stack()
    signings = [
        custom(signature=DUMMY.encode(), certificate=DUMMY.encode(), certificate_chain=f"{PEM}{DUMMY}"),
        custom(signature=Path(DUMMY), certificate=Path(DUMMY), certificate_chain=Path(DUMMY)),
    ]
    for index, signing in enumerate(signings):
        update(made, f"Blinky{index}", files=[a_file(location=FileLocation.from_asset(DUMMY), signing=signing)])
    cast(App, made.node.root).synth()
    assert [found for found in warnings(made) if "signature" in found or "bytes" in found] == []


class Late:
    """A Lazy value that must not be read before it is set, and is None then."""

    def __init__(self) -> None:
        self.value: Any = None
        self.is_set = False

    def set(self, value: Any) -> None:
        """Set the value: from now on it may be read."""
        self.value, self.is_set = value, True

    def read(self) -> Any:
        """Return the value."""
        assert self.is_set, "read in a constructor"
        return self.value

    def text(self) -> str:
        """Return a token for the value as a text."""

        @jsii.implements(IStableStringProducer)
        class Text:
            def produce(_self) -> Any:  # noqa: N805
                return self.read()

        return Lazy.string(cast(Any, Text()))

    def number(self) -> float:
        """Return a token for the value as a number."""

        @jsii.implements(IStableNumberProducer)
        class Number:
            def produce(_self) -> Any:  # noqa: N805
                return self.read()

        return Lazy.number(cast(Any, Number()))


# What a Lazy value may be at the end, and what not, with the error.
LAZY: dict[str, tuple[Callable[[Stack, Late], object], Any, Any, str]] = {
    "description": (
        lambda made, late: update(made, description=late.text()),
        "a",
        "a\n",
        "description must have no con",
    ),
    "file's name": (
        lambda made, late: update(made, files=[a_file(name=late.text())]),
        "/a",
        "\n",
        "name must have no ",
    ),
    "type": (lambda made, late: update(made, files=[a_file(type=late.number())]), 3, 300, "type must be between 0 and"),
    "timeout": (
        lambda made, late: update(made, in_progress_timeout=Duration.minutes(late.number())),
        5,
        0,
        "in_progress_timeout in minutes must be between 1 and 10080, got 0",
    ),
    "gate": (
        lambda made, late: update(made, gate=RolloutGate(success_percentage=late.number())),
        5,
        101,
        "success_percentage must be between",
    ),
    "tag": (lambda made, late: update(made, tags={"a": late.text()}), "a", "a" * 256, r"tags['a'] must have 0 to 255"),
    "tag's key": (lambda made, late: update(made, tags={late.text(): "a"}), "a", "aws:a", "tags key must not begin wi"),
    "attribute": (
        lambda made, late: update(made, files=[a_file(attributes={"a": late.text()})]),
        "a",
        "a" * 4097,
        "attributes['a'] must have 0 to 4096",
    ),
    "chain": (
        lambda made, late: update(made, files=[a_file(signing=custom(certificate_chain=late.text()))]),
        PEM,
        "no chain",
        "certificate_chain must be PEM text",
    ),
    "target twice": (
        lambda made, late: update(made, targets=[OtaTarget.thing("b"), OtaTarget.thing(late.text())]),
        "a",
        "b",
        "targets must be different from one another, got",
    ),
    "thing": (
        lambda made, late: update(made, targets=[OtaTarget.thing(late.text())]),
        "a",
        "a b",
        "thing_name must be of a-z, A-Z, 0-9, :, _ and -, got 'a b'",
    ),
    "thing group": (
        lambda made, late: update(made, targets=[OtaTarget.thing_group(late.text())]),
        "a",
        None,
        "thing_group_name must be a str, got a Lazy that is None at the end of synth: name one",
    ),
    "file twice": (
        lambda made, late: update(made, files=[a_file(), a_file(name=late.text())]),
        "/b",
        "/a",
        "names of files must be different from one another, got '/a' twice",
    ),
    "key of the provider": (
        lambda made, late: OtaUpdateProvider(
            made,
            "Blinky",
            encryption_key=kms.Key.from_key_arn(made, "Key", f"arn:aws:kms:eu-central-1:111122223333:{late.text()}/1"),
        ),
        "key",
        "alias",
        "encryption_key must be a key, got the alias",
    ),
}


@pytest.mark.parametrize(("declare", "good", "bad", "message"), LAZY.values(), ids=LAZY)
def test_a_lazy_value_is_read_and_checked_at_the_end(
    declare: Callable[[Stack, Late], object], good: Any, bad: Any, message: str
) -> None:
    """A Lazy value is not read in a constructor, and is checked at the end of synth with the construct's path."""
    made, refused = stack(), stack()
    for scope, value in ((made, good), (refused, bad)):
        late = Late()
        declare(scope, late)
        late.set(value)
    cast(App, made.node.root).synth()
    with pytest.raises(RuntimeError) as caught:
        cast(App, refused.node.root).synth()
    assert f"[Prod/Blinky] {message}" in str(caught.value)


def test_a_lazy_target_twice_is_found_at_the_end() -> None:
    """The same Lazy value twice is read at the end of synth only."""
    made, late = stack(), Late()
    update(made, targets=[OtaTarget.thing(late.text())] * 2)
    late.set("a")
    with pytest.raises(
        RuntimeError, match=r"\[Prod/Blinky\] targets must be different from one another, got '.*thing/a'"
    ):
        cast(App, made.node.root).synth()


def test_reading_an_imported_update_reads_no_lazy_id() -> None:
    """A grant for an imported update does not resolve its id."""
    made, late = stack(), Late()
    role = iam.Role(made, "Reader", assumed_by=as_principal(iam.ServicePrincipal("lambda.amazonaws.com")))
    OtaUpdate.from_ota_update_id(made, "Old", late.text()).grant_read(role)
    late.set("a")
    cast(App, made.node.root).synth()


@pytest.mark.parametrize(
    ("value", "message"), [("a b", "ota_update_id must be of a-z"), (None, "ota_update_id must b")]
)
def test_a_lazy_id_is_checked_at_the_end(value: Any, message: str) -> None:
    """An explicit id that is Lazy has the limits of others, and must be there at the end."""
    made, late = stack(), Late()
    late.set("read by permissions")
    update(made, ota_update_id=late.text())
    late.set(value)
    with pytest.raises(RuntimeError, match=rf"\[Prod/Blinky\] {message}"):
        cast(App, made.node.root).synth()


def test_the_id_in_an_arn_that_ends_in_a_token_is_found() -> None:
    """The id is split off in the deploy if the resource of an ARN is a token."""
    made = stack()
    resource = CfnParameter(made, "Resource").value_as_string
    arn = f"arn:aws:iot:eu-central-1:111122223333:{resource}"
    found = OtaUpdate.from_ota_update_arn(made, "Old", arn).ota_update_id
    assert made.resolve(found) == made.resolve(Fn.select(1, Fn.split("/", arn)))


def test_a_dummy_is_no_explicit_id_twice(tmp_path: Path) -> None:
    """Two updates may have the same looked-up id while it is not looked up, and no two have the same known one."""
    made = stack()
    for number in range(2):
        ota_update(made, f"Update{number}", firmware(tmp_path), ota_update_id="dummy-value-for-/id")
    ota_update(made, "Mine", firmware(tmp_path), ota_update_id="mine")
    with pytest.raises(ValueError, match="ota_update_id must be different for each update, got 'mine' twice"):
        ota_update(made, "Again", firmware(tmp_path), ota_update_id="mine")


def test_a_missing_file_is_no_dummy() -> None:
    """A file that does not exist is refused although a folder has the name of a dummy, and a looked-up path passes."""
    with pytest.raises(ValueError, match=r"path must be a file, but '/DUMMY/sg-1234/a\.bin' does not exist"):
        FileLocation.from_asset("/DUMMY/sg-1234/a.bin")
    FileLocation.from_asset("dummy-value-for-/firmware/path")
