"""The limits of CreateOTAUpdate, one object each: the constructs check what is known at synth, the handler the rest.

Both raise the same errors, the constructs with the name of the argument and the handler with that of the API's member.
"""

import json
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import private_keys
from .names import MAX_ID_LENGTH, is_generated, is_invented


def shown(value: object) -> str:
    """Return a value for an error message, cut after 100 characters; a private key is not quoted."""
    if private_keys.is_in(value):
        return "a private key (not shown)"
    try:
        text = repr(value)
    except ValueError:  # a number with more digits than Python writes
        return described(value)
    return text if len(text) <= 100 else f"{text[:99]}…"


def described(value: object) -> str:
    """Return the type and the length of a value for an error message that must not quote it."""
    if value is None:
        return "None"
    size = f" of length {len(value)}" if isinstance(value, (str, bytes, Sequence, Mapping)) else ""
    article = "an" if type(value).__name__[0] in "aeiouAEIOU" else "a"
    return f"{article} {type(value).__name__}{size}"


@dataclass(frozen=True, kw_only=True)
class Text:
    """A text of limited length in characters, and of a form: a pattern, or Unicode categories and more characters.

    ``quoted``: whether errors quote the value; they never quote what may be a part of a private key.
    """

    at_least: int = 1
    at_most: int | None = None
    pattern: str | None = None
    form: str = ""
    printable: bool = False
    categories: str = ""
    also: str = ""
    quoted: bool = True

    def shown(self, value: object) -> str:
        """Return a value for an error message."""
        return shown(value) if self.quoted else described(value)

    def check(self, name: str, value: str) -> None:
        """Raise ValueError with name, value and limit if the value is beyond it, or contains a private key."""
        private_keys.refuse(name, value)
        if len(value) < self.at_least or (self.at_most is not None and len(value) > self.at_most):
            limit = f"{self.at_least} to {self.at_most}" if self.at_most is not None else f"at least {self.at_least}"
            raise ValueError(f"{name} must have {limit} characters, got {len(value)}: {self.shown(value)}")
        if not self._has_form(value):
            raise ValueError(f"{name} must be {self.form}, got {self.shown(value)}")
        # Category C: control, format, surrogate, private use and unassigned characters.
        bad = [letter for letter in value if unicodedata.category(letter).startswith("C")] if self.printable else []
        if bad:
            raise ValueError(
                f"{name} must have no control or unassigned characters, got {bad[0]!r} in {self.shown(value)}"
            )

    def _has_form(self, value: str) -> bool:
        if self.categories:
            return all(letter in self.also or unicodedata.category(letter)[0] in self.categories for letter in value)
        return self.pattern is None or re.fullmatch(self.pattern, value) is not None


@dataclass(frozen=True, kw_only=True)
class Number:
    """A number within a range, with a limited number of decimals."""

    low: float
    high: float | None = None
    decimals: int = 0

    def check(self, name: str, value: float) -> None:
        """Raise ValueError with name, value and limit if the value is beyond it."""
        finite(name, value)
        if value < self.low or (self.high is not None and value > self.high):
            limit = f"between {self.low} and {self.high}" if self.high is not None else f"at least {self.low}"
            raise ValueError(f"{name} must be {limit}, got {value}")
        if round(value, self.decimals) != value:
            kind = "a whole number" if self.decimals == 0 else f"a number with {self.decimals} decimals at most"
            raise ValueError(f"{name} must be {kind}, got {value}")


def finite(name: str, value: float) -> None:
    """Raise ValueError with name and value for NaN, infinity and integers that no float can hold."""
    try:
        is_finite = math.isfinite(value)
    except OverflowError:
        raise ValueError(f"{name} must be a finite number, got one of more than 308 digits") from None
    if not is_finite:
        raise ValueError(f"{name} must be a finite number, got {value}")


