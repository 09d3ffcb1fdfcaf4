"""What CloudFormation fills in when it deploys a template, as far as it can be said before."""

import json
import re
from typing import Any

_LONGEST = {"<AWS::AccountId>": 12, "<AWS::Partition>": 10, "<AWS::Region>": 14, "<AWS::StackId>": 220}
_LONGEST_OF_OTHERS = 100


def flat(value: Any) -> str:
    """A text of a template as one line, with what CloudFormation fills in between angle brackets."""
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
    """The parts of a text of a template that are known before CloudFormation fills the others in."""
    match value:
        case {"Fn::Join": [str(separator), list(parts)]}:
            return [separator, *(text for part in parts for text in literals(part))]
        case {"Fn::Sub": str(text)}:
            return [re.sub(r"\$\{[^!].*?\}", "", text)]
        case str():
            return [value]
    return []


def length(value: Any) -> int:
    """How many characters a JSON document has at most, without white space, when all is filled in."""
    return len(json.dumps(_filled(value), separators=(",", ":")))


def _filled(value: Any) -> Any:
    match value:
        case list():
            return [_filled(item) for item in value]
        case dict() if not any(name == "Ref" or name.startswith("Fn::") for name in value):
            return {name: _filled(item) for name, item in value.items()}
    return re.sub("<[^<>]+>", lambda found: "x" * _LONGEST.get(found.group(), _LONGEST_OF_OTHERS), flat(value))
