"""One account: a stack with an OTA update, AWS IoT, a user, and what is promised to hold whatever happens."""

import contextlib
import io
from collections.abc import Callable, Sequence
from typing import Any

from cdk_iot_ota_handler.ota_update import observed
from cdk_iot_ota_handler.ota_update.contract.names import DEPLOYED_TAG

from .cloudformation import Plan, Properties, Stack, id_of
from .ota_service import LATENCY, Behaviour, BrokenPromise, Fault, OtaService, Update
from .virtual_time import VirtualTime

_LONGEST_REMOVAL = 60


def declaration(
    content: str,
    *,
    ota_update_id: str | None = None,
    tags: Sequence[dict[str, str]] = (),
    force: str = "true",
    gate: tuple[str, str] | None = None,
) -> Properties:
    """What a stack declares; the gate is a percentage and minutes."""
    percentage, minutes = gate or ("", "")
    judged = {
        "SuccessPercentage": percentage,
        "MaximumFailures": "0",
        "MinimumDevices": "2",
        "TimeoutInMinutes": minutes,
    }
    name = {"IdPrefix": "prod_"} if ota_update_id is None else {"OtaUpdateId": ota_update_id}
    return {
        **name,
        "Request": {"description": content, "files": [{"fileName": "/blinky.bin"}]},
        "Tags": list(tags),
        "DeleteStream": "true",
        "ForceDeleteJob": force,
        **({} if gate is None else {"Gate": judged}),
    }


