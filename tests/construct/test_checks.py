"""The checks of arguments one by one: their errors in full, and what they return."""

import enum
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsii
import pytest
from aws_cdk import App, Duration, Environment, IResolveContext, IStringProducer, Lazy, Stack, Token
from aws_cdk import aws_s3 as s3

from cdk_iot_ota import FileLocation
from cdk_iot_ota._synth import checks, late
from cdk_iot_ota_handler.ota_update.contract import limits

from .stacks import stack

TEXT, PRINTABLE = limits.Text(at_most=3), limits.Text(printable=True)
WHOLE, DECIMAL = limits.Number(low=1, high=9), limits.Number(low=1, high=9, decimals=1)
TWO = limits.Count(low=1, high=2)
UNRESOLVED = Token.as_string({"Ref": "Parameter"})
UNRESOLVED_NUMBER = Token.as_number({"Ref": "Parameter"})
UNRESOLVED_DURATION = Duration.seconds(UNRESOLVED_NUMBER)


class Color(enum.Enum):
    """An enum."""

    RED = "red"
    BLUE = "blue"


class Apple:
    """A class whose name begins with a vowel."""


@jsii.implements(IStringProducer)
class LateKey:
    """A key that is known at the end of synth."""

    def produce(self, context: IResolveContext) -> str:
        """Return the key."""
        return "key"


CHECKS: dict[str, tuple[Callable[[Any], Any], Any, str]] = {
    "text of another type": (lambda value: checks.text(TEXT, "x", value), 7, "x must be a str, got 7"),
    "text too long": (
        lambda value: checks.text(TEXT, "x", value),
        "abcd",
        "x must have 1 to 3 characters, got 4: 'abcd'",
    ),
    "tuple": (lambda value: checks.text(TEXT, "x", value), (1, 2), "x must be a str, got (1, 2)"),
    "tuple with a construct": (
        lambda value: checks.text(TEXT, "x", value),
        (stack(), 2),
        "x must be a str, got [Stack 'Prod', 2]",
    ),
    "number of another type": (lambda value: checks.number(WHOLE, "x", value), "7", "x must be a number, got '7'"),
    "number that is a bool": (lambda value: checks.number(WHOLE, "x", value), True, "x must be a number, got True"),
    "number too large": (lambda value: checks.number(WHOLE, "x", value), 10, "x must be between 1 and 9, got 10"),
    "number that is none": (
        lambda value: checks.number(DECIMAL, "x", value),
        float("nan"),
        "x must be a finite number, got nan",
    ),
    "number beyond all floats": (
        lambda value: checks.number(WHOLE, "x", value),
        10**400,
        "x must be a finite number, got one of more than 308 digits",
    ),
    "bool of another type": (lambda value: checks.boolean("x", value), "true", "x must be a bool, got 'true'"),
    "seconds of another type": (
        lambda value: checks.seconds(WHOLE, "x", value),
        7,
        "x must be a Duration, got 7: write Duration.seconds(…)",
    ),
    "minutes of another type": (
        lambda value: checks.minutes(WHOLE, "x", value),
        7,
        "x must be a Duration, got 7: write Duration.minutes(…)",
    ),
    "seconds too many": (
        lambda value: checks.seconds(WHOLE, "x", value),
        Duration.minutes(1),
        "x in seconds must be between 1 and 9, got 60",
    ),
    "minutes too many": (
        lambda value: checks.minutes(WHOLE, "x", value),
        Duration.hours(1),
        "x in minutes must be between 1 and 9, got 60",
    ),
    "half a second": (
        lambda value: checks.seconds(WHOLE, "x", value),
        Duration.millis(1500),
        "x in seconds must be a whole number, got 1.5",
    ),
    "half a minute": (
        lambda value: checks.minutes(WHOLE, "x", value),
        Duration.seconds(90),
        "x in minutes must be a whole number, got 1.5",
    ),
    "infinite duration": (
        lambda value: checks.minutes(WHOLE, "x", value),
        Duration.minutes(10**400),
        (
            "x must be a whole number of minutes, but 'Infinity minutes' cannot be converted into a whole number of "
            "millis."
        ),
    ),
    "value of an enum": (
        lambda value: checks.enum_member("x", value, Color),
        "red",
        "x must be one of Color.RED, Color.BLUE, got 'red'",
    ),
    "no mapping": (lambda value: checks.text_map("x", value), ["a"], "x must be a mapping of str to str, got ['a']"),
    "key that jsii does not pass on": (
        lambda value: checks.text_map("x", value),
        {"__proto__": "a"},
        "x key must not be '__proto__', which the CDK cannot write: choose another key",
    ),
    "key of a mapping": (
        lambda value: checks.text_map("x", value),
        {"": "a"},
        "x key must have at least 1 characters, got 0: ''",
    ),
    "value of a mapping": (lambda value: checks.text_map("x", value), {"a": 7}, "x['a'] must be a str, got 7"),
    "one alone": (
        lambda value: checks.list_of(TWO, "x", value, Color),
        Color.RED,
        "x must be a list of Color, got one alone: put it into a list",
    ),
    "no list": (lambda value: checks.list_of(TWO, "x", value, Color), 7, "x must be a list of Color, got 7"),
    "text as a list": (
        lambda value: checks.list_of(TWO, "x", value, Color),
        "red",
        "x must be a list of Color, got 'red'",
    ),
    "wrong member": (
        lambda value: checks.list_of(TWO, "x", value, Color),
        [Color.RED, 7],
        "x must be a list of Color, got 7 in it",
    ),
    "too many members": (
        lambda value: checks.list_of(TWO, "x", value, Color),
        [Color.RED] * 3,
        "x must have 1 to 2 members, got 3",
    ),
    "another class": (lambda value: checks.instance_of("x", value, Color), 7, "x must be a Color, got 7"),
    "another class with a vowel": (lambda value: checks.instance_of("x", value, Apple), 7, "x must be an Apple, got 7"),
    "path that is an item of a list": (
        lambda value: checks.file("x", value),
        Token.as_list({"Ref": "Parameter"})[0],
        "x must be known at synth, which reads the file, got a token: give the path of a file",
    ),
    "path of another type": (lambda value: checks.file("x", value), 7, "x must be a path, got 7"),
    "path too long": (
        lambda value: checks.file("x", value),
        "a" * 5000,
        "x must be the path of a file, got a str of length 5000: is it the file's content?",
    ),
    "path with a null character": (
        lambda value: checks.file("x", value),
        "a\0",
        "x must be the path of a file, got a str of length 2: is it the file's content?",
    ),
    "path in two lines": (
        lambda value: checks.file("x", value),
        Path("a\nb"),
        "x must be the path of a file, got a str of length 3: is it the file's content?",
    ),
    "folder": (
        lambda value: checks.file("x", value),
        Path("/"),
        "x must be a file, but '/' is a directory: build it before synth, or correct it",
    ),
    "absent file": (
        lambda value: checks.file("x", value),
        "/absent.bin",
        "x must be a file, but '/absent.bin' does not exist: build it before synth, or correct it",
    ),
}


