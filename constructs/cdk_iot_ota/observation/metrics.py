"""Metrics of an update's job, which AWS IoT writes, and of its gate, which the handler writes."""

from typing import TYPE_CHECKING, TypedDict, cast

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from cdk_iot_ota_handler.ota_update.contract import metrics as gate

if TYPE_CHECKING:
    from typing_extensions import Unpack

_NAMESPACE = "AWS/IoT"
_PERIOD_IN_MINUTES = 1


class MetricOptions(TypedDict, total=False):
    """The options of a metric, as those of ``cloudwatch.Metric``.

    ``statistic``: default Maximum, because the metrics are totals. ``period``: default one minute, as often as AWS IoT
    sends them. ``account``, ``region``: default those of the update. Any other name is a TypeError.
    """

    statistic: str
    period: Duration
    label: str
    color: str
    unit: cloudwatch.Unit
    account: str
    region: str


class JobMetrics:
    """The metrics of an update's job in the namespace ``AWS/IoT``, by ``JobId``.

    New firmware has another job. An alarm on a metric follows it in the deploy, and a graph begins again.
    """

    @property
    def job_id(self) -> str:
        """``awsIotJobId``."""
        raise NotImplementedError

    def metric(self, metric_name: str, **options: "Unpack[MetricOptions]") -> cloudwatch.Metric:
        """Return any metric that AWS IoT has of the job, such as ``ServerErrorCount``.

        :param metric_name: its name in AWS's list, in AWS's spelling.
        :param options: see ``MetricOptions``. Default: the maximum of each minute.
        """
        return metric(cast(Construct, self), _NAMESPACE, metric_name, {"JobId": self.job_id}, options)

    def metric_queued(self, **options: "Unpack[MetricOptions]") -> cloudwatch.Metric:
        """Return how many devices have not begun: ``QueuedJobExecutionTotalCount``."""
        return self.metric("QueuedJobExecutionTotalCount", **options)

    def metric_in_progress(self, **options: "Unpack[MetricOptions]") -> cloudwatch.Metric:
        """Return how many devices are executing the job: ``InProgressJobExecutionTotalCount``."""
        return self.metric("InProgressJobExecutionTotalCount", **options)

    def metric_succeeded(self, **options: "Unpack[MetricOptions]") -> cloudwatch.Metric:
        """Return how many devices have succeeded: ``SuccededJobExecutionTotalCount``, which AWS spells so."""
        return self.metric("SuccededJobExecutionTotalCount", **options)

    def metric_failed(self, **options: "Unpack[MetricOptions]") -> cloudwatch.Metric:
        """Return how many devices have reported FAILED: ``FailedJobExecutionTotalCount``.

        A gate counts more as failures: rejected, canceled and timed out devices, of which AWS IoT has no metric.
        """
        return self.metric("FailedJobExecutionTotalCount", **options)

    def metric_rejected(self, **options: "Unpack[MetricOptions]") -> cloudwatch.Metric:
        """Return how many devices have rejected the job: ``RejectedJobExecutionTotalCount``."""
        return self.metric("RejectedJobExecutionTotalCount", **options)

    def metric_canceled(self, **options: "Unpack[MetricOptions]") -> cloudwatch.Metric:
        """Return for how many devices the job was canceled: ``CanceledJobExecutionTotalCount``."""
        return self.metric("CanceledJobExecutionTotalCount", **options)

    def metric_removed(self, **options: "Unpack[MetricOptions]") -> cloudwatch.Metric:
        """Return how many devices were removed from the job: ``RemovedJobExecutionTotalCount``."""
        return self.metric("RemovedJobExecutionTotalCount", **options)


def gate_metric(
    scope: Construct, name: str, *, stack_name: str, logical_id: str, options: MetricOptions
) -> cloudwatch.Metric:
    """Return a metric of the gate of the update with this logical id, which stays the same for each firmware."""
    return metric(scope, gate.NAMESPACE, name, {gate.STACK: stack_name, gate.UPDATE: logical_id}, options)


def metric(
    scope: Construct, namespace: str, name: str, dimensions: dict[str, str], options: MetricOptions
) -> cloudwatch.Metric:
    """Return a metric of the account and Region of ``scope``."""
    given: MetricOptions = {
        "statistic": cloudwatch.Stats.MAXIMUM,
        "period": Duration.minutes(_PERIOD_IN_MINUTES),
        **options,
    }
    found = cloudwatch.Metric(namespace=namespace, metric_name=name, dimensions_map=dimensions, **given)
    return found.attach_to(scope)
