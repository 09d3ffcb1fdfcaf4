"""One `is_complete` poll of a Delete, and of what the deploy that is being rolled back has left over."""

import functools
from collections.abc import Callable

from .contract import timeouts
from .decide import Action
from .decide.removal import is_leftover, remedy, removal, spared
from .desired import Desired, Event, Previous
from .errors import AccessDeniedError, FatalError, RetryableError
from .log import log_decision, log_error
from .observed import Observed
from .retry import Clock, retry_until
from .service import OtaService


class Deletion:
    """One invocation for a Delete, or for a leftover. Each look is complete in itself."""

    def __init__(self, event: Event, desired: Desired, service: OtaService, clock: Clock) -> None:
        self._event, self._desired, self._service, self._clock = event, desired, service, clock
        self._was_observed = self._was_requested = False
        self._denied_since: float | None = None

    def poll(self) -> bool:
        """Return whether the target of a Delete is gone, or has another owner; otherwise ask for its deletion.

        Waits for what usually takes seconds. Raises FatalError when the deletion has failed for good.
        """
        try:
            return self._retry_until(self._delete, self._event["TargetId"], timeouts.SETTLE_PATIENCE)
        except RetryableError as error:
            if isinstance(error, AccessDeniedError) or self._waited() > timeouts.HANDLER_DEADLINE:
                raise FatalError(str(error)) from error
            return False

    def poll_leftover(self, timeout: float = timeouts.SETTLE_PATIENCE) -> bool:
        """Return whether nothing is left of a deploy that was taken back; otherwise ask for its deletion.

        Waits for that as many seconds as ``timeout``. An event never fails because of it.
        """
        left = self._leftover()
        if left is None or self._waited() > timeouts.HANDLER_DEADLINE:
            return True
        try:
            return self._retry_until(lambda: self._delete_accessible(left), left.ota_update_id, timeout)
        except (FatalError, RetryableError):
            return False

    def _retry_until(self, step: Callable[[], bool | None], ota_update_id: str, timeout: float) -> bool:
        on_error = functools.partial(log_error, self._event, ota_update_id)
        return bool(retry_until(step, self._clock, timeout=timeout, on_error=on_error))

    def _waited(self) -> float:
        return self._clock.now() - float(self._event["StartedAt"])

    def _delete(self) -> bool | None:
        target = self._event["TargetId"]
        observed = self._service.get_update(target, self._clock.now())
        self._was_observed = self._was_observed or observed is not None
        decision = removal(
            self._desired,
            target,
            observed,
            is_reported=target == self._event["PhysicalResourceId"],
            was_observed=self._was_observed,
            waited=self._waited(),
            deadline=self._deadline(),
        )
        if decision.action is Action.DELETE and observed is not None:
            stack = self._service.stack(self._desired.stack_id)
            decision = spared(observed, stack, waited=self._waited(), now=self._clock.now()) or decision
        log_decision(self._event, target, observed, decision)
        match decision.action:
            case Action.FAIL:
                raise FatalError(decision.reason)
            case Action.DELETE:
                self._request_deletion(target)
        return decision.action is Action.DONE or None

    def _deadline(self) -> float:
        """Return after how many seconds a deletion is given up: a clean-up ends well without it, and tries it again."""
        may_end = self._waited() > timeouts.CLEANUP_DEADLINE
        if may_end and self._service.stack(self._desired.stack_id).is_cleaning_up:
            return timeouts.CLEANUP_DEADLINE
        return timeouts.HANDLER_DEADLINE

    def _request_deletion(self, ota_update_id: str) -> None:
        try:
            self._service.delete(ota_update_id, **self._desired.delete_options)
            self._was_requested = True
        except FatalError as error:
            # An earlier request, here or in another look, may have been accepted and not be visible yet.
            is_likely = self._desired.force_delete_job or self._was_requested
            patience = timeouts.DELETION_PATIENCE if is_likely else 2 * timeouts.LAG
            if self._waited() > patience:
                raise FatalError(f"{error}{remedy(self._desired)}") from error

    def _delete_accessible(self, left: Desired) -> bool | None:
        try:
            return self._delete_leftover(left)
        except AccessDeniedError:
            self._denied_since = self._denied_since or self._clock.now()
            lasts = self._clock.now() - self._denied_since
            # An id that this stack never gets access to was not created by it.
            if self._waited() > timeouts.DELETION_PATIENCE and lasts > timeouts.SETTLE_PATIENCE:
                return True
            raise

    def _delete_leftover(self, left: Desired) -> bool | None:
        observed = self._service.get_update(left.ota_update_id, self._clock.now())
        if observed is not None and not (is_left := self._is_leftover(left, observed)):
            return None if is_left is None else True
        decision = removal(
            left,
            left.ota_update_id,
            observed,
            is_reported=False,
            was_observed=False,
            waited=self._waited(),
            patience=timeouts.HANDLER_DEADLINE,
        )
        log_decision(self._event, left.ota_update_id, observed, decision)
        if decision.action is Action.DELETE:
            self._service.delete(left.ota_update_id, **left.delete_options)
        return decision.action is Action.DONE or None

    def _is_leftover(self, left: Desired, observed: Observed) -> bool | None:
        live = self._service.get_update(self._desired.ota_update_id, self._clock.now())
        stack = self._service.stack(left.stack_id)
        return is_leftover(
            left,
            observed,
            live,
            stack,
            keeps_id=self._event["KeepsId"],
            waited=self._waited(),
            now=self._clock.now(),
        )

    def _leftover(self) -> Desired | None:
        """Return the update of an Update's old properties, if CloudFormation does not hold its id.

        Then this may be the rollback of a deploy that CloudFormation cut short before it learned the new id: no other
        event would ever delete what that deploy created.
        """
        if self._event["RequestType"] != "Update":
            return None
        previous = Previous.from_event(self._event)
        old = previous.update(self._desired)
        return None if old is None or previous.is_held or old.ota_update_id == self._desired.ota_update_id else old
