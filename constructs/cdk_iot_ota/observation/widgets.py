"""Widgets of updates, for the dashboards of an app."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

from ..request.rollout_gate import RolloutGate

Row = list[cloudwatch.IWidget]
Alarms = Sequence[cloudwatch.IAlarm | cloudwatch.AlarmBase]
# Of the 24 columns that a dashboard has.
_ALL, _HALF = 24, 12
_FIELDS = "@timestamp, event, observed, decision, reason, failed, device, status"


@dataclass(frozen=True, kw_only=True)
class Graphs:
    """The metrics that the graphs of an update show.

    ``states``: how many devices are in each state. ``gate``: the progress of its gate, none without one.
    """

    title: str
    states: Sequence[cloudwatch.Metric]
    gate: Sequence[cloudwatch.Metric] = ()


def graphs(found: Graphs) -> Row:
    """Return the graphs of an update in one row."""
    width = _HALF if found.gate else _ALL
    row: Row = [_graph(f"{found.title}: devices", found.states, width, is_stacked=True)]
    if found.gate:
        row.append(_graph(f"{found.title}: gate", found.gate, width, is_stacked=False))
    return row


def alarms(title: str, gates: Sequence[RolloutGate | None], given: Alarms) -> list[Row]:
    """Return a row with the states of the alarms of gates and of those that are given, or none without alarms."""
    of_gates = [alarm for gate in gates if gate is not None for alarm in gate.alarms or ()]
    shown = list(dict.fromkeys([*of_gates, *given]))
    if not shown:
        return []
    return [[cloudwatch.AlarmStatusWidget(title=f"{title}: alarms", alarms=shown, width=_ALL)]]


def log(title: str, log_group: logs.ILogGroup, scope: Construct, logical_ids: Sequence[str]) -> Row:
    """Return a row with what the handler has decided about updates in the stack of ``scope``, the newest first."""
    stack = Stack.of(scope)
    quoted = ", ".join(f'"{logical_id}"' for logical_id in logical_ids)
    return [
        cloudwatch.LogQueryWidget(
            title=f"{title}: decisions",
            log_group_names=[log_group.log_group_name],
            region=stack.region,
            width=_ALL,
            query_lines=[
                f"fields {_FIELDS}",
                # A provider may serve several stacks.
                f'filter stack like "/{stack.stack_name}/" and resource in [{quoted}]',
                "sort @timestamp desc",
                "limit 100",
            ],
        )
    ]


def _graph(title: str, metrics: Sequence[cloudwatch.Metric], width: int, *, is_stacked: bool) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=title,
        left=list(metrics),
        left_y_axis=cloudwatch.YAxisProps(min=0, label="devices", show_units=False),
        stacked=is_stacked,
        width=width,
    )
