"""Check requests against botocore's model: required members, types, lengths, ranges, enums and patterns."""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

from .api_model import input_shape
from .errors import invalid_request

# Limits in the API reference that the model lacks.
_MAX_ITEMS = {"files": 50, "targets": 100}
_RANGES: dict[tuple[str, str], tuple[float, float]] = {
    ("awsJobPresignedUrlConfig", "expiresInSec"): (60, 3600),
    ("awsJobTimeoutConfig", "inProgressTimeoutInMinutes"): (1, 10080),
}
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "double": (int, float),
    "boolean": (bool,),
    "blob": (str,),
    "list": (list,),
    "map": (dict,),
    "structure": (dict,),
}


def validate(operation: str, params: dict[str, Any]) -> None:
    """Raise the service's InvalidRequestException for a request that violates the model."""
    problems = list(_check(input_shape(operation), params, ""))
    if operation == "CreateOTAUpdate" and not problems:
        problems = list(_create_rules(params))
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected"
        raise invalid_request(f"{count}: {'; '.join(problems)}")


def _problem(value: Any, path: str, constraint: str) -> str:
    return f"Value '{value}' at '{path}' failed to satisfy constraint: {constraint}"


def _check(shape: Any, value: Any, path: str) -> Iterator[str]:
    expected = _TYPES[shape.type_name]
    if not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected):
        yield _problem(value, path, f"Member must be of type {shape.type_name}")
        return
    checker = _CHECKERS.get(shape.type_name)
    if checker:
        yield from checker(shape, value, path)


def _structure(shape: Any, value: dict[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield _problem("null", _join(path, name), "Member must not be null")
    for name, item in value.items():
        if name in shape.members and item is not None:
            yield from _check(shape.members[name], item, _join(path, name))


def _list(shape: Any, value: list[Any], path: str) -> Iterator[str]:
    yield from _length(shape, value, path)
    for index, item in enumerate(value, 1):
        yield from _check(shape.member, item, f"{path}.{index}.member")


def _map(shape: Any, value: dict[str, Any], path: str) -> Iterator[str]:
    for key, item in value.items():
        yield from _check(shape.key, key, path)
        yield from _check(shape.value, item, _join(path, key))


def _string(shape: Any, value: str, path: str) -> Iterator[str]:
    yield from _length(shape, value, path)
    if shape.enum and value not in shape.enum:
        yield _problem(value, path, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
    pattern = shape.metadata.get("pattern")
    if pattern and not _matches(pattern, value):
        yield _problem(value, path, f"Member must satisfy regular expression pattern: {pattern}")


def _number(shape: Any, value: float, path: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and value < low:
        yield _problem(value, path, f"Member must have value greater than or equal to {low}")
    if high is not None and value > high:
        yield _problem(value, path, f"Member must have value less than or equal to {high}")


def _blob(shape: Any, value: str, path: str) -> Iterator[str]:
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        yield _problem(value, path, "Member must be base64")


def _length(shape: Any, value: Any, path: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and len(value) < low:
        yield _problem(value, path, f"Member must have length greater than or equal to {low}")
    if high is not None and len(value) > high:
        yield _problem(value, path, f"Member must have length less than or equal to {high}")


_CHECKERS: dict[str, Callable[[Any, Any, str], Iterator[str]]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "blob": _blob,
    "integer": _number,
    "long": _number,
    "double": _number,
}


def _matches(pattern: str, value: str) -> bool:
    """Match a Java pattern of the model; Python's patterns have no Unicode categories."""
    if pattern == "[^\\p{C}]+":
        return bool(value) and not any(unicodedata.category(char)[0] == "C" for char in value)
    if "\\p{" in pattern:
        return all(unicodedata.category(char)[0] in "LZN" or char in "_.:/=+-@" for char in value)
    return re.fullmatch(pattern, value) is not None


def _create_rules(params: dict[str, Any]) -> Iterator[str]:
    """Check the rules of CreateOTAUpdate that the model lacks."""
    for name, limit in _MAX_ITEMS.items():
        if len(params[name]) > limit:
            yield _problem(len(params[name]), name, f"Member must have length less than or equal to {limit}")
    for (config, name), (least, most) in _RANGES.items():
        value = (params.get(config) or {}).get(name)
        if value is not None and not least <= value <= most:
            yield _problem(value, f"{config}.{name}", f"Member must have value between {least} and {most}")
    rate = (params.get("awsJobExecutionsRolloutConfig") or {}).get("exponentialRate")
    if rate and len(rate["rateIncreaseCriteria"]) != 1:
        yield _problem(rate["rateIncreaseCriteria"], "rateIncreaseCriteria", "exactly one criterion must be given")
    for index, file in enumerate(params["files"], 1):
        location = file.get("fileLocation") or {}
        signer_job = (file.get("codeSigning") or {}).get("awsSignerJobId")
        if len(location) > 1 or (not location and not signer_job):
            yield _problem(location, f"files.{index}.member.fileLocation", "exactly one location must be given")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _page_size(query: dict[str, str]) -> int:
    raw = query.get("maxResults", "25")
    if not raw.isdigit() or not 1 <= int(raw) <= 250:
        raise invalid_request(_problem(raw, "maxResults", "Member must have value between 1 and 250"))
    return int(raw)


def page(items: list[dict[str, Any]], query: dict[str, str]) -> tuple[list[dict[str, Any]], str | None]:
    """Return one page of a list, and the token of the next one."""
    token = query.get("nextToken") or "0"
    if not token.isdigit() or int(token) > len(items):
        raise invalid_request(f"Invalid nextToken: {token}")
    start, size = int(token), _page_size(query)
    end = start + size
    return items[start:end], str(end) if end < len(items) else None
