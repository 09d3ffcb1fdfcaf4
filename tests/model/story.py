"""One account with a stack and its OTA update, AWS IoT and a user; every promise is checked after every step."""

import contextlib
import functools
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from cdk_iot_ota_handler.ota_update import observed
from cdk_iot_ota_handler.ota_update.contract.names import DEPLOYED_TAG, GATE_WAITS
from cdk_iot_ota_handler.ota_update.observed import Execution

from ..fakes.cloudformation import FakeStack, Plan, Properties, generated_id
from ..fakes.ota_service import Behaviour, BrokenPromiseError, FakeOtaService, FakeUpdate, Fault

LATENCY = 0.2
ALARMS = ("crashes", "offline")
_LONGEST_REMOVAL = 60
# The calls of a look that may follow the question about alarms: devices that have failed, and tags.
_LAST_LOOK = 120


def declaration(
    content: str,
    *,
    ota_update_id: str | None = None,
    tags: Sequence[dict[str, str]] = (),
    force: str = "true",
    gate: tuple[str, str] | None = None,
    failures: str = "0",
    on_failure: str = "FAIL",
    drain: str = "",
    alarms: Sequence[str] = (),
    bake: str = "",
    only_new: bool = False,
    links: str = "",
    size: int = 0,
) -> Properties:
    """Return the properties of a declared update; the gate is a percentage and minutes, and allows some failures."""
    percentage, minutes = gate or ("", "")
    gate_properties = {
        "SuccessPercentage": percentage,
        "MaximumFailures": failures,
        "MinimumDevices": "2",
        "TimeoutInMinutes": minutes,
        "OnFailure": on_failure,
        **({"DrainInMinutes": drain} if drain else {}),
        **({"BakeTimeInMinutes": bake} if bake else {}),
        **({"AlarmNames": list(alarms), "AlarmAtStart": "ONLY_NEW" if only_new else "REFUSE"} if alarms else {}),
        **({"Links": links} if links else {}),
    }
    name = {"IdPrefix": "prod_"} if ota_update_id is None else {"OtaUpdateId": ota_update_id}
    return {
        **name,
        "Request": {"description": content.ljust(size, "."), "files": [{"fileName": "/blinky.bin"}]},
        "Tags": list(tags),
        "DeleteStream": "true",
        "ForceDeleteJob": force,
        **({} if gate is None else {"Gate": gate_properties}),
    }


