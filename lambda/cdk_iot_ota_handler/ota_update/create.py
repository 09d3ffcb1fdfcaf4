"""One `is_complete` poll of a Create or Update: create the update if needed, then wait for a final status."""

import contextlib
import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .contract import names, timeouts
from .decide import Action, Decision
from .decide.chain import hands_over
from .decide.completion import Context, completion, deadline, may_be_own, unless_live
from .decide.devices import statuses_to_list
from .decide.tags import tag_changes
from .desired import Desired, Event, Gate, Previous
from .errors import AccessDeniedError, AlreadyExistsError, FatalError, RetryableError
from .evidence import Evidence, Inquiry
from .gate_metrics import gate_metrics
from .gate_watch import GateWatch
from .identity import Owner, deployed_tag, gate_attributes, with_operation, without_operation
from .log import LogPace, log_alarm, log_decision, log_device, log_error
from .observed import JobProgress, Observed, Stack
from .retry import Clock, pauses, retry_until
from .service import OtaService
from .stop import FailedRollout

_Request = Mapping[str, Any]
_SUCCESSES = (Action.DONE, Action.MARK, Action.HAND_OVER)


@dataclass(frozen=True, kw_only=True)
class _Look:
    """The result of one look, and the decision that follows from it.

    ``progress``: that of the job, if the gate has asked for it, ``seconds`` after the creation. ``failed_devices``:
    those that have failed although the gate has passed. ``without_data``: its alarms that had nothing to tell.
    ``observed_at``: when the update had its age, in seconds since 1970. ``waits``: whether its gate decided to wait.
    """

    decision: Decision
    observed: Observed | None
    observed_at: float
    progress: JobProgress | None = None
    seconds: float = 0
    failed_devices: Sequence[str] = ()
    without_data: Sequence[str] = ()
    waits: bool = False
    stack: Stack | None = None

    @property
    def seen(self) -> object:
        """The state that the gate has observed, of which each change is logged."""
        return self.progress, self.without_data

    @property
    def deployed_tag(self) -> str:
        """The value of the deployed tag, which keeps what the gate has observed, and the operations on the stack."""
        operation = None if self.stack is None else self.stack.operation
        if self.decision.action is Action.HAND_OVER:
            return with_operation(names.GATE_WAITS, operation)
        if self.observed is None or not self.observed.is_deployed:
            observed = deployed_tag(
                self.progress, self.seconds, self.failed_devices, self.decision.problem, self.without_data
            )
            return with_operation(observed, operation)
        first = self.observed.first_operation or 0
        return with_operation(self.observed.tags[names.DEPLOYED_TAG], operation, first=first)

    @property
    def is_complete(self) -> bool:
        """Return whether the update exists and is created."""
        return self.observed is not None and self.observed.status == "CREATE_COMPLETE"

    def attributes(self, desired: Desired) -> Mapping[str, str]:
        """Return the attributes of the resource after an event that has succeeded."""
        if self.observed is None:
            return {**desired.attributes, **desired.gate_state("")}
        if self.decision.action is Action.HAND_OVER:
            return {**self.observed.attributes, **desired.gate_state(names.GATE_WAITS)}
        if self.progress is None:
            return {**self.observed.attributes, **desired.gate_state(self.observed.gate_state)}
        tag = self.deployed_tag
        return {**self.observed.attributes, **gate_attributes(tag), **desired.gate_state(without_operation(tag))}