@pytest.mark.parametrize(("check", "value", "message"), CHECKS.values(), ids=CHECKS)
def test_a_bad_value_is_refused(check: Callable[[Any], Any], value: Any, message: str) -> None:
    """The error names the argument, the limit or type, and the value."""
    with pytest.raises((TypeError, ValueError)) as refused:
        check(value)
    assert str(refused.value) == message


def test_a_good_value_is_returned(tmp_path: Path) -> None:
    """A value within its limit is returned in the type that the template needs."""
    path = tmp_path / "a"
    path.touch()
    assert checks.text(TEXT, "x", "abc") == "abc"
    assert repr(checks.number(WHOLE, "x", 7.0)) == "7"
    assert repr(checks.number(DECIMAL, "x", 1.5)) == "1.5"
    assert checks.boolean("x", value=False) is False
    assert repr(checks.seconds(WHOLE, "x", Duration.millis(9000))) == "9"
    assert repr(checks.minutes(WHOLE, "x", Duration.seconds(120))) == "2"
    assert checks.enum_member("x", Color.RED, Color) is Color.RED
    assert checks.text_map("x", {"a": ""}) == {"a": ""}
    assert checks.list_of(TWO, "x", (Color.RED, Color.RED), Color) == [Color.RED, Color.RED]
    assert checks.instance_of("x", Color.BLUE, Color) is Color.BLUE
    assert checks.file("x", str(path)) == checks.file("x", path) == path.resolve()


