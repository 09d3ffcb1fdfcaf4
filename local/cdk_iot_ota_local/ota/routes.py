"""The routes of OTA updates and streams, in front of the emulator's own routes of AWS IoT.

These requests are signed for the service `iot`, so the emulator dispatches them inside its IoT
module, after it has checked signature, account, Region and the caller's IAM policies.
"""

from __future__ import annotations

import json
import time
from typing import Any

from ..faults import FaultRules
from ..ministack.emulator import Emulator
from ..ministack.iot import Answer, ResourceKind, add_resources
from .caller import Caller
from .errors import ServiceError, invalid_request
from .service import OtaService
from .store import Store
from .streams import StreamService


class OtaRoutes:
    """Answers /otaUpdates and /streams, and hides the tags of updates for as long as the settings ask for."""

    def __init__(self, emulator: Emulator, store: Store, faults: FaultRules) -> None:
        self._emulator, self._store = emulator, store
        self._updates = OtaService(emulator, store, faults)
        self._streams = StreamService(emulator, store)

    def install(self) -> None:
        """Put the routes in place."""
        store = self._store
        kinds = (
            ResourceKind(path="otaUpdates", kind="otaupdate", title="OTA update", records=store.updates),
            ResourceKind(path="streams", kind="stream", title="Stream", records=store.streams),
        )
        add_resources(self._emulator, kinds, answer=self._answer, clear=store.clear)

    def _answer(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Answer | None:
        responses, flat = self._emulator.responses, _flat(query)
        try:
            if path.split("/")[1] == "otaUpdates":
                found = self._update_call(method, path, Caller(self._emulator, headers, query), body, flat)
            elif path.split("/")[1] == "streams":
                found = self._stream_call(method, path, body, flat)
            elif path == "/tags" and method == "GET" and self._hides_tags(flat):
                found = {"tags": []}
            else:
                return None
        except ServiceError as error:
            answer: Answer = responses.error_response_json(error.code, error.message, error.status)
            return answer
        return found if isinstance(found, tuple) else responses.json_response(found)

    def _update_call(
        self, method: str, path: str, caller: Caller, body: bytes, query: dict[str, str]
    ) -> dict[str, Any] | Answer:
        call = (method, bool(name := _name(path)))
        if call == ("POST", True):
            return self._updates.create(name, _parsed(body), caller)
        if call == ("GET", True):
            return self._updates.get(name)
        if call == ("GET", False):
            return self._updates.list(query)
        if call == ("DELETE", True):
            delete_stream, force = (query.get(key) == "true" for key in ("deleteStream", "forceDeleteAWSJob"))
            return self._updates.delete(name, caller, delete_stream=delete_stream, force=force)
        raise _unsupported(method, path)

    def _stream_call(self, method: str, path: str, body: bytes, query: dict[str, str]) -> dict[str, Any]:
        call = (method, bool(name := _name(path)))
        if call == ("POST", True):
            return self._streams.create(name, _parsed(body))
        if call == ("GET", True):
            return self._streams.describe(name)
        if call == ("GET", False):
            return self._streams.list(query)
        if call == ("DELETE", True):
            return self._streams.delete(name)
        raise _unsupported(method, path)

    def _hides_tags(self, query: dict[str, str]) -> bool:
        """Return whether the queried update is so new that its tags are not visible yet."""
        update = self._store.updates.get(query.get("resourceArn", "").rpartition("otaupdate/")[2])
        return update is not None and time.time() - update.created < self._store.settings.tag_lag_seconds


def _name(path: str) -> str:
    return path.strip("/").partition("/")[2]


def _unsupported(method: str, path: str) -> ServiceError:
    return invalid_request(f"Unsupported IoT path: {method} {path}")


def _flat(query: dict[str, Any]) -> dict[str, str]:
    return {key: value[0] if isinstance(value, list) else value for key, value in query.items()}


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body or b"{}")
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise invalid_request("The request body is not a JSON object")
    return parsed
