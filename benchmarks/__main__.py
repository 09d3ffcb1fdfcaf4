"""Run the benchmarks and write their results: `make bench`, or parts of it with `make bench ARGS="--only synth"`."""

import os
from importlib import import_module
from pathlib import Path

import click

from . import report
from .measure import Result, machine

PARTS = ("synth", "deploy", "handler", "gate", "growth")
#: The emulator takes about a second for each update.
_MOST_DEPLOYED = 100


@click.command()
@click.option("--sizes", default="1,10,100,450", show_default=True, help="Numbers of updates.")
@click.option("--pairs", default=5, show_default=True, help="How often each case is measured.")
@click.option("--only", multiple=True, type=click.Choice(PARTS), help="A part to measure; repeatable. Default: all.")
@click.option("--out", default=report.RESULTS, type=click.Path(path_type=Path), help="Folder of the results.")
def main(sizes: str, pairs: int, only: tuple[str, ...], out: Path) -> None:
    """Measure, and write results.json, results.md and the plots.

    Parts that are not measured keep their stored results, with their date and machine.
    """
    # The apps that are deployed are synthesized in this process.
    os.environ["CDK_VALIDATION"] = "false"
    numbers = [int(size) for size in sizes.split(",")]
    results = report.load(out)
    for part in only or PARTS:
        described = machine()
        results[part] = {"machine": described, **_measure(part, numbers, pairs)}
        report.write(results, out)
    from . import plots  # only this needs what requirements.txt in this folder installs

    plots.draw(results, out)
    click.echo(report.markdown(results))


def _measure(part: str, sizes: list[int], pairs: int) -> Result:
    # A part imports what it needs when it is its turn: the CDK starts a Node.
    run = import_module(f"benchmarks.{part}").run
    match part:
        case "synth":
            found: Result = run(sizes, pairs)
        case "deploy":
            found = run([size for size in sizes if size <= _MOST_DEPLOYED], pairs)
        case "gate":
            found = run()
        case _:
            found = run(pairs)
    return found


if __name__ == "__main__":
    main()
