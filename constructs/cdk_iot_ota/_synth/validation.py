"""Checks at the end of synth."""

from collections.abc import Callable
from typing import cast

import jsii
from constructs import IConstruct, IValidation

from . import token_text


@jsii.implements(IValidation)
class EndOfSynth:
    """Runs checks once tags, logical ids and references to other stacks are final, so after all aspects."""

    def __init__(self, *checks: Callable[[], None]) -> None:
        self._checks = checks

    def validate(self) -> list[str]:
        """Return the error of each check that raises one."""
        errors = []
        for check in self._checks:
            try:
                check()
            except (TypeError, ValueError) as error:
                errors.append(str(error))
        return errors


def when_settled(scope: IConstruct, value: str, check: Callable[[], None]) -> None:
    """Run a check that resolves a value: at once, or at the end of synth if the value cannot be resolved before."""
    if token_text.is_settled(value):
        check()
    else:
        scope.node.add_validation(cast(IValidation, EndOfSynth(check)))
