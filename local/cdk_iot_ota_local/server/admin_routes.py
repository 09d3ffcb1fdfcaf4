"""The admin routes: settings, faults, recorded calls, things in bulk, and certificates of AWS Signer."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from ..calls import Call
from ..errors import LocalAwsError
from ..faults import FaultRules
from ..ministack.emulator import Emulator
from ..ota.store import Store


class AdminRoutes:
    """The requests that a running emulator answers besides AWS's own APIs."""

    def __init__(self, emulator: Emulator, store: Store, faults: FaultRules, calls: list[Call]) -> None:
        self._emulator, self._store, self._faults, self._calls = emulator, store, faults, calls

    async def call(self, method: str, name: str, body: dict[str, Any]) -> Any:
        """Return the answer as JSON data, None for an unknown route; LocalAwsError for an invalid request."""
        call = (method, name)
        if call == ("POST", "faults"):
            self._faults.add(body)
        elif call == ("DELETE", "faults"):
            self._faults.clear()
        elif call == ("POST", "settings"):
            self._store.settings = self._store.settings.changed(body)
        elif call == ("DELETE", "calls"):
            self._calls.clear()
        elif call == ("POST", "things"):
            await self._add_things(**body)
        elif call == ("POST", "signing-certificate"):
            return self._signing_certificate(**body)
        return self._state(name)

    def _state(self, name: str) -> Any:
        if name == "settings":
            return asdict(self._store.settings)
        if name == "calls":
            return [asdict(call) for call in self._calls]
        return {} if name in ("faults", "ready", "things") else None

    def _signing_certificate(self, account: str, region: str, name: str) -> str:
        with self._emulator.responses.request_scope(account, region):
            return self._store.signer.certificate(name)

    async def _add_things(self, account: str, region: str, group: str, things: list[str]) -> None:
        """Create things and add them to a group, as the API calls would, without a connection for each."""
        with self._emulator.responses.request_scope(account, region):
            for thing in things:
                await self._iot("POST", f"/things/{thing}", {})
                member = {"thingName": thing, "thingGroupName": group}
                await self._iot("PUT", "/thing-groups/addThingToThingGroup", member)

    async def _iot(self, method: str, path: str, body: dict[str, Any]) -> None:
        status, _, answer = await self._emulator.iot.handle_request(method, path, {}, json.dumps(body).encode(), {})
        if status >= 300:
            raise LocalAwsError(f"{method} {path} failed: {json.loads(answer).get('message')}")
