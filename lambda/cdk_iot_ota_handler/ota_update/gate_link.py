"""One event of a link, which watches the gate of an update that has waited for as long as one resource can.

The update carries the deployed tag by then, so that a link that fails is like any other resource of the stack that
fails after it: CloudFormation's rollback deletes the update. A link creates and deletes nothing, and answers at once
for what it need not watch: on a way back, for a gate that has passed, and for a Delete.
"""

import functools
from dataclasses import dataclass, replace
from typing import Any

from . import event_rules
from .chain import Link
from .contract import names, timeouts
from .decide import Action, Decision
from .decide.chain import link_hands_over, to_judge, to_watch
from .decide.devices import statuses_to_list
from .desired import Event
from .errors import AccessDeniedError, FatalError, RetryableError
from .evidence import Inquiry
from .gate_metrics import gate_metrics
from .gate_watch import GateWatch, Judgement
from .identity import deployed_tag, gate_attributes
from .log import LogPace, log_alarm, log_decision, log_device, log_error
from .observed import JobProgress, Observed, Stack
from .retry import Clock, retry_until
from .service import OtaService
from .stop import FailedRollout

# After so many seconds of an event the next poll would come too late to tell the reason.
_LAST_POLL = timeouts.HANDLER_DEADLINE - timeouts.SETTLE_PATIENCE - timeouts.QUERY_INTERVAL - timeouts.CALL


def on_event(event: Event, clock: Clock) -> dict[str, Any]:
    """Answer an event of CloudFormation: a link keeps its physical id, so that it is never replaced."""
    event_rules.check(event)
    if event["RequestType"] != "Delete":
        Link.from_event(event)
    physical_id = event.get("PhysicalResourceId", event["LogicalResourceId"])
    return {"PhysicalResourceId": physical_id, "StartedAt": clock.now()}


def is_complete(event: Event, service: OtaService, clock: Clock) -> dict[str, Any]:
    """Return whether an event has finished. Raises FatalError with the reason when the gate has failed."""
    event_rules.check_poll(event)
    if event["RequestType"] == "Delete":
        return {"IsComplete": True}
    state = GateLink(event, Link.from_event(event), service, clock).poll()
    if state is None:
        return {"IsComplete": False}
    return {"IsComplete": True, "Data": {**gate_attributes(state), names.GATE_STATE: state}}


@dataclass(frozen=True)
class _Seen:
    """An update, and when it was read, in seconds since 1970."""

    observed: Observed
    at: float


