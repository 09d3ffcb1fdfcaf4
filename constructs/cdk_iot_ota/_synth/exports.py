"""A warning about attributes that change with the firmware and that another stack imports."""

from collections.abc import Iterator
from typing import Any, cast

from aws_cdk import Annotations, CfnOutput, CfnResource, Stack
from constructs import Construct

_WARNING = "cdk-iot-ota:exported-attribute"
# CDK writes references to other Regions through a resource of this provider.
_CROSS_REGION_PROVIDER = "Custom::CrossRegionExportWriterCustomResourceProvider"
_CROSS_REGION_WRITER = "ExportsWriter"

# The attributes of an update that follow its content, as templates and as `OtaUpdate` call them.
_ATTRIBUTES = {
    "Ref": "ota_update_id",
    "OtaUpdateArn": "ota_update_arn",
    "JobId": "job_id",
    "JobArn": "job_arn",
    "DevicesSucceeded": "devices_succeeded",
    "DevicesFailed": "devices_failed",
    "FailedDevices": "failed_devices",
    "GateResult": "gate_result",
    "SecondsWaited": "seconds_waited",
}

_Value = tuple[str, Any]


class ExportedAttributes:
    """Warns about updates of a stack whose attributes are exported.

    Only the end of synth shows references between stacks, since CDK makes exports of them after all aspects.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._watched: list[tuple[Construct, CfnResource]] = []

    def watch(self, scope: Construct, resource: CfnResource) -> None:
        """Warn on ``scope`` if another stack can import an attribute of its resource."""
        self._watched.append((scope, resource))

    def check(self) -> None:
        """Add the warnings."""
        exported = list(_exported(self._stack))
        for scope, resource in self._watched if exported else []:
            logical_id = self._stack.resolve(resource.logical_id)
            found = {attribute: name for name, value in exported for attribute in _attributes(value, logical_id)}
            if used := [attribute for attribute in _ATTRIBUTES if attribute in found]:
                self._warn(scope, [_ATTRIBUTES[attribute] for attribute in used], found[used[0]])

    def _warn(self, scope: Construct, attributes: list[str], export: str) -> None:
        one = len(attributes) == 1
        Annotations.of(scope).add_warning_v2(
            _WARNING,
            f"{', '.join(attributes)} {'changes' if one else 'change'} with the firmware, and another stack can import "
            f"{'it' if one else 'them'} (export {export!r}): CloudFormation would refuse the next firmware, after "
            "devices have got it; pass the value in an SSM parameter, or make the reference weak, as "
            "docs/parameters.md shows",
        )


def _exported(stack: Stack) -> Iterator[_Value]:
    """Yield the names and resolved values of what a stack exports, also as a part of the stack it is nested in."""
    outputs = [one for one in stack.node.find_all() if isinstance(one, CfnOutput) and one.stack is stack]
    for output in outputs:
        if output.export_name is not None:
            yield str(stack.resolve(output.export_name)), stack.resolve(output.value)
    if (parent := stack.nested_stack_parent) is None:
        yield from _written_to_other_regions(stack)
    elif outputs and (above := list(_exported(parent))):
        nested = parent.resolve(cast(CfnResource, stack.nested_stack_resource).logical_id)
        for output in outputs:
            attribute = f"Outputs.{stack.resolve(output.logical_id)}"
            yield from (
                (name, stack.resolve(output.value)) for name, value in above if attribute in _attributes(value, nested)
            )


def _written_to_other_regions(stack: Stack) -> Iterator[_Value]:
    if stack.node.try_find_child(_CROSS_REGION_PROVIDER) is None:
        return
    # In a release of CDK that writes them differently there is nothing to find.
    writers = [child for child in stack.node.children if child.node.id.startswith(_CROSS_REGION_WRITER)]
    for resource in [found for writer in writers if (found := writer.node.try_find_child("Resource")) is not None]:
        if isinstance(written := resource.node.default_child, CfnResource):
            properties = stack.resolve(cast(Any, written)._cfn_properties)
            yield from properties.get("WriterProps", {}).get("exports", {}).items()


def _attributes(value: Any, logical_id: str) -> Iterator[str]:
    """Yield the attributes of a resource that a template value refers to; ``Ref`` is one of them."""
    match value:
        case {"Ref": name}:
            yield from ["Ref"] if name == logical_id else []
        case {"Fn::GetAtt": [name, str(attribute)]}:
            yield from [attribute] if name == logical_id else []
        case dict():
            yield from _attributes(list(value.values()), logical_id)
        case list():
            for item in value:
                yield from _attributes(item, logical_id)
