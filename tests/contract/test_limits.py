"""The limits against botocore's model of the API: one that AWS changes is noticed with the next SDK."""

from typing import Any

import botocore.session
import pytest
from aws_cdk import NestedStack

from cdk_iot_ota import FailureType, HashAlgorithm, Protocol, SignatureAlgorithm, SigningPlatform, TargetSelection
from cdk_iot_ota._synth.naming import id_prefix
from cdk_iot_ota_handler.ota_update import event_rules, identity
from cdk_iot_ota_handler.ota_update.contract import limits, names
from tests.construct.stacks import RESOURCE_TYPE, stack

MODEL: Any = botocore.session.get_session().get_service_model("iot")
EVERYTHING = 2**31


def bounds(limit: limits.Text | limits.Number | limits.Count) -> tuple[float, float]:
    """The lowest and highest that a limit allows."""
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
        ("TagKey", limits.TAG_KEY),
        ("TagValue", limits.TAG_VALUE),
    ],
)
def test_a_limit_is_inside_the_models(shape: str, limit: limits.Text | limits.Number | limits.Count) -> None:
    """What the limits allow, the API's model allows, and where the model has a limit, ours is the same."""
    metadata = MODEL.shape_for(shape).metadata
    low, high = bounds(limit)
    ours: dict[str, float] = {"min": low, "max": high}
    same = {name: ours[name] for name in ("min", "max") if name in metadata}
    assert same == {name: metadata[name] for name in same}


@pytest.mark.parametrize(
    ("shape", "limit"),
    [("OTAUpdateId", limits.OTA_UPDATE_ID), ("StreamId", limits.STREAM_ID), ("Target", None), ("RoleArn", None)],
)
def test_a_pattern_is_the_models(shape: str, limit: limits.Text | None) -> None:
    """Where the model has a pattern that Python knows, ours is the same."""
    assert MODEL.shape_for(shape).metadata.get("pattern") == (limit.pattern if limit else None)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ("TargetSelection", [member.value for member in TargetSelection]),
        ("TargetSelection", limits.TARGET_SELECTION.words),
        ("Protocol", [member.value for member in Protocol]),
        ("Protocol", limits.PROTOCOL.words),
        ("AwsJobAbortCriteriaFailureType", [member.value for member in FailureType]),
        ("AwsJobAbortCriteriaFailureType", limits.FAILURE_TYPE.words),
        ("AwsJobAbortCriteriaAbortAction", ["CANCEL"]),
    ],
)
def test_an_enum_has_the_models_members(shape: str, words: list[str]) -> None:
    """A member that AWS adds is noticed."""
    assert set(MODEL.shape_for(shape).enum) == set(words)


def test_words_that_the_model_does_not_know_are_the_handlers() -> None:
    """What the API takes as any text has the same words on both sides."""
    assert {member.value for member in HashAlgorithm} == set(limits.HASH_ALGORITHM.words)
    assert {member.value for member in SignatureAlgorithm} == set(limits.SIGNATURE_ALGORITHM.words)
    assert {member.value for member in SigningPlatform} == set(limits.PLATFORM.words)


@pytest.mark.parametrize("name", ["a", "A-stack", "a" * 20, "a" * 21, "a-" * 64])
def test_the_handler_takes_every_prefix_that_the_construct_makes(name: str) -> None:
    """Of stacks with short and long names and of nested ones, whatever their ids; generated ids have their form."""
    parent = stack(name)
    for made in (parent, NestedStack(parent, "1 Nested/*"), NestedStack(parent, "ä")):
        prefix = id_prefix(made)
        event_rules.ID_PREFIX.check("IdPrefix", prefix)
        for logical_id in ("A", "A" * 255):
            assert names.is_generated(identity.generated_id(prefix, logical_id, "0123456789abcdef"))


def test_the_handler_takes_the_constructs_resource_type() -> None:
    """Both sides have one name for it, which is frozen: another one would be another resource."""
    assert names.RESOURCE_TYPE == RESOURCE_TYPE