class GateLink:
    """One invocation for a Create or an Update of a link. Each look is complete in itself."""

    def __init__(self, event: Event, link: Link, service: OtaService, clock: Clock) -> None:
        self._event, self._link, self._service, self._clock = event, link, service, clock
        self._begun, self._started = clock.now(), float(event["StartedAt"])
        self._id, job_id = link.update.ota_update_id, link.update.job_id
        self._on_error = functools.partial(log_error, event, self._id)
        self._inquiry = Inquiry(
            service, clock, job_id, log=functools.partial(log_device, event, self._id), on_error=self._on_error
        )
        self._watch = GateWatch(
            link.gate,
            service,
            clock,
            job_id,
            begun=self._begun,
            started=self._started,
            last_poll=_LAST_POLL,
            on_ring=functools.partial(log_alarm, event, self._id),
        )
        # While the gate waits the update is read once in an invocation: whatever ends it ends its job too.
        self._seen: _Seen | None = None
        self._pace = LogPace()

    def poll(self) -> str | None:
        """Return the state of the gate once it has one or the next link watches it, or None while this one does.

        Raises FatalError when the gate has failed.
        """
        if self._link.state != names.GATE_WAITS:
            return self._link.state
        try:
            return retry_until(self._look, self._clock, timeout=timeouts.PATIENCE, on_error=self._on_error)
        except RetryableError as error:
            if isinstance(error, AccessDeniedError) or self._waited() > _LAST_POLL:
                raise FatalError(str(error)) from error
            return None

    def _waited(self) -> float:
        return self._clock.now() - self._started

    def _look(self) -> str | None:
        """Return the state of the gate for CloudFormation, or None if another look has to follow."""
        if link_hands_over(self._link, waited=self._waited()):
            self._log(None, Decision(Action.HAND_OVER, "the gate waits: the next link watches it from now on"))
            return names.GATE_WAITS
        stack = self._service.stack(self._link.update.stack_id)
        decision = to_watch(stack, started=self._started, waited=self._waited())
        observed = None
        if decision.action is Action.CONTINUE:
            observed, decision = self._update()
        judgement = None
        if decision.action is Action.ASK_DEVICES and observed is not None:
            judgement = self._watch.look(observed, observed.age)
            decision = judgement.decision
        if decision.action is not Action.WAIT:
            self._seen = None
        if decision.action is not Action.STOP:
            self._log(observed, decision, judgement)
        return self._carry_out(decision, observed, judgement, stack)

    def _update(self) -> tuple[Observed | None, Decision]:
        """Return the update as it is now, and whether its gate is to be evaluated."""
        now = self._clock.now()
        if self._seen is None:
            observed = self._service.get_update(self._id, now)
            decision = to_judge(self._link, observed, waited=self._waited())
            if observed is not None and decision.action is Action.ASK_DEVICES:
                self._seen = _Seen(observed, now)
            return observed, decision
        observed = replace(self._seen.observed, age=self._seen.observed.age + now - self._seen.at)
        return observed, Decision(Action.ASK_DEVICES, "its gate decides")

    def _carry_out(
        self, decision: Decision, observed: Observed | None, judgement: Judgement | None, stack: Stack
    ) -> str | None:
        progress = None if judgement is None else judgement.progress
        match decision.action:
            case Action.DONE:
                return self._link.state if observed is None else observed.gate_state
            case Action.FAIL:
                raise FatalError(decision.reason)
            case Action.PROVE if observed is not None:
                self._watch.keep_beginning_of_bake(observed, progress)
            case Action.STOP if observed is not None:
                self._stop(observed, progress, decision)
            case Action.MARK if observed is not None and judgement is not None:
                return self._pass(observed, judgement, stack)
            case _ if judgement is not None and not self._watch.may_end_soon(progress):
                self._clock.sleep(timeouts.QUIET)
        return None

    def _pass(self, observed: Observed, judgement: Judgement, stack: Stack) -> str:
        """Keep in the deployed tag what the gate has observed, and which operations have deployed the update."""
        decision, progress = judgement.decision, judgement.progress
        devices = [] if progress is None else self._failed_devices(progress, timed_out=decision.timed_out)
        # A gate that only reports passes without a job too.
        progress = progress or JobProgress(status="UNKNOWN")
        state = deployed_tag(progress, observed.age, devices, decision.problem, judgement.without_data)
        value = observed.deployed_tag_with(state, stack.operation)
        self._service.tag(observed.attributes["OtaUpdateArn"], {names.DEPLOYED_TAG: value})
        return state

    def _failed_devices(self, progress: JobProgress, *, timed_out: bool) -> list[str]:
        statuses = statuses_to_list(progress, timed_out=timed_out, is_canceled=False)
        if not statuses:
            return []
        evidence = self._inquiry.gather(statuses, ends=self._begun + timeouts.PATIENCE)
        return [execution.thing for execution in evidence.executions if execution.has_failed]

    def _stop(self, observed: Observed, progress: JobProgress | None, stop: Decision) -> None:
        """Cancel the job, and fail once devices had their time to finish. The rollback deletes the update."""
        decision = self._failed_rollout.end(observed, progress, stop)
        self._log(observed, decision)
        if decision.action is Action.STOP:
            raise FatalError(decision.reason)

    @functools.cached_property
    def _failed_rollout(self) -> FailedRollout:
        return FailedRollout(
            self._link.update,
            self._service,
            self._clock,
            ends=self._begun + timeouts.PATIENCE,
            # Its job is deleted with it in the rollback: that comes first if the job cannot be canceled.
            deadline=self._started,
            drain=self._link.gate.drain,
            drain_deadline=self._started + _LAST_POLL - timeouts.SETTLE_PATIENCE,
            inquiry=self._inquiry,
            on_error=self._on_error,
            may_delete=False,
        )

    def _log(self, observed: Observed | None, decision: Decision, judgement: Judgement | None = None) -> None:
        now, is_waiting = self._clock.now(), decision.action is Action.WAIT
        seen = judgement.seen if judgement is not None and is_waiting else decision
        if not self._pace.is_due(seen, now):
            return
        self._pace.note(seen, now)
        progress = None if judgement is None else judgement.progress
        log_decision(self._event, self._id, observed, decision, gate_metrics(self._link.update, progress, now))
