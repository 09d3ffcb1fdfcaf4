"""The condition on a rollout's devices for a deploy to succeed."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import Duration

from cdk_iot_ota_handler.ota_update.contract import limits

from .._synth import checks
from . import gate_alarms

# In minutes, with alarms.
DEFAULT_BAKE = 10
_DEFAULT_MINUTES = 30


def _is_token(value: object) -> bool:
    return isinstance(value, Duration) and value.is_unresolved()


class GateFailure(enum.Enum):
    """The consequence of a gate that fails.

    FAIL removes the update and fails the deploy. REPORT changes nothing: the failure is in the log and in
    ``OtaUpdate.gate_result``, and the deploy continues.
    """

    FAIL = "FAIL"
    REPORT = "REPORT"


class AlarmAtStart(enum.Enum):
    """The consequence of an alarm that is in ALARM before the update is created.

    REFUSE creates nothing. ONLY_NEW creates the update, for firmware that is the cure: such an alarm counts once it has
    left ALARM and goes to it again.
    """

    REFUSE = "REFUSE"
    ONLY_NEW = "ONLY_NEW"


@dataclass(frozen=True, kw_only=True)
class RolloutGate:
    """A condition that a deploy waits for: enough devices have installed the firmware successfully.

    The gate evaluates the device counts of the update's job. Devices that failed, rejected the update, timed out or
    were canceled count as failures; a ``COMPLETED`` job alone proves nothing. The gate fails as soon as it can no
    longer pass, when it times out, when the job is canceled, and when the job has too few devices. The update is then
    removed at once, so that no more devices install it, and CloudFormation rolls the stack back. Devices that have
    installed the firmware keep it: to restore the old code, ship it as a newer image. A device that is switched off
    stays queued and does not succeed.

    With ``alarms`` it also watches what devices and their customers meet after the installation. An alarm of CloudWatch
    that goes to ALARM, while devices work and in the ``bake_time`` after enough of them have succeeded, fails the gate,
    also if it is quiet again when it is read. INSUFFICIENT_DATA does not: an alarm whose metric has no data says what
    that means with ``treat_missing_data``. An alarm that does not exist, or that cannot be read until the time is over,
    fails the gate.

    The gate evaluates an update once, in the deploy that creates it. Adding or changing a gate does not re-evaluate an
    update that is already deployed; it applies from the next content on.

    :param success_percentage: the share of the job's devices that must succeed: 0.01 to 100, with two decimals.
        Default: 100, or what ``maximum_failure_percentage`` leaves: given alone, that is the only limit.
    :param maximum_failures: how many devices may fail: at least 0. It holds from the first device on. Default: 0, or no
        such limit with ``maximum_failure_percentage``.
    :param maximum_failure_percentage: the share of the job's devices that may fail: 0.01 to 100, with two decimals. It
        holds once the job has reached all its targets, because a share of some of them tells little. Given together
        with ``maximum_failures``, the limit that is exceeded first fails the gate. Default: none.
    :param minimum_devices: how many devices the job must have: at least 0, with which an empty thing group passes.
        Default: 1.
    :param timeout: how long to wait for the devices: 1 minute to 8 hours, together with ``bake_time`` and
        ``drain_time`` at most 8 hours. Over 45 minutes together do not fit into CloudFormation's one-hour limit: more
        resources then watch the gate, one after the other, each for 45 minutes less ``drain_time``, and the stack takes
        no other change until then. If one of the three is a token, they are 45 minutes at most. Default: 30 minutes.
    :param on_failure: with ``GateFailure.REPORT`` the deploy waits as long as it would, and then continues in any case:
        for trying out thresholds on a fleet. Devices take the firmware although the gate would have failed. Default:
        ``GateFailure.FAIL``.
    :param drain_time: how long devices that are executing the job of a gate that has failed may go on with it before
        the update is deleted: 1 to 15 minutes. The job is canceled at once, so
        that no other device begins; those that have begun can download, test and report. The gate fails nevertheless,
        as soon as none of them is left. A device that has not ended by then loses its job in the middle of it: it gets
        no more data, its report is refused, and AWS IoT does not define its state. Agents up to mid-2020 do not notice
        that a job is gone: they may install it, or refuse the next one until they are restarted. Not allowed with
        ``GateFailure.REPORT``, which deletes nothing. Default: none, so that a failed update is removed in the same
        poll.
    :param alarms: 1 to 10 different alarms of the update's account and Region, metric alarms or composite ones. In the
        app or imported; an alarm on the update's own job is a cycle, and one on the job of an earlier phase is not.
        Default: none.
    :param bake_time: how long to watch alarms and counts after enough devices have succeeded: up to 479 minutes. Update
        tags: one less, 45. Default: 10 minutes with ``alarms``, otherwise none.
    :param alarm_at_start: what an alarm in ALARM means before the update is created. Only with ``alarms``. Default:
        ``AlarmAtStart.REFUSE``: nothing is created, and no device is touched. With ``GateFailure.REPORT`` nothing is
        refused, and such an alarm is reported.
    :raises ValueError: if a value exceeds its limits.
    :raises TypeError: if a value is of another type.
    """

    success_percentage: float | None = None
    maximum_failures: int | None = None
    minimum_devices: int = 1
    timeout: Duration | None = None
    maximum_failure_percentage: float | None = None
    on_failure: GateFailure = GateFailure.FAIL
    drain_time: Duration | None = None
    alarms: gate_alarms.Alarms | None = None
    bake_time: Duration | None = None
    alarm_at_start: AlarmAtStart = AlarmAtStart.REFUSE

    def __post_init__(self) -> None:
        self.render()

    def render(self) -> Mapping[str, Any]:
        """Render the resource's ``Gate``."""
        rendered = {
            "SuccessPercentage": self._success(),
            **self._failure_limits(),
            "MinimumDevices": checks.number(limits.MINIMUM_DEVICES, "minimum_devices", self.minimum_devices),
            "TimeoutInMinutes": self._timeout(),
            **self._on_failure(),
            **self._drain(),
            **self._alarms(),
            **self._bake(),
        }
        links = self._links(rendered)
        self._check_minutes(rendered, limits.CHAIN_IN_MINUTES if links else limits.GATE_IN_MINUTES)
        return {**rendered, "Links": links} if links else rendered

    def _success(self) -> float:
        limit, given, share = limits.SUCCESS_PERCENTAGE, self.success_percentage, self.maximum_failure_percentage
        if given is not None or share is None:
            return checks.number(limit, "success_percentage", 100 if given is None else given)
        allowed = checks.number(limits.MAXIMUM_FAILURE_PERCENTAGE, "maximum_failure_percentage", share)
        if not checks.known(allowed):
            raise ValueError(
                "success_percentage must be given with a maximum_failure_percentage that is a token: synth cannot tell "
                "what it leaves"
            )
        return max(0.01, round(100 - allowed, limit.decimals))

    def _timeout(self) -> float:
        if self.timeout is None:
            return _DEFAULT_MINUTES
        # Synth cannot tell how many resources would have to watch a gate of which a time is a token.
        limit = limits.GATE_TIMEOUT_IN_MINUTES if _is_token(self.timeout) else limits.CHAIN_TIMEOUT_IN_MINUTES
        return checks.minutes(limit, "timeout", self.timeout)

    def _drain(self) -> Mapping[str, Any]:
        if self.drain_time is None:
            return {}
        drain = checks.minutes(limits.DRAIN_IN_MINUTES, "drain_time", self.drain_time)
        if self.on_failure is GateFailure.REPORT:
            raise ValueError("drain_time must be left out with GateFailure.REPORT: it deletes nothing")
        return {"DrainInMinutes": drain}

    def _alarms(self) -> Mapping[str, Any]:
        start = checks.enum_member("alarm_at_start", self.alarm_at_start, AlarmAtStart)
        if self.alarms is None:
            if start is not AlarmAtStart.REFUSE:
                raise ValueError("alarm_at_start must be left out without alarms")
            return {}
        named = [gate_alarms.name_of(alarm) for alarm in gate_alarms.checked(self.alarms)]
        return {"AlarmNames": named, **({} if start is AlarmAtStart.REFUSE else {"AlarmAtStart": start.value})}

    def _bake(self) -> Mapping[str, float]:
        if self.bake_time is None:
            return {} if self.alarms is None else {"BakeTimeInMinutes": DEFAULT_BAKE}
        limit = limits.BAKE_IN_MINUTES if _is_token(self.bake_time) else limits.CHAIN_BAKE_IN_MINUTES
        minutes = checks.minutes(limit, "bake_time", self.bake_time)
        return {"BakeTimeInMinutes": minutes} if minutes else {}

    @staticmethod
    def _links(rendered: Mapping[str, Any]) -> int:
        """Return how many resources besides the update watch the gate. What is a token has to fit into the first."""
        times = [rendered.get(name, 0) for name in ("TimeoutInMinutes", "BakeTimeInMinutes", "DrainInMinutes")]
        if not all(map(checks.known, times)):
            return 0
        timeout, bake, drain = times
        return limits.links(timeout=timeout, bake=bake, drain=drain)

    def _check_minutes(self, rendered: Mapping[str, Any], most: int) -> None:
        """Check the times together; the handler adds up what is a token here."""
        bake = "bake_time" if self.bake_time is not None else "bake_time (its default with alarms)"
        words = {"TimeoutInMinutes": "timeout", "BakeTimeInMinutes": bake, "DrainInMinutes": "drain_time"}
        given = {word: rendered[name] for name, word in words.items() if name in rendered}
        limits.check_gate_minutes({word: value for word, value in given.items() if checks.known(value)}, most=most)

    def _on_failure(self) -> Mapping[str, str]:
        checks.enum_member("on_failure", self.on_failure, GateFailure)
        return {} if self.on_failure is GateFailure.FAIL else {"OnFailure": self.on_failure.value}

    def _failure_limits(self) -> Mapping[str, Any]:
        share, rendered = self.maximum_failure_percentage, dict[str, Any]()
        if share is None or self.maximum_failures is not None:
            count = 0 if self.maximum_failures is None else self.maximum_failures
            rendered["MaximumFailures"] = checks.number(limits.MAXIMUM_FAILURES, "maximum_failures", count)
        if share is not None:
            limit = limits.MAXIMUM_FAILURE_PERCENTAGE
            rendered["MaximumFailurePercentage"] = checks.number(limit, "maximum_failure_percentage", share)
        return rendered
