"""One look at a Create or an Update in ``is_complete``: bring the update about, and see it settle."""

import contextlib
import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from .clock import Clock
from .contract import names, timeouts
from .decide import Action, Decision
from .decide.completion import Context, completion, deadline
from .decide.gate import verdict
from .desired import Desired, Event
from .errors import AccessDeniedError, AlreadyExistsError, FatalError, RetryableError
from .gate import attributes, passed
from .log import log, log_trouble
from .observed import BACK, FORWARD, JobProgress, Observed, Stack
from .retry import retry_until
from .service import OtaService
from .tagging import change_tags

_Result = TypeVar("_Result")


class Creation:
    """What one invocation does and knows. Each look is complete in itself: the next one may be another invocation."""

    def __init__(self, event: Event, wanted: Desired, service: OtaService, clock: Clock) -> None:
        self._event, self._wanted, self._service, self._clock = event, wanted, service, clock
        self._begun = clock.now()
        self._on_trouble = functools.partial(log_trouble, event, wanted.ota_update_id)
        self._there_since: float | None = None
        self._seen: Observed | None = None
        self._rollout: JobProgress | None = None
        self._asked_in_vain: Observed | None = None

    def look(self) -> Mapping[str, str] | None:
        """The attributes of the update when it is there as declared, None when that may still come.

        Waits for what usually takes seconds. Raises FatalError when the event has failed.
        """
        try:
            return self._retry_until(self._attributes)
        except RetryableError as error:
            if not self._is_final(error):
                return None
            why = str(error)
            if self._asked_in_vain is not None:
                why = f"the gate has failed: nobody could tell how far the devices are: {error}"
                self._stop(self._asked_in_vain, why)
            raise FatalError(why) from error

    def _retry_until(self, step: Callable[[], _Result | None]) -> _Result | None:
        return retry_until(step, self._clock, seconds=timeouts.SETTLE_PATIENCE, on_trouble=self._on_trouble)

    def _attributes(self) -> Mapping[str, str] | None:
        decision = self._step()
        if decision.action in (Action.FAIL, Action.DELETE_AND_FAIL, Action.STOP):
            raise FatalError(decision.why)
        if decision.action not in (Action.DONE, Action.MARK):
            return None
        if self._seen is None:
            return self._wanted.attributes
        if self._rollout is None:
            return self._seen.attributes
        return {**self._seen.attributes, **attributes(self._mark(self._seen))}

    def _is_final(self, error: RetryableError) -> bool:
        """Whether the look after this one would find the time over, and could not say why."""
        if isinstance(error, AccessDeniedError) or self._waited() > self._last_look():
            return True
        seen, gate = self._asked_in_vain, self._wanted.gate
        return seen is not None and gate is not None and seen.age > gate.timeout

    def _last_look(self) -> float:
        last = timeouts.HANDLER_DEADLINE if self._event["KeepsId"] else deadline(self._wanted)
        return last - timeouts.SETTLE_PATIENCE - timeouts.QUERY_INTERVAL - timeouts.CALL

    def _waited(self) -> float:
        return self._clock.now() - float(self._event["StartedAt"])

    def _step(self) -> Decision:
        self._rollout = self._asked_in_vain = None
        self._seen = self._service.get_update(self._wanted.ota_update_id, self._clock.now())
        if self._seen is not None:
            self._there_since = self._there_since or self._clock.now()
        decision = self._decide(FORWARD)
        request, failure = self._prepared() if decision.action is Action.CREATE else ({}, None)
        # The stack is asked last: then the one call that changes something is all that a rollback can overtake.
        if decision != self._decide(BACK):
            stack = self._service.stack(self._wanted.stack_id)
            decision, failure = self._decide(stack), failure if stack.is_deploying else None
        if decision.action is Action.ASK_DEVICES:
            decision = self._verdict()
        log(self._event, self._wanted.ota_update_id, self._seen, decision)
        if failure is not None:
            raise failure
        self._carry_out(decision, request)
        return decision

    def _verdict(self) -> Decision:
        """What the gate makes of the devices; its time begins with the update."""
        seen, gate = self._seen, self._wanted.gate
        if seen is None or gate is None:
            raise AssertionError("devices are asked for an update that is there and has a gate")
        self._asked_in_vain = seen
        self._rollout = self._service.job_progress(self._wanted.attributes["JobId"])
        self._asked_in_vain = None
        left = timeouts.HANDLER_DEADLINE - self._waited()
        return verdict(gate, self._rollout, waited=seen.age, left=left)

    def _carry_out(self, decision: Decision, request: Mapping[str, Any]) -> None:
        match decision.action:
            case Action.CREATE:
                self._create(request)
            case Action.STOP if self._seen is not None:
                self._stop(self._seen, decision.why)
            case Action.DELETE | Action.DELETE_AND_FAIL:
                self._remove()
                self._there_since = None
            case Action.DONE | Action.MARK if self._seen is not None and self._seen.status == "CREATE_COMPLETE":
                self._finish(self._seen, mark=decision.action is Action.MARK)

    def _decide(self, stack: Stack) -> Decision:
        now = self._clock.now()
        at = Context(
            stack=stack,
            is_update=self._event["RequestType"] == "Update",
            stays=self._event["KeepsId"],
            waited=self._waited(),
            there_for=None if self._there_since is None else now - self._there_since,
        )
        return completion(self._wanted, self._seen, at)

    def _prepared(self) -> tuple[dict[str, Any], FatalError | RetryableError | None]:
        """The request with the version that each object has now, or why there is none."""
        try:
            request = self._service.request(self._wanted)
            return {**request, "files": [self._pinned(file) for file in request["files"]]}, None
        except (FatalError, RetryableError) as failure:
            return {}, failure

    def _pinned(self, file: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._clock.now() - self._begun > timeouts.PATIENCE:
            raise RetryableError("S3 answers too slowly")
        return self._service.pinned(file)

    def _create(self, request: Mapping[str, Any]) -> None:
        # If it exists, an answer of ours got lost or somebody was first: the next look at its tags tells which.
        with contextlib.suppress(AlreadyExistsError):
            self._service.create(request)
        self._there_since = self._clock.now()

    def _finish(self, seen: Observed, *, mark: bool) -> None:
        change_tags(self._event, self._wanted, seen, self._service)
        if mark:
            self._service.tag(seen.attributes["OtaUpdateArn"], {names.DEPLOYED_TAG: self._mark(seen)})

    def _mark(self, seen: Observed) -> str:
        """The value of the mark, which remembers what the gate has seen."""
        return "true" if self._rollout is None else passed(self._rollout, seen.age)

    def _stop(self, seen: Observed, why: str) -> None:
        """Let no more devices take what has failed: the job ends at once, a deletion may take its time.

        What was there before this event is left to its own deploy, which another delivery of it may have ended.
        """
        if seen.age > self._waited() + timeouts.CLOCK_SKEW:
            return
        try:
            if self._rollout is None or self._rollout.status == "IN_PROGRESS":
                self._service.cancel(self._wanted.attributes["JobId"], why)
        except (FatalError, RetryableError) as error:
            self._on_trouble(error)
        try:
            # Tried again without another look, which would create again what is gone without an answer.
            self._retry_until(self._delete)
        except (FatalError, RetryableError) as error:
            self._on_trouble(error)

    def _remove(self) -> None:
        """Ask for the removal of what can not stay. What comes of it shows in the next look, or to the Delete."""
        with contextlib.suppress(FatalError, RetryableError):
            self._delete()

    def _delete(self) -> bool:
        self._service.delete(self._wanted.ota_update_id, **self._wanted.delete_options)
        return True
