"""One `is_complete` poll of a Create or Update: create the update if needed, then wait for a final status."""

import contextlib
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from .contract import names, timeouts
from .decide import Action, Decision
from .decide.completion import Context, completion, deadline
from .decide.gate import verdict
from .decide.tags import tag_changes
from .desired import Desired, Event, Gate, old_properties, user_tags
from .errors import AccessDeniedError, AlreadyExistsError, FatalError, RetryableError
from .identity import Owner, deployed_tag, gate_attributes
from .log import log_decision, log_error
from .observed import JobProgress, Observed, Stack
from .retry import Clock, retry_until
from .service import OtaService

_Request = Mapping[str, Any]
_Result = TypeVar("_Result")


@dataclass(frozen=True, kw_only=True)
class _Look:
    """The result of one look, and the decision that follows from it."""

    decision: Decision
    observed: Observed | None
    progress: JobProgress | None = None

    @property
    def deployed_tag(self) -> str:
        """The value of the deployed tag, which keeps what the gate has observed."""
        return deployed_tag(self.progress, 0 if self.observed is None else self.observed.age)

    def attributes(self, desired: Desired) -> Mapping[str, str]:
        """Return the attributes of the resource after an event that has succeeded."""
        if self.observed is None:
            return desired.attributes
        if self.progress is None:
            return self.observed.attributes
        return {**self.observed.attributes, **gate_attributes(self.deployed_tag)}


