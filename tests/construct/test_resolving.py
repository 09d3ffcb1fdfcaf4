"""Tests of how values are resolved by one question to CDK."""

from typing import Any

import jsii
from aws_cdk import Aws, CfnResource, Fn, IStableStringProducer, Lazy, Token
from hypothesis import given
from hypothesis import strategies as st

from cdk_iot_ota._synth import resolving

from .stacks import stack
from .test_border import counted


@jsii.implements(IStableStringProducer)
class _Produced:
    """Produces a text, or no value, although its type forbids that."""

    def __init__(self, value: str | None) -> None:
        self._value = value

    def produce(self) -> Any:
        """Return the value."""
        return self._value


MADE = stack()
NUMBER = Token.as_number(Fn.ref("Number"))
TOKENS = [
    Aws.REGION,
    f"arn:{Aws.PARTITION}:iot:::{Fn.ref('Other')}",
    Lazy.string(_Produced(None)),
    NUMBER,
    f"number {NUMBER}",
    Token.as_list(Fn.ref("List")),
    Token.as_any({"a": [Aws.REGION, {"b": 1.5}]}),
    CfnResource(MADE, "Some", type="AWS::Some::Thing").cfn_options,
]
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(-1e15, 1e15),
    st.text("aä{}$", max_size=3),
    st.sampled_from(TOKENS),
)
KEYS = st.one_of(st.text("ab", max_size=2), st.just(Lazy.string(_Produced("key"))))
VALUES = st.recursive(
    LEAVES,
    lambda of: st.one_of(st.lists(of, max_size=3), st.dictionaries(KEYS, of, max_size=3)),
    max_leaves=8,
)


@given(value=VALUES)
def test_a_value_is_resolved_as_by_cdk(value: Any) -> None:
    """With tokens, objects of CDK and no value at any place, the result is that of CDK."""
    assert resolving.resolved(MADE, {"it": value}) == MADE.resolve({"it": value})


def test_whole_numbers_have_no_fraction() -> None:
    """A number has the form that it has in JSON of CDK, so that its length is the same."""
    assert repr(resolving.resolved(MADE, [2.0, 2.5, True])) == "[2, 2.5, True]"


def test_cdk_is_asked_for_each_token_once() -> None:
    """Only tokens cross the border, equal ones once, and all in one question."""
    region = Aws.REGION
    with counted() as calls:
        assert resolving.resolved(MADE, {"a": ["b", 1], "c": None}) == {"a": ["b", 1]}
        assert not calls
        asked = resolving.resolved(MADE, [{"a": region, "b": NUMBER}] * 9)
    assert asked == [{"a": {"Ref": "AWS::Region"}, "b": {"Ref": "Number"}}] * 9
    assert calls.total() == 1
