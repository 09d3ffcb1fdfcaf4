"""CloudWatch's alarms, as far as ministack's differ: when their state has changed, and who may read them."""

from __future__ import annotations

import json
import time
from typing import Any

import cbor2

from .emulator import Emulator


def complete_alarms(emulator: Emulator) -> None:
    """Date the changes of metric alarms, and authorize calls that read alarms by the alarms that they name."""
    cloudwatch, record = emulator.cloudwatch, emulator.cloudwatch._record_history

    def recorded(name: str, *rest: Any, **options: Any) -> None:
        if (alarm := cloudwatch._alarms.get(name)) is not None:
            alarm["StateTransitionedTimestamp"] = int(time.time())
        record(name, *rest, **options)

    cloudwatch._record_history = recorded
    actions = emulator.iam_actions
    resource_arn = actions.extract_resource_arn

    def located(service: str, method: str, path: str, headers: dict[str, str], body: bytes, *rest: Any) -> Any:
        # The remaining arguments are the query, the Region and the account.
        target = headers.get("x-amz-target", "").rpartition(".")[2] or path.rpartition("/")[2]
        if service == "monitoring" and body and target in ("DescribeAlarms", "DescribeAlarmHistory"):
            is_cbor = "cbor" in headers.get("content-type", "")
            return _alarm_arn(cbor2.loads(body) if is_cbor else json.loads(body), *rest[1:3])
        return resource_arn(service, method, path, headers, body, *rest)

    actions.extract_resource_arn = located


def _alarm_arn(request: dict[str, Any], region: str, account: str) -> str:
    """Return the ARN of the alarm that a request names; what may be a composite alarm needs permission for all.

    Of several alarms it is the last one, since the evaluator takes one resource.
    """
    names = request.get("AlarmNames") or [request.get("AlarmName")]
    if request.get("AlarmTypes", ["MetricAlarm"]) != ["MetricAlarm"] or not names[-1]:
        return "*"
    return f"arn:aws:cloudwatch:{region}:{account}:alarm:{names[-1]}"
