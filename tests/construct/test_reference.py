"""The docstrings of the public API, which are its reference."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

import cdk_iot_ota


def documented() -> dict[str, tuple[Callable[..., Any], str]]:
    """Return each public constructor and factory with the docstring that lists its arguments."""
    found: dict[str, tuple[Callable[..., Any], str]] = {}
    for name in cdk_iot_ota.__all__:
        kind = getattr(cdk_iot_ota, name)
        found[name] = (kind.__init__, kind.__doc__ or "")
        for factory, function in vars(kind).items():
            if isinstance(function, staticmethod):
                found[f"{name}.{factory}"] = (function.__func__, function.__doc__ or "")
    return {name: item for name, item in found.items() if ":param" in item[1]}


@pytest.mark.parametrize(("function", "text"), documented().values(), ids=documented())
def test_each_argument_is_documented(function: Callable[..., Any], text: str) -> None:
    """A docstring that documents an argument of a constructor or factory documents each of them."""
    arguments = [name for name in inspect.signature(function).parameters if name not in ("self", "scope", "id")]
    assert [name for name in arguments if f":param {name}:" not in text] == []
