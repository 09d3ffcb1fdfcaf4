"""Whatever event comes and whatever there is: only a resource's own updates are deleted, and only its ids are made."""

import contextlib
import io
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import event as note
from hypothesis import strategies as st

from cdk_iot_ota_handler.ota_update import event_rules, identity
from cdk_iot_ota_handler.ota_update.contract import names
from cdk_iot_ota_handler.ota_update.desired import Desired
from cdk_iot_ota_handler.ota_update.errors import FatalError
from cdk_iot_ota_handler.ota_update.index import serve
from cdk_iot_ota_handler.ota_update.observed import Stack

from . import world
from .world import LOGICAL_ID, STACK_ID, Update

OTHER_STACK = STACK_ID.replace("5f0f4b30", "6a1a5c41")
STACKS = [STACK_ID, OTHER_STACK, STACK_ID.replace("prod", "prod-eu")]
RESOURCES = [LOGICAL_ID, "Other", LOGICAL_ID[:-1]]
CONTENTS = ["one", "two"]
PREFIXES = ["prod_", "prod-eu_"]
EXPLICIT = ["mine", "theirs", "prod_Blinky-0123456789abcdef"]


def generated(stack_id: str, logical_id: str, content: str, prefix: str) -> str:
    """The id of an update that a resource generates."""
    sent = world.event("Create", stack_id=stack_id, logical_id=logical_id, content=content, IdPrefix=prefix)
    return Desired.from_event(sent).ota_update_id


GENERATED = [
    generated(stack_id, logical_id, content, prefix)
    for stack_id in STACKS[:2]
    for logical_id in RESOURCES
    for content in CONTENTS
    for prefix in PREFIXES
]
IDS = [*GENERATED, *EXPLICIT]
INVENTED = [f"prod-{logical_id}-1ABCDEFGHIJKL" for logical_id in RESOURCES]
FORGED: list[Any] = [
    "*",
    "a/b",
    "prod_\n",
    "",
    None,
    {},
    7,
    f"{STACK_ID}*",
    "arn:aws:cloudformation:*:*:stack/*/*",
    "x" * 500,
]

# What looks like a tag of ours, and is none, among those that are.
STACK_TAGS = [
    names.STACK_TAG,
    names.STACK_TAG.upper(),
    "Cdk-Iot-Ota:Stack-Id",
    f"{names.STACK_TAG} ",
    "stack-id",
]
RESOURCE_TAGS = [names.RESOURCE_TAG, names.RESOURCE_TAG.upper(), f" {names.RESOURCE_TAG}", "logical-id"]


def mostly(good: list[Any], bad: list[Any]) -> st.SearchStrategy[Any]:
    """One of the good values, and now and then a bad one."""
    return st.integers(0, 19).flatmap(lambda number: st.sampled_from(good if number else bad))


tags: st.SearchStrategy[dict[str, str]] = st.one_of(
    st.just({}),
    st.fixed_dictionaries(
        {},
        optional={
            **{key: st.sampled_from([*STACKS, "*", ""]) for key in STACK_TAGS},
            **{key: st.sampled_from([*RESOURCES, "*", ""]) for key in RESOURCE_TAGS},
            names.CONTENT_TAG: st.sampled_from(["", *(name[-16:] for name in GENERATED)]),
            names.DEPLOYED_TAG: st.just("true"),
        },
    ),
    st.tuples(st.sampled_from(STACKS), st.sampled_from(RESOURCES), st.sampled_from(GENERATED), st.booleans()).map(
        lambda made: {
            **identity.ownership_tags(made[0], made[1], made[2][-16:]),
            **({names.DEPLOYED_TAG: "true"} if made[3] else {}),
        }
    ),
)
STATUSES = ["CREATE_PENDING", "CREATE_COMPLETE", "CREATE_FAILED", "DELETE_IN_PROGRESS", "DELETE_FAILED"]
spellings = st.tuples(
    st.sampled_from([names.STACK_TAG, *STACK_TAGS]), st.sampled_from([names.RESOURCE_TAG, *RESOURCE_TAGS])
)
updates = st.builds(
    Update, status=st.sampled_from(STATUSES), tags=tags, created=st.sampled_from([990_000.0, 999_970.0, 1_000_000.0])
)
user_tags = tags.map(lambda found: [{"Key": key, "Value": value} for key, value in found.items()])
declarations = st.builds(
    lambda content, name, found: world.properties(content=content, Tags=found, **name),
    st.sampled_from(CONTENTS),
    st.one_of(
        st.fixed_dictionaries({"IdPrefix": mostly(PREFIXES, FORGED)}),
        st.fixed_dictionaries({"OtaUpdateId": mostly(IDS, FORGED)}),
    ),
    user_tags,
)
events = st.fixed_dictionaries(
    {
        "RequestType": mostly(["Create", "Update", "Delete"], FORGED),
        "StackId": mostly(STACKS, FORGED),
        "LogicalResourceId": mostly(RESOURCES, FORGED),
        "PhysicalResourceId": mostly([*IDS, *INVENTED], FORGED),
        "ResourceProperties": declarations,
    },
    optional={"OldResourceProperties": st.one_of(declarations, st.sampled_from([None, {}, {"Tags": "x"}]))},
)
# What is_complete gets need not be what on_event has returned.
looks = st.none() | st.fixed_dictionaries(
    {"StartedAt": st.sampled_from([1_000_000.0, 999_000.0, 996_000.0]), "KeepsId": st.booleans()},
    optional={"TargetId": mostly([*IDS, *INVENTED], FORGED)},
)
STACK_STATUSES = [
    "UPDATE_IN_PROGRESS",
    "CREATE_IN_PROGRESS",
    "UPDATE_ROLLBACK_IN_PROGRESS",
    "DELETE_IN_PROGRESS",
    "UPDATE_COMPLETE",
]


