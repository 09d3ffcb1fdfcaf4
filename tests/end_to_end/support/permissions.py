"""Read the permissions in a template, and remove single ones."""

import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_POLICIES = ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy")
# With these the handler, and the tests that wait for it, give up within seconds.
_SHORT_TIMEOUTS = {
    "IAM_PATIENCE": 1,
    "SETTLE_PATIENCE": 2,
    "PATIENCE": 3,
    "LAG": 1,
    "DELETION_PATIENCE": 1,
    "JOB_LAG": 1,
}


@dataclass(frozen=True)
class Permission:
    """An action granted by every statement with this Sid in the policies of a role."""

    role: str
    sid: str
    action: str

    def __str__(self) -> str:
        return f"{self.role} {self.sid} {self.action}"


def permissions(template: dict[str, Any]) -> list[Permission]:
    """List every permission that the policies of a stack's updates grant."""
    found = [
        Permission(role, statement["Sid"], action)
        for _, role, statement in _statements(template)
        for action in _actions(statement)
    ]
    return list(dict.fromkeys(found))


def without_permission(template: dict[str, Any], missing: Permission) -> dict[str, Any]:
    """Return the template without one permission."""
    template = copy.deepcopy(template)
    for _, role, statement in _statements(template):
        if (role, statement["Sid"]) == (missing.role, missing.sid):
            # A statement must have an action; this one does not exist.
            statement["Action"] = [one for one in _actions(statement) if one != missing.action] or ["iot:Nothing"]
    return template


def shorten_timeouts(folder: Path, timeouts: Mapping[str, int] | None = None) -> None:
    """Shorten timeouts of the handler in the folder of a synthesized app, by default those of IAM."""
    (path,) = folder.glob("asset.*/ota_update/contract/timeouts.py")
    text = path.read_text()
    for name, seconds in (_SHORT_TIMEOUTS if timeouts is None else timeouts).items():
        text, found = re.subn(rf"^{name} = \d+$", f"{name} = {seconds}", text, flags=re.MULTILINE)
        assert found == 1, name
    path.write_text(text)


def _statements(template: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, resource in template["Resources"].items():
        if resource["Type"] in _POLICIES and name.startswith("OtaPermissions"):
            role = "handler" if "HandlerRole" in json.dumps(resource["Properties"]["Roles"]) else "service"
            for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
                yield name, role, statement


def _actions(statement: dict[str, Any]) -> list[str]:
    actions = statement["Action"]
    return actions if isinstance(actions, list) else [actions]
