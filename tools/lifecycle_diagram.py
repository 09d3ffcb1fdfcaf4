"""Write the table and the diagrams of docs/lifecycle.md from the handler's own decisions.

Run ``python -m tools.lifecycle_diagram``; a test fails when the document is out of date.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cdk_iot_ota_handler.ota_update.contract import names, timeouts
from cdk_iot_ota_handler.ota_update.decide import Action
from cdk_iot_ota_handler.ota_update.decide.completion import Context, completion
from cdk_iot_ota_handler.ota_update.decide.removal import removal
from cdk_iot_ota_handler.ota_update.desired import Desired
from cdk_iot_ota_handler.ota_update.observed import Observed, Stack

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "lifecycle.md"
_DESIRED = Desired.from_event(
    {
        "StackId": "arn:aws:cloudformation:eu-central-1:111122223333:stack/prod/1",
        "LogicalResourceId": "Blinky",
        "ResourceProperties": {"IdPrefix": "prod_", "Request": {}},
    }
)
_OURS = Observed(status="", tags=_DESIRED.all_tags, age=1, attributes={})
_DEPLOYED = {**_OURS.tags, names.DEPLOYED_TAG: "true"}
_ACCESS = "AWSIotException: not authorized to perform: iam:PassRole"

STATES: dict[str, Observed | None] = {
    "absent": None,
    "CREATE_PENDING": replace(_OURS, status="CREATE_PENDING"),
    "CREATE_IN_PROGRESS": replace(_OURS, status="CREATE_IN_PROGRESS"),
    "CREATE_COMPLETE": replace(_OURS, status="CREATE_COMPLETE"),
    "CREATE_COMPLETE, tagged as deployed": replace(_OURS, status="CREATE_COMPLETE", tags=_DEPLOYED, age=3600),
    "CREATE_FAILED": replace(_OURS, status="CREATE_FAILED", error="InvalidRequest"),
    "CREATE_FAILED (access denied)": replace(_OURS, status="CREATE_FAILED", error=_ACCESS),
    "DELETE_IN_PROGRESS": replace(_OURS, status="DELETE_IN_PROGRESS"),
    "DELETE_FAILED": replace(_OURS, status="DELETE_FAILED"),
    "minutes old, without tags": replace(_OURS, status="CREATE_COMPLETE", tags={}),
    "owned by another resource": replace(_OURS, status="CREATE_COMPLETE", tags={"owner": "other"}),
    "owned, with other content": replace(_OURS, status="CREATE_COMPLETE", tags=_DEPLOYED | {names.CONTENT_TAG: ""}),
}
_DEPLOYING, _ROLLING_BACK = Stack("UPDATE_IN_PROGRESS"), Stack("UPDATE_ROLLBACK_IN_PROGRESS")
_Decide = Callable[[Observed | None], Action]


def _completion(at: Context) -> _Decide:
    return lambda seen: completion(_DESIRED, seen, at).action


def _deletion(waited: float) -> _Decide:
    return lambda seen: removal(_DESIRED, "id", seen, is_reported=True, was_observed=True, waited=waited).action


_FORWARD, _DELETE = _completion(Context(stack=_DEPLOYING, waited=20)), _deletion(20)
COLUMNS: dict[str, _Decide] = {
    "Create, or Update to another id": _FORWARD,
    f"the same after {timeouts.CREATION_DEADLINE // 60} minutes": _completion(
        Context(stack=_DEPLOYING, waited=timeouts.CREATION_DEADLINE + 1)
    ),
    "Update that keeps the id": _completion(
        Context(stack=_DEPLOYING, is_update=True, keeps_id=True, is_retry=False, waited=0)
    ),
    "Create in a rollback": _completion(Context(stack=_ROLLING_BACK, waited=20)),
    "Update in a rollback": _completion(
        Context(stack=_ROLLING_BACK, is_update=True, keeps_id=True, is_retry=False, waited=0)
    ),
    "Delete": _DELETE,
    f"Delete after {timeouts.DELETION_PATIENCE // 60} minutes": _deletion(timeouts.DELETION_PATIENCE + 1),
    f"Delete after {timeouts.HANDLER_DEADLINE // 60} minutes": _deletion(timeouts.HANDLER_DEADLINE + 1),
}
# Transitions that AWS IoT makes without a call.
_BY_AWS_IOT = [
    ("CREATE_PENDING", "CREATE_IN_PROGRESS"),
    ("CREATE_IN_PROGRESS", "CREATE_COMPLETE"),
    ("CREATE_IN_PROGRESS", "CREATE_FAILED"),
    ("CREATE_IN_PROGRESS", "CREATE_FAILED (access denied)"),
    ("DELETE_IN_PROGRESS", "absent"),
    ("DELETE_IN_PROGRESS", "DELETE_FAILED"),
]
_LEADS_TO = {
    Action.CREATE: "CREATE_PENDING",
    Action.MARK: "CREATE_COMPLETE, tagged as deployed",
    Action.DELETE: "DELETE_IN_PROGRESS",
    Action.DELETE_AND_FAIL: "DELETE_IN_PROGRESS",
    Action.DONE: "[*]",
    Action.FAIL: "failed",
}


def table() -> str:
    """Return the table of the decision in each state."""
    head = ["observed", *COLUMNS]
    rows = [[state, *(column(seen).value for column in COLUMNS.values())] for state, seen in STATES.items()]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def diagram(column: _Decide) -> str:
    """Draw the transitions of an update that this stack owns: those of the handler and those of AWS IoT."""
    own = {state: seen for state, seen in STATES.items() if seen is None or seen.status in state}
    names = {state: f"s{number}" for number, state in enumerate(own)} | {"[*]": "[*]", "failed": "failed"}
    lines = [f'state "{state}" as {names[state]}' for state in own]
    moves = [(state, _LEADS_TO[action], action.value) for state in own if (action := column(own[state])) in _LEADS_TO]
    lines += [f"{names[begin]} --> {names[end]}: {action}" for begin, end, action in moves]
    lines += [f"{names[begin]} --> {names[end]}: AWS IoT" for begin, end in _BY_AWS_IOT]
    return "```mermaid\nstateDiagram-v2\n" + "\n".join(f"    {line}" for line in lines) + "\n```"


def parts() -> dict[str, str]:
    """Return each generated part by the name of its marker in the document."""
    return {"table": table(), "creation": diagram(_FORWARD), "deletion": diagram(_DELETE)}


def up_to_date(text: str) -> str:
    """Return the document with its generated parts replaced."""

    def made(place: re.Match[str]) -> str:
        name = place.group(1)
        return f"<!-- begin {name} -->\n{parts()[name]}\n<!-- end {name} -->"

    return re.sub(r"<!-- begin (\w+) -->.*?<!-- end \1 -->", made, text, flags=re.DOTALL)


if __name__ == "__main__":
    DOCUMENT.write_text(up_to_date(DOCUMENT.read_text()))