class Creation:
    """One invocation for a Create or an Update. Each look is complete in itself: the next may be another invocation.

    ``begun``: when the invocation began, in seconds since 1970.
    """

    def __init__(self, event: Event, desired: Desired, service: OtaService, clock: Clock, begun: float) -> None:
        self._event, self._desired, self._service, self._clock = event, desired, service, clock
        self._begun = begun
        self._begun_after = begun - float(event["StartedAt"])
        self._request: _Request | None = None
        self._known_since: float | None = None
        self._is_absent = not event["KeepsId"]
        self._on_error = functools.partial(log_error, event, desired.ota_update_id)
        log = functools.partial(log_device, event, desired.ota_update_id)
        self._watch = None if desired.gate is None else self._gate_watch(desired.gate)
        self._pace = LogPace()
        self._evidence: Evidence | None = None
        self._inquiry = Inquiry(service, clock, desired.job_id, log=log, on_error=self._on_error)

    def poll(self) -> Mapping[str, str] | None:
        """Return the attributes of the update once it is there as desired, or None if that may still come.

        Waits for what usually takes seconds. Raises FatalError when the event has failed.
        """
        if self._event["KeepsId"] and self._event["PhysicalResourceId"] != self._desired.ota_update_id:
            return self._restored(self._event["PhysicalResourceId"])
        left = self._begun + self._patience - self._clock.now()
        try:
            look = retry_until(
                self._last_look, self._clock, timeout=self.timeout, patience=left, on_error=self._on_error
            )
        except RetryableError as error:
            is_last_try = self._is_only_chance and self._is_absent
            if is_last_try or isinstance(error, AccessDeniedError) or self._waited() > self._last_poll():
                raise FatalError(str(error)) from error
            return None
        if look is None or look.decision.action not in _SUCCESSES:
            return None
        return look.attributes(self._desired)

    def _restored(self, ota_update_id: str) -> Mapping[str, str]:
        """Return the attributes of an update that was created for another resource: a rollback leaves it as it is."""
        observed = None
        with contextlib.suppress(RetryableError):
            observed = self._service.get_update(ota_update_id, self._clock.now())
        attributes = observed.attributes if observed else replace(self._desired, ota_update_id=ota_update_id).attributes
        return {**attributes, **self._desired.gate_state(observed.gate_state if observed else "")}

    @property
    def timeout(self) -> float:
        """The seconds that the invocation waits for what usually takes some."""
        return self._patience if self._is_only_chance else timeouts.SETTLE_PATIENCE

    @property
    def _is_only_chance(self) -> bool:
        """Return whether no later invocation may create the update, because it has a gate."""
        return self._desired.gate is not None and self._begun_after <= timeouts.GATED_CREATION

    @property
    def _patience(self) -> float:
        return timeouts.CREATION_PATIENCE if self._is_only_chance else timeouts.PATIENCE

    def _last_poll(self) -> float:
        """Return after how many seconds the next poll would find the time over, and could not tell the reason."""
        last = timeouts.HANDLER_DEADLINE if self._event["KeepsId"] else deadline(self._desired)
        return last - timeouts.SETTLE_PATIENCE - timeouts.QUERY_INTERVAL - timeouts.CALL

    def _waited(self) -> float:
        return self._clock.now() - float(self._event["StartedAt"])

    def _last_look(self) -> _Look | None:
        """Return a look after which the invocation ends: the event is done, or only waits for devices."""
        look = self._look()
        for pause in pauses():
            if not look.waits or not self._may_watch():
                break
            # What is gone after that was deleted, maybe because its gate has failed in another delivery of the event,
            # and is not created again, as by an invocation that begins later.
            self._begun_after = math.inf
            self._clock.sleep(pause)
            look = self._glance(look) or self._look()
        match look.decision.action:
            case Action.FAIL | Action.DELETE_AND_FAIL | Action.STOP:
                raise FatalError(look.decision.reason)
            case Action.DONE | Action.MARK | Action.HAND_OVER:
                return look
        is_settled = look.is_complete and self._clock.now() - self._begun > timeouts.SETTLE_PATIENCE
        return look if is_settled else None

    def _look(self) -> _Look:
        """Observe what the decision depends on, decide, and do one thing."""
        now = self._clock.now()
        observed = self._service.get_update(self._desired.ota_update_id, now)
        self._is_absent = observed is None
        if observed is not None and observed.status != "DELETE_IN_PROGRESS":
            self._known_since = self._known_since or self._clock.now()
        request: _Request | FatalError | RetryableError | None = None
        context = self._context()
        decision = completion(self._desired, observed, context)
        if decision.action is Action.ASK_PREVIOUS:
            context = replace(context, is_retry=self._is_retry())
            decision = completion(self._desired, observed, context)
        if decision.action is Action.PREPARE:
            request = self._prepare()
            context = replace(context, is_prepared=True)
            decision = completion(self._desired, observed, context)
        # Query the stack last, so that the race with a rollback is limited to the single mutating call that follows.
        if decision.action is Action.ASK_STACK:
            context = self._with_stack(context)
            decision = completion(self._desired, observed, context)
        look = _Look(decision=decision, observed=observed, observed_at=now, stack=context.stack)
        if decision.action is Action.ASK_DEVICES and observed is not None and self._watch is not None:
            look = self._ask_devices(look, observed, self._watch, context)
        if observed is None or observed.draining_since is None or look.decision.action is not Action.STOP:
            self._log(look, self._metrics(look))
        return self._carry_out(look, request)

    def _may_watch(self) -> bool:
        """Return whether the invocation may go on to look at what a gate waits for."""
        in_time = self._waited() < self._last_poll() - timeouts.SETTLE_PATIENCE
        return in_time and self._clock.now() - self._begun < timeouts.PATIENCE

    def _glance(self, before: _Look) -> _Look | None:
        """Look only at the stack and at what the gate waits for; return None if either decides something.

        No other change can be missed: whatever ends the update ends its job too.
        """
        if before.observed is None or self._watch is None:
            return None
        if not self._watch.may_end_soon(before.progress):
            self._clock.sleep(timeouts.QUIET)
        now = self._clock.now()
        observed = replace(before.observed, age=before.observed.age + now - before.observed_at)
        context = self._with_stack(self._context())
        decision = completion(self._desired, observed, context)
        look = _Look(decision=decision, observed=observed, observed_at=now)
        if decision.action is Action.ASK_DEVICES:
            look = self._ask_gate(look, observed, self._watch, context)
        if not look.waits:
            return None
        if self._pace.is_due(look.seen, self._clock.now()):
            self._log(look, self._metrics(look))
        return look

    def _metrics(self, look: _Look) -> Mapping[str, Any]:
        return gate_metrics(self._desired, look.progress, self._clock.now())

    def _log(self, look: _Look, metrics: Mapping[str, Any] | None = None) -> None:
        self._pace.note(look.seen, self._clock.now())
        log_decision(self._event, self._desired.ota_update_id, look.observed, look.decision, metrics)

    def _is_retry(self) -> bool:
        """Return whether the resource got the id of this update from a deploy that failed with rollback off.

        CloudFormation sends an Update that changes nothing only then; and only then the update of the old properties,
        which has another id, is live.
        """
        previous = Previous.from_event(self._event)
        if previous.is_unchanged:
            return True
        old = previous.update(self._desired)
        if old is None or old.ota_update_id == self._desired.ota_update_id:
            return False
        live = self._service.get_update(old.ota_update_id, self._clock.now())
        return live is not None and live.is_deployed and old.owner(live.tags, young=False) is Owner.OURS

    def _context(self) -> Context:
        now = self._clock.now()
        return Context(
            is_update=self._event["RequestType"] == "Update",
            keeps_id=self._event["KeepsId"],
            started=float(self._event["StartedAt"]),
            waited=self._waited(),
            begun=self._begun_after,
            known_for=None if self._known_since is None else now - self._known_since,
        )

    def _with_stack(self, context: Context) -> Context:
        return replace(context, stack=self._service.stack(self._desired.stack_id), waited=self._waited())

    def _prepare(self) -> _Request | FatalError | RetryableError:
        """Return the request with the current version of each object, or the error, which a rollback ignores."""
        try:
            if self._watch is not None:
                self._watch.check_start()
            if self._request is None:
                request = self._service.request(self._desired)
                self._request = {**request, "files": [self._pin(file) for file in request["files"]]}
        except (FatalError, RetryableError) as error:
            return error
        return self._request

    def _pin(self, file: Mapping[str, Any]) -> Mapping[str, Any]:
        # The last look may begin when the patience is over, and needs time for the calls that follow.
        if self._clock.now() - self._begun > self._patience + timeouts.CALL:
            raise RetryableError("S3 answers too slowly")
        return self._service.pin(file)

    def _ask_devices(self, look: _Look, observed: Observed, watch: GateWatch, context: Context) -> _Look:
        """Return the look with what the gate decides, and with the devices that have failed if it passes."""
        look = self._ask_gate(look, observed, watch, context)
        match look.decision.action:
            case Action.STOP:
                return replace(look, decision=unless_live(look.decision, observed, context))
            case Action.MARK:
                return self._passed(look, observed, context)
        return look

    def _ask_gate(self, look: _Look, observed: Observed, watch: GateWatch, context: Context) -> _Look:
        """Return the look with the decision of the gate, whose time begins with the creation of the update."""
        # What this event has created is not older than the event, whatever the clock that dates it shows.
        age = min(observed.age, self._waited()) if may_be_own(observed, context) else observed.age
        if hands_over(watch.gate, age=age, waited=self._waited()):
            decision = Decision(
                Action.HAND_OVER, "the gate waits: another resource of the stack watches it from now on"
            )
            return replace(look, decision=decision)
        found = watch.look(observed, age)
        return replace(
            look,
            decision=found.decision,
            progress=found.progress,
            seconds=age,
            without_data=found.without_data,
            waits=found.decision.action is Action.WAIT,
        )

    def _passed(self, look: _Look, observed: Observed, context: Context) -> _Look:
        """Return the look of a gate that passes, with the devices that have failed all the same."""
        progress, timed_out = look.progress, look.decision.timed_out
        # A gate that only reports passes without a job too.
        look = replace(look, progress=progress or JobProgress(status="UNKNOWN"))
        statuses = [] if progress is None else statuses_to_list(progress, timed_out=timed_out, is_canceled=False)
        return self._with_failed_devices(look, statuses, observed, context) if statuses else look

    def _with_failed_devices(self, look: _Look, statuses: Sequence[str], observed: Observed, context: Context) -> _Look:
        """Add the devices that have failed although the deploy continues.

        They are looked up with some calls, and so the stack is queried again after these.
        """
        ends = self._begun + timeouts.PATIENCE
        if self._evidence is None and not self._inquiry.has_time(ends):
            return look
        if self._evidence is None:
            self._evidence = self._inquiry.gather(statuses, ends=ends)
            decision = completion(self._desired, observed, self._with_stack(context))
            if decision.action is not Action.ASK_DEVICES:
                return replace(look, decision=decision)
        things = [execution.thing for execution in self._evidence.executions if execution.has_failed]
        return replace(look, failed_devices=things)

    def _carry_out(self, look: _Look, request: _Request | FatalError | RetryableError | None) -> _Look:
        """Do what has been decided, and return the look with what has come of it."""
        match look.decision.action:
            case Action.CREATE if request is not None:
                self._create(request)
            case Action.PROVE if look.observed is not None and self._watch is not None:
                self._watch.keep_beginning_of_bake(look.observed, look.progress)
            case Action.STOP if look.observed is not None:
                return self._stop(look.observed, look)
            case Action.DELETE | Action.DELETE_AND_FAIL:
                self._remove()
            case Action.DONE | Action.MARK | Action.HAND_OVER | Action.CONFIRM if (
                look.is_complete and look.observed is not None
            ):
                return self._finish(look.observed, look)
        return look

    def _create(self, request: _Request | FatalError | RetryableError) -> None:
        if isinstance(request, (FatalError, RetryableError)):
            raise request
        # If it exists, an answer was lost or another event created it: its tags tell which in the next look.
        with contextlib.suppress(AlreadyExistsError):
            self._service.create(request)
        self._is_absent, self._known_since = False, self._clock.now()

    def _finish(self, observed: Observed, look: _Look) -> _Look:
        changed, removed = self._tag_changes(observed)
        if changed or removed:
            stack = look.stack or self._service.stack(self._desired.stack_id)
            if stack.is_at_rest and self._waited() <= timeouts.STACK_LAG:
                return replace(look, decision=Decision(Action.WAIT, f"its stack seems to be {stack.status}"))
            # The event is the second delivery of one whose tags a later deploy may have changed again.
            if not stack.is_at_rest:
                self._change_tags(observed, changed, removed)
        if look.decision.action is not Action.DONE:
            self._service.tag(observed.attributes["OtaUpdateArn"], {names.DEPLOYED_TAG: look.deployed_tag})
        return look

    def _tag_changes(self, observed: Observed) -> tuple[dict[str, str], list[str]]:
        """Return the user's tags to set and to remove: they are not part of the content, and change in place."""
        if self._desired.owner(observed.tags, young=True) is not Owner.OURS:
            return {}, []
        previous = Previous.from_event(self._event).tags
        return tag_changes(self._desired.tags, previous, observed.tags, keeps_id=self._event["KeepsId"])

    def _change_tags(self, observed: Observed, changed: Mapping[str, str], removed: list[str]) -> None:
        # Removed first: old and new ones together may be more than an update can have.
        if removed:
            self._service.untag(observed.attributes["OtaUpdateArn"], removed)
        if changed:
            self._service.tag(observed.attributes["OtaUpdateArn"], changed)

    def _stop(self, observed: Observed, look: _Look) -> _Look:
        look = replace(look, decision=self._failed_rollout.end(observed, look.progress, look.decision))
        # While devices may finish, each look stops the rollout, and only this tells what it has done.
        if observed.draining_since is not None or look.decision.action is Action.WAIT:
            self._log(look)
        # The framework may not be able to deliver the failure, and polls again: not while that poll would create again.
        while (left := timeouts.GATED_CREATION - self._waited()) >= 0:
            self._clock.sleep(left + 1)
        return look

    def _gate_watch(self, gate: Gate) -> GateWatch:
        return GateWatch(
            gate,
            self._service,
            self._clock,
            self._desired.job_id,
            begun=self._begun,
            started=float(self._event["StartedAt"]),
            last_poll=self._last_poll(),
            on_ring=functools.partial(log_alarm, self._event, self._desired.ota_update_id),
        )

    @functools.cached_property
    def _failed_rollout(self) -> FailedRollout:
        started, gate = float(self._event["StartedAt"]), self._desired.gate
        return FailedRollout(
            self._desired,
            self._service,
            self._clock,
            ends=self._begun + timeouts.PATIENCE,
            deadline=started + timeouts.CANCEL_DEADLINE,
            drain=0 if gate is None else gate.drain,
            # Looks follow, and the last ones delete the update even if they meet errors.
            drain_deadline=started + self._last_poll() - timeouts.SETTLE_PATIENCE,
            inquiry=self._inquiry,
            on_error=self._on_error,
        )

    def _remove(self) -> None:
        """Ask for the deletion of what cannot stay; the next look or the Delete event observes the result."""
        with contextlib.suppress(FatalError, RetryableError):
            self._service.delete(self._desired.ota_update_id, **self._desired.delete_options)
        self._known_since = None
