"""Checks at the end of synth."""

from collections.abc import Callable

import jsii
from constructs import IValidation


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
