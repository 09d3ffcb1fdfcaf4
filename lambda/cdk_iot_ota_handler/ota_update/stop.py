"""The end of a rollout whose gate has failed: no more devices take what has failed, and its update is deleted."""

import contextlib
from collections.abc import Callable
from dataclasses import replace

from .contract import names, timeouts
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
    ``drain_deadline``. ``inquiry``: asks for the devices that have failed. ``may_delete``: whether the update is
    deleted here, and not by the rollback that follows.
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
        may_delete: bool = True,
    ) -> None:
        self._desired, self._service, self._clock = desired, service, clock
        self._ends, self._deadline, self._on_error = ends, deadline, on_error
        self._drain, self._drain_deadline, self._inquiry = drain, drain_deadline, inquiry
        self._may_delete = may_delete
        self._draining_since: float | None = None
        self._is_canceled, self._is_deleted, self._has_job = False, False, True
        self._ended_job: JobProgress | None = None

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
        if self._draining_since is None and observed.draining_since is not None:
            self._draining_since = min(observed.draining_since, self._clock.now())
        if self._draining_since is not None:
            progress = self._read_job()
        error = None if self._is_over(progress) else self._cancel_or_delete(stop)
        if error is not None and not self._is_deleted:
            self._is_deleted = self._is_gone()  # only the answers were lost
        if error is None and not self._is_deleted:
            self._is_canceled = True
            progress = self._ended_job or progress or self._first_counts()
            stop = _with_comment(stop, progress)
            if self._is_draining(observed, progress, stop):
                return Decision(Action.WAIT, f"{stop.reason}: devices that are executing its job may finish")
        evidence = self._delete_with_evidence(error, progress, stop)
        # A job that a gate has canceled keeps its verdict, and stays as long as its update.
        if not self._is_deleted and (self._may_delete or error is not None):
            self._keep_verdict(observed, stop)
        if self._is_deleted or error is None:
            return Decision(Action.STOP, _with_devices(stop.reason, evidence))
        # An invocation may be too short to tell that access is denied for good, two are not.
        denials = (error, error.__cause__) if observed.verdict else (error,)
        is_denied = any(isinstance(one, AccessDeniedError) for one in denials)
        if isinstance(error, RetryableError) and not is_denied and self._clock.now() <= self._deadline:
            return Decision(Action.WAIT, f"{reason}: its job is not canceled yet")
        continues = "may continue" if isinstance(error, FatalError) else "continues"
        remedy = f"cancel the job {self._desired.job_id}: {error}"
        return Decision(Action.STOP, _with_devices(f"{reason}; its rollout {continues}, {remedy}", evidence))

    def _is_over(self, progress: JobProgress | None) -> bool:
        """Return whether no more devices take the job. A tag alone tells that only of a job that cannot be read."""
        if self._is_canceled:
            return True
        if progress is None:
            return self._draining_since is not None
        return progress.status != "IN_PROGRESS"

    def _first_counts(self) -> JobProgress | None:
        """Return the counts of a job whose verdict was read from a tag; each look of a drain has read them already."""
        return None if self._draining_since is not None else self._read_job()

    def _read_job(self) -> JobProgress | None:
        """Return the counts of the job, or None if there is no job, or it cannot be read now."""
        progress = None
        with contextlib.suppress(FatalError, RetryableError):
            progress = self._service.job_progress(self._desired.job_id)
            self._has_job = progress is not None
        return progress

    def _is_draining(self, observed: Observed, progress: JobProgress | None, stop: Decision) -> bool:
        """Return whether devices may finish; the first time, keep when that has begun for the looks that follow.

        A rollout of which nothing can be kept is not waited for, nor one whose job is gone; one whose job cannot be
        read is.
        """
        now = self._clock.now()
        since = self._draining_since
        if since is None:
            # A tag may show its beginning only minutes later, and the job shows it at once.
            canceled_at = None if progress is None else progress.canceled_at
            since = now if canceled_at is None else min(canceled_at, now)
        if now >= min(since + self._drain, self._drain_deadline) or not self._may_have_devices(progress):
            return False
        if self._draining_since is not None or not self._may_delete:
            self._draining_since = since
            return True
        tag = failed_tag(stop.reason, draining_since=since, timed_out=stop.timed_out)
        error = self._error_of(lambda: self._service.tag(observed.attributes["OtaUpdateArn"], {names.FAILED_TAG: tag}))
        self._draining_since = None if error else since
        return error is None

    def _may_have_devices(self, progress: JobProgress | None) -> bool:
        """Return whether devices may be executing the job."""
        if progress is None:
            return self._has_job
        return progress.in_progress > 0 and progress.status != "DELETION_IN_PROGRESS"

    def _delete_with_evidence(self, error: _Error | None, progress: JobProgress | None, stop: Decision) -> Evidence:
        """Delete the update, unless that was tried, and return its failed devices, which are looked up before.

        If the job cannot be canceled, the deletion comes first: only that ends the rollout.
        """
        if self._is_deleted or isinstance(error, RetryableError):
            return Evidence()
        if error is not None and self._may_delete and self._error_of(self._delete) is None:
            return Evidence()
        evidence = self._evidence(progress, stop)
        if error is None and self._may_delete:
            self._error_of(self._delete)
        return evidence

    def _evidence(self, progress: JobProgress | None, stop: Decision) -> Evidence:
        if not self._has_job:
            return Evidence()
        # Of a job that had ended before, or was canceled by hand, canceled devices count as failures.
        is_canceled = progress is None or progress.status == "IN_PROGRESS" or progress.is_verdict
        has_drained = self._draining_since is not None
        statuses = statuses_to_list(
            progress, timed_out=stop.timed_out, is_canceled=is_canceled, has_drained=has_drained
        )
        return self._inquiry.gather(statuses, ends=self._ends)

    def _cancel_or_delete(self, stop: Decision) -> _Error | None:
        """Cancel the job, or delete the update, which ends its job too; return the error if neither could be done.

        The deletion takes the job from devices that are executing it, and their reports: it is tried only if the job
        cannot be canceled for some seconds. Retried without another look, which would create the update again if only
        the answer was lost.
        """
        patient_until = min(self._clock.now() + timeouts.SETTLE_PATIENCE, self._ends)

        def call() -> None:
            if self._is_deleted and self._deletion_has_ended_well():
                return
            try:
                now = self._clock.now()
                self._service.cancel(self._desired.job_id, stop.reason, now=now, timed_out=stop.timed_out)
            except FatalError:
                if not self._has_ended():
                    raise
            except RetryableError as error:
                if not self._may_delete:
                    raise
                # What is denied stays so for longer.
                if self._clock.now() < patient_until and not isinstance(error, AccessDeniedError):
                    raise
                self._on_error(error)
                self._delete_instead(error)
                raise RetryableError("its update is still being deleted") from error

        return self._error_of(call)

    def _has_ended(self) -> bool:
        """Return whether a job whose cancellation is refused has ended meanwhile, or was canceled by a lost call."""
        progress = self._read_job()
        if progress is not None and progress.status != "IN_PROGRESS":
            self._ended_job = progress
        return self._ended_job is not None or not self._has_job

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
        if not self._may_delete:
            # The rollback that follows is the sooner end.
            left = min(left, timeouts.SETTLE_PATIENCE)
        try:
            retry_until(step, self._clock, timeout=left, patience=left, on_error=self._on_error)
        except RetryableError as error:
            return error
        except FatalError as error:
            self._on_error(error)
            return error
        return None

    def _keep_verdict(self, observed: Observed, stop: Decision) -> None:
        """Tag the update with why its gate has failed, so that no later look can let it pass."""
        if observed.verdict is None:
            with contextlib.suppress(FatalError, RetryableError):
                tag = failed_tag(stop.reason, timed_out=stop.timed_out)
                self._service.tag(observed.attributes["OtaUpdateArn"], {names.FAILED_TAG: tag})


def _with_comment(stop: Decision, progress: JobProgress | None) -> Decision:
    """Return the whole verdict of a job that a gate has canceled: the tag that keeps it has few characters."""
    if progress is None or not progress.is_verdict:
        return stop
    return replace(stop, reason=progress.comment, timed_out=stop.timed_out or progress.has_timed_out)


def _with_devices(reason: str, evidence: Evidence) -> str:
    """Return the reason with the devices that have failed and what they reported, as far as that fits."""
    denied = f" ({evidence.denied}: not allowed to ask)" if evidence.denied else ""
    room = LIMIT - _ROOM_AFTER_DEVICES - len(f"{reason}{denied}".encode())
    devices = summary(evidence.executions, room=room)
    return f"{reason}{f': {devices}' if devices else ''}{denied}"
