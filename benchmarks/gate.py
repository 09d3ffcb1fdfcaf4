"""A gate's calls and dollars: the handler's own code in virtual time, until a gate of 45 minutes times out, or passes.

Without alarms no device succeeds, so that the deploy takes as long as it can. What the deploy itself does, and the
rollback, is in it.
"""

import contextlib
import functools
import io
from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.fakes.ota_service import ALARM_OPERATIONS, Behaviour, FakeOtaService
from tests.fakes.provider_framework import ProviderFramework
from tests.handler import scenarios

from .measure import Result, log

MINUTES = 45
#: With alarms, the bake time at the end of it, and the alarms, each of which changes its state once.
BAKE_MINUTES, ALARMS = 10, 3
#: List prices in US dollars, from the pricing pages of the services. AWS IoT charges for none of the handler's calls:
#: they are not among the registry's operations that it meters, and the price of remote actions is for each device,
#: however the job is created.
PRICES_AS_OF = "US East (N. Virginia), x86, without free tiers, looked up in November 2026"
LAMBDA_REQUEST = 0.20 / 1e6
LAMBDA_GB_SECOND = 0.0000166667
STATE_TRANSITION = 0.025 / 1e3
LOG_GB = 0.50
TRACE = 5.00 / 1e6
CLOUDWATCH_REQUEST = 0.01 / 1e3

#: Memory in GB of the handler, and of the framework's function, which runs as long as the handler that it calls.
HANDLER_GB, FRAMEWORK_GB = 256 / 1024, 128 / 1024
#: Seconds that one call of an API takes, and an invocation apart from its calls. Estimates.
LATENCY, OVERHEAD = 0.05, 0.02
#: Bytes that CloudWatch Logs adds to each event, which it meters.
EVENT_BYTES = 26
#: START, END and REPORT of one invocation, and the state machine's events of one look without data. Estimates.
PLATFORM_BYTES, STATE_BYTES = 450, 2_500


class _Metered(ProviderFramework):
    """Adds up the virtual seconds of the invocations."""

    seconds: float = 0.0

    def _invoke(self, function: Any, event: Mapping[str, Any]) -> dict[str, Any]:
        begun = self.service.time.now
        try:
            return super()._invoke(function, event)
        finally:
            self.seconds += self.service.time.now - begun


def run() -> Result:
    """Return what one gate takes that times out, and what of it costs how much; and one with alarms that passes."""
    log(f"gate: {MINUTES} minutes in virtual time")
    silent = FakeOtaService(behaviour=Behaviour(devices=("silent", 0)), latency=LATENCY)
    without = _measured(silent, {**scenarios.GATE, "TimeoutInMinutes": str(MINUTES)}, fails=True)
    last_moment = 60 * (MINUTES - BAKE_MINUTES) - 30
    late = FakeOtaService(behaviour=Behaviour(devices=("succeed", last_moment)), latency=LATENCY)
    names = [f"alarm-{number}" for number in range(ALARMS)]
    for name in names:
        late.put_alarm(name, "INSUFFICIENT_DATA")
        late.time.spawn(functools.partial(late.set_alarm, name, "OK"), 60)
    times = {"TimeoutInMinutes": str(MINUTES - BAKE_MINUTES), "BakeTimeInMinutes": str(BAKE_MINUTES)}
    watched = _measured(late, {**scenarios.GATE, **times, "AlarmNames": names}, fails=False)
    kept = ("calls", "looks", "lambda_seconds", "log_bytes", "dollars", "total")
    return {**without, "alarms": ALARMS, "with_alarms": {name: watched[name] for name in kept}}


def _measured(service: FakeOtaService, gate: dict[str, Any], *, fails: bool) -> Result:
    framework, printed = _Metered(service), io.StringIO()
    begun = service.time.now
    with contextlib.redirect_stdout(printed):
        answer = framework.serve(scenarios.event("Create", Gate=gate))
    if answer.failed is not fails:
        raise RuntimeError(f"the gate ended differently: {answer}")
    calls = Counter(call.split()[0] for call in service.calls)
    lines = printed.getvalue().splitlines()
    looks = framework.invocations - 1
    lambda_seconds = framework.seconds + framework.invocations * OVERHEAD
    log_bytes = (
        sum(len(line) + EVENT_BYTES for line in lines)
        + 2 * framework.invocations * PLATFORM_BYTES
        + looks * STATE_BYTES
    )
    dollars = {
        # Each invocation of the handler is made by one of a function of the framework.
        "Lambda requests": 2 * framework.invocations * LAMBDA_REQUEST,
        "Lambda seconds": lambda_seconds * (HANDLER_GB + FRAMEWORK_GB) * LAMBDA_GB_SECOND,
        # Each repetition of the state machine's one task, its start and its end.
        "Step Functions": (looks + 2) * STATE_TRANSITION,
        "CloudWatch Logs": log_bytes / 1e9 * LOG_GB,
        "X-Ray": TRACE,
        "CloudWatch requests": sum(calls[name] for name in ALARM_OPERATIONS) * CLOUDWATCH_REQUEST,
    }
    return {
        "prices": PRICES_AS_OF,
        "minutes": MINUTES,
        "elapsed": service.time.now - begun,
        "looks": looks,
        "calls": dict(sorted(calls.items())),
        "lambda_seconds": lambda_seconds,
        "log_lines": len(lines),
        "log_bytes": log_bytes,
        "dollars": dollars,
        "total": sum(dollars.values()),
    }
