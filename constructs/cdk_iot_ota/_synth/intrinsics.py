"""Flatten and size template values that still contain CloudFormation intrinsics."""

import json
import re
from typing import Any

_MAX_LENGTHS = {"<AWS::AccountId>": 12, "<AWS::Partition>": 10, "<AWS::Region>": 14, "<AWS::StackId>": 220}
_MAX_LENGTH_OF_OTHERS = 100


def flat(value: Any) -> str:
    """Render a template value as one string, with each intrinsic shown as ``<Name>``."""
    match value:
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(flat(part) for part in parts)
        case {"Fn::Sub": str(text)}:
            return flat(text)
        case {"Fn::GetAtt": [resource, attribute]}:
            return f"<{resource}.{attribute}>"
        case {"Fn::ImportValue": name}:
            return flat(name)
        case {"Ref": name}:
            return f"<{name}>"
        case dict():
            return json.dumps(value, separators=(",", ":"))
    return str(value).replace("${", "<").replace("}", ">")


def literals(value: Any) -> list[str]:
    """Return the parts of a template value that do not depend on CloudFormation."""
    match value:
        case {"Fn::Join": [str(separator), list(parts)]}:
            return [separator, *(text for part in parts for text in literals(part))]
        case {"Fn::Sub": str(text)}:
            return [re.sub(r"\$\{[^!].*?\}", "", text)]
        case str():
            return [value]
    return []


def max_length(value: Any) -> int:
    """Return the most characters that a JSON document can have once deployed, not counting white space."""
    return len(json.dumps(_filled(value), separators=(",", ":")))


def _filled(value: Any) -> Any:
    match value:
        case list():
            return [_filled(item) for item in value]
        case dict() if not any(name == "Ref" or name.startswith("Fn::") for name in value):
            return {name: _filled(item) for name, item in value.items()}
    return re.sub("<[^<>]+>", lambda found: "x" * _MAX_LENGTHS.get(found.group(), _MAX_LENGTH_OF_OTHERS), flat(value))
