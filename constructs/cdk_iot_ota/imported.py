"""The interface of an OTA update, and updates that exist outside of the app."""

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from aws_cdk import Arn, ArnFormat, Fn, Resource, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk_iot_ota_handler.ota_update.contract import limits, names

from ._synth import checks, suppressions, synth_limits, tokens
from .observation.metrics import JobMetrics, MetricOptions

if TYPE_CHECKING:
    from typing_extensions import Unpack

_PATTERN_REASON = "the end of a generated id changes with the content; the rest names one resource of one stack"
_WHY_HERE = "AWS IoT only knows updates of the same account and Region; import it in a stack there"


@runtime_checkable
class IOtaUpdate(Protocol):
    """An OTA update, declared in this app or imported."""

    @property
    def ota_update_id(self) -> str:
        """``otaUpdateId``."""
        ...

    @property
    def ota_update_arn(self) -> str:
        """``otaUpdateArn``."""
        ...

    @property
    def job_id(self) -> str:
        """``awsIotJobId``: the job that the devices execute."""
        ...

    @property
    def job_arn(self) -> str:
        """``awsIotJobArn``."""
        ...

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Grant read access to the update and its job: ``iot:GetOTAUpdate`` and ``iot:DescribeJob``."""
        ...

    def metric(self, metric_name: str, **options: "Unpack[MetricOptions]") -> cloudwatch.Metric:
        """Return any metric that AWS IoT has of the job, by AWS's name; see ``MetricOptions``."""
        ...

    def metric_queued(self, **options: "Unpack[MetricOptions]") -> cloudwatch.Metric:
        """Return how many devices have not begun."""
        ...

    def metric_in_progress(self, **options: "Unpack[MetricOptions]") -> cloudwatch.Metric:
        """Return how many devices are executing the job."""
        ...

    def metric_succeeded(self, **options: "Unpack[MetricOptions]") -> cloudwatch.Metric:
        """Return how many devices have succeeded."""
        ...

    def metric_failed(self, **options: "Unpack[MetricOptions]") -> cloudwatch.Metric:
        """Return how many devices have reported FAILED."""
        ...

    def metric_rejected(self, **options: "Unpack[MetricOptions]") -> cloudwatch.Metric:
        """Return how many devices have rejected the job."""
        ...

    def metric_canceled(self, **options: "Unpack[MetricOptions]") -> cloudwatch.Metric:
        """Return for how many devices the job was canceled."""
        ...

    def metric_removed(self, **options: "Unpack[MetricOptions]") -> cloudwatch.Metric:
        """Return how many devices were removed from the job."""
        ...


def grant_read(scope: Construct, grantee: iam.IGrantable, ota_update_id: str, *, is_pattern: bool = False) -> iam.Grant:
    """Grant read access to the update of the stack of ``scope`` with this id, or those of a pattern, and to its job."""
    with checks.prefix_errors(scope):
        checks.grantee(grantee)
    stack = Stack.of(scope)
    arns = [
        stack.format_arn(service="iot", resource=resource, resource_name=name)
        for resource, name in (("otaupdate", ota_update_id), ("job", names.job_id(ota_update_id)))
    ]
    if is_pattern and isinstance(principal := grantee.grant_principal, Construct):
        suppressions.acknowledge_wildcards(principal, arns, _PATTERN_REASON)
    return iam.Grant.add_to_principal(
        grantee=grantee, actions=["iot:DescribeJob", "iot:GetOTAUpdate"], resource_arns=arns
    )


class ImportedOtaUpdate(Resource, JobMetrics):
    """An existing update in the stack's account and Region."""

    def __init__(self, scope: Construct, id: str, *, ota_update_id: str) -> None:
        super().__init__(scope, id)
        self._id = ota_update_id

    @property
    def ota_update_id(self) -> str:
        """``otaUpdateId``."""
        return self._id

    @property
    def ota_update_arn(self) -> str:
        """``otaUpdateArn``."""
        return self._arn("otaupdate", self._id)

    @property
    def job_id(self) -> str:
        """``awsIotJobId``."""
        return names.job_id(self._id)

    @property
    def job_arn(self) -> str:
        """``awsIotJobArn``."""
        return self._arn("job", self.job_id)

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Grant read access to the update and its job: ``iot:GetOTAUpdate`` and ``iot:DescribeJob``."""
        return grant_read(self, grantee, self._id)

    def _arn(self, resource: str, name: str) -> str:
        return Stack.of(self).format_arn(service="iot", resource=resource, resource_name=name)


def from_id(scope: Construct, id: str, ota_update_id: str) -> IOtaUpdate:
    """Import the update with this id."""
    with checks.prefix_errors(f"{scope.node.path}/{id}"):
        checks.text(limits.OTA_UPDATE_ID, "ota_update_id", ota_update_id)
    return ImportedOtaUpdate(scope, id, ota_update_id=ota_update_id)


def from_arn(scope: Construct, id: str, ota_update_arn: str) -> IOtaUpdate:
    """Import the update with this ARN."""
    with checks.prefix_errors(f"{scope.node.path}/{id}"):
        checks.text(synth_limits.OTA_UPDATE_ARN, "ota_update_arn", ota_update_arn)
        checks.in_environment(scope, "ota_update_arn", ota_update_arn, _WHY_HERE)
    return ImportedOtaUpdate(scope, id, ota_update_id=_id_in(ota_update_arn))


def _id_in(arn: str) -> str:
    if tokens.is_dummy(arn):
        return arn.rpartition("/")[2]  # Arn.split raises for a dummy in the place of the ARN.
    # Arn.split finds no name if the resource is a token as a whole.
    name = Arn.split(arn, ArnFormat.SLASH_RESOURCE_NAME).resource_name
    return name or Fn.select(1, Fn.split("/", arn))
