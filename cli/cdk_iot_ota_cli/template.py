"""The OTA updates that a stack's template declares, in the order in which CloudFormation deploys them."""

from collections.abc import Iterator, Mapping
from typing import Any

from cdk_iot_ota_handler.ota_update.contract import names
from cdk_iot_ota_handler.ota_update.desired import Gate
from cdk_iot_ota_handler.ota_update.errors import FatalError

from .reading import Declared

_PATH = "aws:cdk:path"


def updates(template: Mapping[str, Any], values: Mapping[str, str]) -> list[Declared]:
    """Return the updates of a template, those that others wait for first.

    ``values``: what Ref stands for, by name. A value that cannot be told from these is not known.
    """
    resources = template.get("Resources", {})
    found = {name: one for name, one in resources.items() if one.get("Type") == names.RESOURCE_TYPE}
    waits_for = {name: [other for other in _depends_on(one) if other in found] for name, one in found.items()}
    return [_declared(name, found[name], frozenset(waits_for[name]), values) for name in _in_order(waits_for)]


def _depends_on(resource: Mapping[str, Any]) -> list[str]:
    others = resource.get("DependsOn", [])
    return [others] if isinstance(others, str) else list(others)


def _in_order(waits_for: Mapping[str, list[str]]) -> list[str]:
    ordered: dict[str, None] = {}

    def add(name: str) -> None:
        for other in waits_for[name]:
            if other not in ordered:
                add(other)
        ordered[name] = None

    for name in waits_for:
        add(name)
    return list(ordered)


def _declared(name: str, resource: Mapping[str, Any], after: frozenset[str], values: Mapping[str, str]) -> Declared:
    properties = resource.get("Properties", {})
    path = str(resource.get("Metadata", {}).get(_PATH, name))
    gate, problem = None, ""
    try:
        gate = Gate.from_properties({"Gate": _resolved(properties.get("Gate"), values)})
    except FatalError as error:
        problem = f"its gate cannot be read from the template: {error}"
    return Declared(
        logical_id=name,
        # The stack is known, and CDK always gives a custom resource these two names.
        path="/".join(path.split("/")[1:]).removesuffix("/Default").removesuffix("/Resource") or name,
        prefix=_text(properties.get("IdPrefix"), values),
        explicit_id=_text(properties.get("OtaUpdateId"), values),
        gate=gate,
        gate_problem=problem,
        after=after,
    )


def _text(value: Any, values: Mapping[str, str]) -> str | None:
    found = _resolved(value, values)
    return found if isinstance(found, str) else None


def _resolved(value: Any, values: Mapping[str, str]) -> Any:
    """Return a value of the template with what Ref and Fn::Join stand for, as far as that is known."""
    match value:
        case {"Ref": str(name)}:
            return values.get(name, value)
        case {"Fn::Join": [str(separator), list(parts)]}:
            found = list(_texts(parts, values))
            return separator.join(found) if len(found) == len(parts) else value
        case Mapping():
            return {name: _resolved(part, values) for name, part in value.items()}
        case list():
            return [_resolved(part, values) for part in value]
    return value


def _texts(parts: list[Any], values: Mapping[str, str]) -> Iterator[str]:
    for part in parts:
        found = _resolved(part, values)
        if isinstance(found, (str, int)):
            yield str(found)
