"""Settings of the Provider framework's state machine for which the framework has no parameter."""

from typing import cast

from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as stepfunctions
from aws_cdk import custom_resources as cr
from constructs import Construct

from .._synth.suppressions import acknowledge_wildcards

_TRACE = ["xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments"]


def enable_tracing(framework: cr.Provider) -> None:
    """Let X-Ray trace the state machine. Does nothing in a CDK release that builds the framework differently."""
    waiter = framework.node.try_find_child("waiter-state-machine")
    machine = waiter and waiter.node.try_find_child("Resource")
    role = waiter and waiter.node.try_find_child("Role")
    if not isinstance(machine, stepfunctions.CfnStateMachine) or not isinstance(role, iam.Role):
        return
    role.add_to_policy(iam.PolicyStatement(actions=_TRACE, resources=["*"]))
    machine.tracing_configuration = stepfunctions.CfnStateMachine.TracingConfigurationProperty(enabled=True)
    policy = role.node.try_find_child("DefaultPolicy") or role
    acknowledge_wildcards(
        cast(Construct, policy),
        ["*"],
        "X-Ray and log delivery have no resources in IAM; CDK's statement for log delivery covers other log groups too",
    )
