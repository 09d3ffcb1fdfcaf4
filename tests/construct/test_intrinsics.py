"""Values of a template that still contain intrinsics: as text, as the parts that are known, and at their longest."""

from typing import Any

import pytest

from cdk_iot_ota._synth.intrinsics import flat, literals, max_length

REGION, ACCOUNT = {"Ref": "AWS::Region"}, {"Ref": "AWS::AccountId"}
IMPORT = {"Fn::ImportValue": {"Fn::Sub": "${AWS::StackName}-Export"}}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (7, "7"),
        (REGION, "<AWS::Region>"),
        ({"Fn::GetAtt": ["Role", "Arn"]}, "<Role.Arn>"),
        ({"Fn::Join": ["-", ["a", REGION, {"Fn::Join": ["", ["b", "c"]]}]]}, "a-<AWS::Region>-bc"),
        ({"Fn::Sub": "a-${AWS::Region}/*"}, "a-<AWS::Region>/*"),
        (IMPORT, "<AWS::StackName>-Export"),
        ({"Fn::Select": [0, REGION]}, '{"Fn::Select":[0,{"Ref":"AWS::Region"}]}'),
    ],
)
def test_a_value_is_shown_as_one_text(value: Any, text: str) -> None:
    """Intrinsics are shown by their names, as rule packs show them, and unknown ones as compact JSON."""
    assert flat(value) == text


@pytest.mark.parametrize(
    ("value", "known"),
    [
        ("a*", ["a*"]),
        (REGION, []),
        ({"Fn::Join": ["*", ["a", REGION, {"Fn::Sub": "b?"}]]}, ["*", "a", "b?"]),
        ({"Fn::Sub": "a-${AWS::Region}/${!aws:username}*"}, ["a-/${!aws:username}*"]),
        ({"Fn::Sub": "${A}b${C}"}, ["b"]),
    ],
)
def test_the_known_parts_of_a_value(value: Any, known: list[str]) -> None:
    """Separators and texts are known at synth; what CloudFormation fills in is not, but an escaped variable is."""
    assert literals(value) == known


@pytest.mark.parametrize(
    ("value", "length"),
    [
        ("", 2),
        ({}, 2),
        ("abc", 5),
        (["a", "b"], 9),
        ({"a": ["b"]}, 11),
        (ACCOUNT, 2 + 12),
        ({"Ref": "AWS::Partition"}, 2 + 10),
        (REGION, 2 + 14),
        ({"Ref": "AWS::StackId"}, 2 + 220),
        ({"Ref": "Bucket"}, 2 + 100),
        ({"Fn::GetAtt": ["Bucket", "Arn"]}, 2 + 100),
        ({"Fn::Join": [":", ["arn", REGION, ACCOUNT]]}, 2 + 3 + 1 + 14 + 1 + 12),
        ([{"Fn::Sub": "${AWS::AccountId}${AWS::Region}"}], 2 + 2 + 12 + 14),
        ({"Condition": {"a": REGION}}, len('{"Condition":{"a":""}}') + 14),
    ],
)
def test_a_value_is_measured_at_its_longest(value: Any, length: int) -> None:
    """The size of a document counts no white space, and each intrinsic at its longest."""
    assert max_length(value) == length
