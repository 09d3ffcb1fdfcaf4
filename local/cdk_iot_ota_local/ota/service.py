"""The operations on OTA updates."""

from __future__ import annotations

from typing import Any

from ..faults import FaultRules
from ..ministack.emulator import Emulator
from ..ministack.iot import Answer, check_tags, set_tags
from .caller import Caller
from .errors import already_exists, invalid_request, limit_exceeded, not_found
from .records import CREATING, DELETE_IN_PROGRESS, Update
from .store import Store
from .validation import page, validate
from .work import Work

_DELETIONS_AT_ONCE = 10
_FINISHED = ("COMPLETED", "CANCELED")


class OtaService:
    """CreateOTAUpdate, GetOTAUpdate, ListOTAUpdates and DeleteOTAUpdate."""

    def __init__(self, emulator: Emulator, store: Store, faults: FaultRules) -> None:
        self._emulator, self._store = emulator, store
        self._work = Work(emulator, store, faults)

    def create(self, ota_update_id: str, body: dict[str, Any], caller: Caller) -> dict[str, Any] | Answer:
        """Accept a request; the rest happens after the answer."""
        self._store.count("CreateOTAUpdate")
        request = {name: value for name, value in body.items() if value is not None}
        validate("CreateOTAUpdate", {**request, "otaUpdateId": ota_update_id})
        arn = self._store.arn("otaupdate", ota_update_id)
        refused = check_tags(self._emulator, request.get("tags")) or caller.creation_refusal(arn, request)
        if refused:
            return refused
        if ota_update_id in self._store.updates:
            raise already_exists(f"OTA update {ota_update_id} already exists")
        return self._accept(Update(ota_update_id, arn, request))

    def _accept(self, update: Update) -> dict[str, Any]:
        self._store.updates[update.ota_update_id] = update
        set_tags(self._emulator, update.arn, update.request.get("tags"))
        self._work.start_creation(update)
        return {
            "otaUpdateId": update.ota_update_id,
            "otaUpdateArn": update.arn,
            "otaUpdateStatus": update.status,
        }

    def get(self, ota_update_id: str) -> dict[str, Any]:
        """Return one update."""
        self._store.count("GetOTAUpdate")
        return {"otaUpdateInfo": self._find(ota_update_id).info()}

    def list(self, query: dict[str, str]) -> dict[str, Any]:
        """Return a page of updates, the oldest first, filtered by status if the query has one."""
        self._store.count("ListOTAUpdates")
        status = query.get("otaUpdateStatus")
        if status is not None:
            validate("ListOTAUpdates", {"otaUpdateStatus": status})
        found = [item.summary() for item in self._store.updates.values() if status in (None, item.status)]
        updates, token = page(found, query)
        return {"otaUpdates": updates, **({"nextToken": token} if token else {})}

    def delete(
        self, ota_update_id: str, caller: Caller, *, delete_stream: bool, force: bool
    ) -> dict[str, Any] | Answer:
        """Accept or refuse a deletion."""
        self._store.count("DeleteOTAUpdate")
        update = self._find(ota_update_id)
        refused = self._forbidden(update, caller, delete_stream=delete_stream, force=force)
        if refused:
            return refused
        if update.status == DELETE_IN_PROGRESS:
            return {}
        if update.status in CREATING:
            raise invalid_request(f"OTA update {ota_update_id} is in status {update.status} and cannot be deleted")
        if self._deletions() >= _DELETIONS_AT_ONCE:
            raise limit_exceeded(f"At most {_DELETIONS_AT_ONCE} jobs can be in DELETION_IN_PROGRESS")
        refusal = None if force else self._unfinished(update)
        if refusal and self._store.settings.refusal == "sync":
            raise invalid_request(refusal)
        update.move(DELETE_IN_PROGRESS)
        if refusal:
            self._work.start_refusal(update, refusal)
        else:
            self._work.start_deletion(update, delete_stream=delete_stream, force=force)
        return {}

    def _forbidden(self, update: Update, caller: Caller, *, delete_stream: bool, force: bool) -> Answer | None:
        """Refuse a caller who may not delete the update's job or stream, if strict_deletion is set."""
        if not self._store.settings.strict_deletion:
            return None
        stream = self._store.own_stream(update) if delete_stream else None
        job_arn = update.job_arn if force and self._store.job(update) else None
        return caller.deletion_refusal(job_arn, stream.arn if stream else None)

    def _find(self, ota_update_id: str) -> Update:
        found: Update | None = self._store.updates.get(ota_update_id)
        if found is None:
            raise not_found(f"OTA update {ota_update_id} not found")
        return found

    def _deletions(self) -> int:
        return sum(item.status == DELETE_IN_PROGRESS for item in self._store.updates.values())

    def _unfinished(self, update: Update) -> str | None:
        """Return the reason to refuse a deletion without force, or None."""
        job = self._store.job(update)
        if job is None or job["status"] in _FINISHED:
            return None
        return f"Job {update.job_id} is in status {job['status']} and cannot be deleted without forceDeleteAWSJob"
