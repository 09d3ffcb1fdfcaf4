"""What a story's failure shows of its choices: those that are not the defaults."""

import dataclasses
from typing import Any, cast


class Shown:
    """A dataclass whose ``repr`` names only what differs from its defaults."""

    def __repr__(self) -> str:
        fields = dataclasses.fields(cast(Any, self))
        defaults = type(self)()
        named = {one.name: getattr(self, one.name) for one in fields}
        told = [f"{name}={value!r}" for name, value in named.items() if value != getattr(defaults, name)]
        return f"{type(self).__name__}({', '.join(told)})"
