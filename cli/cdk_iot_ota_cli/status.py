"""``cdk-iot-ota status``: what a stack's updates are doing, and whether it is safe to go home."""

import time
from collections.abc import Callable, Iterable, Iterator

import click
from rich.console import Console
from rich.live import Live

from cdk_iot_ota_handler.ota_update.errors import RetryableError

from . import as_json, plain
from .aws import Aws
from .options import NotFoundError, region_option, stack_option
from .reader import Reader
from .reading import Reading
from .terminal import Screen
from .view import View, view

# Seconds from one look to the next, unless the last one made more calls of a kind than that.
INTERVAL = 10


@click.command(short_help="Show what the updates of a stack are doing.")
@stack_option
@click.option("--watch", is_flag=True, help="Look again and again until the stack is at rest.")
@click.option("--devices", is_flag=True, help="Name the devices that have failed, and those that take longest.")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="The output.")
@region_option
def status(stack: str, *, watch: bool, devices: bool, output: str, region: str | None) -> int:
    """Show each update and phase of a stack: what is live, what is coming, what is needed and by when.

    It changes nothing. What you may not ask AWS is left out with a word; docs/command.md lists the permissions, and
    OtaUpdateProvider.grant_status gives them.

    Exit codes: 0 if every gate has passed and the stack is at rest, 1 if a gate or the stack's last operation has
    failed, 2 if there is nothing to ask, 3 if it is still going on. With --watch it ends when the stack is at rest.
    """
    reader = Reader(Aws.connect(region), stack, devices=devices)
    if not watch:
        try:
            found = shown(reader.look())
        except RetryableError as error:
            raise NotFoundError(str(error)) from error
        _print_once(found, output, devices=devices)
        return found.mood.value
    return _watch(looks(reader.look), output, devices=devices)


def shown(reading: Reading) -> View:
    """Return the view of a reading. Raises NotFoundError if the stack has no updates."""
    found = view(reading)
    stack = found.stack
    if stack.is_new:
        raise NotFoundError(f"nothing has been deployed to stack {stack.name} yet")
    if stack.status == "DELETE_COMPLETE":
        raise NotFoundError(f"stack {stack.name} is deleted")
    if not found.updates and not reading.left_out:
        nested = f"; its nested stacks are {', '.join(reading.nested)}: ask for one of them" if reading.nested else ""
        raise NotFoundError(f"stack {stack.name} has no OTA updates{nested}")
    return found


def looks(
    look: Callable[[], Reading],
    *,
    sleep: Callable[[float], None] | None = None,
    warn: Callable[[str], None] = lambda text: click.echo(text, err=True),
) -> Iterator[View]:
    """Return one view after the other until the stack is at rest; between two of them it pauses.

    A look that AWS does not answer is told, and repeated, unless it is the first one.
    """
    found: View | None = None
    pause_for = sleep or time.sleep
    while found is None or not found.is_at_rest:
        try:
            found = shown(look())
        except RetryableError as error:
            if found is None:
                raise NotFoundError(str(error)) from error
            warn(f"no answer, asking again: {error}")
            pause_for(INTERVAL)
            continue
        yield found
        if not found.is_at_rest:
            pause_for(pause(found.calls.values()))


def pause(calls: Iterable[int]) -> float:
    """Return the seconds until the next look: on average no API is called more than once a second."""
    return float(max([INTERVAL, *calls]))


def _print_once(found: View, output: str, *, devices: bool) -> None:
    console = _console()
    if output == "json":
        click.echo(as_json.text(found))
    elif console.is_terminal:
        console.print(Screen(found, devices=devices))
    else:
        click.echo("\n".join(plain.lines(found)))


def _watch(views: Iterator[View], output: str, *, devices: bool) -> int:
    console = _console()
    code = 0
    if output == "json" or not console.is_terminal:
        printed: list[str] = []
        for found in views:
            code = found.mood.value
            printed = _print_changes(found, output, printed)
        return code
    with Live(console=console, auto_refresh=False) as live:
        for found in views:
            code = found.mood.value
            live.update(Screen(found, compact=True, devices=devices), refresh=True)
    return code


def _print_changes(found: View, output: str, printed: list[str]) -> list[str]:
    if output == "json":
        click.echo(as_json.text(found))
        return printed
    lines = plain.lines(found)
    moment = time.strftime("%H:%M:%S")
    for line in lines:
        if line not in printed:
            click.echo(f"{moment} {line}")
    return lines


def _console() -> Console:
    return Console(highlight=False)
