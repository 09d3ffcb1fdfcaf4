"""The limits against botocore's model of the API, so that a new SDK shows what AWS has changed."""

from typing import Any

import botocore.session
import pytest
from aws_cdk import NestedStack

from cdk_iot_ota import FailureType, HashAlgorithm, Protocol, SignatureAlgorithm, TargetSelection
from cdk_iot_ota._synth.naming import id_prefix
from cdk_iot_ota_handler.ota_update import event_rules, identity
from cdk_iot_ota_handler.ota_update.contract import limits, names
from tests.construct.stacks import RESOURCE_TYPE, stack

MODEL: Any = botocore.session.get_session().get_service_model("iot")
EVERYTHING = 2**31


def bounds(limit: limits.Text | limits.Number | limits.Count) -> tuple[float, float]:
    """Return the lowest and the highest value that a limit allows."""
    if isinstance(limit, limits.Text):
        return limit.at_least, EVERYTHING if limit.at_most is None else limit.at_most
    return limit.low, EVERYTHING if limit.high is None else limit.high


@pytest.mark.parametrize(
    ("shape", "limit"),
    [
        ("OTAUpdateId", limits.OTA_UPDATE_ID),
        ("OTAUpdateDescription", limits.DESCRIPTION),
        ("Targets", limits.TARGETS),
        ("Protocols", limits.PROTOCOLS),
        ("RoleArn", limits.ROLE_ARN),
        ("MaximumPerMinute", limits.RATE_PER_MINUTE),
        ("AwsJobRolloutRatePerMinute", limits.RATE_PER_MINUTE),
        ("AwsJobRateIncreaseCriteriaNumberOfThings", limits.NUMBER_OF_THINGS),
        ("AwsJobAbortCriteriaList", limits.ABORT_CRITERIA),
        ("AwsJobAbortCriteriaAbortThresholdPercentage", limits.THRESHOLD_PERCENTAGE),
        ("AwsJobAbortCriteriaMinimumNumberOfExecutedThings", limits.NUMBER_OF_THINGS),
        ("OTAUpdateFiles", limits.FILES),
        ("FileType", limits.FILE_TYPE),
        ("FileId", limits.FILE_ID),
        ("StreamId", limits.STREAM_ID),
        ("S3Bucket", limits.BUCKET),
        ("S3Key", limits.KEY),
        ("Value", limits.MAP_VALUE),
    ],
)
def test_a_limit_is_inside_the_models(shape: str, limit: limits.Text | limits.Number | limits.Count) -> None:
    """Each limit that the API's model has equals ours."""
    metadata = MODEL.shape_for(shape).metadata
    low, high = bounds(limit)
    ours: dict[str, float] = {"min": low, "max": high}
    same = {name: ours[name] for name in ("min", "max") if name in metadata}
    assert same == {name: metadata[name] for name in same}


@pytest.mark.parametrize(
    ("shape", "limit", "in_guide"), [("TagKey", limits.TAG_KEY, 127), ("TagValue", limits.TAG_VALUE, 255)]
)
def test_a_tag_fits_the_model_and_the_guide(shape: str, limit: limits.Text, in_guide: int) -> None:
    """Tags are as long as both the API's model and the guide of AWS IoT allow, which differ by one character."""
    assert MODEL.shape_for(shape).metadata["max"] == in_guide + 1
    assert bounds(limit) == (MODEL.shape_for(shape).metadata.get("min", 0), in_guide)


@pytest.mark.parametrize(
    ("shape", "limit"),
    [("OTAUpdateId", limits.OTA_UPDATE_ID), ("StreamId", limits.STREAM_ID), ("Target", None), ("RoleArn", None)],
)
def test_a_pattern_is_the_models(shape: str, limit: limits.Text | None) -> None:
    """Each pattern that the API's model has and Python supports equals ours."""
    assert MODEL.shape_for(shape).metadata.get("pattern") == (limit.pattern if limit else None)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ("TargetSelection", [member.value for member in TargetSelection]),
        ("Protocol", [member.value for member in Protocol]),
        ("AwsJobAbortCriteriaFailureType", [member.value for member in FailureType]),
        ("AwsJobAbortCriteriaAbortAction", ["CANCEL"]),
    ],
)
def test_an_enum_has_the_models_members(shape: str, words: list[str]) -> None:
    """The enums have the same members as the API's model, which the handler checks."""
    assert set(MODEL.shape_for(shape).enum) == set(words)


