"""Every decision of the lifecycle: what to do is a function of what is declared and what is seen. No calls here."""

import enum
from dataclasses import dataclass


class Action(enum.Enum):
    """What the caller of a decision does next."""

    GO_ON = "go on"
    CREATE = "create"
    ASK_DEVICES = "ask how far the devices are"
    MARK = "mark as deployed"
    DELETE = "delete"
    WAIT = "wait"
    DONE = "done"
    FAIL = "fail"
    DELETE_AND_FAIL = "delete and fail"
    STOP = "cancel its job, delete and fail"


@dataclass(frozen=True)
class Decision:
    """An action and its reason; for a failure the reason is what the user reads."""

    action: Action
    why: str
