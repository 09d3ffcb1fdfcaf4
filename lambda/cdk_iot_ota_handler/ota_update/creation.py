"""The tries of one invocation to bring an update about: create it, or find what is there, and see it settle."""

from collections.abc import Mapping

from . import budgets, decide, identity
from .clock import FIRST_PAUSE, Clock, longer
from .decide import Action, Decision
from .declared import Declared, Event, user_tags
from .errors import AlreadyExists, HandlerError, NotAuthorized, NotYet
from .log import log
from .seen import Seen
from .service import OtaService


class Creation:
    """An update that is being brought about. ``run`` does it; the attributes say how it went."""

    def __init__(self, event: Event, wanted: Declared, service: OtaService, clock: Clock) -> None:
        self._event, self._wanted, self._service, self._clock = event, wanted, service, clock
        self._started = clock.now()
        self._there_since: float | None = None
        self._denied_since: float | None = None
        self._trouble = ""
        self.seen: Seen | None = None
        # From here on something of ours may exist, whatever the answers were.
        self.tried = False
        self.turned_back = False

    def run(self) -> None:
        """Try until the update is there. Raises HandlerError when it is refused, NotYet when patience ends."""
        pause = FIRST_PAUSE
        while True:
            created_before = self._there_since
            try:
                decision = self._step()
            except NotYet as error:
                decision = Decision(Action.WAIT, str(error))
                self._note(error)
            if decision.action is Action.FAIL:
                raise HandlerError(decision.why)
            if decision.action is Action.DONE:
                return
            if self._waited() + pause > budgets.CREATION_PATIENCE:
                why = self._trouble or decision.why
                raise NotYet(f"OTA update {self._wanted.ota_update_id} was not created in time: {why}")
            if decision.action is not Action.CREATE or self._there_since == created_before:
                self._clock.sleep(pause)
                pause = longer(pause)

    def _note(self, error: NotYet) -> None:
        """Keep the last trouble. A refusal by IAM may pass for a while, counted from the first one."""
        self._trouble = str(error)
        if isinstance(error, NotAuthorized):
            self._denied_since = self._denied_since or self._clock.now()
            if self._clock.now() - self._denied_since > budgets.IAM_PATIENCE:
                raise HandlerError(str(error)) from error

    def _waited(self) -> float:
        return self._clock.now() - self._started

    def _in_time(self) -> None:
        """No call is begun when patience has ended: the function must answer before Lambda ends it."""
        if self._waited() > budgets.CREATION_PATIENCE:
            raise NotYet(self._trouble or "AWS answers too slowly")

    def _step(self) -> Decision:
        now = self._clock.now()
        self.seen = self._service.look(self._wanted.ota_update_id, now)
        if self.seen is not None and self.seen.status not in decide.LEAVING:
            self._there_since = self._there_since or now
        decision = decide.creation(
            self._wanted,
            self.seen,
            tried=self.tried,
            there_for=None if self._there_since is None else now - self._there_since,
            waited=self._waited(),
        )
        log(self._event, self._wanted.ota_update_id, self.seen, decision)
        self._in_time()
        return self._carry_out(decision)

    def _carry_out(self, decision: Decision) -> Decision:
        match decision.action:
            case Action.CREATE if not self._service.goes_forward(self._wanted.stack_id):
                self.turned_back = True
                return Decision(Action.DONE, "the stack is on its way back, or the event is an old one")
            case Action.CREATE:
                self._create()
            case Action.DELETE if self.seen is not None:
                self._trouble, self._there_since = self.seen.error, None
                self._service.delete(self._wanted.ota_update_id, delete_stream=True, force_delete_job=False)
            case Action.DONE if self.seen is not None and not self.tried:
                change_tags(self._event, self._wanted, self.seen, self._service, self.seen.tags)
        return decision

    def _create(self) -> None:
        request = self._service.request(self._wanted)
        files = []
        for file in request["files"]:
            self._in_time()
            files.append(self._service.pinned(file))
        self._in_time()
        self.tried = True
        try:
            self._service.create({**request, "files": files})
            self._there_since = self._clock.now()
        except AlreadyExists:
            # An answer of ours got lost, or somebody was first: the next look at its tags tells which.
            return


def change_tags(
    event: Event, wanted: Declared, seen: Seen, service: OtaService, present: Mapping[str, str] | None = None
) -> None:
    """Set and remove the user's tags. ``present`` is what is there; left out, what was declared before counts too.

    What is seen may be older than the last change, and what was declared before is what the last change has set.
    """
    if wanted.owner(seen.tags, young=True) is not identity.Owner.OURS:
        return
    previous = user_tags(event.get("OldResourceProperties", {}))
    there = {**seen.tags, **previous} if present is None else present
    changed, removed = decide.tag_changes(wanted.tags, previous, there)
    if changed:
        service.tag(seen.attributes["OtaUpdateArn"], changed)
    if removed:
        service.untag(seen.attributes["OtaUpdateArn"], removed)