def test_a_relative_path_becomes_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The path of a file does not depend on the folder in which the app runs later."""
    (tmp_path / "a").touch()
    monkeypatch.chdir(tmp_path)
    assert checks.file("x", "a") == (tmp_path / "a").resolve()


def test_objects_are_shown_by_class_and_path() -> None:
    """An error names an object of CDK as users know it, also in a list, and never by its address in memory."""
    prod = stack()
    bucket = s3.CfnBucket(Stack(prod, "Stack"), "Firmware")
    assert checks.shown(bucket) == "CfnBucket 'Prod/Stack/Firmware'"
    assert checks.shown([bucket, 7]) == "[CfnBucket 'Prod/Stack/Firmware', 7]"
    assert checks.shown(s3.Bucket.from_bucket_name(prod, "Bucket", "firmware")) == "Bucket 'Prod/Bucket'"
    assert checks.shown(FileLocation.from_bucket(s3.Bucket(prod, "Own"), "a.bin")) == "InBucket"
    assert checks.shown(Duration.minutes(5)) == "Duration"
    assert checks.shown([7, "a"]) == "[7, 'a']"
    assert checks.shown("a" * 200) == f"'{'a' * 98}…"


def test_a_duration_that_cannot_be_converted_is_named() -> None:
    """CDK cannot convert a token between units; the error names the argument and the unit that works."""
    message = "x must be Duration.minutes(…) for a token, got one in hours: CloudFormation cannot convert it"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        checks.minutes(WHOLE, "x", Duration.hours(UNRESOLVED_NUMBER))


def test_a_token_passes_unchanged() -> None:
    """A value that is known at deploy time only is returned as it is, whatever its limit."""
    assert not checks.known(UNRESOLVED)
    assert checks.known("a")
    assert checks.text(TEXT, "x", UNRESOLVED) == UNRESOLVED
    assert checks.number(WHOLE, "x", UNRESOLVED_NUMBER) == UNRESOLVED_NUMBER
    assert checks.seconds(WHOLE, "x", UNRESOLVED_DURATION) == UNRESOLVED_NUMBER
    minutes = Duration.minutes(UNRESOLVED_NUMBER)
    assert checks.minutes(WHOLE, "x", minutes) == UNRESOLVED_NUMBER
    assert checks.text_map("x", {UNRESOLVED: UNRESOLVED}) == {UNRESOLVED: UNRESOLVED}


@pytest.mark.parametrize("kind", [TypeError, ValueError])
def test_errors_get_the_path_of_their_construct(kind: type[Exception]) -> None:
    """A wrong value or type keeps the class of its error and gets a prefix; other errors stay as they are."""
    with pytest.raises(kind, match=r"^Prod/Ota: x is wrong$") as refused, checks.prefix_errors("Prod/Ota"):
        raise kind("x is wrong")
    assert type(refused.value) is kind
    with pytest.raises(KeyError, match=r"^'x'$"), checks.prefix_errors("Prod/Ota"):
        raise KeyError("x")


ARN = "arn:aws:iot:eu-west-1:111122223333:thing/a"


def placed(**env: str) -> Stack:
    """Return a stack in an environment."""
    return Stack(App(analytics_reporting=False), "Prod", env=Environment(**env))


@pytest.mark.parametrize(
    ("env", "word"),
    [
        ({"account": "444455556666", "region": "eu-west-1"}, "account 444455556666"),
        ({"account": "111122223333", "region": "us-east-1"}, "Region us-east-1"),
        ({"region": "us-east-1"}, "Region us-east-1"),
        ({"account": "444455556666"}, "account 444455556666"),
        ({"region": "cn-north-1"}, "partition aws-cn"),
    ],
)
def test_an_arn_of_another_environment_is_refused(env: dict[str, str], word: str) -> None:
    """An ARN is refused if its partition, account or Region is another one than what synth knows of the stack."""
    message = f"x must be in the stack's {word}, got {ARN!r}: why"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        checks.in_environment(placed(**env), "x", ARN, "why")


def test_an_arn_passes_where_synth_does_not_know_better() -> None:
    """An ARN of the stack's environment passes, and any one where either of both is known at deploy time only."""
    checks.in_environment(placed(account="111122223333", region="eu-west-1"), "x", ARN, "why")
    checks.in_environment(stack(), "x", ARN, "why")
    checks.in_environment(placed(account="444455556666", region="us-east-1"), "x", UNRESOLVED, "why")


def test_a_key_may_get_known_at_the_end_of_synth() -> None:
    """A key that only the deploy knows is refused, and one that CDK produces later is not."""
    key = Lazy.uncached_string(LateKey())
    assert checks.text_map("x", {key: "a"}, fixed_keys=True) == {key: "a"}
    with pytest.raises(ValueError, match="x key must be known at synth, got a token"):
        checks.text_map("x", {UNRESOLVED: "a"}, fixed_keys=True)


def test_the_name_of_a_bucket_is_checked_once_it_is_known() -> None:
    """CDK does not check a name that it produces at the end of synth."""
    name = Lazy.uncached_string(LateKey())
    bucket = s3.Bucket.from_bucket_attributes(stack(), "B", bucket_arn="arn:aws:s3:::firmware", bucket_name=name)
    assert checks.bucket_name("bucket", bucket) == name
    with pytest.raises(ValueError, match="bucket must be a name of 3 to 63 of a-z, A-Z, 0-9, "):
        late.check(name, "a/b")
