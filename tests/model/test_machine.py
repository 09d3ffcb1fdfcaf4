"""Random stories of a stack, with everything that can go wrong: the promises hold after every step.

Each run plays the same 2,000 stories; `make explore` plays new ones.
"""

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cdk_iot_ota_handler.ota_update.contract import timeouts

from ..fakes.cloudformation import Plan, Properties, invented_id
from ..fakes.ota_service import ALARM_OPERATIONS, OPERATIONS, Behaviour, Fault
from .story import ALARMS, Story, declaration

# Seconds after the begin of an operation, an alarm, and its state.
Change = tuple[float, str, str]
STORIES = int(os.environ.get("STORIES", "2000"))
FAILURES = [
    ("CREATE_FAILED", "AWSIotException: not authorized to perform: iam:PassRole"),
    ("CREATE_FAILED", "InvalidRequest: the firmware is too large"),
    ("CREATE_FAILED", ""),
    ("CREATE_IN_PROGRESS", ""),  # it hangs
]

seconds = st.sampled_from([0.1, 0.35, 0.7, 1.2, 2.5, 4, 8, 15, 31, 70, 200])
# After the operation, while the stack is at rest.
late = st.sampled_from([900, 4000, 20_000])
contents = st.sampled_from(["one", "two", "three"])
# Those of the forms that are generated and invented are refused.
explicit_ids = st.sampled_from(["mine-1", "mine-2"])
any_ids = explicit_ids | st.sampled_from(
    [invented_id(), "prod_Blinky1A2B3C4D-0123456789abcdef", "prod-Blinky-1", "A_-"]
)
# What fits once and not twice is refused.
sizes = st.sampled_from([*[0] * 12, 99_000, 120_000])
faults = st.builds(
    Fault,
    kind=st.sampled_from(["throttled", "denied", "error", "cut before", "cut after", "slow"]),
    operation=st.none() | st.sampled_from(OPERATIONS) | st.sampled_from(ALARM_OPERATIONS),
    begins=st.sampled_from([0, 0, 1, 3, 10]),
    lasts=st.sampled_from([0, 0, 5, 30, 120, 400]),
    times=st.sampled_from([1, 1, 2, 4]),
)
bad_days = st.builds(
    Behaviour,
    settle=st.sampled_from([2, 0.3, 6, 25, 60]),
    removal=st.sampled_from([2, 0.3, 6, 40]),
    lag=st.sampled_from([0, 0, 1, 4]),
    tag_lag=st.sampled_from([0, 0, 1, 12, 45, 120]),
    status_lag=st.sampled_from([0, 0, 1, 4]),
    stack_lag=st.sampled_from([0, 0, 1, 3]),
    job=st.sampled_from([0, 900]),
    devices=st.tuples(
        st.sampled_from(["succeed", "succeed", "fail", "differ", "straggle", "silent"]),
        st.sampled_from([0, 4, 40, 90]),
    ),
    creations=st.lists(st.sampled_from(FAILURES), max_size=2),
    failing_deletions=st.sampled_from([0, 0, 0, 1, 3]),
    clock_fault=st.sampled_from([0, 0, 0, 15, 60]),
)
bad_plans = st.builds(
    Plan,
    cut_after=st.none() | seconds,
    fails_later=st.booleans(),
    update_first=st.booleans(),
    old_properties=st.booleans(),
    duplicates=st.lists(seconds | late, max_size=2).map(tuple),
    deletes_twice=st.none() | seconds | late,
    killed=st.none() | st.tuples(st.integers(1, 6), st.integers(1, 9), st.sampled_from(["before", "after"])),
    lost=st.none() | st.none() | st.none() | st.sampled_from([2, 600, 1800]),
    rollback_off=st.booleans(),
    puts_back=st.booleans(),
    clean_up=st.sampled_from(["first", "last", "at the end"]),
    at=st.sampled_from([0, 0, 1, 2]),
)
tags = st.sampled_from([[], [], [{"Key": "team", "Value": "a"}], [{"Key": "team", "Value": "b"}]])
declarations = st.builds(
    declaration,
    contents,
    ota_update_id=st.none() | st.none() | any_ids,
    tags=tags,
    size=sizes,
    force=st.sampled_from(["true", "true", "true", "false"]),
) | st.builds(
    declaration,
    contents,
    ota_update_id=st.none() | st.none() | explicit_ids,
    tags=tags,
    gate=st.tuples(st.sampled_from(["100", "50"]), st.sampled_from(["1", "3"])),
    failures=st.sampled_from(["0", "0", "1"]),
    on_failure=st.sampled_from(["FAIL", "FAIL", "REPORT"]),
    drain=st.sampled_from(["", "", "1", "3"]),
    alarms=st.sampled_from([(), (), ALARMS[:1], ALARMS]),
    bake=st.sampled_from(["", "", "1", "2"]),
    only_new=st.booleans(),
)
alarm_changes = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 5, 20, 21, 50, 100, 130, 131]),
        st.sampled_from(ALARMS),
        st.sampled_from(["ALARM", "OK", "ALARM", "INSUFFICIENT_DATA", "gone"]),
    ),
    min_size=1,
    max_size=3,
)
# The update and each link but the last watch it for half a minute, and devices may finish for a quarter of an hour.
WATCH = 30 + 15 * 60
long_declarations = st.builds(
    declaration,
    contents,
    ota_update_id=st.none() | st.none() | explicit_ids,
    tags=tags,
    gate=st.tuples(st.sampled_from(["100", "50"]), st.sampled_from(["2", "2", "3"])),
    failures=st.sampled_from(["0", "0", "1"]),
    on_failure=st.sampled_from(["FAIL", "FAIL", "REPORT"]),
    drain=st.just("15"),
    alarms=st.sampled_from([(), (), ALARMS[:1], ALARMS]),
    bake=st.sampled_from(["", "", "", "1"]),
    only_new=st.booleans(),
    links=st.sampled_from(["2", "2", "3"]),
)
long_days = st.builds(
    Behaviour,
    tag_lag=st.sampled_from([0, 0, 12, 120]),
    stack_lag=st.sampled_from([0, 0, 3]),
    devices=st.tuples(
        st.sampled_from(["succeed", "succeed", "fail", "differ", "straggle", "silent"]),
        st.sampled_from([20, 45, 70, 100, 130]),
    ),
)
late_faults = st.builds(
    Fault,
    kind=st.sampled_from(["throttled", "denied", "error", "cut before", "cut after", "slow"]),
    operation=st.none() | st.sampled_from(OPERATIONS),
    begins=st.sampled_from([25, 32, 45, 60, 66, 90, 120]),
    lasts=st.sampled_from([0, 0, 5, 30, 120, 400]),
    times=st.sampled_from([1, 1, 2, 4]),
)
# Half of the plans and days have no trouble: otherwise nothing would ever be deployed.
plans, days = st.builds(Plan) | bad_plans, st.builds(Behaviour) | bad_days
no_troubles: st.SearchStrategy[list[Any]] = st.builds(list)
changes_or_none = no_troubles | alarm_changes
troubles = no_troubles | st.lists(faults, max_size=3)