class Story:
    """What happens in the account, step by step; each step is checked."""

    def __init__(self) -> None:
        self.time = VirtualTime()
        self.service = OtaService(self.time)
        self.service.on_created, self.service.on_deployed = self._created, self._deployed
        self.service.stack = self._shown
        self.stacks: list[Stack] = []
        self.removed_by_hand = False
        # A change of tags that was cut short, or comes twice, may come after the rollback's; the next change mends it.
        self.tags_overtaken = False
        # Not promised: another delivery dies in the moment between the last look at the stack and the mark.
        self.mark_overtaken = False
        self.broken = False
        self._declared_now: Properties | None = None
        self._pushed_now: dict[str, str] = {}
        self.begin_stack()

    @property
    def stack(self) -> Stack:
        """The stack as it is now; others are gone."""
        return self.stacks[-1]

    @property
    def is_deployed(self) -> bool:
        """Whether the stack is there."""
        return self.stack.properties is not None

    def begin_stack(self) -> None:
        """A new stack of the same name."""
        number = len(self.stacks) + 1
        stack_id = f"arn:aws:cloudformation:eu-central-1:111122223333:stack/prod/{number:08d}"
        self.stacks.append(Stack(self.service, stack_id))

    def create(
        self,
        properties: Properties,
        plan: Plan | None = None,
        day: Behaviour | None = None,
        faults: Sequence[Fault] = (),
    ) -> bool:
        """The first deploy of a stack; one that failed must be deleted and made anew."""
        self.rest()
        if self.stack.status != "NEW":
            self.begin_stack()
        plan, self.removed_by_hand = plan or Plan(), False
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
        """A deploy of a change; of none, CloudFormation sends nothing."""
        before, plan = self.stack.properties or {}, plan or Plan()
        if properties == before:
            return True
        worked = self._play(lambda: self.stack.update(properties, plan), properties, day, faults)
        self._check_reasons(worked, plan)
        changed = {name for name in properties | before if before.get(name) != properties.get(name)}
        if worked and changed & {"Request", "OtaUpdateId", "IdPrefix"}:
            self.removed_by_hand = False
        if plan.cut_after is not None or plan.duplicates:
            self.tags_overtaken = True
        elif worked and changed & {"Request", "OtaUpdateId", "IdPrefix", "Tags"}:
            self.tags_overtaken = False
        return worked

    def delete(self, plan: Plan | None = None, day: Behaviour | None = None, faults: Sequence[Fault] = ()) -> None:
        """The stack is deleted."""
        self._play(lambda: self.stack.delete(plan or Plan()), None, day, faults)

    def remove_by_hand(self) -> None:
        """Somebody deletes the update in the console."""
        self.rest()
        if not self.removed_by_hand:
            self.service.updates.pop(self.stack.physical_id)
        self.removed_by_hand = True

    def toggle_stranger(self, ota_update_id: str) -> None:
        """Somebody else takes an explicit id that is free, or gives it back."""
        self.rest()
        if ota_update_id in self.service.foreign:
            self.service.foreign.discard(ota_update_id)
            self.service.updates.pop(ota_update_id)
        elif ota_update_id not in self.service.updates:
            self.service.put_stranger(ota_update_id)

    def rest(self) -> None:
        """Nothing is done until all that was under way has ended."""
        with contextlib.redirect_stdout(io.StringIO()):
            self.time.run()

    def _play(
        self,
        work: Callable[[], Any],
        declared: Properties | None,
        day: Behaviour | None,
        faults: Sequence[Fault],
    ) -> bool:
        """One stack operation. It ends when CloudFormation is content; duplicates and what was cut short may go on."""
        self.rest()
        self.time.now += 5  # nobody is faster
        self.service.behaviour, self._declared_now, self._pushed_now = day or Behaviour(), declared, {}
        self.service.misbehave(list(faults))
        process, self.broken = self.time.spawn(work), True
        with contextlib.redirect_stdout(io.StringIO()):
            self.time.run(until=lambda: process.done)
        assert process.done
        self.broken = False
        return bool(process.result)

    def _shown(self, stack_id: str) -> observed.Stack:
        # Not promised: a rollback that does not show yet, where something may be created after all.
        stack = next(stack for stack in self.stacks if stack.stack_id == stack_id)
        may_create = self.removed_by_hand or stack.plan.duplicates or stack.plan.cut_after is not None
        return observed.Stack(stack.shown(0 if may_create else self.service.behaviour.stack_lag))

    def _created(self, ota_update_id: str) -> None:
        """What is promised of each creation: it is declared now, not made before, and not the third."""
        if len(self.service.owned(self.stack.stack_id)) > 2:
            raise BrokenPromise(f"more than the old and the new: {sorted(self.service.owned(self.stack.stack_id))}")
        if self._declared_now is None or ota_update_id != id_of(self.stack.stack_id, self._declared_now):
            raise BrokenPromise(f"{ota_update_id} was pushed, and nobody declares it now ({self.stack.status})")
        forward = observed.Stack(self.stack.status).is_deploying
        # Not promised: another delivery finds nothing where the first one has removed what failed its gate.
        judged_twice = self.stack.plan.duplicates and "Gate" in self._declared_now
        if forward and not judged_twice and self._pushed_now.get(ota_update_id) == "CREATE_COMPLETE":
            raise BrokenPromise(f"{ota_update_id} was pushed twice")
        self._pushed_now[ota_update_id] = self.service.updates[ota_update_id].outcome[0]

    def _deployed(self, ota_update_id: str) -> None:
        """What is promised of a mark that a deploy sets: its devices have proven it by then."""
        gate = (self._declared_now or {}).get("Gate")
        if not observed.Stack(self.stack.status).is_deploying:
            self.mark_overtaken |= self.stack.shown(2 * LATENCY) != self.stack.status
            return
        if gate is None or ota_update_id not in self._pushed_now:
            return
        rollout = self.service.job_progress(self.service.updates[ota_update_id])
        if rollout.succeeded * 100 < int(gate["SuccessPercentage"]) * 2:
            raise BrokenPromise(f"{ota_update_id} was taken for proven: {rollout}")

    def _check_reasons(self, worked: bool, plan: Plan) -> None:
        if not worked and plan.cut_after is None and not plan.fails_later:
            assert self.stack.reasons, "a failure says why"

    def check_what_lives(self) -> None:
        """At any time between two operations the declared update lives, and strangers do."""
        if self.is_deployed and not self.removed_by_hand:
            live = self.service.find(self.stack.physical_id)
            assert live is not None, f"{self.stack.physical_id} is gone"
            assert self.service.status(live) == "CREATE_COMPLETE"
        for name in self.service.foreign:
            assert self.service.find(name) is not None, f"{name} is gone"

    def check_the_end(self) -> None:
        """When nothing is under way any more, exactly the declared update exists, with its tags and the mark."""
        if self.broken:
            return
        self.rest()
        if self.mark_overtaken:
            return
        self.time.now += _LONGEST_REMOVAL
        self.check_what_lives()
        owned = [found for stack in self.stacks for found in self.service.owned(stack.stack_id).items()]
        there = sorted(name for name, update in owned if not self._left_by_the_dead(update))
        declared = [self.stack.physical_id] if self.is_deployed and not self.removed_by_hand else []
        assert there == declared, f"there is {there}, and declared is {declared}"
        for name in there:
            tags = self.service.updates[name].real_tags()
            assert DEPLOYED_TAG in tags
            own = {key: value for key, value in tags.items() if not key.startswith("cdk-iot-ota:")}
            desired = {tag["Key"]: tag["Value"] for tag in (self.stack.properties or {})["Tags"]}
            assert self.tags_overtaken or own == desired

    def _left_by_the_dead(self, update: Update) -> bool:
        """Not promised: no Delete is to come, since another delivery has died, and the creation hangs."""
        plan = self.stack.plan
        return bool(plan.duplicates and plan.killed) and update.outcome[0] == "CREATE_IN_PROGRESS"
