"""The permissions of ``cdk-iot-ota status``, for the stacks whose updates a provider handles."""

from collections.abc import Iterable

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk_iot_ota_handler.ota_update.contract import names

from .._synth import once, suppressions
from .._synth.naming import id_prefix

_STACKS = (
    "cloudformation:DescribeStackEvents",
    "cloudformation:DescribeStacks",
    "cloudformation:GetTemplate",
    "cloudformation:ListStackResources",
)
_UPDATES = ("iot:GetOTAUpdate", "iot:ListTagsForResource")
_JOBS = ("iot:DescribeJob", "iot:DescribeJobExecution", "iot:ListJobExecutionsForJob")
_THINGS = ("iot:DescribeJobExecution",)
# Neither has a resource that would be enough: DescribeAlarms leaves composite alarms out of a narrower answer.
_ANYTHING = ("cloudwatch:DescribeAlarms", "iot:ListOTAUpdates")
ACTIONS = frozenset((*_STACKS, *_UPDATES, *_JOBS, *_THINGS, *_ANYTHING))
_REASON = (
    "it only reads: a stack's id and the ids of its updates end with what the deploy generates, any device may be in a "
    "group, and neither lists of OTA updates nor those of alarms have a resource in IAM"
)


class StatusGrants:
    """The grantees, and the updates whose status they may ask for, in whichever order both become known."""

    def __init__(self) -> None:
        self._grantees: list[iam.IGrantable] = []
        self._served: dict[tuple[Stack, str | None], None] = {}

    def serve(self, stack: Stack, explicit_id: str | None) -> None:
        """Add the updates of a stack, or the one with an explicit id."""
        if (stack, explicit_id) in self._served:
            return
        self._served[stack, explicit_id] = None
        for grantee in self._grantees:
            _grant(grantee, stack, explicit_id)

    def grant(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let a grantee read what is there, and what is added later."""
        self._grantees.append(grantee)
        found = iam.Grant.add_to_principal(grantee=grantee, actions=list(_ANYTHING), resource_arns=["*"])
        _acknowledge(grantee, ["*"])
        for stack, explicit_id in self._served:
            found = found.combine(_grant(grantee, stack, explicit_id))
        return found


def _grant(grantee: iam.IGrantable, stack: Stack, explicit_id: str | None) -> iam.Grant:
    name = f"{id_prefix(stack)}*" if explicit_id is None else explicit_id
    job = once.iot_arn(stack, "job", names.job_id(name))
    update, thing = once.iot_arn(stack, "otaupdate", name), once.iot_arn(stack, "thing", "*")
    allowed = [(_STACKS, _stack_arn(stack)), (_UPDATES, update), (_JOBS, job), (_THINGS, thing)]
    grants = [
        iam.Grant.add_to_principal(grantee=grantee, actions=list(actions), resource_arns=[arn])
        for actions, arn in allowed
    ]
    _acknowledge(grantee, [arn for _, arn in allowed])
    first, *others = grants
    for other in others:
        first = first.combine(other)
    return first


def _stack_arn(stack: Stack) -> str:
    """Return a pattern of a stack's ARN without tokens of that stack, since the grantee may be in another one."""
    outermost, name = stack, "{}"
    while (parent := outermost.nested_stack_parent) is not None:
        outermost, name = parent, "{}-*"
    return once.arn(stack, "cloudformation", f"stack/{name.format(outermost.stack_name)}/*")


def _acknowledge(grantee: iam.IGrantable, arns: Iterable[str]) -> None:
    if isinstance(principal := grantee.grant_principal, Construct):
        suppressions.acknowledge_wildcards(principal, list(arns), _REASON)
