"""What AWS shows: one OTA update, and which way its stack goes."""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass

# The service has no code of its own for a role that it may not assume, or may not use yet.
ABOUT_ACCESS = re.compile(r"not authorized|access ?denied|assume|\brole\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One OTA update as AWS IoT shows it: its status, tags, age in seconds, errorInfo, and the attributes to report."""

    status: str
    tags: Mapping[str, str]
    age: float
    error: str = ""
    attributes: Mapping[str, str]

    @property
    def failed_for_want_of_access(self) -> bool:
        """Whether the service was refused access in the creation, as it is by a role that IAM has not spread yet."""
        return self.status == "CREATE_FAILED" and ABOUT_ACCESS.search(self.error) is not None


class Direction(enum.Enum):
    """Which way a stack goes. Lambda may deliver an event twice, the second time when all is over."""

    FORWARD = "forward"
    BACK = "back, or cleaning up"
    NOWHERE = "nowhere: it is at rest"

    @classmethod
    def of(cls, stack_status: str) -> "Direction":
        """The direction in a status of CloudFormation."""
        if stack_status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "IMPORT_IN_PROGRESS"):
            return cls.FORWARD
        return cls.BACK if stack_status.endswith("_IN_PROGRESS") else cls.NOWHERE
