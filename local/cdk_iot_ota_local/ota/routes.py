"""The OTA routes, put in front of the emulator's own routes of AWS IoT.

OTA requests are signed for the service `iot`, so the emulator dispatches them inside its IoT
module: signatures, account, Region and the caller's IAM policies have been dealt with there.
"""

from __future__ import annotations

import json
import time
from typing import Any

from ..faults import FaultRules
from ..ministack.emulator import Emulator
from .caller import Answer, Caller
from .errors import ServiceError, invalid_request
from .service import OtaService
from .store import Store
from .streams import StreamService


class OtaRoutes:
    """Answers /otaUpdates and /streams, and makes updates and streams taggable."""

    def __init__(self, emulator: Emulator, store: Store, faults: FaultRules) -> None:
        self._emulator, self._store = emulator, store
        self._updates = OtaService(emulator, store, faults)
        self._streams = StreamService(emulator, store)

    def install(self) -> None:
        """Wrap the emulator's IoT module and the way IAM finds the resource of a request."""
        iot, actions = self._emulator.iot, self._emulator.iam_actions
        iot._TAGGABLE_RESOURCES["otaupdate"] = (self._store.updates, "OTA update {name} not found")
        iot._TAGGABLE_RESOURCES["stream"] = (self._store.streams, "Stream {name} not found")
        route, reset, resource_arn = iot._route_request, iot.reset, actions.extract_resource_arn

        async def routed(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
            if path == "/tags" and method == "GET" and self._too_young(query):
                return self._emulator.responses.json_response({"tags": []})
            if path.split("/")[1] not in ("otaUpdates", "streams"):
                return await route(method, path, headers, body, query)
            return self._answer(method, path, headers, body, query)

        def cleared() -> None:
            self._store.clear()
            reset()

        def located(service: str, method: str, path: str, *rest: Any) -> Any:
            # The remaining arguments are headers, body, query, Region and account.
            kind, _, name = path.strip("/").partition("/")
            if service == "iot" and kind in _KINDS and name:
                return f"arn:aws:iot:{rest[3]}:{rest[4]}:{_KINDS[kind]}/{name}"
            return resource_arn(service, method, path, *rest)

        iot._route_request, iot.reset, actions.extract_resource_arn = routed, cleared, located

    def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Answer:
        responses = self._emulator.responses
        try:
            caller = Caller(self._emulator, headers, query)
            found = self._dispatch(method, path, caller, body, _flat(query))
        except ServiceError as error:
            answer: Answer = responses.error_response_json(error.code, error.message, error.status)
            return answer
        return found if isinstance(found, tuple) else responses.json_response(found)

    def _dispatch(
        self, method: str, path: str, caller: Caller, body: bytes, query: dict[str, str]
    ) -> dict[str, Any] | Answer:
        kind, _, name = path.strip("/").partition("/")
        call = (method, kind, bool(name))
        if call == ("POST", "otaUpdates", True):
            return self._updates.create(name, _parsed(body), caller)
        if call == ("GET", "otaUpdates", True):
            return self._updates.get(name)
        if call == ("GET", "otaUpdates", False):
            return self._updates.list(query)
        if call == ("DELETE", "otaUpdates", True):
            flags = {key: query.get(key) == "true" for key in ("deleteStream", "forceDeleteAWSJob")}
            return self._updates.delete(
                name, caller, delete_stream=flags["deleteStream"], force=flags["forceDeleteAWSJob"]
            )
        return self._stream_call(call, name, body, query, method, path)

    def _stream_call(
        self,
        call: tuple[str, str, bool],
        name: str,
        body: bytes,
        query: dict[str, str],
        method: str,
        path: str,
    ) -> dict[str, Any]:
        if call == ("POST", "streams", True):
            return self._streams.create(name, _parsed(body))
        if call == ("GET", "streams", True):
            return self._streams.describe(name)
        if call == ("GET", "streams", False):
            return self._streams.list(query)
        if call == ("DELETE", "streams", True):
            return self._streams.delete(name)
        raise invalid_request(f"Unsupported IoT path: {method} {path}")

    def _too_young(self, query: dict[str, Any]) -> bool:
        """Whether the queried update is so new that its tags are not to be seen yet."""
        arn = _flat(query).get("resourceArn", "")
        update = self._store.updates.get(arn.rpartition("otaupdate/")[2])
        return update is not None and time.time() - update.created < self._store.settings.tag_lag_seconds


_KINDS = {"otaUpdates": "otaupdate", "streams": "stream"}


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
