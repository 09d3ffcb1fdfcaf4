"""For any event and any existing updates, a resource changes only its own updates and creates only its own ids."""

import contextlib
import io
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

from ..fakes.cloudformation import LOGICAL_ID, STACK_ID, invented_id
from ..fakes.ota_service import Behaviour, FakeOtaService
from .scenarios import event, properties

State = dict[str, Any]

OTHER_STACK = STACK_ID.replace("5f0f4b30", "6a1a5c41")
STACKS = [STACK_ID, OTHER_STACK, STACK_ID.replace("prod", "prod-eu")]
RESOURCES = [LOGICAL_ID, "Other", LOGICAL_ID[:-1]]
CONTENTS = ["one", "two"]
PREFIXES = ["prod_", "prod-eu_"]
EXPLICIT = ["mine", "theirs", "prod_Blinky-0123456789abcdef"]


def generated(stack_id: str, logical_id: str, content: str, prefix: str) -> str:
    """Return the id that a resource generates for its update."""
    sent = event("Create", stack_id=stack_id, logical_id=logical_id, content=content, IdPrefix=prefix)
    return Desired.from_event(sent).ota_update_id


GENERATED = [
    generated(stack_id, logical_id, content, prefix)
    for stack_id in STACKS[:2]
    for logical_id in RESOURCES
    for content in CONTENTS
    for prefix in PREFIXES
]
IDS = [*GENERATED, *EXPLICIT]
INVENTED = [invented_id(logical_id) for logical_id in RESOURCES]
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

# Our ownership tags, and keys that only resemble them.
STACK_TAGS = [
    names.STACK_TAG,
    names.STACK_TAG.upper(),
    "Cdk-Iot-Ota:Stack-Id",
    f"{names.STACK_TAG} ",
    "stack-id",
]
RESOURCE_TAGS = [names.RESOURCE_TAG, names.RESOURCE_TAG.upper(), f" {names.RESOURCE_TAG}", "logical-id"]


def mostly(good: list[Any], bad: list[Any]) -> st.SearchStrategy[Any]:
    """Generate one of the good values, and now and then a bad one."""
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
        lambda owner: {
            **identity.ownership_tags(owner[0], owner[1], owner[2][-16:]),
            **({names.DEPLOYED_TAG: "true"} if owner[3] else {}),
        }
    ),
)
STATUSES = ["CREATE_PENDING", "CREATE_COMPLETE", "CREATE_FAILED", "DELETE_IN_PROGRESS", "DELETE_FAILED"]
spellings = st.tuples(
    st.sampled_from([names.STACK_TAG, *STACK_TAGS]), st.sampled_from([names.RESOURCE_TAG, *RESOURCE_TAGS])
)
updates: st.SearchStrategy[State] = st.fixed_dictionaries(
    {"status": st.sampled_from(STATUSES), "tags": tags, "age": st.sampled_from([10_000, 30, 0])}
)
user_tags = tags.map(lambda found: [{"Key": key, "Value": value} for key, value in found.items()])
declarations = st.builds(
    lambda content, name, found: properties(content=content, Tags=found, **name),
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
# The event of is_complete may differ from the answer of on_event.
polls = st.none() | st.fixed_dictionaries(
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


def serve_all(service: FakeOtaService, sent: dict[str, Any], poll: dict[str, Any] | None) -> None:
    """Serve an event from its start, or from a poll on, for some polls."""
    with contextlib.suppress(FatalError), contextlib.redirect_stdout(io.StringIO()):
        started = poll or serve(sent, service.connect, service.clock())
        for _ in range(12):
            if serve({**sent, **started}, service.connect, service.clock())["IsComplete"]:
                return
            service.time.sleep(5)


def is_invalid(sent: dict[str, Any], poll: dict[str, Any] | None) -> bool:
    """Return whether the handler must reject the event before any call."""
    check = event_rules.check if poll is None else event_rules.check_poll
    try:
        check({**sent, **(poll or {})})
        Desired.from_event(sent)
    except FatalError:
        return True
    return False


def referenced_ids(sent: dict[str, Any], poll: dict[str, Any] | None) -> list[str]:
    """Return the ids in the event that are text."""
    ids = [(poll or {}).get("TargetId"), sent["PhysicalResourceId"]]
    with contextlib.suppress(FatalError, TypeError):
        ids.insert(0, Desired.from_event(sent).ota_update_id)
    return [ota_update_id for ota_update_id in ids if isinstance(ota_update_id, str)]


def tag_as_own(update: State, sent: dict[str, Any], keys: tuple[str, str]) -> State:
    """Return the update with the event's stack and resource under these keys; it is the event's if both are ours."""
    own = dict(zip(keys, (sent["StackId"], sent["LogicalResourceId"]), strict=True))
    return {**update, "tags": {**update["tags"], **own}}


@settings(max_examples=1500, suppress_health_check=[HealthCheck.too_slow])
@given(
    sent=events,
    poll=polls,
    found=st.dictionaries(st.sampled_from([*IDS, *INVENTED]), updates, max_size=3),
    planted=st.lists(st.tuples(updates, spellings), max_size=3),
    status=st.sampled_from(STACK_STATUSES),
    outcome=st.sampled_from(["CREATE_COMPLETE", "CREATE_FAILED"]),
    tag_lag=st.sampled_from([0, 0, 20]),
)
def test_only_own_updates_are_changed_and_only_own_ids_are_created(
    sent: dict[str, Any],
    poll: dict[str, Any] | None,
    found: dict[str, State],
    planted: list[tuple[State, tuple[str, str]]],
    status: str,
    outcome: str,
    tag_lag: float,
) -> None:
    """Every changed update has the event's stack and resource in exactly our tags, and every created id is its own.

    A created update has the declared explicit id, which no content generates, or an id with the digest of stack,
    resource and content. An invalid event causes no call.
    """
    for name, (update, keys) in zip(referenced_ids(sent, poll), planted, strict=False):
        found[name] = tag_as_own(update, sent, keys)

    def describe_stack(stack_id: str) -> Stack:
        assert stack_id in STACKS
        return Stack(status)

    behaviour = Behaviour(creations=[(outcome, "InvalidRequest")], tag_lag=tag_lag)
    service = FakeOtaService(behaviour=behaviour, describe_stack=describe_stack)
    for name, state in found.items():
        service.put(name, **state)
    serve_all(service, sent, poll)
    own = {names.STACK_TAG: sent["StackId"], names.RESOURCE_TAG: sent["LogicalResourceId"]}
    for touched in service.touched:
        assert {key: touched.get(key) for key in own} == own
    for request in service.requests:
        name, content = request["otaUpdateId"], identity.digest(sent["ResourceProperties"]["Request"], *own.values())
        is_explicit = name == sent["ResourceProperties"].get("OtaUpdateId")
        assert not names.is_generated(name) if is_explicit else name.endswith(f"-{content}")
        ours = {key: value for key, value in request["tags"].items() if key.lower().startswith(names.TAG_PREFIX)}
        assert ours == {**own, names.CONTENT_TAG: content}
    if is_invalid(sent, poll):
        assert service.calls == []
    deleted = any(call.startswith("DeleteOTAUpdate") for call in service.calls)
    note(f"deleted {deleted}, created {bool(service.created)}, called {bool(service.calls)}")
