"""The end of a rollout whose gate has failed: no more devices take what has failed, and its update is deleted."""

import contextlib
from collections.abc import Callable

from .contract import names
from .decide import Action, Decision
from .desired import Desired
from .errors import AccessDeniedError, FatalError, RetryableError
from .identity import failed_tag
from .observed import JobProgress, Observed
from .retry import Clock, retry_until
from .service import OtaService

_Error = FatalError | RetryableError


class FailedRollout:
    """A rollout to be ended in what is left of an invocation.

    ``ends``: when the invocation may make its last try. ``deadline``: when the event no longer waits for an end. Both
    in seconds since 1970.
    """

    def __init__(
        self,
        desired: Desired,
        service: OtaService,
        clock: Clock,
        *,
        ends: float,
        deadline: float,
        on_error: Callable[[Exception], None],
    ) -> None:
        self._desired, self._service, self._clock = desired, service, clock
        self._ends, self._deadline, self._on_error = ends, deadline, on_error

    def end(self, observed: Observed, progress: JobProgress | None, reason: str) -> Decision:
        """Cancel the job at once, since a deletion may take its time; return whether the event fails now or waits.

        The event waits until the job is canceled. Then its failure is reported, whether the update can be deleted now
        or not: a rollback deletes it, and without one the devices that have not begun are spared all the same.
        """
        if self._clock.now() > self._ends:
            return Decision(Action.WAIT, f"{reason}: the next invocation has the time to cancel its job")
        is_over = progress is not None and progress.status != "IN_PROGRESS"
        # Retried without another look, which would create the update again if only the answer was lost.
        is_deleted, error = (False, None) if is_over else self._cancel_or_delete(reason)
        if error is not None and self._is_gone():
            is_deleted, error = True, None  # only the answers were lost
        if error is None and not is_deleted:
            is_deleted = self._error_of(self._delete) is None
        if not is_deleted:
            self._keep_verdict(observed, reason)
        if error is None:
            return Decision(Action.STOP, reason)
        if isinstance(error, AccessDeniedError) or self._clock.now() > self._deadline:
            remedy = f"its rollout continues, cancel the job {self._desired.job_id}: {error}"
            return Decision(Action.STOP, f"{reason}; {remedy}")
        return Decision(Action.WAIT, f"{reason}: its job is not canceled yet")

    def _cancel_or_delete(self, reason: str) -> tuple[bool, _Error | None]:
        """Cancel the job, or delete the update, which ends its job too.

        Return whether the update is deleted, and the error if neither could be done.
        """
        is_deleted = False

        def call() -> None:
            nonlocal is_deleted
            try:
                self._service.cancel(self._desired.job_id, reason)
            except FatalError as error:
                # A job that cannot be canceled has ended: the deletion follows, and needs no other look.
                self._on_error(error)
            except RetryableError as error:
                self._on_error(error)
                self._delete_instead(error)
                is_deleted = True

        error = self._error_of(call)
        return is_deleted, error

    def _delete_instead(self, error: RetryableError) -> None:
        """Delete the update whose job could not be canceled. Raises that error if AWS IoT refuses the deletion."""
        try:
            self._delete()
        except FatalError as refusal:
            self._on_error(refusal)
            raise error from refusal

    def _delete(self) -> None:
        self._service.delete(self._desired.ota_update_id, **self._desired.delete_options)

    def _is_gone(self) -> bool:
        with contextlib.suppress(FatalError, RetryableError):
            observed = self._service.get_update(self._desired.ota_update_id, self._clock.now())
            return observed is None or observed.status == "DELETE_IN_PROGRESS"
        return False

    def _error_of(self, call: Callable[[], None]) -> _Error | None:
        """Retry a call for as long as the invocation may last, and return the error that it ends with."""

        def step() -> bool:
            call()
            return True

        left = self._ends - self._clock.now()
        try:
            retry_until(step, self._clock, timeout=left, patience=left, on_error=self._on_error)
        except RetryableError as error:
            return error
        except FatalError as error:
            self._on_error(error)
            return error
        return None

    def _keep_verdict(self, observed: Observed, reason: str) -> None:
        """Tag the update with why its gate has failed, so that no later look can let it pass."""
        if observed.verdict is None:
            with contextlib.suppress(FatalError, RetryableError):
                self._service.tag(observed.attributes["OtaUpdateArn"], {names.FAILED_TAG: failed_tag(reason)})
