"""CloudFormation hands every number and boolean over as a string; the API's own model says what they were.

A parameter that AWS adds to the API needs no code here: botocore's model of it is enough.
"""

import base64
from collections.abc import Callable
from typing import Any

from .contract.limits import shown
from .errors import FatalError


def restore(value: Any, shape: Any, path: str) -> Any:
    """The value with the types of a botocore shape. Errors name the property by its path."""
    match shape.type_name:
        case "structure":
            return _structure(_expect(value, dict, path), shape, path)
        case "map":
            members = _expect(value, dict, path).items()
            return {key: restore(item, shape.value, f"{path}.{key}") for key, item in members}
        case "list":
            items = enumerate(_expect(value, list, path))
            return [restore(item, shape.member, f"{path}[{index}]") for index, item in items]
        case scalar:
            return _scalar(_expect(value, str, path), scalar, path)


def _structure(value: dict[str, Any], shape: Any, path: str) -> dict[str, Any]:
    unknown = sorted(set(value) - set(shape.members))
    if unknown:
        raise FatalError(
            f"{path} has no member {unknown[0]!r} in the SDK of this function: use one of {', '.join(shape.members)}"
        )
    return {name: restore(item, shape.members[name], f"{path}.{name}") for name, item in value.items()}


def _expect(value: Any, kind: type, path: str) -> Any:
    if isinstance(value, kind):
        return value
    if kind is str and isinstance(value, (bool, int, float)):
        return str(value).lower() if isinstance(value, bool) else str(value)
    names: dict[type, str] = {dict: "a mapping", list: "a list", str: "text"}
    raise FatalError(f"{path} must be {names[kind]}, got {shown(value)}")


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


def _blob(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


_SCALARS: dict[str, tuple[Callable[[str], Any], str]] = {
    "integer": (int, "a whole number"),
    "long": (int, "a whole number"),
    "double": (float, "a number"),
    "float": (float, "a number"),
    "boolean": (_boolean, "true or false"),
    "blob": (_blob, "base64 text"),
}


def _scalar(text: str, type_name: str, path: str) -> Any:
    parse, wanted = _SCALARS.get(type_name, (str, "text"))
    try:
        return parse(text)
    except (ValueError, KeyError):
        raise FatalError(f"{path} must be {wanted}, got {shown(text)}") from None
