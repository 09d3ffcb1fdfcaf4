"""What answers CloudFormation for the OTA updates of a stack."""

from pathlib import Path

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import custom_resources as cr
from constructs import Construct

import cdk_iot_ota_handler
from cdk_iot_ota_handler.ota_update import budgets

from . import shared
from .interfaces import as_function, as_principal, as_role

_DEFAULT_ID = "OtaUpdateProvider"
_HANDLER_FOLDER = Path(cdk_iot_ota_handler.__file__).parent


class OtaUpdateProvider(Construct):
    """The Lambda function behind ``Custom::IoTOTAUpdate``, inside of CDK's Provider framework, which waits.

    One serves all updates of a stack; updates in other stacks of the same account and Region can share it. It has no
    permission on any update until an update uses it.

    :param scope: where it is declared.
    :param id: the construct's id.
    :param log_retention: how long the logs of the function and of the framework are kept. Default: three months.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
    ) -> None:
        super().__init__(scope, id)
        self._log_group = self._new_log_group("LogGroup", log_retention)
        self._role = self._new_role("HandlerRole", self._log_group)
        self._handler = self._new_handler()
        self._service_token = self._new_framework(log_retention).service_token

    @staticmethod
    def get_or_create(scope: Construct) -> "OtaUpdateProvider":
        """The provider that all updates of a stack share when they are given none."""
        return shared.get_or_create(scope, _DEFAULT_ID, OtaUpdateProvider, OtaUpdateProvider)

    @staticmethod
    def is_default(provider: "OtaUpdateProvider") -> bool:
        """Whether a provider is the one that the updates of its stack share."""
        return Stack.of(provider).node.try_find_child(_DEFAULT_ID) is provider

    @property
    def service_token(self) -> str:
        """The ``ServiceToken`` of the resources that it serves."""
        return self._service_token

    @property
    def handler(self) -> lambda_.Function:
        """The Lambda function that calls AWS IoT."""
        return self._handler

    @property
    def role(self) -> iam.Role:
        """The role of that function."""
        return self._role

    @property
    def log_group(self) -> logs.LogGroup:
        """Where that function writes a line for each decision."""
        return self._log_group

    def _new_log_group(self, id: str, retention: logs.RetentionDays) -> logs.LogGroup:
        return logs.LogGroup(self, id, retention=retention, removal_policy=RemovalPolicy.DESTROY)

    def _new_role(self, id: str, log_group: logs.LogGroup) -> iam.Role:
        """A role for Lambda that may write to one log group: the managed policy would open all of them."""
        write = iam.PolicyStatement(
            actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group.log_group_arn]
        )
        return iam.Role(
            self,
            id,
            assumed_by=as_principal(iam.ServicePrincipal("lambda.amazonaws.com")),
            inline_policies={"WriteLogs": iam.PolicyDocument(statements=[write])},
        )

    def _new_handler(self) -> lambda_.Function:
        return lambda_.Function(
            self,
            "Handler",
            description="Creates, watches and deletes the OTA updates that a stack declares",
            runtime=lambda_.Runtime.PYTHON_3_13,
            handler="ota_update.index.handler",
            # Caches differ from machine to machine, and with them the function would.
            code=lambda_.Code.from_asset(str(_HANDLER_FOLDER), exclude=["**/__pycache__", "*.pyc"]),
            timeout=Duration.seconds(budgets.INVOCATION),
            memory_size=256,
            role=as_role(self._role),
            log_group=self._log_group,
        )

    def _new_framework(self, retention: logs.RetentionDays) -> cr.Provider:
        log_group = self._new_log_group("FrameworkLogGroup", retention)
        return cr.Provider(
            self,
            "Framework",
            on_event_handler=as_function(self._handler),
            is_complete_handler=as_function(self._handler),
            query_interval=Duration.seconds(budgets.QUERY_INTERVAL),
            total_timeout=Duration.seconds(budgets.TOTAL_TIMEOUT),
            framework_on_event_role=as_role(self._new_role("OnEventRole", log_group)),
            framework_complete_and_timeout_role=as_role(self._new_role("IsCompleteRole", log_group)),
            log_group=log_group,
            # Older releases of CDK log by default, into one more log group and with permissions on all of them.
            disable_waiter_state_machine_logging=True,
        )
