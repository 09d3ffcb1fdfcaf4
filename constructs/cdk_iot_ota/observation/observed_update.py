"""A declared update with everything that an app can attach to it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from aws_cdk import CfnResource, CustomResource, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk_iot_ota_handler.ota_update.contract import metrics

from ..provider.ota_update_provider import OtaUpdateProvider
from ..request.rollout_gate import RolloutGate
from . import events as rules
from . import widgets
from .metrics import JobMetrics, MetricOptions, gate_metric

if TYPE_CHECKING:
    from typing_extensions import Unpack

_GATED = "needs a gate, got none: declare gate=RolloutGate()"


class ObservedUpdate(JobMetrics):
    """The metrics, widgets and events of a declared update, its provider and its log."""

    _rendered: CfnResource
    _links: Sequence[CustomResource]
    _provider: OtaUpdateProvider
    _gate: RolloutGate | None

    @property
    def provider(self) -> OtaUpdateProvider:
        """The provider that handles the update."""
        return self._provider

    @property
    def gate(self) -> RolloutGate | None:
        """The gate of the update."""
        return self._gate

    @property
    def log_group(self) -> logs.LogGroup:
        """The log group that a failure names: that of the provider's handler, with one line for each decision."""
        return self._provider.log_group

    def metric_gate_succeeded(self, **options: "Unpack[MetricOptions]") -> cloudwatch.Metric:
        """Return how many devices have succeeded, as the gate sees it: ``Succeeded`` of ``cdk-iot-ota``.

        The handler writes the metrics of a gate while that waits, by ``Stack`` and ``Update`` (the logical id), which
        stay the same for each firmware. ``OtaUpdateProvider(gate_metrics=False)`` switches them off.

        :param options: see ``MetricOptions``. Default: the maximum of each minute.
        :raises ValueError: if the update has no gate, or its provider writes no metrics.
        """
        return self._gate_metric(metrics.SUCCEEDED, options)

    def metric_gate_failures(self, **options: "Unpack[MetricOptions]") -> cloudwatch.Metric:
        """Return how many devices have failed, rejected the job, timed out or were canceled: ``Failures``.

        Otherwise as ``metric_gate_succeeded``.
        """
        return self._gate_metric(metrics.FAILURES, options)

    def metric_gate_needed(self, **options: "Unpack[MetricOptions]") -> cloudwatch.Metric:
        """Return how many devices must succeed of those that the job has: ``Needed``.

        It grows while the job reaches more devices. Otherwise as ``metric_gate_succeeded``.
        """
        return self._gate_metric(metrics.NEEDED, options)

    def dashboard_widgets(self, *, alarms: widgets.Alarms | None = None) -> list[list[cloudwatch.IWidget]]:
        """Return rows of widgets for ``cloudwatch.Dashboard``: ``add_widgets(*row)`` adds each.

        Graphs of the devices in each state and of the gate, the states of alarms, and the newest lines of the log.

        :param alarms: alarms to show. Default: those of the gate.
        """
        scope = cast(Construct, self)
        title = scope.node.id
        return [
            graphs(self),
            *widgets.alarms(title, [self._gate] if alarms is None else [], alarms or ()),
            widgets.log(title, self.log_group, scope, [one.logical_id for one in resources(self)]),
        ]

    def on_event(self, id: str, **options: "Unpack[rules.EventOptions]") -> events.Rule:
        """Return a rule on every event of CloudFormation about the update: each change of its status.

        ``detail.status-details`` of an event has the status and, for a failure, the sentence of the handler.

        :param id: the id of the rule in the update.
        :param options: see ``EventOptions``.
        """
        return rules.on_event(cast(Construct, self), id, resources(self), options)

    def on_deployed(self, id: str, **options: "Unpack[rules.EventOptions]") -> events.Rule:
        """Return a rule on events that the update is deployed, after its gate: CREATE_COMPLETE and UPDATE_COMPLETE.

        A change of tags is such an event too, and so is a rollback that restores the former update, of which
        ``detail.physical-resource-id`` then has the id.

        :param id: the id of the rule in the update.
        :param options: see ``EventOptions``.
        """
        return rules.on_deployed(cast(Construct, self), id, resources(self)[-1:], options)

    def on_gate_failed(self, id: str, **options: "Unpack[rules.EventOptions]") -> events.Rule:
        """Return a rule on events that the gate has failed, or that an alarm kept it from beginning.

        ``detail.status-details.status-reason`` has the reason.

        A gate that only reports does not fail.

        :param id: the id of the rule in the update.
        :param options: see ``EventOptions``.
        :raises ValueError: if the update has no gate.
        """
        if self._gate is None:
            raise ValueError(f"{cast(Construct, self).node.path}: on_gate_failed {_GATED}")
        return rules.on_gate_failed(cast(Construct, self), id, resources(self), options)

    def _gate_metric(self, name: str, options: MetricOptions) -> cloudwatch.Metric:
        scope = cast(Construct, self)
        if self._gate is None:
            raise ValueError(f"{scope.node.path}: the metric {name} {_GATED}")
        if not self._provider.has_gate_metrics:
            raise ValueError(
                f"{scope.node.path}: the metric {name} is not written: declare its provider with gate_metrics=True"
            )
        stack_name = Stack.of(scope).stack_name
        return gate_metric(scope, name, stack_name=stack_name, logical_id=self._rendered.logical_id, options=options)


def resources(update: ObservedUpdate) -> list[CfnResource]:
    """Return the resource of an update, and those that go on to watch its gate, the last one until it passes."""
    links = [cast(CfnResource, link.node.default_child) for link in update._links]
    return [update._rendered, *links]


def graphs(update: ObservedUpdate) -> widgets.Row:
    """Return the graphs of an update in one row."""
    states = [
        update.metric_queued(label="queued"),
        update.metric_in_progress(label="in progress"),
        update.metric_succeeded(label="succeeded", color=cloudwatch.Color.GREEN),
        update.metric_failed(label="failed", color=cloudwatch.Color.RED),
        update.metric_rejected(label="rejected"),
        update.metric_canceled(label="canceled"),
        update.metric_removed(label="removed"),
    ]
    of_gate = []
    if update.gate is not None and update.provider.has_gate_metrics:
        of_gate = [
            update.metric_gate_succeeded(label="succeeded", color=cloudwatch.Color.GREEN),
            update.metric_gate_failures(label="failures", color=cloudwatch.Color.RED),
            update.metric_gate_needed(label="needed", color=cloudwatch.Color.GREY),
        ]
    title = cast(Construct, update).node.id
    return widgets.graphs(widgets.Graphs(title=title, states=states, gate=of_gate))
