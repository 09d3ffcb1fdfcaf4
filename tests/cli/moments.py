"""The moments of a deploy at which the command is tested and looked at."""

from collections.abc import Callable
from typing import Any

from cdk_iot_ota_handler.ota_update.contract import names

from .account import NOW, STACK_ID, Account, alarm, counts, execution, gate, moment

CANARY, EARLY, FLEET = "RolloutcanaryA1B2C3D4", "RolloutearlyE5F6A7B8", "RolloutfleetC9D0E1F2"
OLD = {name: f"Prod_{name}-{digit * 16}" for name, digit in ((CANARY, "1"), (EARLY, "2"), (FLEET, "3"))}
NEW = {name: f"Prod_{name}-{digit * 16}" for name, digit in ((CANARY, "a"), (EARLY, "b"), (FLEET, "c"))}
BEGAN, DAY = NOW - 840, 86_400
PASSED = "succeeded=20 failed=0 seconds=61"
REASON = (
    "Received response status [FAILED] from custom resource. Message returned: the gate has failed: 6 failures, and at "
    "most 5 are allowed (171 of 200 devices succeeded, 6 failed, 0 rejected it, 0 timed out, 0 were canceled, 9 in "
    'progress, 14 queued): 6 failed with "0x23000000: 0x0" (pump-0017, pump-0023, …)'
)


def phases(status: str = "UPDATE_COMPLETE") -> Account:
    """Return a rollout of three phases that has been deployed a day ago."""
    account = Account(status=status, updated=BEGAN)
    account.declare(CANARY, path="Rollout/canary", Gate=gate())
    early = gate(SuccessPercentage=98, MaximumFailures=5, AlarmNames=["offline-devices", {"Ref": "Crashes"}])
    account.declare(EARLY, CANARY, path="Rollout/early", Gate=early)
    account.declare(FLEET, EARLY, path="Rollout/fleet")
    for name, size in ((CANARY, 20), (EARLY, 200), (FLEET, 9_780)):
        job = counts("COMPLETED", succeeded=size)
        tag = "true" if name == FLEET else PASSED
        account.update(OLD[name], name, created=NOW - DAY, job=job, version="1.3.2", deployed=tag)
        account.resource(name, "UPDATE_COMPLETE", OLD[name], changed=NOW - DAY)
    account.resources.append(
        {
            "LogicalResourceId": "Crashes",
            "PhysicalResourceId": "crash-rate",
            "ResourceType": "AWS::CloudWatch::Alarm",
            "ResourceStatus": "CREATE_COMPLETE",
            "LastUpdatedTimestamp": moment(NOW - DAY),
        }
    )
    account.alarms = [alarm("offline-devices", "OK"), alarm("crash-rate", "INSUFFICIENT_DATA")]
    return account


def set_status(account: Account, logical_id: str, status: str, physical_id: str | None, *, changed: float) -> None:
    """Change a resource of the stack."""
    account.resources = [one for one in account.resources if one["LogicalResourceId"] != logical_id]
    account.resource(logical_id, status, physical_id, changed=changed)


def second_phase_waits(**tags: str) -> Account:
    """Return a deploy of new firmware whose canary has passed, and whose second phase waits for its devices."""
    account = phases("UPDATE_IN_PROGRESS")
    account.update(NEW[CANARY], CANARY, created=BEGAN + 20, job=counts("COMPLETED", succeeded=20), deployed=PASSED)
    set_status(account, CANARY, "UPDATE_COMPLETE", NEW[CANARY], changed=NOW - 720)
    job = counts(succeeded=171, failed=2, timed_out=1, in_progress=12, queued=14)
    account.update(NEW[EARLY], EARLY, created=NOW - 700, job=job, **tags)
    set_status(account, EARLY, "UPDATE_IN_PROGRESS", OLD[EARLY], changed=NOW - 715)
    account.executions = {
        "FAILED": [execution("pump-0017", began=NOW - 600), execution("pump-0023", began=NOW - 600)],
        "TIMED_OUT": [execution("pump-0044", began=NOW - 650)],
        "IN_PROGRESS": [execution("pump-0101", began=NOW - 200), execution("pump-0102", began=NOW - 660)],
    }
    account.details = {
        "pump-0017": {"reason": "0x23000000: 0x0"},
        "pump-0023": {"reason": "0x23000000: 0x0"},
        "pump-0044": {"self_test": "active"},
    }
    return account


