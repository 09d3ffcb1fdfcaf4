"""One look at a Delete in ``is_complete``, and at what the deploy that is rolled back has left."""

import functools
from collections.abc import Callable

from .clock import Clock
from .contract import timeouts
from .decide import Action
from .decide.removal import deletion, is_leftover, overdue, remedy
from .desired import Desired, Event, declared, old_properties
from .errors import AccessDeniedError, FatalError, RetryableError
from .log import log, log_trouble
from .retry import retry_until
from .service import OtaService


class Deletion:
    """What one invocation does. Each look is complete in itself: the next one is another invocation."""

    def __init__(self, event: Event, wanted: Desired, service: OtaService, clock: Clock) -> None:
        self._event, self._wanted, self._service, self._clock = event, wanted, service, clock
        self._met = self._asked = False

    def look(self) -> bool:
        """Whether the update that a Delete means is gone, or is not ours; if it is there, ask for its deletion.

        Waits for what usually takes seconds. Raises FatalError when it has failed for good.
        """
        try:
            return self._retry_until(self._delete, self._event["TargetId"])
        except RetryableError as error:
            if isinstance(error, AccessDeniedError) or self._waited() > timeouts.HANDLER_DEADLINE:
                raise FatalError(str(error)) from error
            return False

    def _retry_until(self, step: Callable[[], bool | None], ota_update_id: str) -> bool:
        on_trouble = functools.partial(log_trouble, self._event, ota_update_id)
        gone = retry_until(step, self._clock, seconds=timeouts.SETTLE_PATIENCE, on_trouble=on_trouble)
        return gone is not None

    def _waited(self) -> float:
        return self._clock.now() - float(self._event["StartedAt"])

    def _delete(self) -> bool | None:
        meant = self._event["TargetId"]
        seen = self._service.get_update(meant, self._clock.now())
        self._met = self._met or seen is not None
        answered = meant == self._event["PhysicalResourceId"]
        decision = deletion(self._wanted, meant, seen, answered=answered, met=self._met, waited=self._waited())
        if decision.action is Action.DELETE:
            stack = self._service.stack(self._wanted.stack_id)
            decision = overdue(seen, stack, waited=self._waited()) or decision
        log(self._event, meant, seen, decision)
        match decision.action:
            case Action.FAIL:
                raise FatalError(decision.why)
            case Action.DELETE:
                self._ask(meant)
        return decision.action is Action.DONE or None

    def _ask(self, ota_update_id: str) -> None:
        try:
            self._service.delete(ota_update_id, **self._wanted.delete_options)
            self._asked = True
        except FatalError as error:
            # It may be on its way already, asked for here or by another look at the same deletion, and not show it yet.
            patience = timeouts.DELETION_PATIENCE if self._wanted.force_delete_job or self._asked else 2 * timeouts.LAG
            if self._waited() > patience:
                raise FatalError(f"{error}{remedy(self._wanted)}") from error

    def look_at_leftover(self) -> bool:
        """Whether nothing is left of the deploy that is rolled back; remove it if it is.

        A rollback never fails for it.
        """
        left = self._leftover()
        if left is None or self._waited() > timeouts.HANDLER_DEADLINE:
            return True
        try:
            return self._retry_until(lambda: self._delete_leftover(left), left.ota_update_id)
        except AccessDeniedError:
            # An id that this stack has no permission on for good was not made by it.
            return self._waited() > timeouts.DELETION_PATIENCE
        except (FatalError, RetryableError):
            return False

    def _delete_leftover(self, left: Desired) -> bool | None:
        seen = self._service.get_update(left.ota_update_id, self._clock.now())
        if seen is not None:
            stack = self._service.stack(left.stack_id)
            if not stack.is_rolling_back:
                # This is a rollback of the past, or what CloudFormation shows is older than the event.
                return True if stack.is_idle and self._waited() > timeouts.STACK_LAG else None
            if not is_leftover(left, seen):
                return True
        decision = deletion(
            left,
            left.ota_update_id,
            seen,
            answered=False,
            met=False,
            waited=self._waited(),
            patience=timeouts.HANDLER_DEADLINE,
        )
        log(self._event, left.ota_update_id, seen, decision)
        if decision.action is Action.DELETE:
            self._service.delete(left.ota_update_id, **left.delete_options)
        return decision.action in (Action.DONE, Action.FAIL) or None

    def _leftover(self) -> Desired | None:
        """The update of the old properties of an Update, if it is another although the resource's id stays.

        Then this is a rollback of a deploy that CloudFormation has cut short before it learned the id: nobody else
        would ever delete what that has made.
        """
        if not (self._event["RequestType"] == "Update" and self._event["KeepsId"]):
            return None
        try:
            old = declared({**self._event, "ResourceProperties": old_properties(self._event)})
        except FatalError:
            return None  # what could not be read has created nothing
        return None if old.ota_update_id == self._wanted.ota_update_id else old
