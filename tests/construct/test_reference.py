"""The docstrings of the public API, which are its reference."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

import cdk_iot_ota


def documented() -> list[tuple[str, Callable[..., Any], str]]:
    """Return each public constructor and factory with the docstring that lists its arguments."""
    classes = {name: getattr(cdk_iot_ota, name) for name in cdk_iot_ota.__all__}
    constructors = [(name, kind.__init__, kind.__doc__) for name, kind in classes.items() if ":param" in kind.__doc__]
    factories = [
        (f"{name}.{factory}", function.__func__, function.__doc__)
        for name, kind in classes.items()
        for factory, function in vars(kind).items()
        if isinstance(function, staticmethod) and ":param" in (function.__doc__ or "")
    ]
    return [*constructors, *factories]


@pytest.mark.parametrize(
    ("function", "text"), [item[1:] for item in documented()], ids=[one[0] for one in documented()]
)
def test_each_argument_is_documented(function: Callable[..., Any], text: str) -> None:
    """A docstring that documents an argument of a constructor or factory documents each of them."""
    arguments = [name for name in inspect.signature(function).parameters if name not in ("self", "scope", "id")]
    assert [name for name in arguments if f":param {name}:" not in text] == []