class Story:
    """The steps of a user and of CloudFormation, each of them checked."""

    def __init__(self) -> None:
        device = Execution(thing="device-2", status="FAILED", details={"reason": "configured to fail"})
        self.service = FakeOtaService(latency=LATENCY, executions=[device])
        self.time = self.service.time
        self.service.on_created, self.service.on_deployed = self._check_creation, self._check_deployed_tag
        self.service.on_canceled = self._check_cancellation
        self.service.describe_stack = self._describe_stack
        self.stacks: list[FakeStack] = []
        self.removed_by_hand = False
        # A delivery that was cut short or duplicated may change tags after the rollback; the next change corrects them.
        self.tags_overtaken = False
        # Not promised: another delivery dies between the last query of the stack and the deployed tag.
        self.deployed_tag_overtaken = False
        self.broken = False
        self._declared_now: Properties | None = None
        self._pushed_now: dict[str, str] = {}
        # The operation that has created each update.
        self._created_by: dict[str, Plan] = {}
        self._alarm_changes: list[tuple[float, str, str]] = []
        self._removed: dict[str, list[float]] = {}
        for name in ALARMS:
            self.service.put_alarm(name, "OK")
        self.begin_stack()

    @property
    def stack(self) -> FakeStack:
        """The current stack; earlier ones no longer exist."""
        return self.stacks[-1]

    @property
    def is_deployed(self) -> bool:
        """Return whether the stack exists."""
        return self.stack.properties is not None

    def begin_stack(self) -> None:
        """Replace the stack with a new one with the same name."""
        number = len(self.stacks) + 1
        stack_id = f"arn:aws:cloudformation:eu-central-1:111122223333:stack/prod/{number:08d}"
        self.stacks.append(FakeStack(self.service, stack_id))

    def create(
        self,
        properties: Properties,
        plan: Plan | None = None,
        day: Behaviour | None = None,
        faults: Sequence[Fault] = (),
    ) -> bool:
        """Deploy a stack for the first time; a stack that failed must be deleted and created again."""
        self.rest()
        plan, self.removed_by_hand = plan or Plan(), False
        self.tags_overtaken = self.has_failed
        if plan.killed and plan.duplicates and not self.has_failed:
            plan = replace(plan, rollback_off=False)  # not promised: no event follows that could delete the update
        if self.has_failed:
            plan = replace(plan, rollback_off=True)  # CloudFormation refuses anything else
        elif self.stack.status != "NEW":
            self.begin_stack()
        plan = self._cleaning_up(plan, properties)
        worked = self._play(lambda: self.stack.create(properties, plan), properties, day, faults)
        self._check_reasons(worked, plan)
        return worked

    def update(
        self,
        properties: Properties,
        plan: Plan | None = None,
        day: Behaviour | None = None,
        faults: Sequence[Fault] = (),
    ) -> bool:
        """Deploy a change; without one, CloudFormation sends no event."""
        before, plan, retries = self.stack.properties or {}, plan or Plan(), self.has_failed
        if retries:
            plan = replace(plan, rollback_off=True)  # CloudFormation refuses anything else
        elif properties == before:
            return True
        elif self.removed_by_hand:
            # Not promised: it may be pushed again, and what replaces it may be taken for live.
            plan = replace(plan, rollback_off=False, lost=None)
        elif plan.killed and plan.duplicates:
            plan = replace(plan, rollback_off=False)  # not promised: the other delivery is no longer awaited
        plan = self._cleaning_up(plan, properties)
        worked = self._play(lambda: self.stack.update(properties, plan), properties, day, faults)
        self._check_reasons(worked, plan)
        changed = {name for name in properties | before if before.get(name) != properties.get(name)}
        if worked and changed & {"Request", "OtaUpdateId", "IdPrefix"}:
            self.removed_by_hand = False
        if plan.cut_after is not None or plan.lost is not None or plan.duplicates or retries:
            self.tags_overtaken = True
        elif worked and changed & {"Request", "OtaUpdateId", "IdPrefix", "Tags"}:
            self.tags_overtaken = False
        return worked

    def delete(self, plan: Plan | None = None, day: Behaviour | None = None, faults: Sequence[Fault] = ()) -> None:
        """Delete the stack."""
        self._play(lambda: self.stack.delete(plan or Plan()), None, day, faults)

    def _cleaning_up(self, plan: Plan, properties: Properties) -> Plan:
        """Let a retry that fails later delete what the failed attempt has left: two deploys later is not promised.

        A gate that fails in a link is a retry that fails later.
        """
        may_fail_later = plan.fails_later or "Links" in properties.get("Gate", {})
        is_left_over = self.has_failed and may_fail_later and any(thing.failed for thing in self.stack.past)
        return replace(plan, clean_up="first") if is_left_over else plan

    @property
    def has_failed(self) -> bool:
        """Return whether the last operation has failed with rollback off."""
        return self.stack.status in ("CREATE_FAILED", "UPDATE_FAILED")

    def roll_back(self, plan: Plan | None = None, day: Behaviour | None = None, faults: Sequence[Fault] = ()) -> None:
        """Roll back what has failed with rollback off."""
        declared = self.stack.stable
        self._play(lambda: self.stack.roll_back(plan or Plan()), declared, day, faults)
        self.tags_overtaken = True

    def remove_by_hand(self) -> None:
        """Delete the update outside of the stack."""
        self.rest()
        if not self.removed_by_hand:
            self.service.updates.pop(self.stack.physical_id)
        self.removed_by_hand = True

    def toggle_foreign(self, ota_update_id: str) -> None:
        """Let another owner take an explicit id that is free, or release it."""
        self.rest()
        if ota_update_id in self.service.foreign:
            self.service.foreign.discard(ota_update_id)
            self.service.updates.pop(ota_update_id)
        elif ota_update_id not in self.service.updates:
            self.service.put_foreign(ota_update_id)

    def change_alarms(self, changes: Sequence[tuple[float, str, str]]) -> None:
        """Let alarms change at so many seconds after the begin of the next operation; "gone" removes one.

        Those that are gone exist again, and are quiet.
        """
        self.rest()
        self._removed.clear()
        for name in ALARMS:
            if name not in self.service.alarms or self.service.alarms[name].history[-1][1] != "OK":
                self.service.put_alarm(name, "OK", begins=0)
        self._alarm_changes = list(changes)

    def _change_alarm(self, name: str, state: str) -> None:
        if state == "gone":
            self.service.alarms.pop(name, None)
            self._removed.setdefault(name, []).append(self.time.now)
        elif name in self.service.alarms:
            self.service.set_alarm(name, state)

    def rest(self) -> None:
        """Wait until everything in progress has ended."""
        with contextlib.redirect_stdout(io.StringIO()):
            self.time.run()

    def _play(
        self,
        work: Callable[[], Any],
        declared: Properties | None,
        day: Behaviour | None,
        faults: Sequence[Fault],
    ) -> bool:
        """Run one stack operation. Duplicates, and events that were cut short, may continue after it."""
        self.rest()
        self.time.now += 5  # operations never follow each other faster
        self.service.behaviour, self._declared_now, self._pushed_now = day or Behaviour(), declared, {}
        self.service.inject(list(faults))
        for delay, name, state in self._alarm_changes:
            self.time.spawn(functools.partial(self._change_alarm, name, state), delay)
        self._alarm_changes = []
        waiting = {name for name in list(self.service.updates) if self._waits(name)}
        process, self.broken = self.time.spawn(work), True
        with contextlib.redirect_stdout(io.StringIO()):
            self.time.run(until=lambda: process.done)
        assert process.done
        if process.result and declared is not None:
            self._check_success(declared, waiting)
        self.broken = False
        return bool(process.result)

    def _check_success(self, declared: Properties, waiting: set[str]) -> None:
        """Check that an operation succeeds only if the gate of what it has pushed, or found waiting, has passed."""
        gate, ota_update_id = declared.get("Gate"), generated_id(self.stack.stack_id, declared)
        is_long = gate is not None and "Links" in gate
        if gate is None or gate["OnFailure"] == "REPORT" or ota_update_id not in self.service.updates:
            return
        if ota_update_id in self._pushed_now or (is_long and ota_update_id in waiting):
            self._check_devices(ota_update_id, gate)

    def _describe_stack(self, stack_id: str) -> observed.Stack:
        # Not promised: a rollback that is not visible yet while an update may still be created.
        stack = next(stack for stack in self.stacks if stack.stack_id == stack_id)
        may_create = self.removed_by_hand or stack.plan.duplicates or stack.plan.cut_after is not None
        return stack.visible(0 if may_create else self.service.behaviour.stack_lag)

    def _check_creation(self, ota_update_id: str) -> None:
        """Check that a new update is declared now, was not created before, and is not the third one of the stack.

        What failed with rollback off, and what it has replaced, may be there in addition.
        """
        if len(self.service.owned(self.stack.stack_id)) > 2 + len(self.stack.past) + (self.stack.held is not None):
            raise BrokenPromiseError(
                f"more than the old and the new: {sorted(self.service.owned(self.stack.stack_id))}"
            )
        if self._declared_now is None or ota_update_id != generated_id(self.stack.stack_id, self._declared_now):
            raise BrokenPromiseError(f"{ota_update_id} was pushed, and is not declared now ({self.stack.status})")
        self._check_alarms_at_start(self._declared_now.get("Gate", {}))
        forward = observed.Stack(self.stack.status).is_deploying
        # Not promised: another delivery creates an update again that the first one has removed after its gate failed.
        evaluated_twice = self.stack.plan.duplicates and "Gate" in self._declared_now
        if forward and not evaluated_twice and self._pushed_now.get(ota_update_id) == "CREATE_COMPLETE":
            raise BrokenPromiseError(f"{ota_update_id} was pushed twice")
        self._pushed_now[ota_update_id] = self.service.updates[ota_update_id].outcome[0]
        self._created_by[ota_update_id] = self.stack.plan

    def _check_deployed_tag(self, ota_update_id: str) -> None:
        """Check that enough devices have succeeded when a deploy sets the deployed tag."""
        gate = (self._declared_now or {}).get("Gate")
        if not observed.Stack(self.stack.status).is_deploying:
            self.deployed_tag_overtaken |= self.stack.visible(2 * LATENCY).status != self.stack.status
            return
        # Not promised: CloudFormation cuts a deploy short that has just replaced what was deleted by hand.
        replaces = self.removed_by_hand and ota_update_id in self._pushed_now
        self.deployed_tag_overtaken |= replaces and self.stack.plan.cut_after is not None
        if gate is None or gate["OnFailure"] == "REPORT" or ota_update_id not in self._pushed_now:
            return
        if self._waits(ota_update_id):
            if "Links" not in gate:
                raise BrokenPromiseError(f"{ota_update_id} waits, and nothing watches it")
            return
        self._check_devices(ota_update_id, gate)
        self._check_alarms(gate, self.service.updates[ota_update_id].created)

    def _waits(self, ota_update_id: str) -> bool:
        """Return whether an update is deployed, and a link is to watch its gate."""
        update = self.service.find(ota_update_id)
        return update is not None and update.tags.get(DEPLOYED_TAG, "").startswith(GATE_WAITS)

    def _check_devices(self, ota_update_id: str, gate: dict[str, str]) -> None:
        progress = self.service.job_progress(self.service.updates[ota_update_id])
        if progress.succeeded * 100 < int(gate["SuccessPercentage"]) * 2:
            raise BrokenPromiseError(f"{ota_update_id} passed its gate: {progress}")

    def _check_alarms_at_start(self, gate: Properties) -> None:
        """Check that nothing is created while an alarm rings, unless that only reports or only new alarms count."""
        if gate.get("OnFailure") == "REPORT" or gate.get("AlarmAtStart") == "ONLY_NEW":
            return
        for name in gate.get("AlarmNames", ()):
            alarm = self.service.alarms.get(name)
            since, state = alarm.history[-1] if alarm else (self._removed.get(name, [self.time.now])[0], "ALARM")
            if state == "ALARM" and since < self.time.now - _LAST_LOOK:
                raise BrokenPromiseError(f"an update was created although alarm {name} rang or did not exist")

    def _check_alarms(self, gate: Properties, created: float) -> None:
        """Check that an update with a gate is deployed only after its bake time, and with all alarms quiet in it."""
        if self.time.now - created < 60 * int(gate.get("BakeTimeInMinutes", 0)):
            raise BrokenPromiseError("the gate did not bake")
        for name in gate.get("AlarmNames", ()):
            # What changes while the last look is made may be seen, or not.
            seen = self.time.now - _LAST_LOOK
            if name not in self.service.alarms:
                changes = [change for change in self._removed.get(name, []) if change < seen]
                if changes:
                    raise BrokenPromiseError(f"the gate has passed without alarm {name}")
                continue
            rings = [when for when, state in self.service.alarms[name].history if state == "ALARM"]
            if any(created < when < seen for when in rings):
                raise BrokenPromiseError(f"the gate has passed although alarm {name} rang")

    def _check_cancellation(self, ota_update_id: str) -> None:
        """Check that a gate that only reports does not cancel its job; an event before this operation may."""
        declared = self._declared_now or {}
        is_declared = bool(declared) and ota_update_id == generated_id(self.stack.stack_id, declared)
        reports_only = declared.get("Gate", {}).get("OnFailure") == "REPORT"
        if is_declared and reports_only and self._created_by.get(ota_update_id) is self.stack.plan:
            raise BrokenPromiseError(f"the job of {ota_update_id} was canceled by a gate that only reports")

    def _check_reasons(self, worked: bool, plan: Plan) -> None:
        if not worked and plan.cut_after is None and plan.lost is None and not plan.fails_later:
            assert self.stack.reasons, "a failure has a reason"

    def check_live_updates(self) -> None:
        """Check that the declared update is live between operations, and that updates of other owners exist."""
        if self.is_deployed and not self.removed_by_hand:
            live = self.service.find(self.stack.physical_id)
            assert live is not None, f"{self.stack.physical_id} does not exist"
            assert self.service.status(live) == "CREATE_COMPLETE"
        for name in self.service.foreign:
            assert self.service.find(name) is not None, f"{name} does not exist"

    def check_the_end(self) -> None:
        """Check that in the end exactly the declared update exists, with its tags and the deployed tag."""
        if self.broken:
            return
        self.rest()
        if self.has_failed:
            self.roll_back()
            self.rest()
        if self.deployed_tag_overtaken:
            return
        self.time.now += _LONGEST_REMOVAL
        self.check_live_updates()
        owned = [found for stack in self.stacks for found in self.service.owned(stack.stack_id).items()]
        existing = sorted(name for name, update in owned if not self._is_inevitable_orphan(name, update))
        declared = [self.stack.physical_id] if self.is_deployed and not self.removed_by_hand else []
        assert existing == declared, f"{existing} exist, and {declared} are declared"
        for name in existing:
            tags = self.service.updates[name].tags
            assert DEPLOYED_TAG in tags
            own = {key: value for key, value in tags.items() if not key.startswith("cdk-iot-ota:")}
            desired = {tag["Key"]: tag["Value"] for tag in (self.stack.properties or {})["Tags"]}
            assert self.tags_overtaken or own == desired

    def _is_inevitable_orphan(self, ota_update_id: str, update: FakeUpdate) -> bool:
        """Return whether an update may be left: its creation hangs, and the death of a delivery prevents the Delete."""
        plan = self._created_by[ota_update_id]
        return update.hangs and bool(plan.duplicates and plan.killed)