def rolled_back() -> Account:
    """Return a stack whose second phase has failed, after its rollback."""
    account = phases("UPDATE_ROLLBACK_COMPLETE")
    account.reason = f"The following resource(s) failed to update: [{EARLY}]. "
    account.events = [
        event("Prod", "UPDATE_ROLLBACK_COMPLETE", is_stack=True),
        event(EARLY, "UPDATE_COMPLETE"),
        event("Other", "UPDATE_FAILED", "Resource update cancelled"),
        event(EARLY, "UPDATE_FAILED", REASON),
        event("Prod", "UPDATE_IN_PROGRESS", "User Initiated", is_stack=True),
        event(CANARY, "UPDATE_FAILED", "of an earlier deploy"),
    ]
    return account


def first_create() -> Account:
    """Return a stack in its first create: CloudFormation knows no id of an update yet."""
    account = Account(status="CREATE_IN_PROGRESS", created=NOW - 300, updated=None)
    account.declare("Blinky", Gate=gate())
    account.declare("Buzzer", "Blinky", Gate=gate())
    account.resource("Blinky", "CREATE_IN_PROGRESS", None, changed=NOW - 240)
    account.update("Prod_Blinky-" + "a" * 16, "Blinky", created=NOW - 230, job=counts(succeeded=3, in_progress=2))
    account.executions = {"IN_PROGRESS": [execution("bench-1", began=NOW - 90)]}
    return account


def event(logical_id: str, status: str, reason: str = "", *, is_stack: bool = False) -> dict[str, str]:
    """Return an event of a stack; for the newest first, as CloudFormation answers."""
    return {
        "StackId": STACK_ID,
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": STACK_ID if is_stack else f"Prod_{logical_id}",
        "ResourceType": "AWS::CloudFormation::Stack" if is_stack else names.RESOURCE_TYPE,
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
    }


def failed_create() -> Account:
    """Return a stack whose first create has failed, after its rollback."""
    account = first_create()
    account.status, account.reason = "ROLLBACK_COMPLETE", "The following resource(s) failed to create: [Blinky]. "
    set_status(account, "Blinky", "DELETE_COMPLETE", "Prod_Blinky-" + "a" * 16, changed=NOW - 9)
    account.updates = {}
    return account


def with_job(**job: Any) -> Account:
    """Return a deploy whose second phase has such a job."""
    account = second_phase_waits()
    account.jobs[names.job_id(NEW[EARLY])] = counts(**job)
    account.executions = {}
    return account


def ringing() -> Account:
    """Return a deploy with an alarm that rings."""
    account = second_phase_waits()
    account.alarms[0] = alarm("offline-devices", "ALARM", reason="Threshold Crossed")
    return account


def with_status(moment: Callable[[], Account], text: str) -> Account:
    """Return a moment with another status of the stack."""
    account = moment()
    account.status = text
    return account


def empty() -> Account:
    """Return a stack without updates."""
    return Account()


MOMENTS: dict[str, tuple[Callable[[], Account], int]] = {
    "at rest": (phases, 0),
    "a gate waits": (second_phase_waits, 3),
    "bake time": (lambda: with_job(succeeded=200), 3),
    "the first create": (first_create, 3),
    "cleaning up": (lambda: with_status(phases, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"), 3),
    "being deleted": (lambda: with_status(phases, "DELETE_IN_PROGRESS"), 3),
    "a gate has failed": (lambda: with_job(succeeded=171, failed=6, queued=23), 1),
    "a gate has failed, and keeps that in a tag": (lambda: second_phase_waits(failed="the gate has failed: x"), 1),
    "an alarm rings": (ringing, 1),
    "rolling back": (lambda: with_status(phases, "UPDATE_ROLLBACK_IN_PROGRESS"), 1),
    "rolled back": (rolled_back, 1),
    "the first create was rolled back": (failed_create, 1),
    "failed with rollback off": (lambda: with_status(phases, "UPDATE_FAILED"), 1),
    "its deletion has failed": (lambda: with_status(phases, "DELETE_FAILED"), 1),
    "no updates": (empty, 2),
    "a change set was never executed": (lambda: with_status(phases, "REVIEW_IN_PROGRESS"), 2),
    "deleted": (lambda: with_status(phases, "DELETE_COMPLETE"), 2),
}
