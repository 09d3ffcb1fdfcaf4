"""Checks at the end of synth.

A stack has one validation for all of them, which resolves what they need by one question to CDK.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import jsii
from aws_cdk import Stack, Stage
from constructs import IConstruct, IValidation

from . import once, resolving

_Check = Callable[[Any], None]


def at_end(scope: IConstruct, check: _Check, value: Callable[[], Any] = lambda: None) -> None:
    """Run a check once tags, logical ids and references to other stacks are final, so after all aspects.

    The checks of a stack run in their order, before other validations. What they raise is an error of ``scope``.

    :param check: gets the resolved value, and raises ValueError or TypeError.
    :param value: returns what the check needs, as it is in the template. It may raise the same errors.
    """
    stack = once.stack_of(scope)
    once.asked(stack, _EndOfSynth, lambda: _EndOfSynth(stack)).checks.append(_Late(scope, check, value))


def has_ended(scope: IConstruct) -> bool:
    """Return whether the checks of a stack have run: what is declared in it now may be too late for its template."""
    stack = once.stack_of(scope)
    return once.asked(stack, _EndOfSynth, lambda: _EndOfSynth(stack)).has_run


def when_settled(scope: IConstruct, value: str, check: _Check) -> None:
    """Check a text as it is in the template: at once, or at the end of synth if it cannot be resolved before."""
    if once.is_settled(scope, value):
        check(once.resolved(scope, value))
    else:
        at_end(scope, check, lambda: value)


@dataclass(frozen=True)
class _Late:
    scope: IConstruct
    check: _Check
    value: Callable[[], Any]


@jsii.implements(IValidation)
class _EndOfSynth:
    """The checks of a stack."""

    def __init__(self, stack: Stack) -> None:
        self.checks: list[_Late] = []
        self.has_run = False
        self._stack = stack
        self._errors: dict[IConstruct, _Errors] = {}
        # CDK validates a stage before what is in it.
        (Stage.of(stack) or stack).node.add_validation(cast(IValidation, self))

    def validate(self) -> list[str]:
        """Run the checks, and let each construct report the errors of those that failed."""
        self.has_run = True
        for errors in self._errors.values():
            errors.found.clear()
        values: dict[str, Any] = {}
        checks = {str(number): one for number, one in enumerate(self.checks)}
        for number, one in checks.items():
            with self._reported_by(one.scope):
                values[number] = one.value()
        resolved = resolving.resolved(self._stack, values)
        for number in values:
            with self._reported_by(checks[number].scope):
                checks[number].check(resolved.get(number))
        return []

    @contextmanager
    def _reported_by(self, scope: IConstruct) -> Iterator[None]:
        try:
            yield
        except (TypeError, ValueError) as error:
            self._errors_of(scope).found.append(str(error))

    def _errors_of(self, scope: IConstruct) -> "_Errors":
        if scope not in self._errors:
            self._errors[scope] = _Errors()
            scope.node.add_validation(cast(IValidation, self._errors[scope]))
        return self._errors[scope]


@jsii.implements(IValidation)
class _Errors:
    """The errors of a construct, which CDK reports with its path."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def validate(self) -> list[str]:
        """Return the errors."""
        return list(self.found)
