"""Keep the choices of a random story readable when it fails."""

import dataclasses
from typing import Any, cast


class CompactRepr:
    """A dataclass whose ``repr`` lists only the fields that differ from their defaults."""

    def __repr__(self) -> str:
        defaults = type(self)()
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(cast(Any, self))}
        changed = [f"{name}={value!r}" for name, value in values.items() if value != getattr(defaults, name)]
        return f"{type(self).__name__}({', '.join(changed)})"
