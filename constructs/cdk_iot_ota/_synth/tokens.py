"""Values that synth does not know: tokens, and what CDK makes up until the context of a lookup is there.

A token can be resolved at any time if it stands for what CloudFormation fills in. Any other, such as a ``Lazy``, may
have no value before the end of synth, and may keep one that is read too early.

Nearly all of it is read from the values themselves. Each question to jsii's process would cost as much as the rest of a
check, and NaN or infinity would end the process.
"""

import math
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from aws_cdk import Intrinsic, Reference, Tokenization

# CDK's encodings, as `aws-cdk-lib/core/lib/private/encoding.js` has them.
_KEY = r"Token\[[a-zA-Z0-9:._-]+\]\}"
_IN_TEXT = re.compile(rf"\$\{{{_KEY}|-1\.[0-9]{{10,16}}e\+289")  # the latter is the number of a token as text
_LIST_ITEM = re.compile(rf"#\{{{_KEY}")
_NUMBER_MARK = b"\xfb\xff"

# What is in the place of a looked-up value in the first synth, whose result the CDK CLI throws away.
_IDS = (
    "DUMMY",  # route53.HostedZone
    "DUMMY_ARN",  # iam.Role, ecr.Repository
    "dummy1[abc]",  # Stack.availability_zones, ec2.Vpc
    "vpc-12345|[sp]-(?:12345|67890)|rtb-(?:12345[sp]|67890s|57890p)",  # ec2.Vpc
    "sg-12345678|ami-1234|pl-xxxxxxxx",  # ec2.SecurityGroup, ec2.MachineImage, ec2.PrefixList
    "sg-1234|sg-123456789012|Z3DZXE0EXAMPLE",  # elasticloadbalancingv2
    "TESTADDRESS|TESTREADERADDRESS|TESTID",  # rds
)
# An id may be a part of a name or an ARN, but then between separators: `DUMMY!` is a mistake of the user.
_SEPARATORS = "[^/_.:,-]"
_TEXT_DUMMY = "dummy-value-for-"
_DUMMY = re.compile(
    _TEXT_DUMMY  # ssm.StringParameter.value_from_lookup, in front of the parameter's name
    + "|1234abcd-12ab-34cd-56ef-1234567890ab"  # kms.Key
    r"|1\.2\.3\.4/5"  # ec2.Vpc
    "|my-load-balancer(?:/50dc6c495c0c9188|-1234567890)"  # elasticloadbalancingv2
    f"|(?<!{_SEPARATORS})(?:{'|'.join(_IDS)})(?!{_SEPARATORS})"
)


def known(value: object) -> bool:
    """Return whether a value is known at synth: neither a token nor a dummy, nor a text that contains one."""
    return not (is_token(value) or is_list_item(value) or is_dummy(value))


def is_token(value: object) -> bool:
    """Return whether a value is a token, or a text that contains one: it gets its value at deploy time.

    A Lazy value is one as well, which gets its value at the end of synth.
    """
    if isinstance(value, str):
        return _IN_TEXT.search(value) is not None
    if isinstance(value, (int, float)):
        return _is_number_token(value)
    if isinstance(value, (list, tuple)):
        return len(value) == 1 and is_list_item(value[0])
    # IResolvable: of the class, because reading the property of an object would ask jsii.
    return callable(getattr(type(value), "resolve", None)) and hasattr(type(value), "creation_stack")


def is_list_item(value: object) -> bool:
    """Return whether a value contains what Python finds in a list that is a token; CDK can render it nowhere."""
    return isinstance(value, str) and _LIST_ITEM.search(value) is not None


def is_dummy(value: object) -> bool:
    """Return whether a text, or its bytes, contains what CDK makes up for a lookup without its context.

    It is like no real value, so it must not be judged, compared or shown. A dummy that the app has chosen itself, as
    ``default_value`` or ``dummy_value``, is not recognized: nothing tells it from a value.
    """
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    return isinstance(value, str) and _DUMMY.search(value) is not None


def is_dummy_path(path: object) -> bool:
    """Return whether a path contains the dummy of a looked-up text. A folder may be named as one of an id."""
    return _TEXT_DUMMY in str(path)


def described(value: object, conversion: str) -> str | None:
    """Return what kind of token a value of the wrong type is, and the remedy; None if it is not a token.

    :param conversion: the method of ``Token`` that returns the type that is wanted.
    """
    if is_list_item(value):
        return "an item of a list that is a token: use Fn.select(index, list)"
    if not is_token(value):
        return None
    if isinstance(value, (list, tuple)):
        return "a list that is a token: use Fn.select(index, list) for each member"
    return f"a token of another type: convert it with Token.{conversion}"


def literal_parts(text: str) -> list[str]:
    """Return the text before, between and after the tokens of a string: a single part if it has none."""
    return _IN_TEXT.split(text)


def is_settled(text: str) -> bool:
    """Return whether a string can be resolved before the end of synth.

    CDK does not show what is in a function such as ``Fn.select``: it counts as settled. So does a reference to another
    stack, which ``once.is_settled`` knows.
    """
    return not any(_is_late(token) for token in _IN_TEXT.findall(text))


def references(text: str) -> list[Reference]:
    """Return the references to resources in a string, of those tokens that CloudFormation fills in."""
    found = [one for token in _IN_TEXT.findall(text) for one in _intrinsics(token) or ()]
    return [one for one in found if isinstance(one, Reference)]


def settled(value: Any, name: Callable[[str], str | None] = lambda _: None) -> Any:
    """Return a value for a template with ``<late>`` in place of each token that only the end of synth can resolve.

    :param name: returns what else a token is to be replaced with, or None.
    """

    def replaced(found: re.Match[str]) -> str:
        token = found.group()
        named = "late" if _is_late(token) else name(token)
        return token if named is None else f"<{named}>"

    match value:
        case str():
            return _IN_TEXT.sub(replaced, value)
        case Mapping():
            return {key: settled(item, name) for key, item in value.items()}
        case Sequence():
            return [settled(item, name) for item in value]
    return value


def _is_late(token: str) -> bool:
    return _intrinsics(token) is None


@cache
def _intrinsics(token: str) -> Sequence[Any] | None:
    """Return what a token stands for, or None if that is not what CloudFormation fills in."""
    found = Tokenization.reverse_string(token).tokens
    return found if all(isinstance(one, Intrinsic) for one in found) else None


def _is_number_token(value: float) -> bool:
    try:
        number: Any = float(value)
    except OverflowError:
        return False
    return math.isfinite(number) and struct.pack(">d", number).startswith(_NUMBER_MARK)