class Lifecycle(RuleBasedStateMachine):
    """The next steps of a user, CloudFormation and AWS IoT."""

    def __init__(self) -> None:
        super().__init__()
        self.story = Story()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(timeouts, "WATCH", WATCH)

    @initialize(properties=declarations, deployed=st.sampled_from([True, True, False]))
    def begin(self, properties: Properties, *, deployed: bool) -> None:
        """Begin most stories with a stack that is deployed."""
        if deployed:
            self.story.create(properties)

    @precondition(lambda self: not self.story.is_deployed)
    @rule(
        properties=declarations | long_declarations,
        plan=plans,
        day=days | long_days,
        faults=troubles,
        changes=changes_or_none,
    )
    def create(
        self, properties: Properties, plan: Plan, day: Behaviour, faults: list[Fault], changes: list[Change]
    ) -> None:
        """Deploy the stack for the first time, while alarms ring, go quiet and vanish."""
        self.story.change_alarms(changes)
        self.story.create(properties, plan, day, faults)

    @precondition(lambda self: self.story.is_deployed)
    @rule(properties=declarations, plan=plans, day=days, faults=troubles, changes=changes_or_none)
    def update(
        self, properties: Properties, plan: Plan, day: Behaviour, faults: list[Fault], changes: list[Change]
    ) -> None:
        """Deploy a change, while alarms ring, go quiet and vanish."""
        self.story.change_alarms(changes)
        self.story.update(properties, plan, day, faults)

    @precondition(lambda self: self.story.is_deployed)
    @rule(
        properties=long_declarations,
        plan=plans,
        day=long_days | long_days | bad_days,
        faults=no_troubles | st.lists(late_faults | faults, max_size=2),
        changes=no_troubles | changes_or_none,
    )
    def update_with_links(
        self, properties: Properties, plan: Plan, day: Behaviour, faults: list[Fault], changes: list[Change]
    ) -> None:
        """Deploy a change whose devices take longer than the update watches its gate."""
        self.story.change_alarms(changes)
        self.story.update(properties, plan, day, faults)

    @precondition(lambda self: self.story.is_deployed)
    @rule(plan=plans, day=days, faults=troubles)
    def delete(self, plan: Plan, day: Behaviour, faults: list[Fault]) -> None:
        """Delete the stack."""
        self.story.delete(plan, day, faults)

    @precondition(lambda self: self.story.has_failed)
    @rule(plan=plans, day=days, faults=troubles)
    def roll_back(self, plan: Plan, day: Behaviour, faults: list[Fault]) -> None:
        """Roll back what has failed with rollback off."""
        self.story.roll_back(plan, day, faults)

    @precondition(lambda self: self.story.is_deployed and not self.story.has_failed)
    @rule()
    def remove_by_hand(self) -> None:
        """Delete the update outside of the stack."""
        self.story.remove_by_hand()

    @rule(ota_update_id=explicit_ids)
    def toggle_foreign(self, ota_update_id: str) -> None:
        """Let another owner take an explicit id, or release it."""
        self.story.toggle_foreign(ota_update_id)

    @invariant()
    def declared_update_is_live(self) -> None:
        """Check that the declared update is live, whatever is still in progress."""
        self.story.check_live_updates()

    def teardown(self) -> None:
        """Check that in the end only the declared update is left."""
        try:
            self.story.check_the_end()
        finally:
            self.patch.undo()


TestLifecycle: Any = Lifecycle.TestCase
TestLifecycle.settings = settings(
    max_examples=STORIES,
    stateful_step_count=8,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    # Without the explain phase, which traces every line of every story.
    phases=(Phase.generate, Phase.shrink),
)
