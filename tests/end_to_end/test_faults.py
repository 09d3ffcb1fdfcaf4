"""Calls that AWS answers late, with an error or not at all, during a stack's whole lifecycle."""

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cdk_iot_ota_local import LocalAws, leftovers
from cdk_iot_ota_local.calls import Call
from tests.end_to_end.support.declarations import Declare
from tests.end_to_end.support.deployment import Deployment

CREATION = {"HeadObject", "CreateOTAUpdate", "GetOTAUpdate", "ListTagsForResource", "TagResource"}
DELETION = {"GetOTAUpdate", "ListTagsForResource", "DeleteOTAUpdate"}


@dataclass(kw_only=True)
class Trial:
    """A kind of fault, and a stack whose calls hit it once in its creation, replacement and deletion."""

    kind: str
    phases: tuple[set[str], ...] = (CREATION, CREATION | DELETION, DELETION)
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The stack's name, with which the ids of its updates begin."""
        return f"faults-{self.kind.replace('_', '-')}"

    def expected(self) -> Counter[str]:
        """Count how often each operation hits the fault."""
        return Counter(operation for phase in self.phases for operation in phase)

    def add_faults(self, aws: LocalAws, operations: Iterable[str]) -> None:
        """Let each operation fail once. HeadObject names no update, so its faults can hit any stack."""
        for operation in operations:
            scope = {} if operation == "HeadObject" else {"id_prefix": f"{self.name}_"}
            aws.faults.add(self.kind, operation, times=1, **scope, **self.options)

    def run(self, aws: LocalAws, stack: Deployment, first: Path, second: Path) -> list[str]:
        """Create, replace and delete the stack's update, and return the ids of both updates."""
        creation, replacement, deletion = self.phases
        self.add_faults(aws, creation)
        ids = [stack.apply(first)["Id"]]
        self.add_faults(aws, replacement)
        ids.append(stack.apply(second)["Id"])
        self.add_faults(aws, deletion)
        stack.delete()
        return ids


TRIALS = [
    *(Trial(kind=kind) for kind in ("throttle", "error_500", "error_503", "cut_before", "cut_after")),
    # Longer than the handler's read timeout: it calls again, and the first call takes effect as well.
    Trial(kind="delay", phases=({"CreateOTAUpdate"}, set(), set()), options={"delay_seconds": 16}),
]


@pytest.mark.usefixtures("deployment")
def test_faults_of_each_kind(aws: LocalAws, declare: Declare, tmp_path: Path) -> None:
    """Create, replacement and deletion succeed although every call fails once, and no update is created twice."""
    stacks = [Deployment(aws, trial.name, tmp_path / trial.name) for trial in TRIALS]
    apps = [(stack.synth(declare("one")), stack.synth(declare("two"))) for stack in stacks]
    # In parallel, because most of the time is spent waiting.
    with ThreadPoolExecutor(len(TRIALS)) as pool:
        results = [
            pool.submit(trial.run, aws, stack, *app) for trial, stack, app in zip(TRIALS, stacks, apps, strict=True)
        ]
    log = aws.calls.log()
    for trial, result in zip(TRIALS, results, strict=True):
        assert Counter(call.operation for call in log if call.fault == trial.kind) == trial.expected(), trial.kind
        assert created(log, trial.name) == result.result()
    assert not leftovers(aws)


def created(log: list[Call], name: str) -> list[str | None]:
    """List the updates that a stack created, including those for which the response was lost."""
    calls = [call for call in log if call.operation == "CreateOTAUpdate"]
    return [
        call.ota_update_id
        for call in calls
        if (call.ota_update_id or "").startswith(f"{name}_") and (call.status == 200 or call.fault == "cut_after")
    ]