def test_words_that_the_model_does_not_know_are_the_handlers() -> None:
    """Enums whose values the API does not restrict have the same values as the handler's choices."""
    assert {member.value for member in HashAlgorithm} == set(limits.HASH_ALGORITHM.words)
    assert {member.value for member in SignatureAlgorithm} == set(limits.SIGNATURE_ALGORITHM.words)


@pytest.mark.parametrize("name", ["a", "A-stack", "a" * 20, "a" * 21, "a-" * 64])
def test_the_handler_takes_every_prefix_that_the_construct_makes(name: str) -> None:
    """The handler accepts the prefix of any stack, long or nested, and recognizes ids generated with it."""
    parent = stack(name)
    for made in (parent, NestedStack(parent, "1 Nested/*"), NestedStack(parent, "ä")):
        prefix = id_prefix(made)
        event_rules.ID_PREFIX.check("IdPrefix", prefix)
        for logical_id in ("A", "A" * 255):
            assert names.is_generated(identity.generated_id(prefix, logical_id, "0123456789abcdef"))


def test_the_handler_takes_the_constructs_resource_type() -> None:
    """The resource type is the frozen one: a changed type would be another resource."""
    assert names.RESOURCE_TYPE == RESOURCE_TYPE


@pytest.mark.parametrize(
    ("value", "refused"),
    [
        ("Prod-Blinky-1A2b3", True),
        ("Prod-Blinky", False),
        ("Prod-Blinky-", False),
        ("Prod-Blinky-1-2", False),
        ("Prod-Blinky-1_2", False),
        ("prod-Blinky-1", False),
        ("Prod-Other-1", False),
        ("ProdXBlinky-1", False),
    ],
)
def test_an_explicit_id_in_the_form_of_an_invented_one_is_refused(value: str, refused: bool) -> None:
    """An id that CloudFormation may invent for a resource is refused for it, if its stack and logical id are given."""
    limits.explicit_id("OtaUpdateId", value)
    limits.explicit_id("OtaUpdateId", value, stack_name="Prod")
    limits.explicit_id("OtaUpdateId", value, logical_id="Blinky")
    assert names.is_invented(value, "Prod", "Blinky") is refused
    if not refused:
        limits.explicit_id("OtaUpdateId", value, stack_name="Prod", logical_id="Blinky")
        return
    form = "OtaUpdateId must not look like an id that CloudFormation invents, Prod-Blinky-<letters and digits>"
    with pytest.raises(ValueError, match=f"^{form}, got '{value}': choose another one, or leave it out$"):
        limits.explicit_id("OtaUpdateId", value, stack_name="Prod", logical_id="Blinky")


@pytest.mark.parametrize(("letter", "size"), [("a", 1), ("ü", 2), ("漢", 3), ("🚀", 4), ('"', 2)])
def test_the_size_of_properties_is_in_bytes_of_compact_json(letter: str, size: int) -> None:
    """Properties of exactly the limit pass, and one byte more is refused with its size, whatever the text."""
    room = limits.PROPERTIES_BYTES - len('{"a":[1,""]}')
    text = letter * (room // size) + "x" * (room % size)
    limits.check_properties_size("Properties", {"a": [1, text]})
    with pytest.raises(ValueError, match=r"^Properties must have at most 100000 bytes together, got 100001: "):
        limits.check_properties_size("Properties", {"a": [1, text + "x"]})


def test_an_event_has_room_for_the_properties_twice() -> None:
    """Old and new properties of the largest size leave a fifth of an event's 256 KiB for everything else."""
    assert 2 * limits.PROPERTIES_BYTES < 0.8 * 256 * 1024
