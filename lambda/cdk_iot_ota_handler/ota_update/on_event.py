"""The Provider framework's first call for an event: create what has to be created, decide whom a Delete means."""

from collections.abc import Callable, Mapping
from typing import Any

from . import budgets, decide, identity
from .clock import Clock
from .decide import Action, Decision
from .declared import Declared, Event, declared, same_update, user_tags
from .errors import AlreadyExists, HandlerError, NotAuthorized, NotYet, shorten
from .log import log
from .seen import Seen
from .service import OtaService

Answer = dict[str, Any]

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0


def on_event(event: Event, service: OtaService, clock: Clock) -> Answer:
    """Answer an event of CloudFormation. What is returned here reaches every ``is_complete`` of the event.

    Raises HandlerError only while nothing can have been created: after that a failure is returned, so that
    ``is_complete`` cleans up and CloudFormation learns the real id.
    """
    wanted = declared(event)
    answer = {"PhysicalResourceId": wanted.ota_update_id, "StartedAt": clock.now()}
    match event["RequestType"]:
        case "Delete":
            means = _patiently(lambda: _addressed(event, wanted, service, clock), clock)
            return {**answer, "PhysicalResourceId": event["PhysicalResourceId"], "Means": means}
        case "Update" if same_update(event):
            log(event, wanted.ota_update_id, None, Decision(Action.DONE, "nothing about the update changes"))
            return {**answer, "LeftAlone": True}
        case "Update" if event["PhysicalResourceId"] == wanted.ota_update_id:
            seen = _patiently(lambda: _update_in_place(event, wanted, service, clock), clock)
            return {**answer, "IdIsNew": False, "LeftAlone": seen is None}
        case _:
            return {**answer, **_bring_about(event, wanted, service, clock)}


def _patiently(work: Callable[[], Any], clock: Clock) -> Any:
    """Repeat idempotent work through passing errors; the last error is final when patience ends."""
    started, pause = clock.now(), FIRST_PAUSE
    while True:
        try:
            return work()
        except NotYet as error:
            waited = clock.now() - started
            if waited > (budgets.IAM_PATIENCE if isinstance(error, NotAuthorized) else budgets.CREATION_PATIENCE):
                raise HandlerError(str(error)) from error
        clock.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _addressed(event: Event, wanted: Declared, service: OtaService, clock: Clock) -> str:
    event_id = event["PhysicalResourceId"]
    if decide.is_certain(event_id, wanted):
        return str(event_id)
    invented = identity.is_invented(event_id, wanted.stack_id, wanted.logical_id)
    # Nothing exists under an invented id, and the handler may not even look: it is not one of this stack's.
    by_id = None if invented else service.look(event_id, clock.now())
    by_content = service.look(wanted.ota_update_id, clock.now())
    means = decide.addressed(event_id, wanted, by_id, by_content)
    log(event, means, by_id or by_content, Decision(Action.WAIT, f"the event for {event_id} means {means}"))
    return means


def _update_in_place(event: Event, wanted: Declared, service: OtaService, clock: Clock) -> Seen | None:
    seen = service.look(wanted.ota_update_id, clock.now())
    content_changes = event["OldResourceProperties"].get("Request") != event["ResourceProperties"]["Request"]
    decision = decide.in_place(wanted, seen, content_changes=content_changes)
    log(event, wanted.ota_update_id, seen, decision)
    if decision.action is Action.FAIL:
        raise HandlerError(decision.why)
    if seen:
        _change_tags(event, wanted, seen, service)
    return seen


def _change_tags(event: Event, wanted: Declared, seen: Seen, service: OtaService) -> None:
    if wanted.owner(seen.tags, young=True) is not identity.Owner.OURS:
        return
    previous = user_tags(event.get("OldResourceProperties", {}))
    changed, removed = decide.tag_changes(wanted.tags, previous, seen.tags)
    if changed:
        service.tag(seen.attributes["OtaUpdateArn"], changed)
    if removed:
        service.untag(seen.attributes["OtaUpdateArn"], removed)


def _bring_about(event: Event, wanted: Declared, service: OtaService, clock: Clock) -> Answer:
    """Create the update, or find what an earlier try, a duplicate event or the time before a rollback has left."""
    request = service.request(wanted)
    attempt = _Creation(event, wanted, request, service, clock)
    try:
        failure = attempt.run()
    except HandlerError as error:
        failure = str(error)
    seen = attempt.seen
    deployed = seen is not None and identity.DEPLOYED_TAG in seen.tags
    return {"IdIsNew": not deployed, **({"Failure": shorten(failure)} if failure else {})}


class _Creation:
    """The tries of one invocation to bring an update about."""

    def __init__(
        self, event: Event, wanted: Declared, request: Mapping[str, Any], service: OtaService, clock: Clock
    ) -> None:
        self._event, self._wanted, self._request = event, wanted, request
        self._service, self._clock = service, clock
        self._started = clock.now()
        self._created = False
        self.seen: Seen | None = None

    def run(self) -> str | None:
        """Try until the update is there, is refused, or patience ends. Returns why it failed, if it did."""
        pause = FIRST_PAUSE
        while True:
            try:
                decision = self._step()
            except NotYet as error:
                decision = Decision(Action.WAIT, str(error))
                if isinstance(error, NotAuthorized) and self._waited() > budgets.IAM_PATIENCE:
                    return str(error)
            if decision.action in (Action.DONE, Action.FAIL):
                return decision.why if decision.action is Action.FAIL else None
            if self._waited() + pause > budgets.CREATION_PATIENCE:
                return f"OTA update {self._wanted.ota_update_id} was not created in time: {decision.why}"
            if decision.action is not Action.CREATE:
                self._clock.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def _waited(self) -> float:
        return self._clock.now() - self._started

    def _in_time(self) -> None:
        """No call is begun when patience has ended: the function must answer before Lambda ends it."""
        if self._waited() > budgets.CREATION_PATIENCE:
            raise NotYet("AWS answers too slowly")

    def _step(self) -> Decision:
        ota_update_id = self._wanted.ota_update_id
        self.seen = self._service.look(ota_update_id, self._clock.now())
        decision = decide.creation(self._wanted, self.seen, created=self._created, waited=self._waited())
        log(self._event, ota_update_id, self.seen, decision)
        self._in_time()
        match decision.action:
            case Action.CREATE:
                self._create()
            case Action.DELETE:
                self._service.delete(ota_update_id, delete_stream=True, force_delete_job=False)
                self._created = False
            case Action.DONE if self.seen is not None and not self._created:
                _change_tags(self._event, self._wanted, self.seen, self._service)
        return decision

    def _create(self) -> None:
        files = []
        for file in self._request["files"]:
            self._in_time()
            files.append(self._service.pinned(file))
        self._in_time()
        try:
            self._service.create({**self._request, "files": files})
            self._created = True
        except AlreadyExists:
            # An answer of ours got lost, or somebody was first: the next look at its tags tells which.
            return