@dataclass(frozen=True, kw_only=True)
class Count:
    """A number of members."""

    low: int
    high: int

    def check(self, name: str, value: Sequence[Any]) -> None:
        """Raise ValueError with name, number and limit if there are too few or too many members."""
        if not self.low <= len(value) <= self.high:
            raise ValueError(f"{name} must have {self.low} to {self.high} members, got {len(value)}")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of several words."""

    words: tuple[str, ...]

    def check(self, name: str, value: str) -> None:
        """Raise ValueError with name, value and the words if it is not one of them."""
        if value not in self.words:
            raise ValueError(f"{name} must be {' or '.join(self.words)}, got {shown(value)}")


@dataclass(frozen=True, kw_only=True)
class TextMap:
    """A mapping of texts to texts."""

    key: Text
    value: Text

    def check(self, name: str, value: Mapping[str, str]) -> None:
        """Raise ValueError with name, key or value and limit if one is beyond it."""
        for key, item in value.items():
            self.key.check(f"{name} key", key)
            self.value.check(f"{name}[{key!r}]", item)


def check_gate_minutes(given: Mapping[str, float], *, most: int) -> None:
    """Raise ValueError if the times of a gate, in minutes by their names, are longer than ``most`` together."""
    if sum(given.values()) > most:
        names, minutes = list(given), [f"{value:g}" for value in given.values()]
        raise ValueError(f"{_listed(names)} must be at most {most} minutes together, got {_listed(minutes)}")


def links(*, timeout: float, bake: float, drain: float) -> int:
    """Return how many resources besides its update a gate needs, from its times in minutes.

    Each watches for as long as CloudFormation waits for a resource, less the time in which devices may finish.
    """
    if timeout + bake + drain <= GATE_IN_MINUTES:
        return 0
    return math.ceil((timeout + bake) / (GATE_IN_MINUTES - drain)) - 1


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def distinct(name: str, values: Sequence[Any]) -> None:
    """Raise ValueError with name and value if a value occurs twice."""
    for index, value in enumerate(values):
        if value in values[:index]:
            raise ValueError(f"{name} must be different from one another, got {shown(value)} twice")


def _name(at_most: int) -> Text:
    return Text(at_most=at_most, pattern=r"[a-zA-Z0-9_-]+", form="of a-z, A-Z, 0-9, _ and -")


# The beginning of an ARN. No part of it may be a wildcard, because policies are made of it.
ARN = "arn:aws[a-z-]*:{service}:[a-z0-9-]+:[0-9]{{12}}"


def _arn(service: str, resource: str, form: str) -> Text:
    return Text(pattern=f"{ARN.format(service=service)}:{resource}", form=form)


OTA_UPDATE_ID = _name(128)
# AWS IoT accepts longer ids, and fails when it creates the job.
OTA_UPDATE_ID_OF_A_JOB = _name(MAX_ID_LENGTH)
DESCRIPTION = Text(at_most=2028, printable=True)
TARGETS = Count(low=1, high=100)
TARGET = _arn("iot", "(thing|thinggroup)/[a-zA-Z0-9:_-]{1,128}", "the ARN of a thing or a thing group")
PROTOCOLS = Count(low=1, high=2)
# The path of a role may have all printable ASCII; what IAM expands in policies is left out.
ROLE_ARN = Text(
    at_least=20,
    at_most=2048,
    pattern=r"arn:aws[a-z-]*:iam::[0-9]{12}:role/(?!.*[*?$])[!-~]+",
    form="the ARN of a role, without *, ? and $",
)

RATE_PER_MINUTE = Number(low=1, high=1000)
INCREMENT_FACTOR = Number(low=1.1, high=5, decimals=1)
NUMBER_OF_THINGS = Number(low=1)
EXPIRES_IN_SEC = Number(low=60, high=3600)
TIMEOUT_IN_MINUTES = Number(low=1, high=10080)
ABORT_CRITERIA = Count(low=1, high=100)
THRESHOLD_PERCENTAGE = Number(low=0.01, high=100, decimals=2)

SUCCESS_PERCENTAGE = Number(low=0.01, high=100, decimals=2)
MAXIMUM_FAILURES = Number(low=0)
MAXIMUM_FAILURE_PERCENTAGE = Number(low=0.01, high=100, decimals=2)
MINIMUM_DEVICES = Number(low=0)
DRAIN_IN_MINUTES = Number(low=1, high=15)
GATE_FAILURE = Choice(words=("FAIL", "REPORT"))
# What fits into CloudFormation's hour, with the creation of the update and its deletion; and what a chain of resources
# may wait, since the stack takes no other change meanwhile.
GATE_IN_MINUTES, CHAIN_IN_MINUTES = _GATE_MINUTES = 45, 480
GATE_TIMEOUT_IN_MINUTES, CHAIN_TIMEOUT_IN_MINUTES = (Number(low=1, high=most) for most in _GATE_MINUTES)
BAKE_IN_MINUTES, CHAIN_BAKE_IN_MINUTES = (Number(low=0, high=most - 1) for most in _GATE_MINUTES)
# Of a gate of 465 minutes with 15 in which devices may finish.
LINKS = Number(low=1, high=15)
ALARMS = Count(low=1, high=10)
ALARM_NAME = Text(at_most=255, printable=True)
ALARM_AT_START = Choice(words=("REFUSE", "ONLY_NEW"))

FILES = Count(low=1, high=50)
FILE_NAME = Text(printable=True)
FILE_VERSION = Text(printable=True)
FILE_TYPE = Number(low=0, high=255)
# Only old buckets have capital letters and underscores.
BUCKET = Text(
    pattern=r"[a-zA-Z0-9][a-zA-Z0-9._-]{1,61}[a-zA-Z0-9]", form="a name of 3 to 63 of a-z, A-Z, 0-9, ., _ and -"
)
# Policies are made of keys too, and IAM takes these for wildcards and variables.
KEY = Text(at_most=1024, pattern=r"(?!.*\$\{)[^*?\x00-\x1f\x7f]+", form="without *, ?, ${ and control characters")
PREFIX = KEY
ACCOUNT = Text(pattern="[0-9]{12}", form="an account of 12 digits")
OBJECT_VERSION = Text(at_most=1024)
FILE_BYTES = Number(low=1, high=16 * 1024 * 1024)
STREAM_ID = _name(128)
FILE_ID = Number(low=0, high=255)
MAP_KEY = Text()
MAP_VALUE = Text(at_least=0, at_most=4096)
TEXT_MAP = TextMap(key=MAP_KEY, value=MAP_VALUE)

HASH_ALGORITHM = Choice(words=("SHA1", "SHA256"))
SIGNATURE_ALGORITHM = Choice(words=("ECDSA", "RSA"))
# A path on the device. Those who take it for the certificate, or for a file to read, may hand in the wrong content.
CERTIFICATE_NAME = Text(printable=True, quoted=False)
SIGNER_JOB_ID = Text(at_most=128, pattern=r"[a-zA-Z0-9-]+", form="of a-z, A-Z, 0-9 and -")
SIGNING_PROFILE_NAME = Text(at_least=2, at_most=64, pattern=r"[a-zA-Z0-9_]+", form="of a-z, A-Z, 0-9 and _")
CERTIFICATE_ARN = _arn("acm", "certificate/[a-zA-Z0-9_+=,.@-]+", "the ARN of a certificate in AWS Certificate Manager")
# AWS adds platforms.
PLATFORM = Text(printable=True)

# A resource has 50 tags at most, and some of them are this library's.
TAGS = Count(low=0, high=46)
# The gate of such an update keeps in another one when its bake time has begun.
TAGS_WITH_BAKE = Count(low=0, high=45)
# The guide of AWS IoT says 127 and 255 characters, its API model 128 and 256: the lower ones fit both.
TAG_KEY = Text(at_most=127, categories="LZN", also="_.:/=+-@", form="of letters, digits, spaces and _ . : / = + - @")
TAG_VALUE = Text(at_least=0, at_most=255, printable=True)


# An Update event has the old and the new properties, and Lambda and Step Functions take 256 KiB: what fits once and not
# twice could be created, and neither changed nor rolled back.
PROPERTIES_BYTES = 100_000


def check_properties_size(name: str, properties: Mapping[str, Any]) -> None:
    """Raise ValueError if the properties of a resource are too large for an Update event."""
    text = json.dumps(properties, separators=(",", ":"), ensure_ascii=False)
    if (size := len(text.encode("utf-8", "surrogatepass"))) > PROPERTIES_BYTES:
        raise ValueError(
            f"{name} must have at most {PROPERTIES_BYTES} bytes together, got {size}: declare fewer files, or shorter "
            "attributes or certificate chains"
        )


def explicit_id(name: str, value: str, *, stack_name: str | None = None, logical_id: str | None = None) -> None:
    """Raise ValueError for an explicit id in the form of a generated one, which another resource may get.

    With the stack's name and the resource's logical id, one is also refused that CloudFormation invents for a Create
    without an answer: its Delete would be taken for one of that Create.
    """
    if is_generated(value):
        raise ValueError(
            f"{name} must not look like a generated id, <stack>_<logical id>-<16 hex digits>, got {shown(value)}: "
            "choose another one, or leave it out"
        )
    if stack_name is not None and logical_id is not None and is_invented(value, stack_name, logical_id):
        raise ValueError(
            f"{name} must not look like an id that CloudFormation invents, {stack_name}-{logical_id}-<letters and "
            f"digits>, got {shown(value)}: choose another one, or leave it out"
        )


def tag_key(name: str, key: str, reserved: str) -> None:
    """Raise ValueError for the key of a tag that is reserved for AWS or this library."""
    TAG_KEY.check(name, key)
    for prefix in ("aws:", reserved):
        if key.lower().startswith(prefix):
            raise ValueError(f"{name} must not begin with {prefix}, got {shown(key)}: choose another key")


def algorithms(name: str, hash_algorithm: str | None, signature_algorithm: str | None) -> None:
    """Raise ValueError for a pair of algorithms that no device supports."""
    if (hash_algorithm, signature_algorithm) == ("SHA1", "ECDSA"):
        raise ValueError(f"{name} must be SHA256 with ECDSA, got SHA1: devices support ECDSA with SHA256 only")
