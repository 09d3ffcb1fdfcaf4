"""Calls that AWS answers late, with an error, or not at all, from the first one of a stack to the last."""

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
    """A kind of fault, and a stack whose operations meet it once in its creation, replacement and deletion."""

    kind: str
    phases: tuple[set[str], ...] = (CREATION, CREATION | DELETION, DELETION)
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The stack's name, which the ids of its updates begin with."""
        return f"faults-{self.kind.replace('_', '-')}"

    def expected(self) -> Counter[str]:
        """How often each operation meets the fault."""
        return Counter(operation for phase in self.phases for operation in phase)

    def switch_on(self, aws: LocalAws, operations: Iterable[str]) -> None:
        """Let each operation fail once. Calls of S3 do not say what update they are for: any stack may meet those."""
        for operation in operations:
            scope = {} if operation == "HeadObject" else {"id_prefix": f"{self.name}_"}
            aws.faults.add(self.kind, operation, times=1, **scope, **self.options)

    def live(self, aws: LocalAws, stack: Deployment, first: Path, second: Path) -> list[str]:
        """Create, replace and delete the stack's update; returns the ids that it has had."""
        creation, replacement, deletion = self.phases
        self.switch_on(aws, creation)
        ids = [stack.apply(first)["Id"]]
        self.switch_on(aws, replacement)
        ids.append(stack.apply(second)["Id"])
        self.switch_on(aws, deletion)
        stack.delete()
        return ids


TRIALS = [
    *(Trial(kind=kind) for kind in ("throttle", "error_500", "error_503", "cut_before", "cut_after")),
    # Longer than the handler waits for an answer: it asks again, and what it has asked for first comes about as well.
    Trial(kind="delay", phases=({"CreateOTAUpdate"}, set(), set()), options={"delay_seconds": 16}),
]


@pytest.mark.usefixtures("deployment")
def test_faults_of_each_kind(aws: LocalAws, declare: Declare, tmp_path: Path) -> None:
    """Create, replacement and deletion succeed although every operation fails in each, and nothing is made twice."""
    stacks = [Deployment(aws, trial.name, tmp_path / trial.name) for trial in TRIALS]
    apps = [(stack.synth(declare("one")), stack.synth(declare("two"))) for stack in stacks]
    # At the same time, since most of it is waiting.
    with ThreadPoolExecutor(len(TRIALS)) as pool:
        lives = [
            pool.submit(trial.live, aws, stack, *app) for trial, stack, app in zip(TRIALS, stacks, apps, strict=True)
        ]
    log = aws.calls.log()
    for trial, life in zip(TRIALS, lives, strict=True):
        assert Counter(call.operation for call in log if call.fault == trial.kind) == trial.expected(), trial.kind
        assert created(log, trial.name) == life.result()
    assert not leftovers(aws)


def created(log: list[Call], name: str) -> list[str | None]:
    """The updates of a stack that CreateOTAUpdate has made, also where its answer got lost."""
    calls = [call for call in log if call.operation == "CreateOTAUpdate"]
    return [
        call.ota_update_id
        for call in calls
        if (call.ota_update_id or "").startswith(f"{name}_") and (call.status == 200 or call.fault == "cut_after")
    ]
