"""Every decision of the lifecycle: a pure function of what is desired and what is observed. No calls here."""

import enum
from dataclasses import dataclass


class Action(enum.Enum):
    """The next step for the caller of a decision."""

    CONTINUE = "continue"
    ASK_PREVIOUS = "ask for the previous update"
    PREPARE = "prepare the request"
    ASK_STACK = "ask for the status of the stack"
    ASK_DEVICES = "ask for the progress of the job"
    PROVE = "keep when the bake time has begun"
    CREATE = "create"
    MARK = "mark as deployed"
    HAND_OVER = "mark as deployed, with a gate that waits"
    CONFIRM = "mark as deployed by this operation too"
    DELETE = "delete"
    WAIT = "wait"
    DONE = "done"
    FAIL = "fail"
    DELETE_AND_FAIL = "delete and fail"
    STOP = "cancel the job, delete and fail"


@dataclass(frozen=True)
class Decision:
    """An action and its reason; the reason of a failure is what the user reads.

    Of a gate: ``timed_out``: it has waited too long, so that the devices that have not ended are the cause.
    ``problem``: why it would have failed, if it only reports that.
    """

    action: Action
    reason: str
    timed_out: bool = False
    problem: str = ""
