"""The ASGI layer in front of the emulator: admin routes, faults and recorded calls."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ..calls import Call
from ..errors import LocalAwsError
from ..faults import CALL_KINDS, Fault, FaultRules, error_answer
from ..ministack.connections import CUT
from ..ministack.custom_resource import RESPONSE_PATH, CustomResources
from ..ministack.emulator import Emulator
from ..network import is_loopback
from ..ota.store import Store
from .admin_routes import AdminRoutes
from .operations import Operation, identify

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

PREFIX = "/_local_aws/"


class Admin:
    """Wraps the emulator's ASGI app; it passes through everything but admin routes and faults."""

    def __init__(self, emulator: Emulator, store: Store, faults: FaultRules, resources: CustomResources) -> None:
        self._app: App = emulator.server.app
        self._faults, self._resources = faults, resources
        self._calls: list[Call] = []
        self._routes = AdminRoutes(emulator, store, faults, self._calls)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif not is_loopback((scope.get("client") or ("",))[0]):
            await send({"type": CUT})
        elif scope["path"].startswith(PREFIX):
            await self._administer(scope, await _body(receive), send)
        elif scope["path"].startswith(RESPONSE_PATH):
            body = await _body(receive)
            self._resources.note_size(scope["path"], len(body))
            await self._app(scope, _replay(body, receive), send)
        else:
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        authorization, query = headers.get("authorization", ""), scope["query_string"].decode()
        if "/iot/aws4_request" in authorization or "/monitoring/aws4_request" in authorization:
            # These calls are small enough to read ahead: tagging calls and those about alarms name what they are about
            # in the body.
            body = await _body(receive)
            receive = _replay(body, receive)
        else:
            body = b""
        operation = identify(
            scope["method"], scope["path"], authorization, query, body, headers.get("x-amz-target", "")
        )
        if operation is None:
            await self._app(scope, receive, send)
        else:
            await self._call(operation, scope, receive, send)

    async def _call(self, operation: Operation, scope: Scope, receive: Receive, send: Send) -> None:
        """Record a call and inject the fault that it meets."""
        fault = self._faults.take(CALL_KINDS, operation.name, operation.ota_update_id or operation.alarm)
        recorder = _StatusRecorder(send, cut=fault is not None and fault.kind == "cut_after")
        try:
            if fault is None or fault.kind in ("delay", "cut_after"):
                await asyncio.sleep(fault.delay_seconds if fault else 0)
                await self._app(scope, receive, recorder)
            if fault is not None:
                await self._inject(fault, operation, scope, recorder, send)
        finally:
            self._calls.append(
                Call(
                    service=operation.service,
                    operation=operation.name,
                    ota_update_id=operation.ota_update_id,
                    alarm=operation.alarm,
                    status=recorder.status,
                    fault=fault.kind if fault else None,
                )
            )

    @staticmethod
    async def _inject(fault: Fault, operation: Operation, scope: Scope, recorder: _StatusRecorder, send: Send) -> None:
        if fault.kind in ("cut_before", "cut_after"):
            await send({"type": CUT})
        elif fault.kind != "delay":
            await _answer(recorder, *error_answer(fault.kind, operation.service, scope["method"]))

    async def _administer(self, scope: Scope, body: bytes, send: Send) -> None:
        name = scope["path"].removeprefix(PREFIX)
        try:
            found = await self._routes.call(scope["method"], name, json.loads(body or b"{}"))
            status = 404 if found is None else 200
        except (LocalAwsError, ValueError) as error:
            status, found = 400, {"error": str(error)}
        await _answer(send, status, {"content-type": "application/json"}, json.dumps(found).encode())


class _StatusRecorder:
    """A `send` that records the status, and drops the answer if `cut` is set."""

    def __init__(self, send: Send, *, cut: bool) -> None:
        self._send, self._cut, self.status = send, cut, 0

    async def __call__(self, message: Message) -> None:
        if self._cut:
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


async def _answer(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    pairs = {**headers, "content-length": str(len(body))}
    start = [(name.encode(), value.encode()) for name, value in pairs.items()]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})


async def _body(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that delivers the body again and then continues with the original."""
    queued: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return queued.pop() if queued else await receive()

    return replayed
