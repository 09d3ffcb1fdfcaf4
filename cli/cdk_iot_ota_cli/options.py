"""Options and errors that the commands share."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

import click

from cdk_iot_ota_handler.ota_update.contract import limits

EXIT_OK, EXIT_FAILED, EXIT_NOT_FOUND, EXIT_GOING_ON = 0, 1, 2, 3


class NotFoundError(click.ClickException):
    """There is nothing to ask: the stack or the update does not exist, or cannot be read."""

    exit_code = EXIT_NOT_FOUND


def number(limit: limits.Number) -> Callable[[click.Context, click.Parameter, str | None], Decimal | None]:
    """Return a callback that parses an option's value exactly and checks it against a limit."""

    def parse(_context: click.Context, _option: click.Parameter, text: str | None) -> Decimal | None:
        if text is None:
            return None
        try:
            found = Decimal(text)
        except InvalidOperation:
            found = Decimal("NaN")
        if not found.is_finite():
            raise click.BadParameter(f"must be a number, got {text!r}")
        try:
            limit.check("the value", int(found) if found == int(found) else float(found))
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
        return found

    return parse


def number_option(name: str, limit: limits.Number, default: str | None, help: str) -> Callable[[Any], Any]:
    """Return an option that takes a number; without a default, the help tells what is used."""
    is_shown = default is not None
    return click.option(
        name, metavar="NUMBER", default=default, show_default=is_shown, help=help, callback=number(limit)
    )


def stack_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--stack``."""
    return click.option("--stack", required=True, help="Name or ARN of the stack.")(command)


def region_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--region``."""
    return click.option("--region", help="AWS Region.  [default: the one of the environment]")(command)