class Creation:
    """One invocation for a Create or an Update. Each look is complete in itself: the next may be another invocation."""

    def __init__(self, event: Event, desired: Desired, service: OtaService, clock: Clock) -> None:
        self._event, self._desired, self._service, self._clock = event, desired, service, clock
        self._begun = clock.now()
        self._known_since: float | None = None
        self._on_error = functools.partial(log_error, event, desired.ota_update_id)

    def poll(self) -> Mapping[str, str] | None:
        """Return the attributes of the update once it is there as desired, or None if that may still come.

        Waits for what usually takes seconds. Raises FatalError when the event has failed.
        """
        try:
            look = self._retry_until(self._final_look)
        except RetryableError as error:
            if isinstance(error, AccessDeniedError) or self._waited() > self._last_look():
                raise FatalError(str(error)) from error
            return None
        return None if look is None else look.attributes(self._desired)

    def _retry_until(self, step: Callable[[], _Result | None]) -> _Result | None:
        return retry_until(step, self._clock, timeout=timeouts.SETTLE_PATIENCE, on_error=self._on_error)

    def _last_look(self) -> float:
        """Return after how many seconds the next look would find the time over, and could not tell the reason."""
        last = timeouts.HANDLER_DEADLINE if self._event["KeepsId"] else deadline(self._desired)
        return last - timeouts.SETTLE_PATIENCE - timeouts.QUERY_INTERVAL - timeouts.CALL

    def _waited(self) -> float:
        return self._clock.now() - float(self._event["StartedAt"])

    def _final_look(self) -> _Look | None:
        look = self._look()
        match look.decision.action:
            case Action.FAIL | Action.DELETE_AND_FAIL | Action.STOP:
                raise FatalError(look.decision.reason)
            case Action.DONE | Action.MARK:
                return look
        return None

    def _look(self) -> _Look:
        """Observe what the decision depends on, decide, and do one thing."""
        observed = self._service.get_update(self._desired.ota_update_id, self._clock.now())
        if observed is not None:
            self._known_since = self._known_since or self._clock.now()
        request: _Request | FatalError | RetryableError | None = None
        decision = completion(self._desired, observed, self._context())
        if decision.action is Action.PREPARE:
            request = self._prepare()
            decision = completion(self._desired, observed, self._context(is_prepared=True))
        # Query the stack last, so that the race with a rollback is limited to the single mutating call that follows.
        if decision.action is Action.ASK_STACK:
            stack = self._service.stack(self._desired.stack_id)
            decision = completion(self._desired, observed, self._context(stack, is_prepared=request is not None))
        look = _Look(decision=decision, observed=observed)
        if decision.action is Action.ASK_DEVICES and observed is not None and self._desired.gate is not None:
            look = self._ask_devices(observed, self._desired.gate)
        log_decision(self._event, self._desired.ota_update_id, observed, look.decision)
        self._carry_out(look, request)
        return look

    def _context(self, stack: Stack | None = None, *, is_prepared: bool = False) -> Context:
        now = self._clock.now()
        return Context(
            stack=stack,
            is_prepared=is_prepared,
            is_update=self._event["RequestType"] == "Update",
            keeps_id=self._event["KeepsId"],
            waited=self._waited(),
            known_for=None if self._known_since is None else now - self._known_since,
        )

    def _prepare(self) -> _Request | FatalError | RetryableError:
        """Return the request with the current version of each object, or the error, which a rollback ignores."""
        try:
            request = self._service.request(self._desired)
            return {**request, "files": [self._pin(file) for file in request["files"]]}
        except (FatalError, RetryableError) as error:
            return error

    def _pin(self, file: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._clock.now() - self._begun > timeouts.PATIENCE:
            raise RetryableError("S3 answers too slowly")
        return self._service.pin(file)

    def _ask_devices(self, observed: Observed, gate: Gate) -> _Look:
        """Evaluate the gate, whose time begins with the creation of the update."""
        try:
            progress = self._service.job_progress(self._desired.job_id)
        except RetryableError as error:
            if not self._gives_up(error, observed, gate):
                raise
            reason = f"the gate has failed: could not read the progress of the job: {error}"
            return _Look(decision=Decision(Action.STOP, reason), observed=observed)
        left = timeouts.HANDLER_DEADLINE - self._waited()
        decision = verdict(gate, progress, waited=observed.age, left=left)
        return _Look(decision=decision, observed=observed, progress=progress)

    def _gives_up(self, error: RetryableError, observed: Observed, gate: Gate) -> bool:
        """Return whether devices that could not be asked fail the gate, instead of being asked again."""
        is_denied = isinstance(error, AccessDeniedError)
        patience = timeouts.IAM_PATIENCE if is_denied else timeouts.SETTLE_PATIENCE
        if self._clock.now() - self._begun <= patience:
            return False
        return is_denied or observed.age > gate.timeout or self._waited() > self._last_look()

    def _carry_out(self, look: _Look, request: _Request | FatalError | RetryableError | None) -> None:
        match look.decision.action:
            case Action.CREATE if request is not None:
                self._create(request)
            case Action.STOP if look.observed is not None:
                self._stop(look.observed, look)
            case Action.DELETE | Action.DELETE_AND_FAIL:
                self._remove()
            case Action.DONE | Action.MARK if look.observed is not None and look.observed.status == "CREATE_COMPLETE":
                self._finish(look.observed, look)

    def _create(self, request: _Request | FatalError | RetryableError) -> None:
        if isinstance(request, (FatalError, RetryableError)):
            raise request
        # If it exists, an answer was lost or another event created it: its tags tell which in the next look.
        with contextlib.suppress(AlreadyExistsError):
            self._service.create(request)
        self._known_since = self._clock.now()

    def _finish(self, observed: Observed, look: _Look) -> None:
        self._change_tags(observed)
        if look.decision.action is Action.MARK:
            self._service.tag(observed.attributes["OtaUpdateArn"], {names.DEPLOYED_TAG: look.deployed_tag})

    def _change_tags(self, observed: Observed) -> None:
        """Set and remove the user's tags, which are not part of the content and change in place."""
        if self._desired.owner(observed.tags, young=True) is not Owner.OURS:
            return
        previous: dict[str, str] = {}
        # Properties that cannot be read have set no tags.
        with contextlib.suppress(FatalError):
            previous = user_tags(old_properties(self._event))
        keeps_id = self._event["KeepsId"]
        changed, removed = tag_changes(self._desired.tags, previous, observed.tags, keeps_id=keeps_id)
        if changed:
            self._service.tag(observed.attributes["OtaUpdateArn"], changed)
        if removed:
            self._service.untag(observed.attributes["OtaUpdateArn"], removed)

    def _stop(self, observed: Observed, look: _Look) -> None:
        """Let no more devices take what has failed: cancel the job at once, since a deletion may take its time.

        An update that existed before this event is left alone: a duplicate delivery may have finished its deploy.
        """
        if observed.age > self._waited() + timeouts.CLOCK_SKEW:
            return
        if look.progress is None or look.progress.status == "IN_PROGRESS":
            self._try(lambda: self._service.cancel(self._desired.job_id, look.decision.reason))
        # Retried without another look, which would create the update again if only the answer was lost.
        self._try(lambda: self._retry_until(self._delete))

    def _try(self, work: Callable[[], object]) -> None:
        try:
            work()
        except (FatalError, RetryableError) as error:
            self._on_error(error)

    def _remove(self) -> None:
        """Ask for the deletion of what cannot stay; the next look or the Delete event observes the result."""
        with contextlib.suppress(FatalError, RetryableError):
            self._delete()
        self._known_since = None

    def _delete(self) -> bool:
        self._service.delete(self._desired.ota_update_id, **self._desired.delete_options)
        return True
