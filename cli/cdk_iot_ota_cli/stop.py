"""``cdk-iot-ota stop``: cancel the running update, so that its gate fails with a comment."""

import click

from cdk_iot_ota_handler.ota_update.contract import names
from cdk_iot_ota_handler.ota_update.errors import FatalError, RetryableError
from cdk_iot_ota_handler.ota_update.observed import JobProgress

from . import lookup
from .aws import Aws
from .options import EXIT_FAILED, EXIT_OK, NotFoundError, region_option, stack_option
from .reader import Reader
from .reading import Reading

_COMMENT_LENGTH = 200


@click.command(short_help="Cancel an update that is rolling out.")
@stack_option
@click.option("--update", default="", help="Logical id of the update, or a prefix of it.  [default: the only one]")
@click.option("--comment", required=True, help=f"Why; at most {_COMMENT_LENGTH} characters. The gate fails with it.")
@region_option
def stop(stack: str, update: str, comment: str, region: str | None) -> int:
    """Cancel the job of an update, so that no more devices begin with it. Those that have begun may finish.

    While a deploy creates the update, that is the one which is canceled: its gate fails with the comment, and the stack
    rolls back. At rest it is the one that is live, for which `cdk-iot-ota wait` fails then.

    It needs what `cdk-iot-ota status` needs, and iot:CancelJob.

    Exit codes: 0 if the job is canceled, 1 if it had ended before, 2 if the arguments are invalid, or the update cannot
    be found or canceled.
    """
    text = " ".join(comment.split())
    if not 0 < len(text) <= _COMMENT_LENGTH:
        raise click.BadParameter(
            f"must have 1 to {_COMMENT_LENGTH} characters, got {len(text)}", param_hint="--comment"
        )
    aws = Aws.connect(region)
    try:
        ota_update_id = running(Reader(aws, stack).look(), update)
        job_id = names.job_id(ota_update_id)
        progress = aws.service.job_progress(job_id)
        if progress is None or progress.status != "IN_PROGRESS":
            status = "does not exist" if progress is None else f"is {progress.status}"
            click.echo(f"{job_id} {status}: there is nothing to stop")
            return EXIT_FAILED
        aws.cancel(job_id, text)
    except (FatalError, RetryableError) as error:
        raise NotFoundError(str(error)) from error
    click.echo(f"canceled {job_id}: {_consequence(progress)}")
    return EXIT_OK


def running(reading: Reading, prefix: str) -> str:
    """Return the id of the update that is rolling out: the new one of a deploy, or at rest the one that is live."""
    by_id = {one.declared.logical_id: one for one in reading.phases}
    phase = by_id[lookup.match(reading.stack.name, by_id, prefix)]
    if phase.coming is not None:
        return phase.coming.ota_update_id
    name, resource, stack = phase.declared.path, phase.resource, reading.stack
    hint = f" ({reading.left_out[0]})" if reading.left_out else ""
    if stack.state.is_rolling_back:
        raise NotFoundError(f"stack {stack.name} is {stack.status}: no update of it is rolling out")
    # The live update is not taken for the new one that is still to come.
    is_expected = resource is None or resource.status.endswith("_IN_PROGRESS") or not stack.has_changed(resource)
    if resource is None or (stack.state.is_deploying and is_expected):
        raise NotFoundError(f"the deploy has not created a new update of {name} yet{hint}")
    if phase.live is None:
        raise NotFoundError(f"{name} has no update that could be stopped: it is {resource.status}")
    return phase.live.ota_update_id


def _consequence(progress: JobProgress) -> str:
    return (
        f"{progress.queued:,} queued devices do not get it, {progress.in_progress:,} in progress may finish, and "
        f"{progress.succeeded:,} that have succeeded keep it"
    )
