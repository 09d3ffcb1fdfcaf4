"""The end of a rollout whose gate has failed: no more devices take what has failed, and its update is deleted."""

import contextlib
from collections.abc import Callable
from dataclasses import replace

from .contract import names
from .decide import Action, Decision
from .decide.devices import statuses_to_list, summary
from .desired import Desired
from .errors import LIMIT, AccessDeniedError, FatalError, RetryableError
from .evidence import Evidence, Inquiry
from .identity import failed_tag
from .observed import JobProgress, Observed
from .retry import Clock, retry_until
from .service import OtaService

_Error = FatalError | RetryableError
# The log group follows in the reason.
_ROOM_AFTER_DEVICES = 160


class FailedRollout:
    """A rollout to be ended in what is left of an invocation.

    ``ends``: when the invocation may make its last try. ``deadline``: when the event no longer waits for an end. Both
    in seconds since 1970. ``drain``: how many seconds devices that are executing the job may go on, at most until
    ``drain_deadline``. ``inquiry``: asks for the devices that have failed.
    """

    def __init__(
        self,
        desired: Desired,
        service: OtaService,
        clock: Clock,
        *,
        ends: float,
        deadline: float,
        drain: float,
        drain_deadline: float,
        inquiry: Inquiry,
        on_error: Callable[[Exception], None],
    ) -> None:
        self._desired, self._service, self._clock = desired, service, clock
        self._ends, self._deadline, self._on_error = ends, deadline, on_error
        self._drain, self._drain_deadline, self._inquiry = drain, drain_deadline, inquiry
        self._draining_since: float | None = None
        self._is_deleted = False

    def end(self, observed: Observed, progress: JobProgress | None, stop: Decision) -> Decision:
        """Cancel the job at once, since a deletion may take its time; return whether the event fails now or waits.

        The event waits until the job is canceled. Then its failure is reported, whether the update can be deleted now
        or not: a rollback deletes it, and without one the devices that have not begun are spared all the same. Between
        the two devices may finish, if they are given time for it, and those that have failed are looked up, because
        they go with the job.
        """
        reason = stop.reason
        if self._clock.now() > self._ends:
            return Decision(Action.WAIT, f"{reason}: the next invocation has the time to cancel its job")
        self._draining_since = self._draining_since or observed.draining_since
        is_over = self._draining_since is not None or (progress is not None and progress.status != "IN_PROGRESS")
        error = None if is_over else self._cancel_or_delete(reason)
        if error is not None and not self._is_deleted:
            self._is_deleted = self._is_gone()  # only the answers were lost
        may_continue = isinstance(error, RetryableError) and not self._is_deleted
        if error is None:
            progress, stop = self._after_cancellation(progress, stop)
            if self._is_draining(observed, progress, stop):
                return Decision(Action.WAIT, f"{stop.reason}: devices that are executing its job may finish")
        evidence = Evidence() if may_continue else self._evidence(progress, stop)
        if not self._is_deleted and not may_continue:
            self._error_of(self._delete)
        if self._is_deleted:
            return Decision(Action.STOP, _with_devices(stop.reason, evidence))
        self._keep_verdict(observed, reason)
        if error is None:
            return Decision(Action.STOP, _with_devices(stop.reason, evidence))
        # An invocation may be too short to tell that access is denied for good, two are not.
        denials = (error, error.__cause__) if observed.verdict else (error,)
        is_denied = any(isinstance(one, AccessDeniedError) for one in denials)
        if isinstance(error, RetryableError) and not is_denied and self._clock.now() <= self._deadline:
            return Decision(Action.WAIT, f"{reason}: its job is not canceled yet")
        # A job whose cancellation is refused has most likely ended meanwhile.
        continues = "may continue" if isinstance(error, FatalError) else "continues"
        remedy = f"cancel the job {self._desired.job_id}: {error}"
        return Decision(Action.STOP, _with_devices(f"{reason}; its rollout {continues}, {remedy}", evidence))

    def _after_cancellation(self, progress: JobProgress | None, stop: Decision) -> tuple[JobProgress | None, Decision]:
        """Return the counts of a job that was canceled by an earlier look, and the whole reason, if it can be read.

        The tag that keeps the reason has few characters; the comment of the job has all of them.
        """
        if self._draining_since is None:
            return progress, stop
        progress = None
        with contextlib.suppress(FatalError, RetryableError):
            progress = self._service.job_progress(self._desired.job_id)
        if progress is not None and progress.is_verdict:
            stop = replace(stop, reason=progress.comment)
        return progress, stop

    def _is_draining(self, observed: Observed, progress: JobProgress | None, stop: Decision) -> bool:
        """Return whether devices may finish; the first time, keep when that has begun for the looks that follow.

        A rollout of which nothing can be kept is not waited for.
        """
        now, since = self._clock.now(), self._draining_since
        if since is not None:
            has_time = now < min(since + self._drain, self._drain_deadline)
            return has_time and (progress is None or progress.in_progress > 0)
        if not self._drain or progress is None or not progress.in_progress or now >= self._drain_deadline:
            return False
        tag = failed_tag(stop.reason, draining_since=now, timed_out=stop.timed_out)
        error = self._error_of(lambda: self._service.tag(observed.attributes["OtaUpdateArn"], {names.FAILED_TAG: tag}))
        self._draining_since = None if error else now
        return error is None

    def _evidence(self, progress: JobProgress | None, stop: Decision) -> Evidence:
        has_drained = self._draining_since is not None
        statuses = statuses_to_list(progress, timed_out=stop.timed_out, is_canceled=True, has_drained=has_drained)
        return self._inquiry.gather(statuses, ends=self._ends)

    def _cancel_or_delete(self, reason: str) -> _Error | None:
        """Cancel the job, or delete the update, which ends its job too; return the error if neither could be done.

        Retried without another look, which would create the update again if only the answer was lost.
        """

        def call() -> None:
            if self._is_deleted and self._deletion_has_ended_well():
                return
            try:
                self._service.cancel(self._desired.job_id, reason)
            except RetryableError as error:
                self._on_error(error)
                self._delete_instead(error)
                raise RetryableError("its update is still being deleted") from error

        return self._error_of(call)

    def _delete_instead(self, error: RetryableError) -> None:
        """Delete the update whose job could not be canceled. Raises that error if AWS IoT refuses the deletion."""
        try:
            self._delete()
        except FatalError as refusal:
            self._on_error(refusal)
            raise error from refusal

    def _deletion_has_ended_well(self) -> bool:
        """Return whether the update is gone, or False if its deletion has failed. Raises RetryableError until then."""
        observed = self._service.get_update(self._desired.ota_update_id, self._clock.now())
        if observed is None:
            return True
        if observed.status != "DELETE_FAILED":
            raise RetryableError("its update is still being deleted")
        self._is_deleted = False
        return False

    def _delete(self) -> None:
        self._service.delete(self._desired.ota_update_id, **self._desired.delete_options)
        self._is_deleted = True

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


def _with_devices(reason: str, evidence: Evidence) -> str:
    """Return the reason with the devices that have failed and what they reported, as far as that fits."""
    denied = f" ({evidence.denied}: not allowed to ask)" if evidence.denied else ""
    room = LIMIT - _ROOM_AFTER_DEVICES - len(f"{reason}{denied}".encode())
    devices = summary(evidence.executions, room=room)
    return f"{reason}{f': {devices}' if devices else ''}{denied}"
