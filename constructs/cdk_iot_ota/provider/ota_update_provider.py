"""The provider of a stack's OTA updates: the Lambda function, its logs and CDK's Provider framework."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from aws_cdk import Aws, CfnDeletionPolicy, Duration, Fn, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as stepfunctions
from aws_cdk import custom_resources as cr
from constructs import Construct

import cdk_iot_ota_handler
from cdk_iot_ota_handler.ota_update.contract import metrics, timeouts

from .._iam.sized_role import SizedRole
from .._synth import checks, once, shared
from .._synth.casts import as_function, as_role
from .._synth.removal import is_retained
from .._synth.validation import at_end
from . import encryption, findings, waiter
from .function_role import function_role
from .status_grants import StatusGrants

_DEFAULT_ID = "OtaUpdateProvider"
# CDK's CustomResourceConfig finds the log groups of custom resources by it.
_CUSTOM_RESOURCE_LOG_GROUP = "aws:cdk:is-custom-resource-handler-logGroup"
_HANDLER_FOLDER = Path(cdk_iot_ota_handler.__file__).parent


class OtaUpdateProvider(Construct):
    """The Lambda function behind ``Custom::IoTOTAUpdate``, and CDK's Provider framework, which polls it.

    One provider serves all updates of a stack; updates in other stacks of the same account and Region can share it. It
    has no permission on any update until an update uses it.

    :param scope: the parent construct.
    :param id: the construct's id.
    :param log_retention: retention of the logs of the functions and the state machine. Default: three months.
    :param log_removal_policy: what happens to ``log_group``, which the reason of a failure names, when it leaves the
        stack: ``RETAIN`` keeps it when the rollback of a first deploy deletes everything else, and also when the stack
        is deleted. Its name is generated, so that it never blocks a deploy, and its lines go after ``log_retention``.
        ``DESTROY`` deletes it in both cases. Default: ``RETAIN``, as for the log groups of CDK.
    :param gate_metrics: let the handler write three CloudWatch metrics for each update with a gate, while that waits.
        They cost less than a cent per deploy. Default: true.
    :param encryption_key: the KMS key of the Region, not an alias, for the logs and the functions' environment. Its
        policy must let CloudWatch Logs use it; the policy of a key in the same app is extended. Default: the services'
        own keys.
    :param vpc: the VPC that the functions run in. They must reach AWS IoT, S3, CloudFormation, Lambda and Step
        Functions from there; ``docs/provider.md`` lists the endpoints. Default: none.
    :param vpc_subnets: the subnets of the VPC. Default: the private ones.
    :param security_groups: the functions' security groups in the VPC. Default: one per function, with outbound traffic
        allowed.
    :raises ValueError: if ``encryption_key`` is an alias or in another Region, or ``vpc_subnets`` or
        ``security_groups`` is given without ``vpc``.
    :raises TypeError: if ``log_retention``, ``log_removal_policy``, ``gate_metrics``, ``encryption_key`` or ``vpc`` is
        of another type.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
        log_removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
        gate_metrics: bool = True,
        encryption_key: kms.IKey | kms.Key | None = None,
        vpc: ec2.IVpc | ec2.Vpc | None = None,
        vpc_subnets: ec2.SubnetSelection | None = None,
        security_groups: Sequence[ec2.ISecurityGroup | ec2.SecurityGroup] | None = None,
    ) -> None:
        super().__init__(scope, id)
        with checks.prefix_errors(self):
            checks.enum_member("log_retention", log_retention, logs.RetentionDays)
            checks.enum_member("log_removal_policy", log_removal_policy, RemovalPolicy)
            self._has_gate_metrics = checks.boolean("gate_metrics", gate_metrics)
        if vpc is not None and not hasattr(vpc, "vpc_id"):
            raise TypeError(f"{self.node.path}: vpc must be an ec2.IVpc, got {checks.shown(vpc)}: see Vpc.from_lookup")
        for name, value in (("vpc_subnets", vpc_subnets), ("security_groups", security_groups)):
            if vpc is None and value is not None:
                raise ValueError(f"{self.node.path}: {name} needs a vpc, got none: give the vpc as well")
        self._key = encryption.for_logs(self, encryption_key)
        self._network: dict[str, Any] = {"vpc": vpc, "vpc_subnets": vpc_subnets, "security_groups": security_groups}
        self._log_retention = log_retention
        self._status = StatusGrants()
        self._status.serve(once.stack_of(self), None)
        self._log_group = self._new_log_group("LogGroup", removal_policy=log_removal_policy)
        self._sized_role = self._new_role("HandlerRole", self._log_group)
        remedy = "declare an OtaUpdateProvider in a stack with another synthesizer, and give it as provider="
        with checks.prefix_errors(self), checks.needs_assets("the handler's code", remedy):
            self._handler = self._new_handler()
        self._framework = self._new_framework()
        findings.acknowledge(self, in_vpc=vpc is not None, encrypted=encryption_key is not None)
        at_end(self, self._rename_if_retained, lambda: self._of_waiter_log_group().cfn_options)

    @staticmethod
    def get_or_create(scope: Construct) -> "OtaUpdateProvider":
        """Return the provider that the updates of a stack share by default."""
        return shared.get_or_create(scope, _DEFAULT_ID, OtaUpdateProvider, OtaUpdateProvider)

    @staticmethod
    def is_default(provider: "OtaUpdateProvider") -> bool:
        """Return whether a provider is the one that the updates of its stack share by default."""
        stack = once.stack_of(provider)
        return once.asked(provider, "is default", lambda: stack.node.try_find_child(_DEFAULT_ID) is provider)

    @property
    def service_token(self) -> str:
        """The ``ServiceToken`` of the updates."""
        token: str = once.get(self._framework, "service_token")
        return token

    @property
    def handler(self) -> lambda_.Function:
        """The Lambda function that calls AWS IoT."""
        return self._handler

    @property
    def role(self) -> iam.Role:
        """The role of that function."""
        return self._sized_role

    @property
    def log_group(self) -> logs.LogGroup:
        """The log group of that function, with one line for each decision. The reason of a failure names it."""
        return self._log_group

    def grant_status(self, grantee: iam.IGrantable) -> iam.Grant:
        """Grant what ``cdk-iot-ota status`` reads: the provider's stack and those that share it, and their updates.

        It changes nothing. Any stack of the app may declare the grantee, and updates may be declared later.
        ``docs/command.md`` lists the permissions; ``cdk-iot-ota stop`` also needs ``iot:CancelJob``.
        """
        with checks.prefix_errors(self):
            return self._status.grant(checks.grantee(grantee))

    @property
    def has_gate_metrics(self) -> bool:
        """Return whether the handler writes metrics of gates."""
        return self._has_gate_metrics

    def _new_log_group(
        self, id: str, name: str | None = None, removal_policy: RemovalPolicy = RemovalPolicy.DESTROY
    ) -> logs.LogGroup:
        log_group = logs.LogGroup(
            self,
            id,
            log_group_name=name,
            retention=self._log_retention,
            encryption_key=self._key,
            removal_policy=removal_policy,
        )
        log_group.node.add_metadata(_CUSTOM_RESOURCE_LOG_GROUP, data=True)
        return log_group

    def _new_waiter_log_group(self) -> logs.LogGroup:
        group = self._waiter_log_group = self._new_log_group("WaiterLogGroup", self._waiter_log_group_name)
        return group

    @property
    def _waiter_log_group_name(self) -> str:
        # Any other prefix adds to the resource policy of CloudWatch Logs, whose size all state machines share.
        return f"/aws/vendedlogs/states/{Aws.STACK_NAME}-{self.node.addr[-8:]}"

    def _of_waiter_log_group(self) -> logs.CfnLogGroup:
        return cast(logs.CfnLogGroup, self._waiter_log_group.node.default_child)

    def _rename_if_retained(self, options: Mapping[str, Any]) -> None:
        """Give the one log group with a fixed name a name of this stack alone, if an aspect retains it.

        Retained after the stack under its fixed name, it would fail the next deploy of a stack with the same name. It
        is deleted when it is replaced, so that no name is taken when a stack begins or ceases to retain it.
        """
        if is_retained(options):
            group = self._of_waiter_log_group()
            stack_uuid = Fn.select(2, Fn.split("/", Aws.STACK_ID))
            group.log_group_name = f"{self._waiter_log_group_name}-{stack_uuid}"
            group.cfn_options.update_replace_policy = CfnDeletionPolicy.DELETE

    def _new_role(self, id: str, log_group: logs.LogGroup) -> SizedRole:
        return function_role(self, id, log_group, in_vpc=self._network["vpc"] is not None, key=self._key)

    def _new_handler(self) -> lambda_.Function:
        return lambda_.Function(
            self,
            "Handler",
            description="Creates, watches and deletes the OTA updates that a stack declares",
            runtime=lambda_.Runtime.PYTHON_3_14,
            handler="ota_update.index.handler",
            # Caches differ between machines, and would change the asset's hash.
            code=lambda_.Code.from_asset(str(_HANDLER_FOLDER), exclude=["**/__pycache__", "*.pyc"]),
            timeout=Duration.seconds(timeouts.INVOCATION),
            memory_size=256,
            role=as_role(self._sized_role),
            log_group=self._log_group,
            environment=None if self._has_gate_metrics else {metrics.SWITCH: metrics.OFF},
            environment_encryption=self._key,
            **self._network,
        )

    def _new_framework(self) -> cr.Provider:
        log_group = self._new_log_group("FrameworkLogGroup")
        framework = cr.Provider(
            self,
            "Framework",
            on_event_handler=as_function(self._handler),
            is_complete_handler=as_function(self._handler),
            query_interval=Duration.seconds(timeouts.QUERY_INTERVAL),
            total_timeout=Duration.seconds(timeouts.TOTAL_TIMEOUT),
            framework_on_event_role=as_role(self._new_role("OnEventRole", log_group)),
            framework_complete_and_timeout_role=as_role(self._new_role("IsCompleteRole", log_group)),
            log_group=log_group,
            # CDK's default too. Below it, the functions write CloudFormation's response URL whenever a poll fails.
            framework_lambda_logging_level=lambda_.ApplicationLogLevel.FATAL,
            provider_function_env_encryption=self._key,
            disable_waiter_state_machine_logging=False,
            # Execution data contains the presigned URL for the response to CloudFormation.
            waiter_state_machine_log_options=cr.LogOptions(
                destination=self._new_waiter_log_group(), include_execution_data=False, level=stepfunctions.LogLevel.ALL
            ),
            **self._network,
        )
        waiter.enable_tracing(framework)
        return framework
