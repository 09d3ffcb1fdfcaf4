"""The progress of a gate as metrics, in the embedded metric format of CloudWatch.

CloudWatch makes metrics of what a line of the log has under ``_aws``, so that they need no call and no permission.
"""

import math
import os
from collections.abc import Mapping
from typing import Any

from .contract import metrics
from .decide.gate import required
from .desired import Desired
from .identity import stack_name
from .observed import JobProgress


def gate_metrics(desired: Desired, progress: JobProgress | None, now: float) -> Mapping[str, Any]:
    """Return what a line of the log has to contain besides, or nothing if no gate has seen devices of its job.

    ``now``: seconds since 1970.
    """
    if os.environ.get(metrics.SWITCH) == metrics.OFF or desired.gate is None or progress is None:
        return {}
    if not progress.devices:
        return {}  # a new job may not show them yet
    values = {
        metrics.SUCCEEDED: progress.succeeded,
        metrics.FAILURES: progress.failures,
        metrics.NEEDED: math.ceil(required(desired.gate, progress)),
    }
    directive = {
        "Namespace": metrics.NAMESPACE,
        "Dimensions": [[metrics.STACK, metrics.UPDATE]],
        "Metrics": [{"Name": name, "Unit": "Count"} for name in values],
    }
    return {
        "_aws": {"Timestamp": int(now * 1000), "CloudWatchMetrics": [directive]},
        metrics.STACK: stack_name(desired.stack_id),
        metrics.UPDATE: desired.logical_id,
        **values,
    }