@dataclass
class Watched(world.World):
    """A world that knows whose updates were deleted, and what was created."""

    deleted: list[dict[str, str]] = field(default_factory=list)
    tagged: list[dict[str, str]] = field(default_factory=list)
    created: list[dict[str, Any]] = field(default_factory=list)

    def stack(self, stack_id: str) -> Stack:
        """DescribeStacks."""
        assert stack_id in STACKS
        return super().stack(stack_id)

    def create(self, request: Any) -> None:
        """CreateOTAUpdate."""
        self.created.append(request)
        super().create(request)

    def delete(self, ota_update_id: str, *, delete_stream: bool, force_delete_job: bool) -> None:
        """DeleteOTAUpdate."""
        if found := self.updates.get(ota_update_id):
            self.deleted.append(dict(found.tags))
        super().delete(ota_update_id, delete_stream=delete_stream, force_delete_job=force_delete_job)

    def tag(self, arn: str, tags: Any) -> None:
        """TagResource."""
        self.tagged.append(dict(self.updates[arn.removeprefix("arn:")].tags))
        super().tag(arn, tags)


def serve_all(there: Watched, sent: dict[str, Any], look: dict[str, Any] | None) -> None:
    """The event from its beginning, or from the middle, for some looks."""
    service: Any = there
    with contextlib.suppress(FatalError), contextlib.redirect_stdout(io.StringIO()):
        started = look or serve(sent, lambda: service, there.clock())
        for _ in range(12):
            if serve({**sent, **started}, lambda: service, there.clock())["IsComplete"]:
                return
            there.time += 5


def is_forged(sent: dict[str, Any], look: dict[str, Any] | None) -> bool:
    """Whether the handler should not even look."""
    check = event_rules.check if look is None else event_rules.check_poll
    try:
        check({**sent, **(look or {})})
        Desired.from_event(sent)
    except FatalError:
        return True
    return False


def meant(sent: dict[str, Any], look: dict[str, Any] | None) -> list[str]:
    """The ids that the event is about, as far as they are ids."""
    names = [(look or {}).get("TargetId"), sent["PhysicalResourceId"]]
    with contextlib.suppress(FatalError, TypeError):
        names.insert(0, Desired.from_event(sent).ota_update_id)
    return [name for name in names if isinstance(name, str)]


def plant(update: Update, sent: dict[str, Any], keys: tuple[str, str]) -> Update:
    """The update with the event's own stack and resource under these keys: it is the event's if both are ours."""
    mine = dict(zip(keys, (sent["StackId"], sent["LogicalResourceId"]), strict=True))
    return replace(update, tags={**update.tags, **mine})


@settings(max_examples=1500, suppress_health_check=[HealthCheck.too_slow])
@given(
    sent=events,
    look=looks,
    found=st.dictionaries(st.sampled_from([*IDS, *INVENTED]), updates, max_size=3),
    planted=st.lists(st.tuples(updates, spellings), max_size=3),
    status=st.sampled_from(STACK_STATUSES),
    outcome=st.sampled_from(["CREATE_COMPLETE", "CREATE_FAILED"]),
    tag_lag=st.sampled_from([0, 0, 20]),
)
def test_nothing_unowned_is_deleted_and_no_other_id_is_made(
    sent: dict[str, Any],
    look: dict[str, Any] | None,
    found: dict[str, Update],
    planted: list[tuple[Update, tuple[str, str]]],
    status: str,
    outcome: str,
    tag_lag: float,
) -> None:
    """Deleted and changed is what carries the event's own stack and resource in our tags, and in no others.

    What is created has the declared explicit id, one that no content generates, or an id with the digest of stack,
    resource and content. For a forged event nothing is called at all.
    """
    for name, (update, keys) in zip(meant(sent, look), planted, strict=False):
        found[name] = plant(update, sent, keys)
    there = Watched(updates=found, stack_status=status, outcomes=[(outcome, "InvalidRequest")], tag_lag=tag_lag)
    serve_all(there, sent, look)
    mine = {names.STACK_TAG: sent["StackId"], names.RESOURCE_TAG: sent["LogicalResourceId"]}
    for held in [*there.deleted, *there.tagged]:
        assert {key: held.get(key) for key in mine} == mine
    for request in there.created:
        name, content = request["otaUpdateId"], identity.digest(sent["ResourceProperties"]["Request"], *mine.values())
        explicit = name == sent["ResourceProperties"].get("OtaUpdateId")
        assert not names.is_generated(name) if explicit else name.endswith(f"-{content}")
        ours = {key: value for key, value in request["tags"].items() if key.lower().startswith(names.TAG_PREFIX)}
        assert ours == {**mine, names.CONTENT_TAG: content}
    if is_forged(sent, look):
        assert there.calls == []
    note(f"deleted {bool(there.deleted)}, created {bool(there.created)}, called {bool(there.calls)}")
