"""The apps that a security reviewer would look at."""

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aws_cdk import App

from tests.construct.everything import declare_everything
from tests.construct.stacks import stack

_EXAMPLE = Path(__file__).parents[2] / "app.py"

Declare = Callable[[Path], Any]


def example(_: Path) -> App:
    """The example app."""
    app: App = runpy.run_path(str(_EXAMPLE))["app"]
    return app


def everything(folder: Path) -> Any:
    """An app with one stack that has all that can be declared."""
    prod = stack()
    declare_everything(prod, folder)
    return prod.node.root


APPS = [example, everything]
